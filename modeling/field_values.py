"""How clinical values are written in the field, and what each spelling means.

The tables here are all that is known of spellings; the form's help shows them, and the form, the API, the
command line and the importers read values through `modeling.study.ClinicalTable`, which asks this module.
A number without a unit is read in the field's own unit, unless its range says otherwise: then it is converted
and said, or refused with both readings named where both are possible.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from modeling.errors import StudyError
from modeling.sentence import Names

UNKNOWN_WORDS = frozenset((
    "", "unknown", "unk", "u", "nan", "<na>", "n/a", "#n/a", "na", "n.a.", "n. a.", "null", "none", "nil",
    "nd", "-", "--", "---", "–", "—", "?", "??", ".", "not done", "not tested", "not available",
    "not recorded", "not known", "not applicable", "not measured", "missing", "pending",
    "未知", "不詳", "不明", "無資料", "未做", "未檢測", "未測",
))  # fmt: skip
"""What stands in a cell that holds nothing, in lower case."""

CATEGORY_SPELLINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sex": {
        "female": ("f", "female", "w", "woman", "women", "girl", "女", "女性", "女生"),
        "male": ("m", "male", "man", "men", "boy", "男", "男性", "男生"),
    },
    "view_position": {
        "PA": ("pa", "p-a", "posteroanterior", "postero-anterior", "posterior-anterior", "後前位"),
        "AP": ("ap", "a-p", "anteroposterior", "antero-posterior", "anterior-posterior", "前後位"),
    },
    "rt_pcr": {
        "negative": (
            "negative", "neg", "-", "-ve", "not detected", "undetected", "non-reactive", "nonreactive",
            "no", "false", "0", "陰性", "阴性", "未檢出",
        ),
        "positive": (
            "positive", "pos", "+", "++", "+++", "+ve", "detected", "reactive", "yes", "true", "1",
            "陽性", "阳性", "檢出",
        ),
    },
}  # fmt: skip
"""Field -> category -> how it is written, in lower case."""

_POSTURES = frozenset((
    "supine", "erect", "upright", "standing", "sitting", "semi", "semierect", "portable", "mobile", "bedside",
    "chest", "cxr", "view", "film", "projection", "frontal", "臥位", "立位", "坐位",
))  # fmt: skip
"""Words that may stand beside a frontal view position and change nothing of it."""

UNIT_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "years": ("y", "yr", "yrs", "year", "years", "yo", "y/o", "y.o.", "yearold", "yearsold", "歲", "岁"),
    "months": ("m", "mo", "mos", "mon", "month", "months", "monthsold", "個月", "个月", "月"),
    "weeks": ("w", "wk", "wks", "week", "weeks", "週", "周"),
    "days": ("d", "day", "days", "天", "日"),
    "°C": ("°c", "c", "degc", "celsius", "度", "攝氏"),
    "°F": ("°f", "f", "degf", "fahrenheit", "華氏"),
    "%": ("%", "percent", "pct", "%ra", "%onra", "%roomair", "%onroomair"),
    "/min": ("/min", "bpm", "rpm", "/minute", "breaths/min", "breaths/minute", "1/min", "min-1", "次/分"),
    "mg/L": ("mg/l", "ug/ml", "mcg/ml", "mg/lfeu", "ug/mlfeu"),
    "mg/dL": ("mg/dl", "mg%"),
    "ng/mL": ("ng/ml", "ug/l", "mcg/l", "ng/mlfeu", "ug/lfeu"),
    "U/L": ("u/l", "iu/l", "units/l"),
    "µkat/L": ("ukat/l",),
    "10^9/L": (
        "10^9/l", "10e9/l", "e9/l", "g/l", "giga/l", "10^3/ul", "10e3/ul", "e3/ul", "10^3/mm3", "10^3/mcl",
        "k/ul", "k/mcl", "k/mm3", "k/cumm", "thou/ul", "thousand/ul", "/nl",
    ),
    "10^6/L": ("10^6/l", "10e6/l", "e6/l"),
    "/uL": ("/ul", "/mcl", "/mm3", "/cumm", "cells/ul", "cells/mcl", "cells/mm3", "cells/cumm", "個/ul"),
    "/L": ("/l",),
    "of 1": ("of1",),
    "mmHg": ("mmhg", "torr"),
    "kPa": ("kpa",),
}  # fmt: skip
"""Unit -> how it is written: in lower case and without blanks, µ as u; `^` may be missing or `*`."""

_UNITS = {re.sub(r"\^", "", word): unit for unit, words in UNIT_SPELLINGS.items() for word in words}

SHARE_OF_LEUKOCYTES = {"lymphocytes": 10.0, "neutrophils": 30.0}
"""Cells that laboratories count as well in per cent of the leukocytes; from this bare number on, a share is
as likely as a count."""

LIMITS = {
    "crp": (10, 100), "d_dimer": (1, 4), "ldh": (150, 500), "leukocytes": (2, 50), "lymphocytes": (1, 20),
    "neutrophils": (1, 30), "po2": (40, 300), "pco2": (20, 100),
}  # fmt: skip
"""Field -> up to where `<` and from where `>` is a limit of what a laboratory measures."""

_COUNTED = ("/uL", "/L")
"""Units of whole cells: no number in them has decimals."""


@dataclass(frozen=True)
class BareRange:
    """What a number without a unit means where the field's own unit is unlikely.

    Attributes:
        low, high: the bare numbers, `high` excluded.
        unit: of which they are.
        sure: whether nothing else is likely; otherwise the reader is asked.
    """

    low: float
    high: float
    unit: str
    sure: bool = True


BARE_RANGES: Mapping[str, tuple[BareRange, ...]] = {
    "po2": (BareRange(2, 20, "kPa"), BareRange(20, 30, "kPa", sure=False)),
    "pco2": (BareRange(1, 9, "kPa"), BareRange(9, 16, "kPa", sure=False)),
    "spo2": (BareRange(0.3, 1.0001, "of 1"),),
    "temperature": (BareRange(86, 113.0001, "°F"),),
    "leukocytes": (BareRange(500, 500_000, "/uL"),),
    "lymphocytes": (BareRange(300, 300_000, "/uL"),),
    "neutrophils": (BareRange(300, 300_000, "/uL"),),
    "d_dimer": (BareRange(40, 200, "ng/mL", sure=False), BareRange(200, 200_000, "ng/mL")),
}
"""Measured against what occurs: arterial pO2 below 20 mmHg and pCO2 below 9 mmHg are not survived, and 30 kPa
and 16 kPa are hardly reached without oxygen and with life."""

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
    """A number as written: every reading of its separators, its unit and whether it is a limit.

    Attributes:
        readings: one number, or two where a comma or a stop may part thousands or decimals.
        unit: of `UNIT_SPELLINGS`; "" for none, None for one that is not known.
        limit: `<` or `>` where it is a limit.
        written_unit: as it stands there.
    """

    readings: tuple[float, ...]
    unit: str | None
    limit: Literal["", "<", ">"] = ""
    written_unit: str = ""


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
    written = (match["unit"] or "").strip()
    unit = _unit(written)
    if unit == "/L" and "e" not in match["number"].lower():
        unit = None  # "5 109/L" has lost the power sign
    readings = _readings(match["number"], counted=unit in _COUNTED)
    limit: Literal["", "<", ">"] = ">" if match["more"] else ""
    if match["limit"]:
        limit = "<" if match["limit"][0] in "<≤" else ">"
    return WrittenNumber(readings, unit, limit, written)


def _unit(written: str) -> str | None:
    text = re.sub(r"\s+per\s*|^per\s+", "/", written.lower())
    text = re.sub(r"[\s^*]|^x(?=1|e)", "", text).removeprefix("x").removeprefix("degrees")
    text = text.removeprefix("deg") if text.startswith("deg") and text not in ("degc", "degf") else text
    if not text:
        return ""
    return _UNITS.get(text)


def _readings(number: str, *, counted: bool) -> tuple[float, ...]:
    """What digits with commas, stops or blanks may mean."""
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
    return StudyError(
        "{field} {value} may be {one} or {other}; write it with its unit.",
        field=Names("field", name),
        value=short(value),
        one=one,
        other=other,
    )
