"""The clinical table: its fields (`clinical_fields.json`), and a reader's cells read by them.

How values are spelled stands in `modeling.field_values`. The ranges of bare numbers are measured against what
occurs: arterial pO2 below 20 mmHg and pCO2 below 9 mmHg are not survived, and 30 kPa and 16 kPa are hardly
reached without oxygen and with life.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from modeling.errors import StudyError
from modeling.field_values import (
    CATEGORY_SPELLINGS,
    SHARE_OF_LEUKOCYTES,
    UNIT_SPELLINGS,
    WrittenNumber,
    category_of,
    is_unknown,
    plain,
    refuse_both,
    short,
    written_number,
)
from modeling.sentence import Names, Sentence


@dataclass(frozen=True)
class BareRange:
    """Numbers without a unit (`high` excluded) that are in another unit than the field's own.

    `sure` where nothing else is likely; otherwise the reader is asked.
    """

    low: float
    high: float
    unit: str
    sure: bool = True


@dataclass(frozen=True)
class ClinicalField:
    """One clinical field: its unit and plausible range (numeric), or its categories.

    Attributes:
        unit: UCUM-style unit that values are kept in; empty for categorical fields.
        low, high: the plausible range, both ends included; outside it a value is refused.
        other_units: unit -> (factor, offset) so that `value * factor + offset` is in `unit`.
        limits: up to where `<` and from where `>` is a limit of what a laboratory measures.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    categories: tuple[str, ...] = ()
    other_units: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limits: tuple[float, float] = (-math.inf, math.inf)
    bare: tuple[BareRange, ...] = ()

    def check(self, value: object) -> float | str:
        """A number, category or text ("37.5", "99.5 °F", "<5") in the field's own unit, that of bare numbers.

        Raises:
            StudyError: not a number, out of range (with the unit that would fit, if one does), no limit of a
                laboratory, or not a category.
        """
        if self.kind == "categorical":
            return self._category(value)
        written = self._written(value)
        unit = written.unit or self.unit
        numbers = self._numbers(value, written, unit)
        if len(numbers) > 1:
            one, other = (f"{number:g} {unit}" for number in written.readings)
            comma = "{field} {value} may be {one} or {other}; write it without a comma."
            raise StudyError(comma, field=self._named, value=short(value), one=one, other=other)
        return self._limit(value, written, numbers[0]) if written.limit else numbers[0]

    def read(self, value: object) -> tuple[float | str, str]:
        """As `check`, but a bare number is judged by its range first, and refused where two units are likely;
        with a note where the value was not read as it stands."""
        if self.kind == "categorical":
            category = self._category(value)
            dash = "{field} '-' was read as {value}; leave it empty if it is unknown."
            note = Sentence(dash, field=self._named, value=Names("value", category))
            return category, note if plain(value) == "-" else ""
        written = self._written(value)
        if written.unit or written.limit:
            return self.check(value), ""
        if len(written.readings) > 1:
            number = self.check(value)
            return number, _read_as(self.name, value, f"{number:g} {self.unit}")
        number = written.readings[0]
        for bare in self.bare:
            if bare.low <= number < bare.high:
                factor, offset = self.other_units[bare.unit]
                other = f"{number:g} {bare.unit} ({number * factor + offset:.4g} {self.unit})"
                if not bare.sure:
                    raise refuse_both(self.name, value, f"{number:g} {self.unit}", other)
                return self.check(f"{number!r} {bare.unit}"), _read_as(self.name, value, other)
        return self.check(value), ""

    def _category(self, value: object) -> str:
        for category in self.categories:
            if str(value).strip().lower() == category.lower():
                return category
        category = category_of(self.name, value)
        if category is None:
            no_category = "{field} cannot be '{value}'; choose one of {values}, or leave it unknown."
            values = Names("name", self.categories)
            raise StudyError(no_category, field=self._named, value=short(value), values=values)
        return category

    def _written(self, value: object) -> WrittenNumber:
        written = written_number(value)
        if written is None or written.unit not in ("", self.unit, *self.other_units):
            no_number = "{field} needs a number in {unit}, not '{value}'; correct it or leave it unknown."
            raise StudyError(no_number, field=self._named, unit=self.unit, value=short(value))
        if self.name == "age" and re.fullmatch(r"(2[5-9]|[3-9]\d)\s*M", plain(value), re.IGNORECASE):
            months = Sentence("{count:g} months", count=written.readings[0])
            years = Sentence("{count:g} years of a male", count=written.readings[0])
            raise refuse_both(self.name, value, months, years)
        return written

    def _numbers(self, value: object, written: WrittenNumber, unit: str) -> tuple[float, ...]:
        """Every reading in the field's own unit that lies in its range. Raises StudyError: none does."""
        factor, offset = self.other_units.get(unit, (1.0, 0.0)) if unit != self.unit else (1.0, 0.0)
        numbers = tuple(number * factor + offset for number in written.readings)
        likely = tuple(n for n in numbers if self.low <= n <= self.high)
        if not likely:
            raise StudyError(self._out_of_range(short(value), numbers[0]))
        return likely

    def _limit(self, value: object, written: WrittenNumber, number: float) -> float:
        """Minus or plus infinity; of an age, which has no such limit, the number itself."""
        if self.name == "age" and written.limit == ">" and number >= 85:
            return number
        below, above = self.limits
        if (written.limit == "<" and number <= below) or (written.limit == ">" and number >= above):
            return -math.inf if written.limit == "<" else math.inf
        raise StudyError(
            "{field} '{value}' is no limit of what a laboratory measures; write the number itself or leave"
            " it unknown.",
            field=self._named,
            value=short(value),
        )

    def _out_of_range(self, text: str, number: float) -> Sentence:
        low, high, unit = self.low, self.high, self.unit
        outside = "{field} is {value}, outside {low:g} to {high:g} {unit}"
        problem = Sentence(outside, field=self._named, value=text, low=low, high=high, unit=unit)
        for other, (factor, offset) in self.other_units.items():
            if low <= number * factor + offset <= high:
                other_unit = "{problem}; if it is in {unit}, write '{number:g} {unit}'."
                return Sentence(other_unit, problem=problem, unit=other, number=number)
        return Sentence("{problem}; correct it or leave it unknown.", problem=problem)

    @property
    def _named(self) -> Names:
        return Names("field", self.name)


def _read_as(name: str, value: object, reading: str) -> Sentence:
    template = "{field} '{value}' was read as {reading}; write the unit if it is another."
    return Sentence(template, field=Names("field", name), value=short(value), reading=reading)


def _field(name: str, entry: Mapping[str, Any]) -> ClinicalField:
    """A field of `clinical_fields.json`, whose factors and offsets are fractions."""
    if "categories" in entry:
        return ClinicalField(name, "categorical", categories=tuple(entry["categories"]))
    other = entry.get("other_units", {})
    units = {unit: tuple(float(Fraction(number)) for number in pair) for unit, pair in other.items()}
    bare = tuple(BareRange(*numbers) for numbers in entry.get("bare", ()))
    limits = tuple(entry.get("limits", (-math.inf, math.inf)))
    return ClinicalField(name, "numeric", entry["unit"], *entry["range"], (), units, limits, bare)


_FIELDS = json.loads(Path(__file__).with_name("clinical_fields.json").read_text(encoding="utf-8"))
CLINICAL_FIELDS: dict[str, ClinicalField] = {name: _field(name, entry) for name, entry in _FIELDS.items()}
"""Every clinical field Viewbox knows, in the order of the form. A checkpoint reads a subset."""


def spellings_of(name: str) -> dict[str, list[str]]:
    """How a field's values are written: category -> its words, or unit -> its spellings."""
    spec = CLINICAL_FIELDS[name]
    if spec.kind == "categorical":
        return dict(CATEGORY_SPELLINGS[name])
    share = ("%",) if name in SHARE_OF_LEUKOCYTES else ()
    return {unit: UNIT_SPELLINGS[unit] for unit in (spec.unit, *spec.other_units, *share) if unit != "of 1"}


@dataclass(frozen=True)
class ClinicalTable:
    """Known clinical values by field name, and notes on those that were not read as they stood.

    A field that is not there is unknown, never imputed. Numbers are in the unit of `CLINICAL_FIELDS`; an
    infinite one is a laboratory limit and stays apart from a missing one.
    """

    values: Mapping[str, float | str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_raw(
        cls, raw: Mapping[str, object], beside: Mapping[str, float | str] | None = None
    ) -> "ClinicalTable":
        """Read every cell as `read_cells` does, or none. Raises StudyError: a cell cannot be read."""
        table, refused = cls.read_cells(raw, beside)
        for problem in refused.values():
            raise problem
        return table

    @classmethod
    def read_cells(
        cls, raw: Mapping[str, object], beside: Mapping[str, float | str] | None = None
    ) -> tuple["ClinicalTable", dict[str, StudyError]]:
        """The cells that could be read (those that `is_unknown` are left out), and why the others could not.

        Args:
            beside: values that are known already; cells in per cent are counted of their leukocytes.
        """
        values: dict[str, float | str] = {}
        notes, refused = [], {}
        minus = (
            category_of("rt_pcr", raw.get("rt_pcr")) is not None
        )  # a lone one is a result of this test alone
        known = [name for name in raw if not is_unknown(raw[name]) or (name == "rt_pcr" and minus)]
        for name in sorted(known, key=lambda name: name in SHARE_OF_LEUKOCYTES):  # their whole comes first
            whole = values.get("leukocytes", (beside or {}).get("leukocytes"))
            try:
                values[name], note = _read_cell(name, raw[name], whole)
                notes += [note] if note else []
            except StudyError as exc:
                refused[name] = exc
        return cls({name: values[name] for name in raw if name in values}, tuple(notes)), refused

    def __bool__(self) -> bool:
        return bool(self.values)


def _read_cell(name: str, value: object, whole: object) -> tuple[float | str, str]:
    if name not in CLINICAL_FIELDS:
        no_field = "There is no clinical field '{name}'; use {names}."
        raise StudyError(no_field, name=short(name), names=Names("name", CLINICAL_FIELDS))
    spec = CLINICAL_FIELDS[name]
    return _counted(spec, value, whole) if name in SHARE_OF_LEUKOCYTES else spec.read(value)


def _counted(spec: ClinicalField, value: object, whole: object) -> tuple[float | str, str]:
    """Lymphocytes or neutrophils, also in per cent of the leukocytes; refuses as `ClinicalField.read`."""
    written = written_number(value)
    whole = whole if isinstance(whole, float) and math.isfinite(whole) else None
    number = written.readings[0] if written is not None and not written.limit else math.nan
    bare = written is not None and written.unit == "" and len(written.readings) == 1
    count = math.nan if whole is None else number / 100 * whole
    if written is not None and written.unit == "%":
        if whole is None or not 0 <= number <= 100:
            raise StudyError(
                "{field} {value} needs the leukocytes beside it; give both, or write the count in {unit}.",
                field=Names("field", spec.name),
                value=short(value),
                unit=spec.unit,
            )
        return count, ""
    if bare and whole is None and SHARE_OF_LEUKOCYTES[spec.name] <= number <= 100:
        share = Sentence("{number:g} % of the leukocytes", number=number)
        raise refuse_both(spec.name, value, f"{number:g} {spec.unit}", share)
    if bare and whole is not None and whole < number <= 100:
        counted = "{number:g} % of the leukocytes ({count:.3g} {unit})"
        return count, _read_as(
            spec.name, value, Sentence(counted, number=number, count=count, unit=spec.unit)
        )
    return spec.read(value)
