"""Corpora: published layouts, labels derived as stated, patients on one side of the split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from modeling.errors import ViewboxError
from modeling.labels import TaskName
from training.corpora.labelled_film import Film, Split, split_of
from training.corpora.open_corpus import CORPORA, load
from training.corpora.published_films import extent_cuts, fit_extent_cuts, with_test_side, zones_from_extent


def test_linking_gives_both_readings_the_same_shares() -> None:
    generator = np.random.default_rng(0)
    zones = generator.integers(0, 7, 500)
    extents = zones * 8 / 6 + generator.normal(0, 0.2, 500)
    cuts = fit_extent_cuts(extents, zones)
    linked = np.array([zones_from_extent(e, cuts) for e in extents])
    assert np.abs(np.bincount(linked, minlength=7) - np.bincount(zones, minlength=7)).max() <= 2
    assert (linked == zones).mean() > 0.9


def test_the_split_is_the_same_everywhere_and_near_its_share() -> None:
    names = [f"patient-{i}" for i in range(2000)]
    sides = [split_of(n) for n in names]
    assert sides == [split_of(n) for n in names]
    assert 0.17 < sides.count("validation") / 2000 < 0.23
    assert split_of("cohen-2") == "train"  # pinned: a split that moves between versions leaks


def test_a_test_side_is_drawn_by_class_from_training_patients_alone() -> None:
    def film(patient: int) -> Film:
        label, side = "Atypical" if patient % 2 else "Typical", "train" if patient < 400 else "validation"
        return Film("", "siim", f"p{patient}", side, b"", labels={TaskName.APPEARANCE: label})

    def sides(films: list[Film]) -> list[Split]:
        return [f.split for f in films]

    plain = [film(i // 2) for i in range(1000)]  # two films of each patient
    films = with_test_side(plain, TaskName.APPEARANCE, 0.1)
    of = {side: {f.patient for f in films if f.split == side} for side in ("train", "validation", "test")}
    assert not of["train"] & of["test"] and of["validation"] == {f"p{i}" for i in range(400, 500)}
    test = [f.labels[TaskName.APPEARANCE] for f in films if f.split == "test"]
    assert (test.count("Atypical"), test.count("Typical")) == (40, 40)  # 20 patients of 200 in each class
    backwards = with_test_side(plain[::-1], TaskName.APPEARANCE, 0.1)
    assert sides(backwards)[::-1] == sides(films)  # whatever the order of the file
    assert sides(with_test_side(films, TaskName.APPEARANCE, 0.1)) == sides(films)  # one test is enough
    alone = with_test_side(plain[:800], TaskName.APPEARANCE, 0.1)
    assert set(sides(alone)) == {"train"}  # a file without sides is left as it is


def test_unknown_corpus_and_absent_file_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="no corpus 'mars'"):
        load("mars", tmp_path)
    with pytest.raises(ViewboxError, match=r"no file siim_appearance\.parquet"):
        load("siim", tmp_path)


def test_real_corpora(data_root: Path) -> None:
    films = {
        name: load(name, data_root) for name, (file, _) in CORPORA.items() if (data_root / file).is_file()
    }
    sides: dict[str, set[str]] = {}
    for film in (f for corpus in films.values() for f in corpus):
        sides.setdefault(film.patient, set()).add(film.split)
    assert all(len(s) == 1 for s in sides.values())
    assert Counter(f.split for f in films["siim"]) == {"train": 4356, "validation": 637, "test": 649}
    assert not {f.film_id.split(".")[0] for f in films["cohen"]} & {f.film_id for f in films["hannover"]}
    assert all(TaskName.GRADING in f.labels for name in ("cohen", "hannover") for f in films[name])
    cuts = extent_cuts(data_root / "cohen.parquet")
    assert list(cuts) == sorted(cuts) and cuts[0] >= 0 and cuts[-1] <= 8
