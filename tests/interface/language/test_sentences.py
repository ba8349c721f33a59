"""Every sentence that a reader may be told from below the screen is there in every language."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cases.phantom.phrases import phrases
from cases.reading import dicom_tags, upload
from cases.store import broken_case, case_not_found
from interface.language.texts import CATALOGUES, translated
from modeling.errors import StudyError, ViewboxError
from modeling.sentence import Names, Sentence
from modeling.study import CLINICAL_FIELDS
from tests.test_architecture import ROOT, imports, tree, where

CHINESE = re.compile("[\u4e00-\u9fff]")
OTHERS = [language for language in CATALOGUES if language != "en"]
CARRIERS = {"Sentence": 0, "broken_case": 1, "_require": 1, "set_aside": 0}
"""Calls that take a template beside the errors themselves: name -> which argument it is."""


@cache
def sources() -> list[Path]:
    """Every file that the app reaches, also late or by the registry: nobody else speaks to its readers."""
    seen: set[Path] = set()
    waiting = [ROOT / "app.py", *(ROOT / "modeling" / "explain").glob("*.py")]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for imported in imports(path):
            base = ROOT.joinpath(*imported.split("."))
            waiting += [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()]
    return sorted(path for path in seen if where(path).startswith(("modeling/", "cases/", "interface/")))


@cache
def errors() -> frozenset[str]:
    """Names of `ViewboxError` and of all that inherits from it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
    }
    found = {"ViewboxError"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return frozenset(found)


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def templates_of(path: Path, node: ast.expr) -> list[str]:
    """The templates that an argument can be; none where it is a sentence that was made elsewhere."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return templates_of(path, node.body) + templates_of(path, node.orelse)
    if isinstance(node, ast.Name):
        return [
            template
            for one in ast.walk(tree(path))
            if isinstance(one, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == node.id for t in one.targets)
            and not isinstance(one.value, ast.Call)
            for template in templates_of(path, one.value)
        ]
    assert not isinstance(node, ast.JoinedStr | ast.BinOp), f"{where(path)}:{node.lineno} is no template"
    return []


def told() -> Iterator[tuple[str, str, set[str]]]:
    """(where, template, names of its values) of all refusals and notes."""
    for path in sources():
        classes = [
            node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef) and node.name in errors()
        ]
        inside = {id(call) for node in classes for call in ast.walk(node)}
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = called(node)
            at = 0 if name in errors() or (name == "__init__" and id(node) in inside) else CARRIERS.get(name)
            if at is not None and len(node.args) > at and len(node.args) == at + 1:
                values = {keyword.arg for keyword in node.keywords}
                for template in templates_of(path, node.args[at]):
                    yield f"{where(path)}:{node.lineno}", template, values


@cache
def all_told() -> tuple[tuple[str, str, frozenset[str]], ...]:
    return tuple((place, template, frozenset(values)) for place, template, values in told())


def blanks(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_walk_finds_what_readers_are_told():
    found = {template for _, template, _ in all_told()}
    assert len(found) > 250
    for one in (
        "This file is {kind}; choose a PNG, JPEG or DICOM file of a chest film.",
        "its film is not in GridFS",
        "The film is one even gray; it carries nothing to look at.",
        "{server} answered with error {error}; look it up in the server's log.",
        "Two rules are called '{name}'; rename one.",
        "This link's {part} '{value}' is not here; the usual view is shown instead.",
    ):
        assert one in found, one


def test_a_template_has_just_the_values_that_it_is_given():
    wrong = [
        f"{place} {template}"
        for place, template, values in all_told()
        if (blanks(template) if values else set()) != values
    ]
    assert wrong == []


def test_no_error_chooses_its_language() -> None:
    """It carries a template: the words are chosen where it is shown."""
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and called(node) in errors() and node.args:
                inside = {called(call) for call in ast.walk(node.args[0]) if isinstance(call, ast.Call)}
                assert not inside & {"say", "translated"}, f"{where(path)}:{node.lineno}"


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_there_in_every_language_and_none_is_left_over(language):
    found = {template for _, template, _ in all_told()} | set(phrases())
    known = set(CATALOGUES[language].sentences)
    assert [t for t in sorted(found) if t not in known] == [], "without a translation"
    assert [t for t in sorted(known) if t not in found] == [], "that nobody says any more"


@pytest.mark.parametrize("language", OTHERS)
def test_both_sides_have_the_same_values_and_can_be_filled(language):
    for place, template, values in all_told():
        own = CATALOGUES[language].sentences[template]
        if not values:
            assert "{}" not in own, place
            continue
        assert blanks(own) == blanks(template), template
        filled = {name: Sentence("a clause.") for name in values}
        numbers = {
            name: 1 for _, name, spec, _ in string.Formatter().parse(template) if spec and spec != "clause"
        }
        assert own.format(**{**filled, **numbers}) != template


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        (case_not_found("A-1").sentence, "沒有病例「A-1」；請檢查編號，或從清單選擇。"),
        (
            Sentence("Not read by this checkpoint: {fields}.", fields=Names("field", ["d_dimer", "spo2"])),
            "此模型不讀取：D-dimer、SpO₂。",
        ),
        (
            broken_case(
                "x",
                "its film cannot be read: {problem}",
                problem=Sentence(
                    "This image is damaged or cut off; save it again as PNG or JPEG and try once more."
                ),
            ).sentence,
            "病例「x」在病例庫中已損壞（無法讀取其影像：此影像已損壞或不完整；"
            "請重新存成 PNG 或 JPEG 再試一次）；請由來源重新儲存，或選擇其他病例。",
        ),
        (
            Sentence(
                "There is nothing that this checkpoint reads; give the {modalities}.",
                modalities=Names("modality", ["image", "table"], " or the "),
            ),
            "沒有此模型能讀取的資料；請提供影像或臨床資料。",
        ),
        (
            Sentence(
                "This DICOM file holds {kind}; choose a chest radiograph (CR or DX).",
                kind=Names("file", "a CT volume or a slice of one"),
            ),
            "此 DICOM 檔是電腦斷層容積影像或其中一張切面；請選擇胸部 X 光片（CR 或 DX）。",
        ),
    ],
)
def test_what_fills_a_sentence_is_worded_too(sentence, chinese):
    assert translated(sentence, "zh-Hant") == chinese
    assert translated(sentence, "en") == str(sentence)


def test_a_value_with_braces_or_a_strange_sentence_stays_as_it_is():
    assert "「{0} {problem}」" in translated(case_not_found("{0} {problem}").sentence, "zh-Hant")
    for unknown in ("Nothing that anyone says.", "", "x" * 5000, "{problem}"):
        assert translated(unknown, "zh-Hant") == unknown


@pytest.mark.parametrize("field", CLINICAL_FIELDS.values(), ids=lambda f: f.name)
def test_what_a_field_refuses_is_said_in_chinese(field):
    with pytest.raises(StudyError) as caught:
        field.check("none of these")
    assert CHINESE.search(translated(caught.value.sentence, "zh-Hant"))
    if field.kind == "numeric":
        with pytest.raises(ViewboxError) as caught:
            field.check(-1e6)
        said = translated(caught.value.sentence, "zh-Hant")
        assert "超出" in said and "outside" not in said


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_kind_of_file_has_its_word(language):
    kinds = {kind for _, _, kind in upload._OTHER_FILES} | set(dicom_tags._OTHER_MODALITIES.values())
    assert {k for k in CATALOGUES[language].strings if k.startswith("file.")} >= {f"file.{k}" for k in kinds}
