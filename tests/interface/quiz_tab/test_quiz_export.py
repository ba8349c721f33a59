"""A quiz as questions for a course: Moodle XML by its documented elements, GIFT by a small parser."""

import base64
import contextlib
import html
import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from PIL import Image

from cases.case import SYNTHETIC_LICENCE, Case, Licence
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseStore
from interface.language.texts import LANGUAGES, Language, say, word_for
from interface.quiz_tab.question_bank import gift, moodle_xml, question_of
from interface.quiz_tab.rules import LENGTH, Asked
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, FINDINGS, GRADING
from tests.doubles.toys import toy_radiograph
from tests.interface.quiz_tab.test_quiz_findings import labelled
from tests.interface.quiz_tab.test_quiz_gradings import checkpoint, graded, opened

ONLY_HERE = Licence("shown here, passed on nowhere", may_show=True, may_export=False)
NASTY = "100 % = {sure}: ~no #1 <b>& \\n 'x' \x0b]]>"
FRACTIONS = {100, 50, 33.33333, 25, 20, 0, -20, -25, -33.33333, -50, -100}
"""Parts of a grade that occur here, of those that Moodle's list of grades allows."""


def taught(case: Case) -> Case:
    """A case with words that every format must escape."""
    words = {"en": f"Note {NASTY}", "zh-Hant": "注意：兩側肺底"}
    film = toy_radiograph(1, (60, 48))
    study = replace(case.study, radiograph=film)
    text = replace(study.text, sections={"indication": NASTY})
    title = {"en": f"Bases {NASTY}"}
    return replace(case, study=replace(study, text=text), teaching_note=words, title=title)


CASES = {
    APPEARANCE: taught(graded(1, "Typical")),
    GRADING: taught(graded(2)),
    FINDINGS: taught(labelled(1)),
}


def questions(language: Language = "en"):
    asked = [(case, Asked(case.case_id, False, task)) for task, case in CASES.items()]
    return [question_of(case, one, n, language) for n, (case, one) in enumerate(asked, 1)]


# --- Moodle XML

TEXT = {"name", "questiontext", "generalfeedback", "answer", "feedback"}
CHILDREN = {
    "quiz": {"question"},
    "question": {
        "category", "name", "questiontext", "generalfeedback", "defaultgrade", "penalty", "hidden", "single",
        "shuffleanswers", "answernumbering", "answer",
    },
    "category": {"text"},
    "name": {"text"},
    "questiontext": {"text", "file"},
    "generalfeedback": {"text"},
    "answer": {"text", "feedback"},
    "feedback": {"text"},
}  # fmt: skip
ATTRIBUTES = {
    "question": {"type": {"category", "multichoice"}},
    "questiontext": {"format": {"html"}},
    "generalfeedback": {"format": {"html"}},
    "answer": {"format": {"html"}, "fraction": None},
    "feedback": {"format": {"html"}},
    "file": {"name": None, "path": {"/"}, "encoding": {"base64"}},
}


def check_element(element: ElementTree.Element) -> None:
    """Every element and attribute is one that the documentation of the format names, in its place."""
    known = ATTRIBUTES.get(element.tag, {})
    assert set(element.attrib) == set(known), element.tag
    for name, allowed in known.items():
        assert allowed is None or element.get(name) in allowed, (element.tag, name)
    for child in element:
        assert child.tag in CHILDREN.get(element.tag, ()), (element.tag, child.tag)
        check_element(child)
    if element.tag in TEXT:
        assert element.find("text") is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_moodle_xml_holds_what_its_documentation_names_and_the_films(language: Language) -> None:
    root = ElementTree.fromstring(moodle_xml(questions(language), "Viewbox/7b").encode())
    check_element(root)
    first, *rest = root.findall("question")
    assert first.find("category/text").text == "$course$/Viewbox/7b"
    assert len(rest) == len(CASES)
    titled = " ".join(f"Bases {NASTY}".split())
    names = [f"{n}. {titled}" for n in range(1, len(CASES) + 1)]
    assert [element.find("name/text").text for element in rest] == names
    for element, (task, case) in zip(rest, CASES.items(), strict=True):
        text = element.find("questiontext/text").text
        assert '<img src="@@PLUGINFILE@@/film.jpg"' in text
        assert word_for("licence", case.licence.name, language) in text
        assert case.provenance.attribution in html.unescape(text)
        assert html.escape("100 % = {sure}: ~no #1 <b>&", quote=False) in text
        film = Image.open(io.BytesIO(base64.b64decode(element.find("questiontext/file").text, validate=True)))
        assert film.format == "JPEG" and film.size == (48, 60)
        assert case.teaching_note[language].split("\x0b")[0].split("<")[0] in html.unescape(
            element.find("generalfeedback/text").text
        )
        parts = [float(answer.get("fraction")) for answer in element.findall("answer")]
        assert {round(part, 5) for part in parts} <= FRACTIONS
        assert sum(part for part in parts if part > 0) == pytest.approx(100, abs=0.01)
        single = element.find("single").text
        assert single == ("false" if task == FINDINGS else "true")
        if task == APPEARANCE:
            right = next(a for a in element.findall("answer") if a.get("fraction") == "100")
            assert right.find("text").text == say("class.Typical", language)
            assert len(parts) == len(APPEARANCE.classes)
        if task == GRADING:
            assert len(parts) == len(GRADING.classes)


# --- GIFT

ESCAPED = re.compile(r"\\([~=#{}:\\n])")


def parsed(text: str) -> list[dict]:
    """The questions of a GIFT file as Moodle's documentation of the format describes it.

    Questions are parted by empty lines; `//` begins a comment line and `$CATEGORY:` a category. A question is
    an optional `::title::`, an optional `[format]`, the text, and answers in braces: `=` right, `~` wrong,
    `%n%` a part of the grade, `#` feedback on an answer and `####` on the question. `~ = # { } :` stand for
    themselves behind a backslash.
    """
    found = []
    for block in re.split(r"\n[ \t]*\n", text.strip()):
        lines = [line for line in block.split("\n") if not line.startswith("//")]
        if lines[0].startswith("$CATEGORY:"):
            found.append({"category": lines[0].partition(":")[2].strip()})
            continue
        block = "\n".join(lines)
        hidden = ESCAPED.sub(lambda m: chr(0xE000 + ord(m[1])), block)  # out of the way of the parser
        title, form, asked, answers = re.fullmatch(
            r"::(.*?)::\s*(?:\[(\w+)\])?([^{}]*)\{([^{}]*)\}\s*", hidden, re.S
        ).groups()
        answers, _, general = answers.partition("####")
        options = []
        for sign, body in re.findall(r"([=~])([^=~]*)", answers):
            weight = re.match(r"%(-?[\d.]+)%", body)
            words = body[weight.end() :] if weight else body
            part = float(weight[1]) if weight else 100.0 if sign == "=" else 0.0
            options.append((shown(words.partition("#")[0].strip()), part))
        assert not re.sub(r"([=~])([^=~]*)", "", answers).strip()
        found.append(
            {"title": shown(title), "format": form, "text": shown(asked.strip()), "options": options}
        )
        found[-1]["feedback"] = shown(general.strip())
    return found


def shown(text: str) -> str:
    """Text with its escaped signs put back; none may stand unescaped."""
    assert not re.search(r"[~=#{}]", text), text[:80]
    return re.sub("[\ue000-\ue0ff]", lambda m: chr(ord(m[0]) - 0xE000), text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_gift_says_the_same_to_a_parser_of_its_grammar(language: Language) -> None:
    asked = questions(language)
    first, *rest = parsed(gift(asked, "Viewbox/7b"))
    assert first == {"category": "$course$/Viewbox/7b"}
    for read, question in zip(rest, asked, strict=True):
        assert read["title"] == question.name and read["format"] == "html"
        assert read["text"] == " ".join(question.text(question.film).split())
        assert [name for name, _ in read["options"]] == [name for name, _ in question.options]
        parts = [part for _, part in read["options"]]
        assert parts == pytest.approx([part for _, part in question.options], abs=0.001)
        assert read["feedback"] == " ".join(question.feedback.split())
        data = re.search(r'src="data:image/jpeg;base64,([^"]+)"', read["text"])[1]
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (48, 60)


def test_several_findings_share_the_grade_and_none_is_an_answer_too() -> None:
    several = questions()[-1]
    assert several.several and several.options[-1][0] == "No finding"
    none = question_of(labelled(2), Asked("x", False, FINDINGS), 1, "en")
    assert [name for name, part in none.options if part > 0] == ["No finding"]


# --- from the page

VISIT = SimpleNamespace(session_hash="s", headers={"accept-language": "en-US"}, query_params={})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> CaseStore:
    """Every other film may be shown here and passed on nowhere."""
    folder = tmp_path_factory.mktemp("export") / "store"
    with EmbeddedCaseStore.create(folder) as writing:
        for number in range(20):
            writing.put(graded(number, licence=ONLY_HERE if number % 2 else SYNTHETIC_LICENCE))
    with contextlib.closing(open_case_store(str(folder))) as opening:
        yield opening


def test_a_set_is_saved_without_the_films_that_may_not_be_passed_on(store: CaseStore, tmp_path: Path) -> None:
    actions, sitting, _ = opened(checkpoint(tmp_path / "toy", GRADING), store, "7b")
    may = [one.case_id for one in sitting.asked if store.get(one.case_id).licence.may_export]
    assert 0 < len(may) < LENGTH
    for kind, ending in (("moodle", "moodle.xml"), ("gift", "gift.txt")):
        *_, updates = actions.export(kind)("7b", VISIT)
        file = updates[actions.panel.taken]
        assert file["kind"] == "file" and file["name"] == f"viewbox-quiz-7b-{ending}"
        assert f"Saved {len(may)} of {LENGTH}" in file["told"]
        assert f"Left out: {LENGTH - len(may)}" in file["told"]
        ids = re.findall(r"\d\. (case-\d+)", file["html"])
        assert ids == may
    *_, fresh = actions.export("gift")("", VISIT, "grading")
    assert fresh[actions.panel.code].startswith("grading-")


def test_where_nothing_may_be_passed_on_the_teacher_is_told(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "store") as writing:
        for number in range(9):
            writing.put(graded(number, licence=ONLY_HERE))
    with contextlib.closing(open_case_store(str(tmp_path / "store"))) as store:
        actions, *_ = opened(checkpoint(tmp_path / "toy", GRADING), store)
        with pytest.raises(ViewboxError, match="No film of this set may be passed on"):
            list(actions.export("moodle")("7b", VISIT))
