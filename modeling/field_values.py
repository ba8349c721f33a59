"""How clinical values are written in the field, and what each spelling means.

`spellings.json` is all that is known of spellings; the form's help shows them, and the form, the API, the
command line and the importers read values through `modeling.study.ClinicalTable`, which asks this module.
A number without a unit is read in the field's own unit, unless its range says otherwise: then it is converted
and said, or refused with both readings named where both are possible.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modeling.errors import StudyError
from modeling.sentence import Names

_SPELLINGS = json.loads(Path(__file__).with_name("spellings.json").read_text(encoding="utf-8"))
UNKNOWN_WORDS = frozenset(_SPELLINGS["unknown"])
"""Cells that hold nothing, in lower case."""
CATEGORY_SPELLINGS: Mapping[str, Mapping[str, list[str]]] = _SPELLINGS["categories"]
"""Field -> category -> how it is written, in lower case."""
_POSTURES = frozenset(_SPELLINGS["postures"])
"""Words that may stand beside a frontal view position and change nothing of it."""
UNIT_SPELLINGS: Mapping[str, list[str]] = _SPELLINGS["units"]
"""Unit -> how it is written: in lower case and without blanks, µ as u; `^` may be missing or `*`."""
_UNITS = {word.replace("^", ""): unit for unit, words in UNIT_SPELLINGS.items() for word in words}
SHARE_OF_LEUKOCYTES = {"lymphocytes": 10.0, "neutrophils": 30.0}
"""Cells that laboratories count as well in per cent of the leukocytes; from this bare number on, a share is
as likely as a count."""
_COUNTED = ("/uL", "/L")
"""Units of whole cells: no number in them has decimals."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SIGNS = str.maketrans({"−": "-", "º": "°", "µ": "u", "μ": "u", "×": "x", "·": "x", "’": "'", "，": ","})
_NUMBER = re.compile(
    r"(?P<limit><=?|>=?|≤|≥)?\s*"
    r"(?P<number>[+-]?(?:\d{1,3}(?:[ ,.']\d{3})+(?![\d.,]*\d)"
    r"|\d{1,3}(?:[,']\d{3})+\.\d+|\d{1,3}(?:[.']\d{3})+,\d+|\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d{1,3}(?!\d))?)\s*(?P<more>\+)?\s*(?P<unit>[^\d\s<>≤≥+].*|10\D.*|1/min)?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True)
class WrittenNumber:
    """A number as written, with both readings where a comma or stop may part thousands or decimals."""

    readings: tuple[float, ...]
    unit: str | None  # of `UNIT_SPELLINGS`; "" for none, None for one that is not known
    limit: Literal["", "<", ">"] = ""


def plain(value: object) -> str:
    """A cell's text in one spelling: wide forms and superscripts narrowed, signs unified, ends trimmed."""
    text = str(value)[:200].translate(_SIGNS)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda power: "^" + power[0].translate(_SUPERSCRIPTS), text)
    return unicodedata.normalize("NFKC", text).translate(_SIGNS).strip()


def is_unknown(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN, or one of `UNKNOWN_WORDS`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and plain(value).lower() in UNKNOWN_WORDS


def category_of(name: str, value: object) -> str | None:
    """The category that a spelling stands for; None for one that is not known."""
    text = " ".join(plain(value).lower().strip("()[].").split())
    spellings = {word: category for category, words in CATEGORY_SPELLINGS[name].items() for word in words}
    if text in spellings or name != "view_position":
        return spellings.get(text)
    words = [word for word in re.split(r"[\s/,()_]+", text) if word and word not in _POSTURES]
    found = {spellings.get(word) for word in words}
    return found.pop() if len(found) == 1 else None


def written_number(value: object) -> WrittenNumber | None:
    """A cell as a number with its unit; None where it is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return WrittenNumber((float(value),), "")
    match = _NUMBER.fullmatch(plain(value))
    if match is None:
        text = plain(value).lower()
        return WrittenNumber((float(text),), "") if text in ("inf", "-inf", "infinity", "-infinity") else None
    unit = _unit((match["unit"] or "").strip())
    if unit == "/L" and "e" not in match["number"].lower():
        unit = None  # "5 109/L" has lost the power sign
    readings = _readings(match["number"], counted=unit in _COUNTED)
    sign = match["limit"] or match["more"] or ""
    return WrittenNumber(readings, unit, ("<" if sign[0] in "<≤" else ">") if sign else "")


def _unit(written: str) -> str | None:
    text = re.sub(r"\s+per\s*|^per\s+", "/", written.lower())
    text = re.sub(r"[\s^*]|^x(?=1|e)", "", text).removeprefix("x").removeprefix("degrees")
    text = text.removeprefix("deg") if text.startswith("deg") and text not in ("degc", "degf") else text
    return _UNITS.get(text) if text else ""


def _readings(number: str, *, counted: bool) -> tuple[float, ...]:
    """The numbers that digits with commas, stops or blanks may mean."""
    mantissa, _, power = number.lower().partition("e")
    scale = float(f"1e{power or 0}")
    stops = [sign for sign in mantissa if sign in " ,.'"]
    if not stops:
        return (float(mantissa) * scale,)
    whole = float(re.sub("[ ,.']", "", mantissa)) * scale
    if len(set(stops)) == 2 or (len(stops) == 1 and stops[0] in ",."):
        before, _, after = mantissa.rpartition(stops[-1])
        digits = re.sub("[ ,.']", "", before) or "0"
        decimal = float(f"{'0' if digits in ('+', '-') else ''}{digits}.{after or '0'}") * scale
        grouped = len(after) == 3 and len(set(stops)) == 1 and re.fullmatch(r"[+-]?[1-9]\d{0,2}", before)
        if not grouped or len(set(stops)) == 2:
            return (decimal,)
        if counted:
            return (whole,)
        return (decimal,) if stops[0] == "." else (decimal, whole)
    return (whole,)


def short(value: object) -> str:
    """A value as it is quoted back: at most 40 characters on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def refuse_both(name: str, value: object, one: str, other: str) -> StudyError:
    """The question to the reader where a value has two readings."""
    two_units = "{field} {value} may be {one} or {other}; write it with its unit."
    return StudyError(two_units, field=Names("field", name), value=short(value), one=one, other=other)
