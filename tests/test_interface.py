"""The parts of the page that need neither browser nor server."""

import ast
import math
import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from cases.store import CasePage, CaseSummary
from interface import guard
from interface.api import BASELINES
from interface.case_actions import decoded
from interface.catalogue import CATALOGUE, FIELD_LABELS
from interface.desk import Desk, Desks
from interface.evidence import evidence_panel
from interface.form import table_and_text
from interface.hosts import ModelHost, StoreHost
from interface.markup import case_list, film_figure, prediction_panel
from interface.pictures import film_url, map_urls, shown_film
from interface.reading import own_case, readable, revised, target_of, typed
from interface.texts import preferred, say, word_for
from modeling.errors import CaseStoreError, CheckpointError, ExplanationCancelled, StudyError, ViewboxError
from modeling.labels import TASKS, Target, TaskName
from modeling.render import SIGNS
from modeling.results import Attribution, FieldAttribution, Prediction, TaskPrediction, WordAttribution
from modeling.study import (
    CLINICAL_FIELDS,
    TEXT_SECTIONS,
    ClinicalTable,
    ClinicalText,
    Modality,
    Radiograph,
    Study,
)

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
FILM = Radiograph((np.arange(40 * 30).reshape(40, 30) % 251).astype(np.uint8))


def case(study: Study | None = None, **changes: object) -> Case:
    plain = Case("C1", study or Study(FILM), SYNTHETIC_LICENCE, Provenance("phantom", synthetic=True))
    return replace(plain, **changes)


def prediction() -> Prediction:
    appearance = TASKS[TaskName.APPEARANCE]
    logits = np.array([0.1, 0.5, -0.3, -0.3])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    task = TaskPrediction(appearance.name, appearance.classes, logits, probabilities, (Modality.IMAGE,))
    return Prediction((task,), (Modality.IMAGE,), ("A note.",))


def attribution(**changes: object) -> Attribution:
    image = np.zeros((8, 6), np.float32)
    image[1, 1], image[6, 4] = 0.6, -0.2
    plain = Attribution(
        target=Target(TaskName.APPEARANCE, "Typical"),
        method="integrated_gradients",
        baseline="black",
        image=image,
        fields=(FieldAttribution("age", 40.0, 0.25), FieldAttribution("sex", None, -0.05)),
        words=(WordAttribution("indication", 0, 5, "Fever", 0.1),),
        output=0.9,
        baseline_output=0.2,
        evaluations=16,
        seconds=0.3,
    )
    return replace(plain, **changes)


class Tags(HTMLParser):
    """Tags as a browser would open them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.opened: list[tuple[str, dict]] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.opened.append((tag, dict(attrs)))


# --- texts


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_string_has_both_languages_with_the_same_blanks():
    for key, (english, chinese) in (CATALOGUE | FIELD_LABELS).items():
        assert english and chinese and fields_of(english) == fields_of(chinese), key
    assert set(FIELD_LABELS) == set(CLINICAL_FIELDS)
    for task in TASKS.values():
        assert all(f"class.{name}" in CATALOGUE for name in task.classes) and f"task.{task.name}" in CATALOGUE


def test_every_string_that_the_page_asks_for_is_there_and_none_is_left_over():
    files = [p for p in (Path(__file__).parents[1] / "interface").glob("*.py") if p.name != "catalogue.py"]
    source = "\n".join(p.read_text() for p in files)
    asked = {
        n.value
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    families = ("class.", "task.", "modality.", "section.", "verdict.", "value.", "film.scale_")
    asked |= {f"film.{sign}" for sign in SIGNS} | {f"explain.{name}" for name in BASELINES}
    missing = [k for k in CATALOGUE if k not in asked and not k.startswith(families)]
    assert missing == []
    for key in re.findall(r'(?:say|marker|heading)\("([a-z_.]+)"', source):
        assert key in CATALOGUE, key


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("fr-FR,fr;q=0.9", "en"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("en-US,en;q=0.9,zh;q=0.5", "en"),
        ("ja,zh-Hant;q=0.5", "zh-Hant"),
    ],
)
def test_the_language_follows_the_browser(header, language):
    assert preferred(header) == language


def test_a_name_without_a_word_of_its_own_is_shown_as_it_is():
    assert word_for("class", "Pleural_Thickening", "en") == "Pleural thickening"
    assert word_for("class", "Some_New", "zh-Hant") == "Some New"
    assert say("choose.range", "en", first=1, last=2, count=3) == "1 to 2 of 3 cases"


# --- the form


def study() -> Study:
    values = {"age": 41.123456789, "crp": math.inf, "sex": "male"}
    return Study(FILM, ClinicalTable(values), ClinicalText({"indication": "cough"}))


def filled(study: Study, **changes: object) -> list[object]:
    table = {name: typed(study.table.values.get(name)) for name in CLINICAL_FIELDS} | changes
    return [*table.values(), *(study.text.sections.get(s, "") for s in TEXT_SECTIONS)]


def test_an_untouched_form_gives_the_same_study_back():
    same = revised(study(), *table_and_text(filled(study())))
    assert dict(same.table.values) == dict(study().table.values) and same.text == study().text
    assert same.radiograph is FILM


def test_a_changed_field_replaces_and_an_emptied_one_drops_the_value():
    changed = revised(
        study(), *table_and_text(filled(study(), age="99", crp="", sex="unknown", temperature="99.5 °F"))
    )
    assert set(changed.table.values) == {"age", "temperature"} and changed.table.values["age"] == 99
    assert changed.table.values["temperature"] == pytest.approx(37.5)


def test_an_api_table_touches_only_what_it_names():
    assert dict(revised(study(), {"age": 50}, {}).table.values) == {
        "age": 50.0,
        "crp": math.inf,
        "sex": "male",
    }
    assert "age" not in revised(study(), {"age": None}, {}).table.values


@pytest.mark.parametrize(
    ("table", "text"),
    [({"age": "300"}, {}), ({"nothing": 1}, {}), ({}, {"indication": "x" * 30_000}), ({}, {"indication": 3})],
)
def test_a_value_that_means_nothing_is_refused(table, text):
    with pytest.raises(StudyError):
        revised(study(), table, text)


def test_a_film_is_taken_as_base64_only():
    assert decoded("YWJj") == b"abc" and decoded("data:image/png;base64,YWJj") == b"abc"
    for film in ("app.py", {"path": "app.py"}, None, ["YWJj"], "YWJ"):
        with pytest.raises(StudyError):
            decoded(film)


def test_a_report_joins_the_study_only_for_a_checkpoint_that_reads_it():
    read = case(Study(FILM, text=ClinicalText({"indication": "cough"})), report={"findings": "clear"})
    assert "findings" not in readable(read, ("indication",)).study.text.sections
    assert readable(read, ("indication", "findings")).study.text.sections["findings"] == "clear"


def test_the_target_is_the_chosen_one_or_the_most_probable():
    assert target_of(prediction(), None).slug == "appearance/Typical"
    chosen = Target(TaskName.APPEARANCE, "Atypical")
    assert target_of(prediction(), chosen) == chosen
    with pytest.raises(ViewboxError):
        target_of(prediction(), Target(TaskName.GRADING, "Mild"))


# --- markup


def test_nothing_that_comes_from_a_store_or_a_reader_becomes_markup():
    hostile = case(
        Study(FILM, text=ClinicalText({"indication": HOSTILE})),
        case_id=HOSTILE,
        licence=Licence(HOSTILE, True, True),
        provenance=Provenance(HOSTILE, attribution=HOSTILE, synthetic=True),
        reference={TaskName.APPEARANCE: HOSTILE},
    )
    word = WordAttribution("indication", 0, len(HOSTILE), HOSTILE, 0.1)
    row = CaseSummary(HOSTILE, HOSTILE, {"appearance": HOSTILE}, HOSTILE, synthetic=True)
    noted = replace(prediction(), notes=(HOSTILE,))
    pages = [
        film_figure(hostile, None, "en"),
        film_figure(own_case(hostile.study, HOSTILE, HOSTILE), "data:,", "en", target=HOSTILE),
        case_list(CasePage((row,), None), 1, 1, HOSTILE, "en"),
        prediction_panel(noted, hostile, "en"),
        evidence_panel(attribution(words=(word,), notes=(HOSTILE,)), hostile.study, "en"),
    ]
    for page in pages:
        assert not any("onerror" in attrs or attrs.get("src") == "x" for _, attrs in Tags(page).opened)


def test_the_prediction_names_the_reference_in_words():
    panel = prediction_panel(prediction(), case(reference={TaskName.APPEARANCE: "Negative"}), "en")
    row = next(r for r in panel.split("<tr>") if "Negative" in r)
    assert "✓ reference" in row and "most probable" not in row and "A note." in panel
    assert "no reference label" in prediction_panel(prediction(), case(), "en")


def test_fields_and_words_share_one_scale_and_carry_their_sign():
    panel = evidence_panel(attribution(), Study(FILM, text=ClinicalText({"indication": "Fever"})), "en")
    assert (
        "Full width is 0.250 logits" in panel
        and "+0.250" in panel
        and "−0.050" in panel
        and "+0.100" in panel
    )
    widths = [float(w) for w in re.findall(r'class="(?:pos|neg)" style="width:([\d.]+)%', panel)]
    assert widths[-2:] == [50.0, 10.0]


@pytest.mark.parametrize(("output", "words"), [(0.9, "Converged"), (0.93, "Usable"), (2.0, "Not converged")])
def test_the_delta_is_said_in_words(output, words):
    panel = evidence_panel(attribution(output=output), Study(FILM), "en")
    assert words in panel and ("Do not read this map" in panel) == (words == "Not converged")


def test_a_film_that_may_not_be_shown_is_not_drawn():
    hidden = case(licence=Licence("private", may_show=False, may_export=False))
    assert shown_film(hidden) is None and film_url(shown_film(hidden)) is None
    figure = film_figure(hidden, None, "en")
    assert "<img" not in figure and "private" in figure and "does not let it be shown" in figure


def test_a_map_keeps_the_films_geometry():
    shown = shown_film(case(Study(Radiograph(np.tile(FILM.pixels, (60, 40))))))
    assert shown.shape == (1024, 512)
    picture, legend, scale = map_urls(shown, attribution(), opacity=0.5, sign="both")
    assert (
        picture.startswith("data:image/jpeg;base64,")
        and legend.startswith("data:image/png;base64,")
        and scale > 0
    )


# --- desks and hosts


def test_desks_are_bounded_and_forgotten():
    desks = Desks(capacity=2)
    first = desks.of("a")
    assert desks.of("a") is first and desks.of(None) is not desks.of(None)
    desks.of("b"), desks.of("c")
    assert len(desks) == 2 and first.stop.is_set() and desks.of("a") is not first
    kept = desks.of("a")
    desks.clear("a")
    assert kept.stop.is_set() and len(desks) == 1


def test_a_change_of_the_study_stops_the_work_on_the_last_one():
    desk = Desk()
    desk.put(case(), None)
    desk.due = "explain"
    stop = desk.begin_explanation()
    assert desk.due == "nothing" and not stop.is_set()
    desk.revise(Study(FILM))
    assert stop.is_set() and desk.due == "predict" and desk.opened == 2


def test_a_store_that_could_not_be_opened_is_tried_again():
    tries = []

    def open_store():
        tries.append(1)
        if len(tries) == 1:
            raise CaseStoreError("The store is down; try again.")
        return type("Store", (), {"description": "a store"})()

    host = StoreHost(open_store)
    with pytest.raises(CaseStoreError):
        _ = host.store
    assert host.store.description == "a store" and host.store is host.store and len(tries) == 2


def load_and_wait(load) -> ModelHost:
    host = ModelHost(load, "toy")
    assert host.state.phase == "loading"
    host.start()
    while host._working:
        pass
    return host


def test_a_checkpoint_that_fails_says_why_and_can_be_retried():
    def refuse():
        raise CheckpointError("There is no checkpoint; give one.")

    host = load_and_wait(refuse)
    assert host.state.phase == "failed" and host.state.sentence == "There is no checkpoint; give one."
    with pytest.raises(CheckpointError, match="give one"):
        host.predict(Study(FILM), None)


class ToyPipeline:
    """Explains with three refinements and no thought."""

    def explain(self, study, target, *, baseline, progress, cancelled):
        assert progress is None and cancelled is None, "callbacks cannot travel to another process"
        yield from (attribution(evaluations=n) for n in (8, 16, 32))


def test_on_zerogpu_an_explanation_stops_between_refinements():
    wrapped = []
    host = ModelHost(ToyPipeline, "toy", on_gpu=lambda f: wrapped.append(f.__name__) or f)
    host._pipeline = ToyPipeline()
    assert wrapped == ["_predict_here", "_explain_here"]
    seen, target = [], Target(TaskName.APPEARANCE, "Typical")
    with pytest.raises(ExplanationCancelled):
        for step in host.explain(Study(FILM), target, "black", print, lambda: len(seen) == 2):
            seen.append(step.evaluations)
    assert seen == [8, 16]


def test_a_fault_of_our_own_while_loading_is_logged_and_worded(caplog):
    def slip():
        raise KeyError("internal detail")

    host = load_and_wait(slip)
    assert host.state.phase == "failed" and "internal detail" not in host.state.sentence
    assert "internal detail" in caplog.text


def test_our_own_slips_are_logged_and_shown_as_one_sentence(caplog):
    def slip() -> str:
        raise ZeroDivisionError("internal detail")

    with pytest.raises(gr.Error) as caught:
        guard.for_api(slip)()
    assert caught.value.message == guard.OUR_SIDE and "internal detail" in caplog.text
    assert guard.on_screen(lambda told: {"message": told})(slip)() == {"message": guard.OUR_SIDE}


def test_a_readers_error_is_shown_in_its_own_words():
    def refuse():
        raise StudyError("Age is 300; correct it.")
        yield

    assert list(guard.on_screen(lambda told: {"message": told})(refuse)()) == [
        {"message": "Age is 300; correct it."}
    ]
