"""Every sentence that a reader may be told from below the screen has its Chinese, blanks included."""

import ast
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import modeling.errors
from interface.language.refusals import PATTERNS, translated
from modeling.errors import ViewboxError
from modeling.study import CLINICAL_FIELDS
from tests import test_architecture
from tests.test_architecture import ROOT, imports, tree, where

CHINESE = re.compile("[\u4e00-\u9fff]")
ERRORS = {
    name
    for name, value in vars(modeling.errors).items()
    if isinstance(value, type) and issubclass(value, ViewboxError)
}
CARRIERS = {"broken_case": 1, "_require": 1}
"""Calls that hand a sentence on: name -> which argument it is."""


@cache
def sources() -> list[Path]:
    """Every file that the app reaches, early or late: nobody else speaks to its readers."""
    seen: set[Path] = set()
    waiting = [ROOT / "app.py"]
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
def functions() -> dict[str, list[tuple[Path, ast.FunctionDef]]]:
    found: dict[str, list[tuple[Path, ast.FunctionDef]]] = {}
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, []).append((path, node))
    return found


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def assigned(path: Path, name: str) -> list[ast.expr]:
    """Every text that a name of a file is given."""
    return [
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def said(path: Path, node: ast.expr) -> list[str]:
    """The sentences that an expression can be, with x1x, x2x ... where a value stands."""
    if isinstance(node, ast.Constant):
        return [_blanked(node.value)] if isinstance(node.value, str) and node.value else []
    if isinstance(node, ast.JoinedStr):
        return [_joined(path, node)]
    if isinstance(node, ast.BinOp):
        return [a + b for a in said(path, node.left) for b in said(path, node.right)]
    if isinstance(node, ast.IfExp):
        return said(path, node.body) + said(path, node.orelse)
    if isinstance(node, ast.Name):
        return [s for value in assigned(path, node.id) for s in said(path, value)]
    if isinstance(node, ast.Call):
        if called(node) == "rstrip":
            return said(path, node.func.value)
        return [
            s
            for file, function in functions().get(called(node), [])
            for inner in ast.walk(function)
            if isinstance(inner, ast.Return) and inner.value is not None
            for s in said(file, inner.value)
        ]
    return []


def _blanked(template: str) -> str:
    """A template with x1x, x2x ... in its braces; the same value has the same blank."""
    names = list(dict.fromkeys(re.findall(r"\{(\w+)(?::[^{}]*)?\}", template)))
    return re.sub(r"\{(\w+)(?::[^{}]*)?\}", lambda m: f"x{names.index(m[1]) + 1}x", template)


def _joined(path: Path, node: ast.JoinedStr) -> str:
    text, blanks = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += part.value
            continue
        known = said(path, part.value) if isinstance(part.value, ast.Name) and part.value.id.isupper() else []
        blanks += 1
        text += known[0] if len(known) == 1 else f"x{blanks}x"
    return text


def spoken() -> Iterator[tuple[str, str]]:
    """(where, sentence) of all refusals and notes."""
    for path in sources():
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Call):
                continue
            name = called(node)
            at = 0 if name in ERRORS or name == "Sentence" else CARRIERS.get(name)
            if at is not None and len(node.args) > at:
                for sentence in said(path, node.args[at]):
                    yield f"{where(path)}:{node.lineno}", sentence


def test_the_walk_finds_what_readers_are_told():
    found = {sentence for _, sentence in spoken()}
    assert len(found) > 120
    for known in (
        "This file is x1x; choose a PNG, JPEG or DICOM file of a chest film.",
        "its film is not in GridFS",
        "The film is one even gray; it carries nothing to look at.",
        "The Hub answered x1x for x2x; try again in a minute.",
        "x1x answered with error x2x; look it up in the server's log.",
    ):
        assert known in found, known


def test_every_sentence_has_its_chinese_and_loses_no_value():
    missing, lost = [], []
    for place, sentence in spoken():
        chinese = translated(sentence, "zh-Hant")
        if not CHINESE.search(chinese):
            missing.append(f"{place} {sentence}")
        lost += [
            f"{place} {sentence}: {blank}" for blank in re.findall(r"x\d+x", sentence) if blank not in chinese
        ]
    assert missing == [] and lost == []


def test_both_sides_of_a_pattern_have_the_same_blanks():
    for english, chinese in PATTERNS.items():
        blanks = [sorted(re.findall(r"\{(\w+)\}", side)) for side in (english, chinese)]
        assert blanks[0] == blanks[1] and len(set(blanks[0])) == len(blanks[0]), english


def test_no_pattern_is_left_over():
    """A sentence that nothing in the house says any more goes."""
    found = {sentence for _, sentence in spoken()}
    constants = {
        node.value
        for path in test_architecture.sources()
        if "said_by" not in path.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = [
        english
        for english in PATTERNS
        if english not in constants
        and not any(_fits(english, sentence) for sentence in found)
        and not all(any(part.strip() in text for text in constants) for part in _literals(english))
    ]
    assert unused == []


def _literals(pattern: str) -> list[str]:
    return [part for part in re.split(r"\{\w+\}", pattern) if part.strip()]


def _fits(pattern: str, sentence: str) -> bool:
    regex = ".+?".join(re.escape(part) for part in re.split(r"\{\w+\}", pattern))
    return re.fullmatch(regex, sentence) is not None


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("There is no case 'A-1'; check the ID or choose one from the list.", "沒有病例「A-1」"),
        ("appearance reads the image or text; give one of them first.", "「型態」讀取影像或文字"),
        ("Not read by this checkpoint: d dimer, spo2.", "此模型不讀取：D-雙聚體、血氧飽和度。"),
        (
            "The film is 20 x 10 pixels; choose one with at least 64 pixels a side.",
            "影像為 20 x 10 像素；請選擇每邊至少 64 像素的影像。",
        ),
        (
            "MongoDB at db.example:27017 is not running; start it, or correct host and port in MONGODB_URI,"
            " then try again.",
            "位於 db.example:27017 的 MongoDB未在執行",
        ),
        (
            "Case 'x' is broken in the store (its film cannot be read: This image is damaged or cut off; save"
            " it again as PNG or JPEG and try once more); store it again from its source, or choose another"
            " case.",
            "無法讀取其影像",
        ),
        (
            "This DICOM file holds a CT image; choose a chest radiograph (CR or DX).",
            "此 DICOM 檔是電腦斷層影像",
        ),
        (
            "There is nothing that this checkpoint reads; give the image or the table.",
            "沒有此模型能讀取的資料；請提供影像或臨床資料。",
        ),
    ],
)
def test_what_fills_a_blank_is_translated_too(english, chinese):
    assert chinese in translated(english, "zh-Hant") and translated(english, "en") == english


def test_a_value_with_braces_or_a_strange_sentence_stays_as_it_is():
    odd = "There is no case '{0} {problem}'; check the ID or choose one from the list."
    assert "「{0} {problem}」" in translated(odd, "zh-Hant")
    for unknown in ("Nothing that anyone says.", "", "x" * 5000, "('; choose one of ("):
        assert translated(unknown, "zh-Hant") == unknown


@pytest.mark.parametrize("field", CLINICAL_FIELDS.values(), ids=lambda f: f.name)
def test_what_a_field_refuses_is_said_in_chinese(field):
    with pytest.raises(ViewboxError) as caught:
        field.check("none of these")
    assert CHINESE.search(translated(str(caught.value), "zh-Hant"))
    if field.kind == "numeric":
        with pytest.raises(ViewboxError) as caught:
            field.check(-1e6)
        told = translated(str(caught.value), "zh-Hant")
        assert "超出" in told and "outside" not in told


def test_a_long_sentence_is_matched_at_once():
    """No pattern may run away on what a caller sends."""
    value = "a; b in '" * 200
    started = time.perf_counter()
    told = translated(f"There is no clinical field '{value}'; use age.", "zh-Hant")
    assert told.startswith("沒有臨床欄位") and time.perf_counter() - started < 2
    assert translated(value * 100, "zh-Hant") == value * 100
