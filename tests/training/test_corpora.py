"""Corpora: published layouts, labels derived as stated, patients on one side of the split."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from cases.importers import covid_chestxray
from cases.importers.rows import ImportSettings, Row
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING
from training.corpora.labelled_film import Film, Split, split_of
from training.corpora.open_corpus import CORPORA, load
from training.corpora.published_films import (
    _side,
    extent_cuts,
    fit_extent_cuts,
    with_test_side,
    zones_from_extent,
)


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
        return Film("", "siim", f"p{patient}", side, b"", labels={APPEARANCE: label})

    def sides(films: list[Film]) -> list[Split]:
        return [f.split for f in films]

    plain = [film(i // 2) for i in range(1000)]  # two films of each patient
    films = with_test_side(plain, APPEARANCE, 0.1)
    of = {side: {f.patient for f in films if f.split == side} for side in ("train", "validation", "test")}
    assert not of["train"] & of["test"] and of["validation"] == {f"p{i}" for i in range(400, 500)}
    test = [f.labels[APPEARANCE] for f in films if f.split == "test"]
    assert (test.count("Atypical"), test.count("Typical")) == (40, 40)  # 20 patients of 200 in each class
    backwards = with_test_side(plain[::-1], APPEARANCE, 0.1)
    assert sides(backwards)[::-1] == sides(films)  # whatever the order of the file
    assert sides(with_test_side(films, APPEARANCE, 0.1)) == sides(films)  # one test is enough
    alone = with_test_side(plain[:800], APPEARANCE, 0.1)
    assert set(sides(alone)) == {"train"}  # a file without sides is left as it is


def test_unknown_corpus_and_absent_file_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="no corpus 'mars'"):
        load("mars", tmp_path)
    with pytest.raises(ViewboxError, match=r"no file siim_appearance\.parquet"):
        load("siim", tmp_path)


def cohen_file(folder: Path) -> Path:
    """24 films of Cohen's table: with Brixia zones, with an extent alone, lateral, and one of Hannover's."""
    rows = []
    for i in range(24):
        zones = [float(i % 7 > k) for k in range(6)] if i < 20 else [None] * 6
        row = {"patientid": str(i // 2), "filename": f"c{i}.jpg", "image": bytes([i]), "modality": "X-ray"}
        row |= {
            "view": "L" if i == 3 else "AP Supine",
            "license": "CC0",
            "doi": "",
            "sex": "F",
            "age": 40 + i,
        }
        row |= {"url": "covid-19-image-repository" if i == 5 else "", "RT_PCR_positive": "Y"}
        row |= {
            "age": 40 + i,
            "temperature": 38.5,
            "pO2_saturation": 250.0,
            "severity_geographic": float(i % 7) + 0.5,
        }
        row |= {f"brixia_S_{zone}": value for zone, value in zip("ABCDEF", zones, strict=True)}
        rows.append(row | dict.fromkeys(("leukocyte_count", "neutrophil_count", "lymphocyte_count"), 5.0))
    pq.write_table(pa.Table.from_pylist(rows), folder / "cohen.parquet")
    return folder / "cohen.parquet"


def test_training_and_importers_read_a_set_alike(tmp_path: Path) -> None:
    """An extent is linked to a grading to learn from; the case itself gets none, for nobody read one."""
    path = cohen_file(tmp_path)
    films = {film.film_id: film for film in load("cohen", tmp_path)}
    rows = {r.published: r for r in covid_chestxray.rows(str(path), ImportSettings()) if isinstance(r, Row)}
    clear = {f"c{i}.jpg" for i in range(0, 24, 7)}  # no zone is affected, or an extent that goes with none
    assert set(films) == set(rows) - clear - {"c3.jpg"} and "c5.jpg" not in rows
    for name, film in films.items():
        row = rows[name]
        assert (film.patient, film.encoded, film.split) == (row.patient, row.film, _side(row.patient))
        assert dict(film.table.values) == {
            "sex": "female", "view_position": "AP", "age": row.table["age"], "temperature": 38.5,
            "leukocytes": 5.0, "neutrophils": 5.0, "lymphocytes": 5.0,
        }, "an oxygen saturation of 250 % is none"  # fmt: skip
        if row.reference:
            assert film.labels == row.reference
        else:
            assert int(name[1:3]) >= 20 and film.labels[GRADING] in GRADING.classes
    assert {"c20.jpg", "c22.jpg", "c23.jpg"} <= set(films)


@pytest.mark.slow
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
    assert all(GRADING in f.labels for name in ("cohen", "hannover") for f in films[name])
    assert (len(films["cohen"]), len(films["hannover"])) == (248, 137)
    cuts = extent_cuts(data_root / "cohen.parquet")
    assert list(cuts) == sorted(cuts) and cuts[0] >= 0 and cuts[-1] <= 8
