"""The quiz without a browser: what leaves the server at which step, what is scored, and what is refused."""

import base64
import json
import time
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, PlantedEvidence, Provenance, Region
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from interface.html.regions import GREEN, HEIGHT, outlined_film, planted_region, reference_region
from interface.language.texts import CATALOGUES
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.quiz_tab.fragments import facts
from interface.quiz_tab.handlers import quiz_actions
from interface.quiz_tab.pool import QuizPool
from interface.quiz_tab.rules import LENGTH
from interface.quiz_tab.tab import quiz_panel
from interface.session.session import Sessions
from modeling.errors import CaseStoreError, CheckpointError, ViewboxError
from modeling.labels import APPEARANCE
from modeling.study import ClinicalText, Modality
from tests.doubles.toys import toy_checkpoint, toy_radiograph, toy_study

SHAPE = (120, 96)
LEFT_OUT = {"CASE-03", "CASE-04", "CASE-05"}
"""Not for show, without a film, without a reference."""


def one_case(number: int) -> Case:
    """A phantom-like case with a square planted in the middle of the film."""
    name = f"CASE-{number:02d}"
    mask = np.zeros(SHAPE, bool)
    mask[40:80, 32:64] = True
    evidence = PlantedEvidence(
        {APPEARANCE: (Modality.IMAGE,)}, {"ground glass, left mid": mask, "cardiomegaly": ~mask}
    )
    film = None if name == "CASE-04" else toy_radiograph(number, SHAPE)
    words = ClinicalText({"indication": "Fever <b>and</b> cough", "findings": "the secret verdict"})
    truth = {} if name == "CASE-05" else {APPEARANCE: APPEARANCE.classes[number % 4]}
    return Case(
        name,
        replace(toy_study(seed=number), radiograph=film, text=words),
        Licence("not for show", False, False) if name == "CASE-03" else SYNTHETIC_LICENCE,
        Provenance("phantom", f"p{number}", "Viewbox tests", synthetic=True),
        report={"impression": "the secret verdict"},
        title={"en": "A mass"},
        reference=truth,
        evidence=evidence,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiz") / "store"
    with EmbeddedCaseStore.create(folder) as writing:
        for number in range(16):
            writing.put(one_case(number))
    return open_case_store(str(folder))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    from modeling.pipeline import DiagnosisPipeline

    folder = toy_checkpoint(tmp_path_factory.mktemp("quiz-model") / "toy")
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(folder), "toy")
    host.load()
    assert host.state.phase == "ready", host.state.sentence
    return Checkpoints([host])


@pytest.fixture(scope="module")
def made(models, store):
    with gr.Blocks(), gr.Tabs() as tabs:
        panel = quiz_panel(tabs, gr.HTML())
    sessions = Sessions()
    return quiz_actions(models, StoreHost(lambda: store), sessions)(panel), sessions


def visit(language: str = "en-US", session: str = "s", **query: str) -> SimpleNamespace:
    headers = {"accept-language": language}
    return SimpleNamespace(session_hash=session, headers=headers, query_params=query)


def begun(made, code: str = "7b", session: str = "s"):
    """A sitting whose first film is on screen."""
    actions, sessions = made
    request = visit(session=session)
    *_, updates = actions.begin(code, request)
    return actions, sessions.of(session).quiz, request, updates


def marked(sitting, top: int = 40, left: int = 32, bottom: int = 80, right: int = 64) -> dict:
    """The viewer's value with a rectangle marked on the film on screen."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[top:bottom, left:right] = 1
    bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
    region = {"film": sitting.film.key, "width": SHAPE[1], "height": SHAPE[0], "bits": bits}
    return {"film_id": sitting.film.key, "region": region}


def text_of(updates: dict) -> str:
    """Everything that updates would put on screen or into the page."""
    return " ".join(
        u if isinstance(u, str) else json.dumps(u, default=lambda part: str(getattr(part, "value", part)))
        for u in updates.values()
    )


# --- the pool


def test_only_cases_that_may_be_shown_and_judged_are_asked(made):
    actions, sitting, _, _ = begun(made)
    pool = actions._pool.state.candidates
    ids = {c.case_id for c in pool}
    assert ids == {f"CASE-{i:02d}" for i in range(1, 16)} - LEFT_OUT, "nor the first case, seen on arrival"
    assert all(c.answer in APPEARANCE.classes and 0.25 <= c.probability <= 1 for c in pool)
    assert len(sitting.asked) == LENGTH and {a.case_id for a in sitting.asked} <= ids


def test_the_same_code_gives_two_readers_the_same_set_and_no_code_a_new_one(made):
    one, other = begun(made, "Class-1", "a")[1], begun(made, "class-1", "b")[1]
    assert one.asked == other.asked and one.key != other.key
    fresh = [begun(made, "", "c")[1] for _ in range(2)]
    assert len(fresh[0].code) == 6 and fresh[0].code != fresh[1].code


def wait_for(pool: QuizPool) -> None:
    end = time.monotonic() + 30
    while pool._working:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_store_that_fails_is_tried_again(models, store):
    answers = [CaseStoreError("The store is away; try again."), store]

    def opened():
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    pool = QuizPool(models, StoreHost(opened))
    pool.start()
    wait_for(pool)
    assert pool.state.fault == "The store is away; try again." and pool.state.candidates is None
    pool.start()
    wait_for(pool)
    assert pool.state.candidates and not pool.state.fault


def test_who_waits_for_the_films_does_not_wait_until_all_other_readers_are_answered(models, store):
    (host,) = models.hosts
    pool = QuizPool(models, StoreHost(lambda: store))
    with host.gateway.short():  # a class arrives, and somebody's short work is always under way
        pool.start()
        time.sleep(0.3)
        assert pool.state.candidates is None and pool.state.done == 0
        pool.start(awaited=True)
        end = time.monotonic() + 60
        while pool.state.candidates is None and time.monotonic() < end:
            time.sleep(0.05)
        assert pool.state.candidates


def test_without_a_model_the_films_are_chosen_all_the_same(store):
    def failing():
        raise CheckpointError("The checkpoint is not there; fetch it.")

    pool = QuizPool(Checkpoints([ModelHost(failing, "none")]), StoreHost(lambda: store))
    pool.start()
    wait_for(pool)
    assert pool.state.candidates and not any(c.answer for c in pool.state.candidates)


# --- what is told, and when


def test_nothing_of_model_or_reference_is_told_before_the_reader_commits(made):
    _, sitting, _, updates = begun(made)
    shown = text_of(updates)
    assert sitting.case.case_id not in shown and "secret verdict" not in shown
    assert sitting.case.reference[APPEARANCE] not in shown.replace("Negative: no lung", "").replace(
        "Typical: opacities", ""
    ).replace("Indeterminate: opacities", "").replace("Atypical: pneumothorax", "")
    film = next(u for u in updates.values() if isinstance(u, dict) and "film_id" in u)
    assert film["layers"] == [] and film["name"] == "Quiz film 1" and film["marking"]
    assert "A mass" not in shown, "a title may give the answer away"
    assert "Fever &lt;b&gt;and&lt;/b&gt; cough" in "".join(u for u in updates.values() if isinstance(u, str))
    assert sitting.told is None


def test_a_case_from_reading_to_reference(made):
    actions, sitting, request, _ = begun(made)
    told = actions.commit("Typical", 0.9, marked(sitting), request)
    panel, truth = actions.panel, sitting.case.reference[APPEARANCE]
    assert "The model says" in told[panel.model] and panel.truth not in told
    assert sitting.case.case_id not in text_of(told)
    mapped = actions.explain(request)
    assert [layer["unit"] for layer in mapped[panel.film]["layers"]] == ["logits"]
    assert mapped[panel.film]["name"] == "Quiz film 1"
    last = actions.reveal("Atypical", 0.5, request)
    assert [layer["unit"] for layer in last[panel.film]["layers"]] == ["logits", "region"]
    assert sitting.case.case_id in last[panel.truth]
    (row,) = sitting.rows
    assert (row.first, row.second, row.truth) == ("Typical", "Atypical", truth)
    assert (row.first_confidence, row.second_confidence) == (0.9, 0.5)
    assert row.iou_truth == 1.0 and row.hit_truth is True and 0 <= row.iou_map <= 1
    assert CATALOGUES["en"].strings[row.lesson].split(":")[0].replace("'", "&#39;") in last[panel.truth]
    record = last[panel.kept]["record"]
    assert record["done"] == 1 and record["total"] == LENGTH and record["csv"].count("\n") == 2
    json.dumps(record)


def test_a_map_that_comes_after_the_reference_is_still_shown_and_scored(made):
    actions, sitting, request, _ = begun(made, "late")
    actions.commit("Typical", 0.9, marked(sitting), request)
    actions.reveal("Typical", 0.9, request)
    assert sitting.rows[0].iou_map is None
    late = actions.explain(request)
    assert sitting.rows[0].iou_map is not None
    assert actions.panel.truth in late and len(late[actions.panel.film]["layers"]) == 2


def test_a_map_for_a_film_that_was_left_is_dropped(made):
    actions, sitting, request, _ = begun(made, "left")
    actions.commit("Negative", 0.5, None, request)
    actions.reveal("Negative", 0.5, request)
    stop = sitting.stop
    actions.next(request)
    assert stop.is_set() and list(actions.explain(request)) == [actions.panel.message]
    assert sitting.map is None and sitting.stage == "read"


def test_a_whole_set_ends_with_results_and_drills_are_revealed_only_there(made):
    actions, sitting, request, updates = begun(made, "whole")
    panel = actions.panel

    def told_of(updates: dict) -> str:
        return text_of({part: told for part, told in updates.items() if part is not panel.kept})

    assert updates[panel.kept]["record"]["rows"] == [], "the browser learns of a film when it is done"
    before = told_of(updates)
    for number in range(LENGTH):
        assert sitting.number == number + 1
        told = actions.commit("Negative", 0.75, None, request)
        last = actions.reveal("Negative", 0.75, request)
        before += told_of(told) + text_of({0: last[panel.truth]})
        last = actions.next(request)
    assert "drill" not in before
    assert sitting.stage == "over" and sitting.case is None and sitting.film is None
    results = last[panel.results]
    assert "of these films were drills" in results and "?quiz=whole" in results
    assert results.count('<tr><th scope="row">') >= LENGTH
    assert "Brier" in results
    assert all(f'href="?case={row.case_id}&amp;lang=en"' in results for row in sitting.rows)


def test_ending_early_scores_what_was_done(made):
    actions, _, request, _ = begun(made, "early")
    none = actions.finish(request)
    assert "No film was finished" in none[actions.panel.results]
    with pytest.raises(ViewboxError):
        actions.commit("Negative", 0.75, None, request)
    actions.again(request)
    with pytest.raises(ViewboxError):
        actions.finish(request)


# --- after a reload


def resumed(made, record: dict, session: str):
    """A new page that takes up what the browser kept."""
    actions, sessions = made
    request = visit(session=session)
    *_, updates = actions.resume(SimpleNamespace(_data=json.loads(json.dumps(record))), request)
    return actions, sessions.of(session).quiz, request, updates


def test_a_quiz_goes_on_after_a_reload_with_the_next_film(made):
    actions, sitting, request, updates = begun(made, "reload", "before")
    assert updates[actions.panel.kept]["record"]["done"] == 0, "the browser knows from the start"
    actions.commit("Negative", 0.9, None, request)
    record = actions.reveal("Negative", 0.9, request)[actions.panel.kept]["record"]
    actions, again, request, updates = resumed(made, record, "after")
    assert again.asked == sitting.asked and again.rows == sitting.rows and again.key == sitting.key
    assert again.stage == "read" and again.number == 2
    assert "Film 2 of" in updates[actions.panel.step]
    assert list(actions.recommit(request)) == [actions.panel.message], "nothing had been committed"


def test_what_was_committed_stands_after_a_reload(made):
    actions, sitting, request, _ = begun(made, "stands", "before")
    record = actions.commit("Typical", 0.9, marked(sitting), request)[actions.panel.kept]["record"]
    assert record["first"]["class_name"] == "Typical"
    actions, again, request, updates = resumed(made, record, "after")
    assert again.stage == "read" and "model says" not in text_of(updates)
    told = actions.recommit(request)
    assert "The model says" in told[actions.panel.model] and again.stage == "revise"
    assert again.first == sitting.first and np.array_equal(again.mark, sitting.mark)
    actions.reveal("Typical", 0.9, request)
    assert again.rows[0].iou_truth == 1.0


def test_a_record_that_is_damaged_over_or_of_another_set_is_refused(made):
    actions, _, request, _ = begun(made, "refuse", "before")
    actions.commit("Negative", 0.9, None, request)
    good = actions.reveal("Negative", 0.9, request)[actions.panel.kept]["record"]
    resumed(made, good, "fine")
    row = good["rows"][0]
    for bad in (
        "nonsense",
        good | {"rows": [row | {"first": "<b>"}]},
        good | {"rows": [row | {"lesson": "quiz.title"}]},
        good | {"rows": [row | {"first_confidence": 9}]},
        good | {"rows": [row | {"case_id": "CASE-99"}]},
        good | {"rows": [{"number": 1}]},
        good | {"rows": good["rows"] * LENGTH},
        good | {"first": {"class_name": "Typical", "confidence": 0.9, "mark": {"rows": 1, "columns": 9}}},
        good | {"code": "<script>"},
        good | {"key": "../x"},
    ):
        with pytest.raises(ViewboxError, match="cannot be continued"):
            resumed(made, bad, "bad")
    with pytest.raises(ViewboxError, match="other ones now"):
        resumed(made, good | {"set": "000000"}, "moved")


def test_a_quiz_that_was_ended_is_told_to_the_browser_as_over(made):
    actions, _, request, _ = begun(made, "ended", "end")
    assert actions.finish(request)[actions.panel.kept]["record"]["over"] is True


# --- what is refused


def test_a_reader_must_answer_and_is_reminded_of_the_mark_once(made):
    actions, sitting, request, _ = begun(made, "strict")
    for answer, sure in ((None, 0.5), ("Typical", None), ("Nonsense", 0.5)):
        with pytest.raises(ViewboxError, match="Choose an answer"):
            actions.commit(answer, sure, None, request)
    with pytest.raises(ViewboxError, match="marked nothing yet"):
        actions.commit("Typical", 0.5, None, request)
    assert sitting.told is None
    actions.commit("Typical", 0.5, None, request)
    assert sitting.stage == "revise" and sitting.mark is None


def test_a_mark_made_on_another_film_does_not_count_and_a_broken_one_is_refused(made):
    actions, sitting, request, _ = begun(made, "marks")
    value = marked(sitting)
    value["region"]["film"] = "another"
    with pytest.raises(ViewboxError, match="marked nothing yet"):
        actions.commit("Typical", 0.5, value, request)
    for broken in ({"bits": "&&"}, {"width": -1}, {"width": 10**9}, {"bits": 3}):
        bad = marked(sitting)
        bad["region"] |= broken
        with pytest.raises(ViewboxError, match="could not be read"):
            actions.commit("Typical", 0.5, bad, request)
    assert sitting.stage == "read"


def test_steps_out_of_order_are_refused(made):
    actions, sitting, request, _ = begun(made, "order")
    for step in (lambda: actions.reveal("Typical", 0.5, request), lambda: actions.next(request)):
        with pytest.raises(ViewboxError, match="start it again"):
            step()
    actions.commit("Negative", 0.5, None, request)
    with pytest.raises(ViewboxError):
        actions.commit("Typical", 0.5, None, request)
    assert sitting.first.class_name == "Negative", "what was committed stands"


def test_a_bad_code_is_refused_and_one_in_a_link_is_left_out(made):
    actions, _ = made
    with pytest.raises(ViewboxError, match="letters a to z"):
        next(actions.begin("<script>", visit()))
    arrived = actions.arrive(visit(quiz="<script>"))
    assert arrived[actions.panel.code] == "" and "letters a to z" in arrived[actions.panel.status]


def test_a_link_opens_the_tab_with_its_code_in_the_readers_language(made):
    actions, _ = made
    arrived = actions.arrive(visit("zh-TW", quiz="7B"))
    assert arrived[actions.panel.code] == "7b" and actions.panel.tabs in arrived
    assert "判讀" in arrived[actions.panel.intro]
    assert actions.panel.tabs not in actions.arrive(visit())
    assert actions.arrive(visit())[actions.panel.kept]["record"] is None


def test_leaving_forgets_the_quiz(made):
    _, sitting, _, _ = begun(made, session="gone")
    made[1].clear("gone")
    assert sitting.stop.is_set() and made[1].of("gone").quiz is None


# --- the rest


def test_an_enlarged_heart_is_no_opacity_to_mark():
    region = planted_region(one_case(1), SHAPE)
    assert region.sum() == 40 * 32
    assert planted_region(replace(one_case(1), evidence=None), SHAPE) is None


def test_where_the_reference_lies_is_named_by_who_put_it_there():
    planted = reference_region(one_case(1), SHAPE, "en")
    assert planted.legend == "Green: where the opacities were planted in this computed film."
    boxes = (Region("NIH radiologist", "Mass", 0.25, 0.5, 0.5, 0.25),)
    drawn = reference_region(replace(one_case(1), evidence=None, regions=boxes), SHAPE, "zh-Hant")
    assert drawn.legend == "綠色：NIH 放射科醫師圈出的位置（腫塊）。"
    assert drawn.mask[60:90, 24:72].all() and drawn.mask.sum() == 30 * 48
    picture, legend = outlined_film(replace(one_case(1), evidence=None, regions=boxes), "en")
    assert picture.height == HEIGHT and legend == "Green: where the NIH radiologist drew: Mass."
    assert (np.asarray(picture) == GREEN).all(axis=2).any()
    assert outlined_film(replace(one_case(1), evidence=None), "en") is None


def test_a_phantoms_words_are_worded_anew_and_other_english_is_called_so():
    words = (
        "Male, 57 y. Film on admission. Today's CT already shows normal lungs, no zone with airspace opacity."
    )
    case = replace(one_case(1), study=replace(one_case(1).study, text=ClinicalText({"indication": words})))
    told = facts(case, APPEARANCE, "zh-Hant")
    assert "男性，57 歲；入院影像；今日 CT 已顯示肺部正常，沒有任何肺區有肺泡陰影" in told
    assert told.index("男性") < told.index("英文原文：") < told.index("Male, 57 y.")
    assert "英文原文：" in facts(one_case(1), APPEARANCE, "zh-Hant")
    assert "In English" not in facts(case, APPEARANCE, "en")
