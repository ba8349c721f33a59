"""A published layout goes through its importer into training and evaluation; films keep every bit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tests.doubles.lake_sources as made
from cases.importers.mimic import CHEXPERT, LABELS
from cases.open_store import open_case_store
from modeling.configuration import TaskDeclaration
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, FINDINGS, GRADING
from tests.doubles.command import command
from tests.training.test_training import toy_settings
from training.corpora import open_corpus
from training.corpora.open_corpus import case_folder
from training.films import LabelPolicy, TrainingTensors, labels_of
from training.preparation import build_processor
from training.settings import TrainingSettings

import_main = command("import")
train = command("train")
evaluate = command("evaluate")

CLASSES = (("Negative", ""), ("Typical", "Severe"), ("Indeterminate", "Mild"), ("Atypical", "Moderate"))


def ricord(root: Path, patients: int) -> Path:
    """The tree, both annotation files and the clinical sheet; a bright quadrant is the class."""
    lines, labels, sheet = [], [], []
    for i in range(patients):
        study, patient, (appearance, grading) = f"1.2.3.{i}", f"SITE1-{i:03d}", CLASSES[i % 4]
        film = np.random.default_rng(i).integers(300, 1500, (8, 7)).astype(np.uint16)
        film = np.kron(film, np.ones((12, 12), np.uint16))
        film[(slice(0, 48), slice(48, 96))[i % 4 // 2], (slice(0, 42), slice(42, 84))[i % 2]] += 2400
        place = root / f"MIDRC-RICORD-1C-{patient}" / "CHEST"
        place.mkdir(parents=True)
        (place / "1-1.dcm").write_bytes(made.dicom(i, study=study, patient=patient, film=film, age=30 + i))
        lines.append(
            {
                "Anon MRN": patient, "Anon TCIA Study Date": "", "Anon Sex": "FM"[i % 2],
                "StudyInstanceUID": study, "Reader_name": "Bear", "CLASS_label": appearance,
                "GRADE_label": grading,
            }
        )  # fmt: skip
        labels.append((study, "Bear", f"{appearance} Appearance"))
        sheet.append({"Anon MRN": patient, "Anon Age": 30 + i, "Result": "Positive"})
    made.ricord_annotations(root, lines, labels)
    made.write_csv(root / "MIDRC-RICORD-1C-Clinical-Data.csv", sheet)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of corpora that holds RICORD as an importer wrote it."""
    folder = tmp_path_factory.mktemp("corpora")
    source = ricord(tmp_path_factory.mktemp("tcia"), 32)
    arguments = ["--store", str(folder / "ricord"), "--write", "--workers", "1", "--quiet"]
    assert import_main(["ricord", str(source), *arguments]) == 0
    return folder


def test_a_corpus_holds_what_the_store_holds(data: Path) -> None:
    films, store = open_corpus.load("ricord", data), open_case_store(str(data / "ricord"))
    assert len(films) == 32 and len({film.patient for film in films}) == 32
    for film in films:
        case = store.get(film.film_id)
        mine, theirs = film.study(), case.study
        assert mine.radiograph.pixels.dtype == np.uint16 and mine.radiograph.bits_stored == 12
        assert np.array_equal(mine.radiograph.pixels, theirs.radiograph.pixels)
        assert mine.radiograph.window == theirs.radiograph.window
        assert mine.radiograph.photometric == theirs.radiograph.photometric
        assert mine.table == theirs.table and film.labels == case.reference
        assert (film.patient, film.source) == (case.provenance.patient, "ricord")
        assert film.boxes == (() if film.labels[APPEARANCE] == "Negative" else None)
    assert {film.split for film in films} == {"train", "validation"}


def test_film_and_table_of_ricord_train_and_are_measured(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = toy_settings(corpora=("ricord",), epochs=2, unseen="allow")
    (tmp_path / "settings.json").write_text(json.dumps(settings.to_json()))
    out, cache = tmp_path / "run", tmp_path / "cache"
    asked = ["--config", tmp_path / "settings.json", "--data", data, "--out", out, "--cache", cache]
    assert train(asked) == 0
    checkpoint = str(out / "checkpoint")
    told = evaluate(["--checkpoint", checkpoint, "--data", str(data / "ricord"), "--json", "--audit"])
    summary = json.loads(capsys.readouterr().out)
    assert told == 0 and (summary["corpus"], summary["split"]) == ("ricord", "validation")
    assert summary["n"] == sum(film.split == "validation" for film in open_corpus.load("ricord", data))
    assert {"majority", "table"} <= {row["name"] for row in summary["audit"]}


def test_the_shipped_settings_read_it(data: Path, root: Path, tmp_path: Path) -> None:
    settings = TrainingSettings.load(root / "training" / "configs" / "ricord.json")
    films = open_corpus.load("ricord", data)
    processor = build_processor(settings, films, tmp_path)
    tensors = TrainingTensors.build(films, processor, tmp_path)
    assert tensors.films.shape == (32, 224, 224) and tensors.films.std() > 20
    named = [column.name for column in settings.processor.table]
    assert named == ["age", "sex", "view_position", "rt_pcr"] and tensors.known.all()
    assert (tensors.labels[APPEARANCE] >= 0).all()
    assert (tensors.labels[GRADING] >= 0).sum() == 24, "a Negative film has no grade"


def test_a_labeller_that_tells_states_apart_leaves_the_others_open(root: Path, tmp_path: Path) -> None:
    source = made.mimic(tmp_path / "mimic-source")
    arguments = ["--store", str(tmp_path / "mimic"), "--write", "--workers", "1", "--quiet"]
    assert import_main(["mimic", str(source), *arguments]) == 0
    film, _ = open_corpus.load("mimic", tmp_path)
    states = film.states_of(FINDINGS)
    assert states["Edema"] == 1 and states["Effusion"] == 0
    assert all(states[name] == -1 for name in {*states} - {"Edema", "Effusion"})
    labels = dict(zip(FINDINGS.classes, labels_of([film], FINDINGS)[0], strict=True))
    known = {name: float(label) for name, label in labels.items() if np.isfinite(label)}
    assert known == {"Edema": 1.0, "Effusion": 0.0}, "uncertain and unmentioned are no labels"
    declared = TaskDeclaration.read(root / "training" / "configs" / "tasks" / "chexpert.json")
    chexpert, zeros = declared.task(CHEXPERT), LabelPolicy("zeros")
    assert set(chexpert.classes) == set(LABELS), "the declaration that ships is what the importer writes"
    own = film.states_of(chexpert)
    assert own["Edema"] == 1 and own["Pleural Effusion"] == 0 and -1 in own.values()
    taught = labels_of([replace(film, split="train")], chexpert, zeros)[0]
    assert (taught == 1).sum() == 1 and (taught == 0).sum() == len(own) - 1
    assert film.split == "validation" and film.text.sections["impression"] == "No pneumonia."


def test_bad_folders_are_one_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match=r"no corpus 'mars'.*import it"):
        open_corpus.load("mars", data)
    (tmp_path / "cases-00000.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ViewboxError, match="cannot be read; import or export them again"):
        list(case_folder(tmp_path))
