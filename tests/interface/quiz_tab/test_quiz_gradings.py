"""The quiz where cases have a grading: on a lake without appearances, in a mixed store, without a model."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance, Rating, Reading
from cases.document import document_from_case
from cases.importers.severity import RATERS, READERS, ZONES
from cases.mongo.store import MongoCaseStore
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from cases.store import BrokenCase, CaseStore
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.quiz_tab.findings import EXTENT, EXTENTS, truth_of
from interface.quiz_tab.fragments import asking
from interface.quiz_tab.handlers import QuizActions, quiz_actions
from interface.quiz_tab.pool import PER_CLASS, WHOLE
from interface.quiz_tab.resume import sitting_from
from interface.quiz_tab.rules import LENGTH, askable_tasks, drawn_set
from interface.quiz_tab.sitting import Sitting
from interface.quiz_tab.tab import quiz_panel
from interface.session.session import Sessions
from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import APPEARANCE, GRADING, TaskName
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.example_cases import small_case
from tests.doubles.mongo_server import MongoServer
from tests.doubles.toys import toy_checkpoint, toy_radiograph

HIDDEN = Licence("not for show", may_show=False, may_export=False)
VISIT = SimpleNamespace(session_hash="s", headers={"accept-language": "en-US"}, query_params={})


def graded(number: int, appearance: str | None = None, licence: Licence = SYNTHETIC_LICENCE) -> Case:
    """A case with a grading, the classes in turn."""
    case = small_case(
        f"case-{number:03d}", appearance=appearance, grading=GRADING.classes[number % 3], licence=licence
    )
    return replace(case, study=replace(case.study, radiograph=toy_radiograph(number)))


def checkpoint(folder: Path, *tasks: TaskName) -> Checkpoints:
    """A loaded checkpoint that answers these tasks."""
    written = toy_checkpoint(folder, tasks=tasks)
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(written), "toy")
    host.load()
    assert host.state.phase == "ready", host.state.sentence
    return Checkpoints([host])


def opened(models: Checkpoints, store: CaseStore, code: str = "7b") -> tuple[QuizActions, Sitting, dict]:
    """A sitting whose first film is on screen."""
    with gr.Blocks(), gr.Tabs() as tabs:
        panel = quiz_panel(tabs, gr.HTML())
    sessions = Sessions()
    actions = quiz_actions(models, StoreHost(lambda: store), sessions)(panel)
    *_, updates = actions.begin(code, VISIT)
    return actions, sessions.of("s").quiz, updates


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoCaseStore]:
    """More cases than are taken whole; one in three may be shown, none has an appearance, four an extent."""
    with MongoServer(tmp_path_factory.mktemp("mongo")) as server:
        with contextlib.closing(MongoCaseStore.connect(server.uri, "quiz", write=True)) as writing:
            cases = (graded(n, licence=HIDDEN if n // 3 % 3 else SYNTHETIC_LICENCE) for n in range(2 * WHOLE))
            experts = (
                replace(read_by_experts(e), provenance=Provenance("experts")) for e in (0.0, 3.0, 5.0, 8.0)
            )
            writing.put_documents(document_from_case(case) for case in (*cases, *experts))
        with contextlib.closing(MongoCaseStore.connect(server.uri, "quiz")) as store:
            yield store


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> CaseStore:
    """A small store: every other case has an appearance beside its grading."""
    folder = tmp_path_factory.mktemp("mixed") / "store"
    with EmbeddedCaseStore.create(folder) as writing:
        for number in range(17):
            writing.put(graded(number, APPEARANCE.classes[number // 2 % 4] if number % 2 else None))
    return open_case_store(str(folder))


def test_a_film_without_an_opacity_is_not_asked_for_a_grade_and_the_question_says_so() -> None:
    assert askable_tasks(graded(0, "Negative")) == (APPEARANCE,)
    assert askable_tasks(graded(0, "Typical")) == (APPEARANCE, GRADING)
    assert "Only films with an opacity" in asking("ask", GRADING, "en")
    assert "Every film of this question shows an opacity" in asking("read_hint", GRADING, "en")


def test_a_lake_of_gradings_gives_a_whole_quiz(lake: MongoCaseStore, tmp_path: Path) -> None:
    actions, sitting, updates = opened(checkpoint(tmp_path / "toy", GRADING), lake, "grading-7b")
    panel, found = actions.panel, actions._pool.state.candidates
    pool = [c for c in found if c.task == GRADING]
    assert all(c.answer in GRADING.classes for c in pool) and len(found) == len(pool) + 4
    assert {c.case_id for c in found if c.task == EXTENT} == {f"extent-{e}" for e in (0.0, 3.0, 5.0, 8.0)}
    assert all(PER_CLASS / 2 < sum(c.truth == name for c in pool) <= PER_CLASS for name in GRADING.classes)
    assert all(lake.get(c.case_id).licence.may_show for c in pool)
    assert [value for _, value in updates[panel.answer].choices] == list(GRADING.classes)
    assert "lung zones are affected" in updates[panel.status]
    assert "Severe: opacities" in updates[panel.facts] and "Negative: no" not in updates[panel.facts]
    with pytest.raises(ViewboxError, match="Choose an answer"):
        actions.commit("Negative", 0.5, None, VISIT)
    with pytest.raises(ViewboxError, match="marked nothing yet"):
        actions.commit("Mild", 0.5, None, VISIT)
    for number in range(LENGTH):
        sitting.reminded = True
        told = actions.commit("Severe", 0.75, None, VISIT)
        assert "The model says" in told[panel.model]
        if number == 0:
            actions.explain(VISIT)
            assert sitting.map.target.answer == (GRADING, sitting.told.most_probable)
        actions.reveal("Severe", 0.75, VISIT)
        last = actions.next(VISIT)
    right = sum(row.truth == "Severe" for row in sitting.rows)
    assert (
        f"You felt 75 % sure; you were right {100 * right / LENGTH:.0f} % of the time." in last[panel.results]
    )
    table = list(csv.DictReader(io.StringIO(last[panel.kept]["record"]["csv"])))
    assert [row["task"] for row in table] == ["grading"] * LENGTH


def test_a_code_gives_everyone_the_same_films_and_a_broken_case_hides_no_other(
    mixed: CaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = checkpoint(tmp_path / "toy", APPEARANCE)
    pools = [opened(models, mixed)[0]._pool.state.candidates for _ in range(2)]
    assert all(drawn_set(code, pools[0]) == drawn_set(code, pools[1]) for code in ("a", "b", "grading-c"))
    read, broken = mixed.get, pools[0][3].case_id

    def get(case_id: str) -> Case:
        if case_id == broken:
            raise BrokenCase("Case '{case}' is broken.", case=case_id)
        return read(case_id)

    monkeypatch.setattr(mixed, "get", get)
    left = {c.case_id for c in opened(models, mixed)[0]._pool.state.candidates}
    assert left == {c.case_id for c in pools[0]} - {broken}


def test_each_case_is_asked_for_what_it_has_and_appearance_comes_first(
    mixed: CaseStore, tmp_path: Path
) -> None:
    actions, sitting, updates = opened(checkpoint(tmp_path / "toy", APPEARANCE), mixed)
    assert len({one.task for one in sitting.asked}) == 2
    for _ in range(LENGTH):
        asked = sitting.current.task
        assert asked == (APPEARANCE if int(sitting.case.case_id[-3:]) % 2 else GRADING)
        classes = (APPEARANCE if asked == APPEARANCE else GRADING).classes
        assert [value for _, value in updates[actions.panel.answer].choices] == list(classes)
        sitting.reminded = True
        told = actions.commit(classes[-1], 0.5, None, VISIT)
        silent = "gives no answer to this question" in told[actions.panel.model]
        assert silent is (asked == GRADING), "the checkpoint knows appearance alone"
        truth = actions.reveal(classes[-1], 0.5, VISIT)[actions.panel.truth]
        assert ("no answer" in truth) is silent and sitting.rows[-1].truth in classes
        updates = actions.next(VISIT)
    assert "The model was right" in updates[actions.panel.results]


def test_where_no_checkpoint_can_be_loaded_the_reader_is_judged_alone(mixed: CaseStore) -> None:
    def failing() -> DiagnosisPipeline:
        raise CheckpointError("The checkpoint is not there; fetch it.")

    host = ModelHost(failing, "none")
    host.load()
    actions, sitting, _ = opened(Checkpoints([host]), mixed)
    truth = sitting.case.reference[sitting.task]
    sitting.reminded = True
    actions.commit(truth, 0.9, None, VISIT)
    actions.reveal(truth, 0.9, VISIT)
    assert (sitting.rows[0].model, sitting.rows[0].lesson) == ("", "quiz.lesson_alone")
    results = actions.finish(VISIT)[actions.panel.results]
    assert "right 100 % of the time" in results and "The model was right" not in results


def test_what_a_browser_kept_before_gradings_were_asked_is_read_as_appearance(
    mixed: CaseStore, tmp_path: Path
) -> None:
    models = checkpoint(tmp_path / "toy", APPEARANCE, GRADING)
    for code in map(str, range(20)):
        actions, sitting, _ = opened(models, mixed, code)
        if sitting.task == APPEARANCE:
            break
    actions.commit("Negative", 0.9, None, VISIT)
    kept = json.loads(json.dumps(actions.reveal("Negative", 0.9, VISIT)[actions.panel.kept]["record"]))
    pool = actions._pool.state.candidates
    assert kept["rows"][0].pop("task") == "appearance"
    assert sitting_from(kept, pool).rows == sitting.rows
    with pytest.raises(ViewboxError, match="cannot be continued"):
        sitting_from(kept | {"rows": [kept["rows"][0] | {"task": "grading"}]}, pool)


def read_by_experts(extent: float) -> Case:
    """A case without a reference label, whose extent, zones and class several readers gave."""
    ratings = [Rating(RATERS, "geographic extent of opacities", extent, 0.0, 8.0)]
    ratings += [
        Rating(who, f"Brixia zone {zone}", mark, 0.0, 3.0)
        for mark, who in enumerate(READERS.values(), 1)
        for zone in ZONES
    ]
    readings = tuple(
        Reading(f"reader {n}", GRADING, name) for n, name in enumerate(("Mild", "Mild", "Severe"))
    )
    case = replace(graded(0), case_id=f"extent-{extent:.1f}", reference={}, ratings=tuple(ratings))
    return replace(case, readings=readings)


@pytest.mark.parametrize(
    ("extent", "band"), [(0, "2"), (2, "2"), (2.1, "4"), (4, "4"), (16 / 3, "6"), (6.4, "8"), (8, "8")]
)
def test_an_extent_lies_in_one_band(extent: float, band: str) -> None:
    assert truth_of(read_by_experts(extent), EXTENT) == f"extent_{band}"


def test_the_experts_extent_is_asked_and_their_numbers_stand_at_the_lesson(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "store") as writing:
        for extent in (0.0, 3.0, 16 / 3, 8.0):
            writing.put(read_by_experts(extent))
    models = checkpoint(tmp_path / "toy", APPEARANCE, GRADING)
    actions, sitting, updates = opened(models, open_case_store(str(tmp_path / "store")), "extent-7b")
    panel = actions.panel
    assert {one.task for one in sitting.asked} == {EXTENT}
    assert [value for _, value in updates[panel.answer].choices] == list(EXTENTS)
    assert "Each lung counts 0 to 4" in updates[panel.status] and "of 8" not in updates[panel.facts]
    while sitting.case.case_id != "extent-5.3":
        sitting.reminded = True
        actions.commit("extent_2", 0.5, None, VISIT)
        actions.reveal("extent_2", 0.5, VISIT)
        actions.next(VISIT)
    sitting.reminded = True
    assert "gives no answer to this question" in actions.commit("extent_2", 0.5, None, VISIT)[panel.model]
    told = actions.reveal("extent_6", 0.9, VISIT)[panel.truth]
    assert (
        "Reference: over 4, to 6 of 8." in told and "Extent of opacities: 5.3 of 8 (mean of 3 expert" in told
    )
    assert told.count("<td>1 / 2</td>") == 6 and "0 of 6 zones the same score" in told
    assert "reader 2: Severe" in told and "2 of 3 readers agree on Mild" in told
    assert "was not published" in told and "The model&#39;s grading: " in told
    assert (sitting.rows[-1].truth, sitting.rows[-1].task) == ("extent_6", "extent")
    kept = json.loads(json.dumps(actions.next(VISIT)[panel.kept]["record"]))
    begun = sitting_from(kept | {"rows": kept["rows"][:1]}, actions._pool.state.candidates)
    assert begun.rows == sitting.rows[:1], "a reload goes on with it"
