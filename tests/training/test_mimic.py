"""MIMIC-CXR-JPG as PhysioNet lays it out: imported, trained on with its four states, measured."""

import json
from pathlib import Path

import pytest

from cases.importers.mimic import CHEXPERT, LABELS
from modeling.configuration import TaskDeclaration
from modeling.labels import NO_FINDING
from tests.doubles import lake_sources as made
from tests.doubles.command import command
from tests.training.test_training import toy_settings
from training.corpora import open_corpus
from training.corpora.labelled_film import Film

STUDIES = 40
JUDGED = range(30, STUDIES)  # the test set, which radiologists labelled
STATES = ("1.0", "0.0", "-1.0", "")
SILENT = 39
"""A study of which the radiologists' table has a row and no label."""


def program(number: int) -> dict[str, str]:
    """What the labeller found: each label in another of the four states."""
    return {label: STATES[(number + k) % 4] for k, label in enumerate(LABELS)}


def radiologist(number: int) -> dict[str, str]:
    """Edema either way and Cardiomegaly; the rest is blank, also what the program found."""
    if number == SILENT:
        return dict.fromkeys(LABELS, "")
    return dict.fromkeys(LABELS, "") | {"Edema": str(number % 2), "Cardiomegaly": str(number // 2 % 2)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree, data = tmp_path_factory.mktemp("physionet"), tmp_path_factory.mktemp("data")
    metadata, found, judged, splits = [], [], [], []
    for n in range(STUDIES):
        patient, study, film = f"100{n:05d}", f"500{n:05d}", f"film-{n:02d}"
        place = tree / "files" / "p10" / f"p{patient}" / f"s{study}"
        place.mkdir(parents=True)
        (place / f"{film}.jpg").write_bytes(made.jpeg(n))
        who = {"subject_id": patient, "study_id": study}
        metadata.append({"dicom_id": film, **who, "ViewPosition": "PA"})
        found.append({**who, **program(n)})
        side = "test" if n in JUDGED else "validate" if n >= 20 else "train"
        splits.append({"dicom_id": film, **who, "split": side})
        if n in JUDGED:
            judged.append({"study_id": study, **radiologist(n)})
    for name, lines in (("metadata", metadata), ("chexpert", found), ("split", splits)):
        made.write_csv(tree / f"mimic-cxr-2.0.0-{name}.csv", lines)
    made.write_csv(tree / "mimic-cxr-2.1.0-test-set-labeled.csv", judged)
    assert command("import")(["mimic", tree, "--store", data / "mimic", "--write", "--quiet"]) == 0
    return data


def test_a_study_that_radiologists_labelled_takes_all_its_labels_from_them(data: Path, root: Path) -> None:
    chexpert = TaskDeclaration.read(root / "training/configs/tasks/chexpert.json").task(CHEXPERT)
    films: dict[str, Film] = {film.film_id: film for film in open_corpus.load("mimic", data)}
    assert len(films) == STUDIES
    for n in range(STUDIES):
        film = films[f"mimic-film-{n:02d}"]
        told = radiologist(n) if n in JUDGED else program(n)
        expected = {label: float(state) for label, state in told.items() if state}
        assert film.states_of(chexpert) == expected, n
        assert film.has_label(chexpert) == (n != SILENT)


def test_it_is_trained_on_with_its_four_states_and_measured_on_the_radiologists(
    data: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = toy_settings(corpora=("mimic",), epochs=1, batch_size=8, unseen="allow").to_json()
    declaration = json.loads((root / "training/configs/tasks/chexpert.json").read_text())
    raw["model"]["tasks"] = [{"name": CHEXPERT, "modalities": ["image"], "declaration": declaration}]
    raw["model"] |= {"sources": ["mimic"], "table": None}
    raw["processor"]["table"] = []
    raw["label_policies"] = {CHEXPERT: {"uncertain": "ones", "blank": "negative"}}
    (tmp_path / "settings.json").write_text(json.dumps(raw))
    asked = ["--config", tmp_path / "settings.json", "--data", data, "--out", tmp_path / "run"]
    assert command("train")([*asked, "--cache", tmp_path / "cache"]) == 0
    checkpoint = tmp_path / "run" / "checkpoint"
    counts = json.loads((checkpoint / "labels.json").read_text())[CHEXPERT]["train"]["classes"]
    for k, label in enumerate(LABELS):
        states = [STATES[(n + k) % 4] for n in range(20)]
        own = counts[label]
        assert own["uncertain"] == states.count("-1.0") and own["blank"] == states.count("")
        assert own["positive"] == states.count("1.0") + states.count("-1.0"), "uncertain taken for present"
        assert own["negative"] == states.count("0.0") + states.count(""), "blank taken for absent"
    capsys.readouterr()
    measured = ["--checkpoint", checkpoint, "--data", data / "mimic", "--task", CHEXPERT, "--json"]
    assert command("evaluate")(measured) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["split"], found["n"]) == ("test", len(JUDGED) - 1)
    assert found["per_class"]["Edema"]["n"] == sum(n % 2 for n in JUDGED if n != SILENT)
    assert found["per_class"]["Fracture"]["n"] == 0, "a program's word fills no blank"
    assert found["per_class"][NO_FINDING]["training_share"] == pytest.approx(0.5)
