"""Tasks of one's own, from a table of labels beside a folder of cases to the page's words."""

import contextlib
import copy
import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import orjson
import pytest

from cases.case import Case, Provenance
from cases.open_store import open_case_store
from evaluation.checkpoint import _answers, _several_at_once
from hub_config.cards.card import _policies
from hub_config.cards.markdown import part
from interface.case_tab.model_handlers import ModelActions
from interface.case_tab.panels import model_panel
from interface.case_tab.prediction_panel import prediction_panel
from interface.case_tab.tab import case_layout
from interface.language.texts import question, translated
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.prompt_panel.panel import prompt_panel
from interface.session.links import Link
from interface.session.session import Sessions
from interface.session.study_edits import asked_target, possible_targets
from modeling.answers import explain_and_check, prediction_json, table_header
from modeling.configuration import TaskDeclaration
from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalTable, Radiograph, Study
from tests.doubles.command import command
from tests.doubles.example_cases import SYNTHETIC_LICENCE
from tests.training.test_training import toy_settings
from training.corpora.label_table import LABELS_FILE
from training.corpora.open_corpus import load
from training.films import LabelPolicy, labels_of
from training.fusion_comparison.arms import Recipe
from training.fusion_comparison.comparison import compare, task_named
from training.label_counts import COUNTS_FILE, check, lines
from training.settings import TrainingSettings

TUBES = {
    "kind": "multilabel",
    "source": "the ward's own list",
    "words": {"en": "Tubes and lines", "zh-Hant": "管路"},
    "classes": [
        {
            "name": "Tube",
            "definition": "A tube.",
            "words": {"en": "Endotracheal tube", "zh-Hant": "氣管內管"},
        },
        {"name": "Line", "words": {"en": "Central line"}},
        {"name": "Drain"},
    ],
}
QUALITY = {
    "kind": "ordinal",
    "words": {"en": "Exposure", "zh-Hant": "曝光"},
    "classes": [
        {"name": "poor", "words": {"zh-Hant": "不良"}},
        {"name": "fair", "words": {"zh-Hant": "尚可"}},
        {"name": "good", "words": {"zh-Hant": "良好"}},
    ],
}


def settings_raw(**changes: Any) -> dict[str, Any]:
    raw = toy_settings(corpora=("ward",), epochs=2, batch_size=4).to_json()
    raw["model"]["tasks"] = [
        {"name": "tubes", "modalities": ["image"], "declaration": TUBES},
        {"name": "exposure", "modalities": ["image", "table"], "declaration": QUALITY},
    ]
    raw["model"]["sources"] = ["ward"]
    return raw | {"label_policies": {"tubes": {"uncertain": "ones", "blank": "negative"}}} | changes


CASES = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `ward` of cases, and beside them the table of what its readers saw."""
    folder, generator, rows = tmp_path_factory.mktemp("data"), np.random.default_rng(0), []
    (folder / "ward").mkdir()
    with contextlib.closing(open_case_store(str(folder / "ward"), write=True)) as store:
        for i in range(CASES):
            pixels = generator.integers(0, 120, (24, 20)).astype(np.uint8) + np.uint8(60 * (i % 3))
            study = Study(Radiograph(pixels), ClinicalTable({"age": 20.0 + i}))
            origin, reference = Provenance("ward", f"p{i}"), {"exposure": "poor", "ward": "7b"}
            store.put(Case(f"w{i:02d}", study, SYNTHETIC_LICENCE, origin, reference=reference))
            rows.append(
                {
                    "case_id": f"w{i:02d}",
                    "exposure": ("poor", "fair", "good")[i % 3],
                    "tubes/Tube": ("1", "0", "-1", "")[i % 4],
                    "tubes/Line": ("1.0", "")[i % 2],
                    "tubes/Drain": ("0", "1")[i % 5 == 0],
                }
            )
    write_labels(folder / "ward", rows)
    return folder


def write_labels(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / LABELS_FILE).open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def written(folder: Path, raw: dict[str, Any]) -> Path:
    path = folder / "settings.json"
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture(scope="module")
def checkpoint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by the command on both tasks, within seconds."""
    out = tmp_path_factory.mktemp("run")
    settings = written(out, settings_raw())
    asked = ["--config", settings, "--data", data, "--out", out, "--cache", out / "cache"]
    assert command("train")(asked) == 0
    return out / "checkpoint"


def test_the_table_goes_before_the_labels_of_the_cases(data: Path) -> None:
    films = {film.film_id: film for film in load("ward", data)}
    assert films["w01"].labels == {"exposure": "fair", "ward": "7b"}
    assert films["w00"].states == {"tubes": {"Tube": 1.0, "Line": 1.0, "Drain": 1.0}}
    assert films["w02"].states == {"tubes": {"Tube": -1.0, "Line": 1.0, "Drain": 0.0}}
    assert films["w03"].states == {"tubes": {"Drain": 0.0}}, "what is blank is not there"


def test_each_policy_teaches_what_it_says(data: Path) -> None:
    films, tubes = load("ward", data), TaskDeclaration.from_json(TUBES).task("tubes")
    chosen = [film for film in films if film.split == "train"]
    doubt = next(film for film in chosen if film.states["tubes"].get("Tube") == -1)
    silent = next(film for film in chosen if "Tube" not in film.states["tubes"])
    none = replace(doubt, states={}, film_id="nobody looked")
    for policy, taught in (
        (LabelPolicy(), (np.nan, np.nan)),
        (LabelPolicy("zeros"), (0, np.nan)),
        (LabelPolicy("ones"), (1, np.nan)),
        (LabelPolicy("ones", "negative"), (1, 0)),
    ):
        found = labels_of([doubt, silent, none], tubes, policy)
        np.testing.assert_array_equal(found[:, 0], [*taught, np.nan])
    held = replace(doubt, split="validation")
    assert np.isnan(labels_of([held], tubes, LabelPolicy("ones"))[0, 0]), "nothing is measured on a doubt"
    named = replace(none, labels={"tubes": "Line|Drain"})
    assert labels_of([named], tubes).tolist() == [[0, 1, 1]]
    with pytest.raises(ViewboxError, match="no class 'Stent'"):
        labels_of([replace(none, labels={"tubes": "Stent"})], tubes)


def test_a_run_says_what_it_counted_and_by_which_policy(checkpoint: Path, data: Path) -> None:
    about = json.loads((checkpoint / COUNTS_FILE).read_text())
    train = [film for film in load("ward", data) if film.split == "train"]
    tube = about["tubes"]["train"]["classes"]["Tube"]
    states = [film.states["tubes"].get("Tube") for film in train]
    assert tube["uncertain"] == states.count(-1.0) and tube["blank"] == states.count(None)
    assert tube["positive"] == states.count(1.0) + states.count(-1.0), "uncertain ones are taught as ones"
    assert tube["negative"] == states.count(0.0) + states.count(None)
    assert sum(about["exposure"]["train"]["classes"].values()) == len(train)
    said = list(lines(about))
    assert said[0] == "tubes: uncertain labels: ones; blank labels: negative"
    assert f"{tube['uncertain']} uncertain" in said[1]


def test_declared_tasks_are_evaluated(
    checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--checkpoint", checkpoint, "--data", data / "ward", "--json", "--task"]
    evaluate = command("evaluate")
    assert evaluate([*asked, "tubes"]) == 0
    several = json.loads(capsys.readouterr().out)
    assert several["split"] == "validation" and set(several["per_class"]) == {"Tube", "Line", "Drain"}
    held = [film for film in load("ward", data) if film.split == "validation"]
    drains = sum(film.states["tubes"]["Drain"] == 1 for film in held)
    assert (several["n"], several["per_class"]["Drain"]["n"]) == (len(held), drains)
    assert 0 <= several["macro_auroc"] <= 1 and len(several["macro_auroc_95"]) == 2
    assert evaluate([*asked, "exposure"]) == 0
    assert "quadratic_kappa" in json.loads(capsys.readouterr().out)
    assert evaluate([*asked, "grading"]) == 1
    assert "does not predict grading; choose one of tubes, exposure" in capsys.readouterr().err


def test_the_card_says_its_policies_and_its_tasks_are_measured(checkpoint: Path, data: Path) -> None:
    lines = _policies(checkpoint)
    assert lines == [
        "- Labels of tubes: uncertain ones are taken for present, blank ones are taken for absent."
    ]
    assert _policies(data) == [], "a checkpoint of before says nothing"
    films = load("ward", data)
    held = [film for film in films if film.split == "validation"]
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    _, (answers,) = _answers(model, processor, held, origin)
    found = _several_at_once(answers, films, origin)
    assert list(found) == ["tubes on ward"]
    assert found["tubes on ward"]["per_class"]["Line"]["n"] == sum("Line" in f.states["tubes"] for f in held)
    beside = {row["name"]: row["sees"] for row in found["tubes on ward"]["audit"]}
    assert {"majority", "source", "thumbnail"} <= set(beside) and set(
        found["tubes on ward"]["not_beaten"]
    ) <= set(beside)
    assert beside["source"] in part("films.md", "measurement", "tubes on ward", found["tubes on ward"])


def test_a_declared_task_is_compared_with_and_without_the_table(
    checkpoint: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = written(tmp_path, settings_raw())
    for declares in ({"config": settings}, {"backbones": [str(checkpoint)]}):
        task = task_named("exposure", **declares)
        assert (task.kind, task.classes) == ("ordinal", ("poor", "fair", "good"))
    asked = {"seeds": 1, "recipe": Recipe(epochs=1, fewest_known=3), "draws": 20, "cache": tmp_path / "cache"}
    found = compare(data, [str(checkpoint)], task=task, **asked)
    assert found["protocol"]["task"] == "exposure" and found["protocol"]["corpora"]["ward"]["films"] == CASES
    rows = found["backbones"][0]["cross_validation"]["rows"]
    assert {"film", "table", "concat", "majority"} <= set(rows) and "quadratic_kappa" in rows["concat"]
    for name, said in (
        ("tubes", "Tubes and lines has several classes at once"),
        ("exposre", "with --config"),
    ):
        asked = ["--data", data, "--task", name, "--config", settings]
        assert command("compare")(asked) == 1 and said in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--config", written(tmp_path, settings_raw()), "--data", data, "--out", tmp_path / "out"]
    assert command("train")([*asked, "--dry-run"]) == 0
    said = capsys.readouterr().out
    for told in (
        f"reads {CASES} films or reports from ward (patients: {CASES})",
        "tubes: uncertain labels: ones; blank labels: negative",
        "builds exposure (ordinal: poor, fair, good) from the image and the table",
        "0 of them frozen",
        "begins with random weights",
        f"the checkpoint to {tmp_path / 'out' / 'checkpoint'}",
    ):
        assert told in said, told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("of", ["--out", "--log-dir"])
def test_a_file_is_no_folder_to_write_to(of: str, data: Path, tmp_path: Path, capsys) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    asked = [
        "--config",
        written(tmp_path, settings_raw()),
        "--data",
        data,
        "--out",
        tmp_path / "out",
        of,
        taken,
    ]
    for dry in ([], ["--dry-run"]) if of == "--out" else ([],):
        assert command("train")([*asked, *dry]) == 1
        assert "is a file; name a folder to write to" in capsys.readouterr().err
    assert taken.read_text() == "mine"


def test_a_declaration_may_stand_in_a_file(root: Path, tmp_path: Path) -> None:
    raw = settings_raw(label_policies={})
    raw["model"]["tasks"][0] = {"name": "chexpert", "modalities": ["image"], "declaration": "chexpert.json"}
    shutil.copy(root / "training" / "configs" / "tasks" / "chexpert.json", tmp_path)
    spec = TrainingSettings.load(written(tmp_path, raw)).model.spec("chexpert")
    assert len(spec.classes) == 14 and all(name.words["zh-Hant"] for name in spec.classes)
    (tmp_path / "chexpert.json").unlink()
    with pytest.raises(ViewboxError, match=r"no declaration .*chexpert.json; name it as seen from"):
        TrainingSettings.load(tmp_path / "settings.json")


def test_the_documented_declaration_and_policy_are_read(root: Path) -> None:
    text = (root / "docs" / "training.md").read_text(encoding="utf-8")
    _, task, policies = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    raw = settings_raw(**policies)
    raw["model"]["tasks"] = [task]
    settings = TrainingSettings.from_json(raw)
    assert settings.model.spec("devices").classes == ("Tube", "Line")
    assert settings.policy("devices") == LabelPolicy("ones", "negative")


def test_a_declared_task_is_opened_explained_and_worded(checkpoint: Path, data: Path) -> None:
    pipeline, case = (
        DiagnosisPipeline.from_pretrained(checkpoint),
        open_case_store(str(data / "ward")).get("w01"),
    )
    assert [target.slug for target in pipeline.targets[:2]] == ["tubes/Tube", "tubes/Line"]
    prediction = pipeline.predict(case.study, source="ward")
    answered = json.loads(orjson.dumps(prediction_json(prediction, case.reference)))["tasks"]
    assert set(answered["tubes"]["probabilities"]) == {"Tube", "Line", "Drain"}, "as the API sends it"
    assert {"tubes: Tube", "exposure: answer"} <= {*table_header(task.task for task in prediction.tasks)}

    target = asked_target(prediction, "exposure/good/fair", "")
    assert target in possible_targets(prediction, target) and target.task.kind == "ordinal"
    with pytest.raises(
        ViewboxError,
        match=r"no class .Stent.; choose one of Tube \(Endotracheal tube\), Line \(Central line\), Drain",
    ):
        asked_target(prediction, "tubes/Stent", "")
    found = explain_and_check(pipeline, case.study, "tubes/Tube")
    assert found.attribution.target.slug == "tubes/Tube" and found.attribution.image is not None
    assert abs(found.attribution.total) > 0

    chinese, english = (prediction_panel(prediction, case, tag, reveal=True) for tag in ("zh-Hant", "en"))
    for word in ("管路", "氣管內管", "Central line", "Drain", "曝光", "尚可", "the ward&#39;s own list"):
        assert word in chinese, word
    assert "Tubes and lines" in english and "Endotracheal tube" in english and "曝光" not in english
    assert all(word in question(target, "zh-Hant") for word in ("良好", "尚可"))
    lacking = pipeline.predict(Study(None, ClinicalTable({"age": 40.0})))
    assert "管路" in translated(lacking.notes[-1], "zh-Hant"), "its sentences carry its words"


def test_the_page_opens_a_link_to_a_declared_task(checkpoint: Path, data: Path) -> None:
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(checkpoint), "ward")
    host.load()
    sessions, reader = Sessions(4), SimpleNamespace(session_hash="reader", headers={}, query_params={})
    with gr.Blocks():
        parts = case_layout(gr.Tabs(), gr.HTML(), model_panel(["ward"]), gr.HTML(), prompt_panel())
    work, session = ModelActions(Checkpoints([host]), sessions, parts), sessions.of("reader")
    for slug, shown in (
        ("exposure/good/fair", "exposure/good/fair"),
        ("tubes/Line", "tubes/Line"),
        ("tubes/Stent", None),
        ("stents/Stent", None),
    ):
        session.put(open_case_store(str(data / "ward")).get("w01"), None)
        session.wish(link=Link(target=slug))
        updates = work.predict(reader)
        usual = session.answer.target.slug
        assert updates[parts.why.target].value == (shown or usual)
        assert (parts.take.notice in updates) == (shown is None)
    choices = [words for words, _ in updates[parts.why.target].choices]
    assert any("Tubes and lines" in words and "Endotracheal tube" in words for words in choices)


# --- what would train in silence


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": "grading"}, r"None of the \d+ train films has a label for grading"),
        (
            {"class": "broken"},
            r"train films for Exposure never show broken \(poor \d+, .*, broken 0\)",
        ),
        ({"modality": "text"}, r"None of the \d+ training films has the text"),
        ({"class of several": "Stent"}, "never show Stent positive"),
    ],
)
def test_what_no_film_shows_is_refused_with_counts(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    raw = copy.deepcopy(settings_raw())
    tasks = raw["model"]["tasks"]
    if "labels" in changes:
        tasks.append({"name": "grading", "modalities": ["image"]})
    if "class" in changes:
        tasks[1]["declaration"]["classes"].append({"name": "broken"})
    if "class of several" in changes:
        tasks[0]["declaration"]["classes"].append({"name": "Stent"})
    if "modality" in changes:
        raw["model"]["text"] = {"transformers": {"model_type": "bert", "vocab_size": 64}}
        raw["processor"]["text"] = {"sections": ["indication"]}
    settings = written(tmp_path, raw)
    asked = ["--config", settings, "--data", data, "--out", tmp_path / "out", "--cache", tmp_path / "cache"]
    assert command("train")(asked) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(said, error), error
    assert not (tmp_path / "cache").exists(), "before a film is decoded"


def test_an_unseen_class_may_be_allowed(data: Path) -> None:
    raw = copy.deepcopy(settings_raw(unseen="allow"))
    raw["model"]["tasks"][0]["declaration"]["classes"].append({"name": "Stent"})
    settings, films = TrainingSettings.from_json(raw), load("ward", data)
    assert check(settings, films)["tubes"]["train"]["classes"]["Stent"]["positive"] == 0
    one = [
        replace(f, states={"tubes": dict.fromkeys(("Tube", "Line", "Drain", "Stent"), 1.0)}) for f in films
    ]
    with pytest.raises(ViewboxError, match=r'show one class .*set "keep" to "last"'):
        check(settings, one)
    assert check(replace(settings, keep="last"), one)


def test_policies_are_for_several_at_once() -> None:
    with pytest.raises(
        ViewboxError, match="'label_policies' is for tasks with several classes at once: tubes"
    ):
        TrainingSettings.from_json(settings_raw(label_policies={"exposure": {}}))


def test_a_bad_table_of_labels_is_one_sentence(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "ward", tmp_path / "ward")
    write_labels(tmp_path / "ward", [{"case_id": "w01", "tubes/Tube": "maybe"}])
    with pytest.raises(ViewboxError, match="'maybe' in column 'tubes/Tube'"):
        load("ward", tmp_path)
    write_labels(tmp_path / "ward", [{"case_id": "w01", "exposure": "poor"}] * 2)
    with pytest.raises(ViewboxError, match=r"Case .w01. stands twice in labels\.csv"):
        load("ward", tmp_path)
    write_labels(tmp_path / "ward", [{"case_id": f"w{i:02d}", "Exposure": "poor"} for i in range(CASES)])
    films = [replace(film, labels={"Exposure": "poor"}, states={}) for film in load("ward", tmp_path)]
    raw = settings_raw(label_policies={})
    raw["model"]["tasks"] = raw["model"]["tasks"][1:]
    with pytest.raises(ViewboxError, match="is called 'exposure'; there are labels for Exposure"):
        check(TrainingSettings.from_json(raw), films)
    write_labels(tmp_path / "ward", [{"case_id": "elsewhere", "exposure": "poor"}])
    with pytest.raises(ViewboxError, match="No case of 'ward' stands in its labels"):
        load("ward", tmp_path)
    write_labels(tmp_path / "ward", [{"name": "w01"}])
    with pytest.raises(ViewboxError, match="no column 'case_id'"):
        load("ward", tmp_path)
