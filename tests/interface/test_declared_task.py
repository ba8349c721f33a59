"""Two declared tasks, one ordered and one of several at once, through every door of one small checkpoint."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image

import viewbox
from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.open_store import open_case_store
from cases.store import CaseStore
from interface.api import answers, tool_calls
from interface.api.asked import endpoint
from interface.api.cases import Api
from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.panels import model_panel
from interface.case_tab.tab import case_layout
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import prompt_panel
from interface.quiz_tab.findings import truth_of
from interface.quiz_tab.question_bank import question_of
from interface.reports_tab.found_cases import found_panel
from interface.reports_tab.similar_index import SimilarCases
from interface.session.session import Sessions
from modeling.configuration import TaskConfig, TaskDeclaration
from modeling.labels import APPEARANCE, NO_FINDING
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Modality, Study
from tests.doubles.command import command
from tests.doubles.toys import toy_config, toy_model, toy_processor, toy_radiograph
from tests.interface.quiz_tab.test_quiz_gradings import VISIT, opened
from tests.training.test_declared_tasks import QUALITY, TUBES

TUBE_LABELS = ("Tube|Line", NO_FINDING, "Drain")
ARRIVAL = SimpleNamespace(session_hash="r", headers={}, query_params={})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that answer three tasks from the film."""
    film, processor = (Modality.IMAGE,), toy_processor((Modality.IMAGE,))
    declared = (TaskConfig("ward_exposure", film, TaskDeclaration.from_json(QUALITY)),)
    declared += (TaskConfig("tubes", film, TaskDeclaration.from_json(TUBES)),)
    plain = toy_config(tasks=(APPEARANCE,), modalities=film, sources=("ward",))
    folder = tmp_path_factory.mktemp("declared") / "ward"
    toy_model(replace(plain, tasks=(*declared, *plain.tasks)), processor).save_pretrained(folder, processor)
    return folder


@pytest.fixture(scope="module")
def models(checkpoint: Path) -> Checkpoints:
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(checkpoint), "ward", ("ward",))
    host.load()
    return Checkpoints([host])


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "ward"
    folder.mkdir()
    with contextlib.closing(open_case_store(str(folder), write=True)) as writing:
        for n in range(18):
            study, origin = Study(toy_radiograph(n, (40, 32))), Provenance("ward", f"p{n}", "Our ward")
            labels = {"ward_exposure": ("poor", "fair", "good")[n % 3], "tubes": TUBE_LABELS[n % 3]}
            writing.put(Case(f"w{n:02d}", study, SYNTHETIC_LICENCE, origin, reference=labels))
    return folder


@pytest.fixture(scope="module")
def store(cases: Path) -> CaseStore:
    return open_case_store(str(cases))


def test_the_list_is_filtered_by_its_labels(models: Checkpoints, store: CaseStore) -> None:
    sessions = Sessions(4)
    sessions.of("r").language = "zh-Hant"
    with gr.Blocks():
        parts = case_layout(gr.Tabs(), gr.HTML(), model_panel(["ward"]), gr.HTML(), prompt_panel())
    cases = CaseActions(models, StoreHost(lambda: store), sessions, parts)
    shown = cases.list_start(ARRIVAL, "", "", "", "tubes/Line")
    choices = dict((value, words) for words, value in shown[parts.chooser.label].choices[1:])
    assert choices["tubes/Tube"] == "管路：氣管內管" and choices["ward_exposure/fair"] == "曝光：尚可"
    assert "findings/Mass" in choices and f"tubes/{NO_FINDING}" in choices
    assert all(f"w{n:02d}" in shown[parts.chooser.rows] for n in range(0, 18, 3))
    assert "w01" not in shown[parts.chooser.rows]
    turned = cases.next(ARRIVAL, "ward", "", "", "ward_exposure/good")
    assert turned[parts.chooser.case_id] == "w02"


def test_the_quiz_asks_about_them(models: Checkpoints, store: CaseStore) -> None:
    actions, sitting, updates = opened(models, store, "ward-exposure-7b")
    panel, declared = actions.panel, models.declared
    assert [str(task) for task in declared] == ["ward_exposure", "tubes"]
    assert {one.task for one in sitting.asked} == {"ward_exposure"}
    assert (
        updates[panel.answer].choices[1][1] == "fair"
        and "Exposure: choose what fits" in updates[panel.status]
    )
    for number in range(len(sitting.asked)):
        sitting.reminded = True
        told = actions.commit(truth_of(sitting.case, sitting.task), 0.75, None, VISIT)[panel.model]
        assert "The model says" in told
        if number == 0:
            actions.explain(VISIT)
            assert sitting.map.target.task == "ward_exposure"
        actions.reveal("good", 0.9, VISIT)
        updates = actions.next(VISIT)
    assert {row.truth for row in sitting.rows} == {"poor", "fair", "good"}
    assert json.loads(json.dumps(updates[panel.kept]["record"]))["rows"][0]["task"] == "ward_exposure"

    actions._sessions.of("s").language = "zh-Hant"
    *_, updates = actions.begin("", VISIT, "tubes")
    sitting = actions._sessions.of("s").quiz
    offered = dict((value, words) for words, value in updates[panel.findings].choices)
    assert offered["Tube"] == "氣管內管" and "管路：勾選存在的項目" in updates[panel.status]
    truth = truth_of(sitting.case, sitting.task)
    sitting.reminded = True
    actions.commit(None, 0.75, None, VISIT, [] if truth == NO_FINDING else truth.split("|"))
    told = actions.reveal(None, 0.9, VISIT, [])[panel.truth]
    assert sitting.rows[0].first == truth
    assert ("無異常" if truth == NO_FINDING else "氣管內管" if "Tube" in truth else "Drain") in told
    topics = dict((value, words) for words, value in actions.arrive(VISIT)[panel.topic].choices)
    assert topics["tubes"] == "Tubes and lines"
    question = question_of(sitting.case, sitting.asked[0], 1, "zh-Hant")
    assert question.several and "管路：此影像上有" in question.asked
    assert "氣管內管" in [name for name, _ in question.options]


@pytest.mark.parametrize("tool", [False, True])
def test_programs_get_them(
    models: Checkpoints, store: CaseStore, monkeypatch: pytest.MonkeyPatch, tool: bool
) -> None:
    for door in (tool_calls, answers):
        monkeypatch.setattr(door, "is_tool_call", lambda: tool)
    api = Api(models, StoreHost(lambda: store))
    predict = tool_calls.for_api(endpoint("predict", api.predict))
    answer = predict(case_id="w01")
    told = tool_calls.seen(answer).structuredContent if tool else json.loads(json.dumps(answer))
    assert list(told["tasks"]) == ["ward_exposure", "tubes", "appearance"]
    assert told["tasks"]["ward_exposure"]["reference"] == "fair"
    assert told["tasks"]["tubes"]["reference"] == NO_FINDING
    assert set(told["tasks"]["tubes"]["probabilities"]) == {"Tube", "Line", "Drain"}
    if not tool:
        explain = tool_calls.for_api(endpoint("explain", api.explain))
        assert explain(case_id="w01", target="tubes/Line")["target"] == "tubes/Line"
        listed = api.list_cases(label="ward_exposure/poor")
        assert [row["case_id"] for row in listed["cases"]] == [f"w{n:02d}" for n in range(0, 18, 3)]
        for label, said in (
            ("tubes/Stent", "no class 'Stent'; choose one of Tube .Endotracheal tube."),
            ("stents/Stent", "no task 'stents' here"),
            ("tubes", "write it as task/class"),
        ):
            with pytest.raises(viewbox.ViewboxError, match=said):
                api.list_cases(label=label)


def test_the_command_line_says_them(
    checkpoint: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(toy_radiograph(3).pixels).save(film)
    assert command("predict")([film, "--checkpoint", checkpoint, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["tasks"]) == {"ward_exposure", "tubes", "appearance"}
    assert command("explain")([film, "--target", "tubes/Tube", "--checkpoint", checkpoint]) == 0
    assert "tubes/Tube" in capsys.readouterr().out
    scored = ["--checkpoint", checkpoint, "--store", cases, "--results", tmp_path / "results", "--write"]
    assert command("score")(scored) == 0 and json.loads(capsys.readouterr().out)["written"] == 18
    measured = ["--checkpoint", checkpoint, "--data", cases, "--split", "all", "--json", "--task"]
    for task, metric in (("ward_exposure", "quadratic_kappa"), ("tubes", "macro_auroc")):
        assert command("evaluate")([*measured, task]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["n"] == 18 and metric in found
    handed = ["--store", cases, "--label", "tubes/Drain", "--dry-run"]
    assert command("export")(handed) == 0 and json.loads(capsys.readouterr().out)["cases"] == 6


def test_python_says_them(checkpoint: Path) -> None:
    prediction = viewbox.DiagnosisPipeline.from_pretrained(checkpoint).predict(toy_radiograph_study())
    assert "tubes (from image)" in repr(prediction)
    assert prediction["ward_exposure"].probabilities.sum() == pytest.approx(1.0)


def toy_radiograph_study() -> Study:
    return Study(toy_radiograph(5))


def test_similar_cases_are_named_in_their_words(models: Checkpoints, store: CaseStore) -> None:
    similar = SimilarCases(models, StoreHost(lambda: store))
    similar.start()
    for _ in similar.steps():
        pass
    case = store.get("w00")
    found = similar.find(case, case.study, 3, dict.fromkeys(Modality, 1.0))
    page = found_panel(found, "zh-Hant", similar.declared)
    assert {one.label for one in found.contrast} <= {"fair", "good"}
    assert "參考標籤：良好" in page and "：good" not in page
