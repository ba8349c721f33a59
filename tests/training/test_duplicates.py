"""A film is found again after another encoding, another size or a crop; another film is not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from modeling.errors import StudyError, ViewboxError
from training.corpora.duplicates import (
    NEAR,
    as_trained,
    hash_films,
    near_pairs,
    report,
    twins_in_training,
    twins_share_a_patient,
    write_split,
)
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import load


def picture(seed: int, shape: tuple[int, int] = (200, 260)) -> Image.Image:
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 6)
    field = (field - field.min()) / (field.max() - field.min())
    return Image.fromarray((255 * field).astype(np.uint8))


def film(name: str, image: Image.Image, split: str = "train", ratio: float = 1.0, **options: object) -> Film:
    buffer = io.BytesIO()
    image.save(buffer, **({"format": "PNG"} | options))
    return Film(name, "toy", f"patient of {name}", split, buffer.getvalue(), ratio)


@pytest.mark.parametrize("change", ["as it is", "jpeg", "smaller", "cropped to a square", "squashed"])
def test_a_film_is_found_again(change: str) -> None:
    whole = picture(1)
    again = {
        "as it is": lambda: film("b", whole, "validation"),
        "jpeg": lambda: film("b", whole, "validation", format="JPEG", quality=60),
        "smaller": lambda: film("b", whole.resize((130, 100)), "validation"),
        "cropped to a square": lambda: film("b", whole.crop((30, 0, 230, 200)), "validation"),
        "squashed": lambda: film("b", whole.resize((128, 128)), "validation", ratio=200 / 260),
    }[change]()
    hashed = hash_films([film("a", whole), again, film("c", picture(2))])
    (pair,) = near_pairs(hashed)
    assert {pair.first.film_id, pair.second.film_id} == {"a", "b"}
    assert pair.crosses and not pair.same_patient
    assert twins_in_training([pair]) == {("toy", "b")}
    counts = report(hashed, [pair])
    kind = "exact" if change == "as it is" else "near"
    assert counts[kind] == {"pairs": 1, "of_two_patients": 1, "across_the_split": 1}


def test_other_films_are_far_away() -> None:
    assert near_pairs(hash_films([film(str(seed), picture(seed)) for seed in range(30)]), NEAR + 40) == []


def test_the_split_is_written_without_films_and_read_again(tmp_path: Path) -> None:
    films = [film("a", picture(1)), film("b", picture(2), "validation")]
    path = tmp_path / "split.csv"
    assert [f.split for f in as_trained(path, films)] == ["train", "validation"]
    write_split(path, hash_films(films))
    head, first, second = path.read_text().splitlines()
    assert head == "source,film,patient,split,sha256,phash"
    assert first.startswith("toy,a,patient of a,train,") and len(first) < 130
    assert second.split(",")[3] == "validation"
    moved = [film("b", picture(2), "train"), film("new", picture(3), "train")]
    assert [f.split for f in as_trained(path, moved)] == ["validation", "train"]
    path.write_text("source,film\ntoy,a\n")
    with pytest.raises(ViewboxError, match="no column 'split'"):
        as_trained(path, films)


def test_twins_get_one_patient_and_one_side() -> None:
    films = [film("a", picture(1)), film("b", picture(1), "validation"), film("c", picture(2), "validation")]
    first, second, third = twins_share_a_patient(films)
    assert (first.patient, first.split) == (second.patient, second.split) == ("patient of a", "train")
    assert (third.patient, third.split) == ("patient of c", "validation")
    held = [film("a", picture(1), "validation"), film("b", picture(1), "validation")]
    assert [f.split for f in twins_share_a_patient(held)] == ["validation", "validation"]


def test_a_film_that_is_none_is_said() -> None:
    with pytest.raises(StudyError, match="cannot be decoded"):
        hash_films([Film("x", "toy", "p", "train", b"no film")])


@pytest.mark.slow
def test_no_hannover_film_stands_in_cohen_too(data_root: Path) -> None:
    films = [*load("cohen", data_root), *load("hannover", data_root)]
    pairs = near_pairs(hash_films(films))
    assert pairs and all(pair.first.source == pair.second.source for pair in pairs)
    # the Cohen set shows some films under two patients' names
    assert any(not pair.same_patient for pair in pairs)
    assert not twins_in_training(near_pairs(hash_films(twins_share_a_patient(films))))
