"""The sheet: up to four maps of a film, one after the other, and no further once the reader has left."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from interface.case_tab.sheet import SheetActions
from interface.models.checkpoints import Checkpoints
from interface.models.held_film import hold
from interface.models.model_host import ModelHost
from interface.session.session import Answer, Explanation, Session, Sessions
from interface.session.study_edits import target_of
from modeling.errors import ViewboxError
from modeling.explain.registry import ACCOUNT
from modeling.labels import APPEARANCE
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.toys import toy_checkpoint, toy_study

VISIT = SimpleNamespace(session_hash="s")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> list[ModelHost]:
    """Two loaded checkpoints."""
    made = []
    for name in ("toy", "other"):
        folder: Path = toy_checkpoint(tmp_path_factory.mktemp(name) / name)
        made.append(ModelHost(lambda folder=folder: DiagnosisPipeline.from_pretrained(folder), name))
        made[-1].load()
    return made


@pytest.fixture
def session(hosts: list[ModelHost]) -> Session:
    """A case that the first of them has answered."""
    case = Case("CASE-0", toy_study(), SYNTHETIC_LICENCE, Provenance("phantom", "p", "tests", synthetic=True))
    prediction = hosts[0].predict(case.study, None)
    answer = Answer(prediction, target=target_of(prediction, None))
    return Session(case=case, study=case.study, film=hold(case), host=hosts[0], answer=answer, version=2)


def actions(session: Session, hosts: list[ModelHost]) -> SheetActions:
    sessions = Sessions()
    sessions.of = lambda reader: session
    parts = SimpleNamespace(message="message", film=SimpleNamespace(figure="figure"))
    return SheetActions(Checkpoints(hosts), sessions, parts)


def steps(session: Session, hosts: list[ModelHost], kind: str) -> list[dict]:
    """What comes on screen, step by step."""
    sheets = actions(session, hosts)
    sheets.ask(SimpleNamespace(_data={"kind": kind}), VISIT)
    made = [*sheets.fill(VISIT), *sheets.fill_slowly(VISIT)]
    return [step["figure"] for step in made if "figure" in step]


def test_methods_come_one_by_one_each_under_its_name(session, hosts):
    account = hosts[0].explained(session.study, session.target, "black", session.stop)
    session.explanation = Explanation(attribution=account, complete=True)
    told = steps(session, hosts, "methods")
    captions = [pane["caption"] for pane in told[0]["sheet"]["panes"]]
    assert captions == ["Integrated Gradients", "Grad-CAM", "Occlusion", "Feature gradients"]
    there = [sum(bool(pane["id"]) for pane in step["sheet"]["panes"]) for step in told]
    assert there == [0, 1, 2, 3, 4] == [len(step["layers"]) for step in told]
    assert {p["id"] for p in told[-1]["sheet"]["panes"]} == {layer["id"] for layer in told[-1]["layers"]}
    assert len({layer["grid"] for layer in told[-1]["layers"]}) == 4
    assert ACCOUNT in told[1]["layers"][0]["id"], "what is known already comes first"
    starts = steps(session, hosts, "baselines")[-1]
    captions = [pane["caption"] for pane in starts["sheet"]["panes"]]
    assert len(captions) == 2 and all(" · film " in caption for caption in captions)
    assert {layer["id"].rpartition("/")[2] for layer in starts["layers"]} == {"black", "blurred"}


def test_questions_and_checkpoints_keep_one_method(session, hosts):
    asked = steps(session, hosts, "targets")[-1]
    each = [pane["id"].split("/") for pane in asked["sheet"]["panes"]]
    assert {parts[2] for parts in each} == set(APPEARANCE.classes) and len({parts[3] for parts in each}) == 1
    assert session.target.class_name in asked["sheet"]["panes"][0]["caption"]
    both = steps(session, hosts, "checkpoints")[-1]
    captions = [pane["caption"] for pane in both["sheet"]["panes"]]
    assert [c.partition(" · ")[0] for c in captions] == ["toy", "other"] and all("%" in c for c in captions)
    assert len({pane["id"] for pane in both["sheet"]["panes"]}) == 2
    with pytest.raises(ViewboxError, match="Only one checkpoint"):
        steps(session, hosts[:1], "checkpoints")


@pytest.mark.parametrize("leave", ["another sheet", "another case"])
def test_nothing_more_is_made_once_the_reader_has_left(session, hosts, leave):
    sheets = actions(session, hosts)
    sheets.ask(SimpleNamespace(_data={"kind": "targets"}), VISIT)
    making = sheets.fill(VISIT)
    next(making), next(making)
    if leave == "another sheet":
        sheets.ask(SimpleNamespace(_data={"kind": ""}), VISIT)
    else:
        session.put(session.case, session.film)
    assert list(making) == []
    assert [list(step) for step in sheets.fill(VISIT)] == [["message"]], "nothing is due"


def test_without_an_answer_from_a_film_on_screen_the_sheet_is_refused(session, hosts):
    session.film = None
    with pytest.raises(ViewboxError, match="no film to lay maps on"):
        steps(session, hosts, "methods")
    session.answer = Answer()
    with pytest.raises(ViewboxError, match="not answered yet"):
        steps(session, hosts, "targets")


def test_a_press_that_was_overtaken_on_its_way_takes_nothing_back(session, hosts):
    sheets = actions(session, hosts)
    sheets.ask(SimpleNamespace(_data={"kind": "targets", "at": 20.5}), VISIT)
    sheets.ask(SimpleNamespace(_data={"kind": "", "at": 20.1}), VISIT)
    assert session.wishes.sheet == "targets" and not session.looking.is_set()
    sheets.ask(SimpleNamespace(_data={"kind": "", "at": 21.0}), VISIT)
    assert session.wishes.sheet == ""
