"""Sentences that were written below the screen (refusals, notes) in the reader's language.

`modeling` and `cases` say things in English, in one sentence each. Their patterns stand in
`interface/strings/said_by_*.py` with their Traditional Chinese; a sentence is matched against them here,
and what fills its blanks is put into the Chinese one. What no pattern fits stays in English.
"""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from interface.language import said_by_cases, said_by_interface, said_by_modeling, said_by_reports
from interface.language.page_strings import CATALOGUE, FIELD_LABELS
from interface.language.texts import Language

PATTERNS: dict[str, str] = {
    **said_by_cases.SENTENCES,
    **said_by_modeling.SENTENCES,
    **said_by_interface.SENTENCES,
    **said_by_reports.SENTENCES,
}
"""English pattern -> Chinese pattern, blanks as {name}."""

_KINDS = {
    "model": "模型",
    "dataset": "資料集",
    "a PDF": "PDF 檔",
    "a ZIP archive": "ZIP 壓縮檔",
    "a compressed archive": "壓縮檔",
    "a TIFF image": "TIFF 影像",
    "a GIF image": "GIF 影像",
    "a BMP image": "BMP 影像",
    "a WebP image": "WebP 影像",
    "a HEIC image or a video": "HEIC 影像或影片",
    "a NumPy array": "NumPy 陣列",
    "a CT image": "電腦斷層影像",
    "an MR image": "磁振造影影像",
    "an ultrasound image": "超音波影像",
    "a mammogram": "乳房攝影",
    "a nuclear medicine image": "核子醫學影像",
    "a PET image": "正子掃描影像",
    "an angiogram": "血管攝影",
    "a fluoroscopy image": "透視攝影影像",
    "a report": "報告",
    "a segmentation": "分割影像",
    "a dental film": "牙科影像",
    "no radiograph": "非 X 光片",
    "no modality": "空的檢查",
}
"""Kinds of files and images, as refusals name them."""

_LONGEST = 2000
"""Characters of a sentence that is still matched; a longer one quotes something that no reader reads."""

_JOINTS = {", ": "、", " or the ": "或", " and the ": "與", " or ": "或", " and ": "與"}


def translated(sentence: str, language: Language) -> str:
    """A sentence of `modeling`, `cases` or the API in the reader's language; as it is where unknown."""
    return sentence if language == "en" or len(sentence) > _LONGEST else _in_chinese(sentence)


@lru_cache(maxsize=512)
def _in_chinese(sentence: str) -> str:
    for pattern, chinese in _compiled():
        found = pattern.fullmatch(sentence)
        if found:
            filled = {name: _filling(name, value) for name, value in found.groupdict().items()}
            return chinese.format(**filled)
    return sentence


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns with the most words of their own first, so that a general one never wins over a special."""

    def own_words(pattern: str) -> int:
        return len(re.sub(r"\{\w+\}", "", pattern))

    ordered = sorted(PATTERNS.items(), key=lambda pair: -own_words(pair[0]))
    return tuple((_regex(english), chinese) for english, chinese in ordered)


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    literal = (re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts))
    return re.compile("".join(literal), re.DOTALL)


def _filling(name: str, value: str) -> str:
    """What stands in a blank, translated where the blank's name says what it is."""
    if name in ("problem", "server"):
        return _in_chinese(value)
    if name == "case":
        return f"「{value[1:-1]}」" if value.startswith("'") else value
    words = _WORDS.get(name)
    return value if words is None else _listed(value, words)


def _listed(value: str, word: Callable[[str], str]) -> str:
    """A word, or several joined by commas, "or" and "and", each translated."""
    known = word(value)
    if known != value:
        return known
    parts = re.split(f"({'|'.join(map(re.escape, _JOINTS))})", value)
    return "".join(_JOINTS[part] if i % 2 else word(part) for i, part in enumerate(parts))


def _named(kind: str) -> Callable[[str], str]:
    return lambda name: CATALOGUE.get(f"{kind}.{name}", (name, name))[1]


def _field(label: str) -> str:
    names = FIELD_LABELS.get(label.replace(" ", "_"))
    return names[1].partition("（")[0] if names else label


_WORDS: dict[str, Callable[[str], str]] = {
    "modality": _named("modality"),
    "modalities": _named("modality"),
    "task": _named("task"),
    "tasks": _named("task"),
    "section": _named("section"),
    "sections": _named("section"),
    "classes": _named("class"),
    "field": _field,
    "fields": _field,
    "class_name": _named("class"),
    "kind": lambda kind: _KINDS.get(kind, kind),
}
"""Name of a blank -> what translates the word in it."""
