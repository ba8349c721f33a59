"""The parts of the page that need neither browser nor server."""

import ast
import math
import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from cases.case import Licence, Provenance
from cases.document import document_from_case, summary_from_document
from cases.store import CasePage, CaseSummary
from interface.case_tab.explanation_panel import evidence_panel
from interface.case_tab.form import table_and_text
from interface.case_tab.prediction_panel import prediction_panel
from interface.case_tab.viewer import film_value
from interface.html.fragments import case_list, form_reads
from interface.html.pictures import film_url, map_urls, shown_film
from interface.html.render import TEMPLATES
from interface.language.texts import CATALOGUES, preferred, say, word_for
from interface.models.checkpoints import model_line
from interface.models.held_film import hold
from interface.models.model_host import ModelState
from interface.session.study_edits import fitted, own_case, revised, target_of, typed
from modeling.errors import StudyError, ViewboxError
from modeling.labels import APPEARANCE, GRADING, TASKS, Target
from modeling.render.pictures import SIGNS
from modeling.results import BASELINES, Claim, WordAttribution
from modeling.study import (
    CLINICAL_FIELDS,
    TEXT_SECTIONS,
    ClinicalTable,
    ClinicalText,
    Modality,
    Radiograph,
    Study,
)
from tests.doubles.example_answers import FILM, attribution, case, prediction

ASSETS = TEMPLATES.parents[1] / "assets"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


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


def test_every_field_class_and_task_has_its_word():
    assert {k for k in CATALOGUES["en"].strings if k.startswith("field.")} == {
        f"field.{n}" for n in CLINICAL_FIELDS
    }
    for task in TASKS.values():
        assert (
            all(f"class.{name}" in CATALOGUES["en"].strings for name in task.classes)
            and f"task.{task.name}" in CATALOGUES["en"].strings
        )


def test_every_string_that_the_page_asks_for_is_there_and_none_is_left_over():
    files = (Path(__file__).parents[2] / "interface").rglob("*.py")
    source = "\n".join(p.read_text() for p in files)
    templates = "\n".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    scripts = "\n".join(path.read_text() for path in ASSETS.glob("*.js"))
    asked = set(re.findall(r"""["']([a-z0-9_.]+)["']""", templates + scripts)) | {
        n.value
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    families = ("class.", "task.", "modality.", "section.", "verdict.", "value.", "film.scale_")
    families += ("reader.", "licence.", "common.", "errors.")  # data's own names, and gradio's words
    families += ("checkpoint.", "source.", "aside.", "operating.", "page.bar_")
    families += ("link.part.", "learn.", "defect.", "words.", "handout.")
    families += ("meaning.", "measure.", "method.", "about.", "trust.", "viewer.")
    families += ("reports.section.", "reports.value.", "reports.kind.", "similar.image", "similar.table")
    families += ("similar.text", "localisation.", "form.without_", "field.", "file.", "joint.", "plot.")
    families += ("budget.", "take.", "scale.", "question.", "answer.", "quiz.class_")
    families += tuple(re.findall(r"""["']([a-z0-9_.]+[._])["'] ~""", templates))
    families += tuple(re.findall(r'f"([a-z0-9_]+\.[a-z0-9_.]*[._])\{', source))
    families += ("quiz.definition_", *(f"quiz.{k}_" for k in re.findall(r'asking\("([a-z_]+)"', source)))
    asked |= {f"prove.{claim}" for claim in get_args(Claim)}
    asked |= {f"whole.{way}" for way in ("for", "against", "hardly", "more", "less", "same")}
    families += ("points.", "quiz.after_", "quiz.before_", "quiz.film_to_", "quiz.to_")
    asked |= {f"film.{sign}" for sign in SIGNS} | {f"explain.{name}" for name in BASELINES}
    missing = [k for k in CATALOGUES["en"].strings if k not in asked and not k.startswith(families)]
    assert missing == []
    for key in re.findall(r"""(?:say|marker|heading)\(["']([a-z_.]+)["'](?! ~)""", source + templates):
        assert key in CATALOGUES["en"].strings, key


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


def test_a_report_joins_the_study_only_for_a_checkpoint_that_reads_it_and_leaves_with_it():
    told = {"findings": "clear", "impression": "normal"}
    read = case(Study(FILM, text=ClinicalText({"indication": "cough"})), report=told)
    assert dict(fitted(read.study, read, ("indication",)).text.sections) == {"indication": "cough"}
    post_read = fitted(read.study, read, ("indication", "findings"))
    assert dict(post_read.text.sections) == {"indication": "cough", "findings": "clear"}
    changed = replace(post_read, text=ClinicalText({"indication": "fell", "findings": "clear"}))
    assert dict(fitted(changed, read, ()).text.sections) == {"indication": "fell"}


def test_the_target_is_the_chosen_one_or_the_most_probable():
    assert target_of(prediction(), None).slug == "appearance/Typical"
    chosen = Target(APPEARANCE, "Atypical")
    assert target_of(prediction(), chosen) == chosen
    with pytest.raises(ViewboxError):
        target_of(prediction(), Target(GRADING, "Mild"))


# --- markup


def test_nothing_that_comes_from_a_store_or_a_reader_becomes_markup():
    hostile = case(
        Study(FILM, text=ClinicalText({"indication": HOSTILE})),
        case_id=HOSTILE,
        licence=Licence(HOSTILE, True, True),
        provenance=Provenance(HOSTILE, attribution=HOSTILE, synthetic=True),
        reference={APPEARANCE: HOSTILE},
    )
    word = WordAttribution("indication", 0, len(HOSTILE), HOSTILE, 0.1)
    row = CaseSummary(HOSTILE, HOSTILE, {"appearance": HOSTILE}, HOSTILE, synthetic=True)
    noted = replace(prediction(), notes=(HOSTILE,), checkpoint=HOSTILE, mismatch=(HOSTILE,))
    pages = [
        film_value(hostile, None, "en")["caption"],
        film_value(own_case(hostile.study, HOSTILE, HOSTILE), None, "en")["caption"],
        case_list(CasePage((row,), None), 1, 1, HOSTILE, "en"),
        prediction_panel(noted, hostile, "en"),
        model_line(ModelState("failed", HOSTILE, HOSTILE, sentence=HOSTILE), "en", in_use=True),
        evidence_panel(attribution(words=(word,), notes=(HOSTILE,)), hostile.study, "en"),
    ]
    for page in pages:
        assert not any("onerror" in attrs or attrs.get("src") == "x" for _, attrs in Tags(page).opened)


def test_the_prediction_names_the_reference_in_words():
    labelled = case(reference={APPEARANCE: "Negative"})
    panel = prediction_panel(prediction(), labelled, "en")
    row = next(r for r in panel.split("<tr") if "Negative" in r)
    assert "✓ reference" in row and "most probable" not in row and "A note." in panel
    assert "no reference label" in prediction_panel(prediction(), case(), "en")
    assert "Model: toy." in panel and "sha256" not in panel, "its revision is behind the button in the bar"


def test_what_was_used_names_the_answers_that_used_it():
    film, table = Modality.IMAGE, Modality.TABLE
    first, second = prediction().tasks[0], replace(prediction().tasks[0], task=TASKS["grading"])
    mixed = (replace(first, modalities=(film,)), replace(second, modalities=(film, table)))
    panel = prediction_panel(replace(prediction(), tasks=mixed, given=(film, table)), case(), "en")
    assert "Used: film, clinical data (for Grading)." in panel
    viewed = Study(FILM, ClinicalTable({"view_position": "AP"}))
    panel = prediction_panel(replace(prediction(), tasks=mixed, given=(film, table)), case(viewed), "en")
    assert "film, view of the film (for Grading)." in panel and "clinical data" not in panel
    aged = Study(FILM, ClinicalTable({"view_position": "AP", "age": 60.0}))
    panel = prediction_panel(
        replace(prediction(), tasks=mixed, given=(film, table)), case(viewed), "en", study=aged
    )
    assert "clinical data (for Grading)" in panel, "what the reader has added counts"
    unread = replace(prediction(), tasks=mixed[:1], given=(film, table))
    assert "Used: film." in prediction_panel(unread, case(), "en"), "a table that nothing reads was not used"


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


def test_where_no_word_was_read_the_panel_says_why():
    wordless = attribution(words=())
    assert "This model reads no text." in evidence_panel(wordless, Study(FILM), "en", reads_text=False)
    assert "No word took part" in evidence_panel(wordless, Study(FILM), "en", reads_text=True)


def test_the_form_says_what_the_checkpoint_reads_and_marks_it():
    told = form_reads(["age", "sex"], ["indication"], "en")
    assert "Age (years), Sex." in told and "Indication." in told
    assert all(place in told for place in ("#vb-field-age ", "#vb-field-sex ", "#vb-section-indication "))
    nothing = form_reads([], [], "en")
    assert "no clinical field" in nothing and "no text" in nothing and "<style>" not in nothing


@pytest.mark.parametrize(("output", "words"), [(0.9, "Converged"), (0.93, "Usable"), (2.0, "Not converged")])
def test_the_delta_is_said_in_words(output, words):
    panel = evidence_panel(attribution(output=output), Study(FILM), "en")
    assert words in panel and ("Do not read this map" in panel) == (words == "Not converged")


def test_a_film_that_may_not_be_shown_is_not_drawn():
    hidden = case(licence=Licence("private", may_show=False, may_export=False))
    assert shown_film(hidden) is None and film_url(shown_film(hidden)) is None
    told = film_value(hidden, hold(hidden), "en")
    assert told["film"] is None and "private" in told["text"] and "does not let it be shown" in told["text"]


def test_a_film_that_may_not_be_shown_says_so_on_its_tile_in_a_list():
    licence = Licence("private", may_show=False, may_export=False)
    hidden = document_from_case(case(licence=licence, title={"en": "Lower left", "zh-Hant": "左下肺"}))
    row = summary_from_document(hidden)
    assert row.thumbnail is None and not row.may_show
    for language, told in (
        ("en", ("Not shown: licence", "Lower left")),
        ("zh-Hant", ("授權不允許", "左下肺")),
    ):
        drawn = case_list(CasePage((row,), None), 1, 1, "", language)
        assert "<img" not in drawn and all(one in drawn for one in told)
    without = case_list(CasePage((replace(row, may_show=True),), None), 1, 1, "", "en")
    assert "No preview" in without and "licence" not in without


def test_a_map_keeps_the_films_geometry():
    shown = shown_film(case(Study(Radiograph(np.tile(FILM.pixels, (60, 40))))))
    assert shown.shape == (1024, 512)
    picture, legend, scale = map_urls(shown, attribution(), opacity=0.5, sign="both")
    assert (
        picture.startswith("data:image/jpeg;base64,")
        and legend.startswith("data:image/png;base64,")
        and scale > 0
    )
