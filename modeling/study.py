"""What goes in: a study is what exists before anyone has read the film."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal

import numpy as np

from modeling.errors import StudyError


class Modality(StrEnum):
    """The three kinds of evidence, in the one order used everywhere."""

    IMAGE = "image"
    TABLE = "table"
    TEXT = "text"


class ViewPosition(StrEnum):
    """DICOM (0018,5101): how the beam passed the patient."""

    PA = "PA"
    AP = "AP"
    LATERAL = "lateral"
    UNKNOWN = "unknown"


class Photometric(StrEnum):
    """DICOM (0028,0004): which end of the stored values is bright."""

    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"


@dataclass(frozen=True)
class Window:
    """A VOI window (DICOM PS3.3 C.11.2.1.2), in rescaled values."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True)
class VoiLut:
    """A VOI look-up table: output for rescaled value `first + i` is `values[i]`."""

    first: float
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One decoded film at native size, with all that turns stored values into brightness.

    Attributes:
        pixels: (H, W) uint8 or uint16 (int16 for signed files), stored values, rows from the patient's
            head down, columns as displayed.
        bits_stored: 8 to 16.
        pixel_aspect_ratio: height of a pixel over its width; 1.0 for square pixels.
        pixel_spacing: millimetres (row, column), where the file states it.
    """

    pixels: np.ndarray
    bits_stored: int = 8
    photometric: Photometric = Photometric.MONOCHROME2
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    window: Window | None = None
    voi_lut: VoiLut | None = None
    view_position: ViewPosition = ViewPosition.UNKNOWN
    pixel_aspect_ratio: float = 1.0
    pixel_spacing: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or min(self.pixels.shape) < 1:
            raise StudyError(
                "A radiograph has one gray channel; save the film as a gray image and try again."
            )
        if self.pixels.dtype.kind not in "ui" or self.pixels.dtype.itemsize > 2:
            raise StudyError("A radiograph has 8 to 16 bits per pixel; export the film again in that form.")

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in native pixels."""
        return self.pixels.shape

    @cached_property
    def sha256(self) -> str:
        """Content hash over the stored values and their size."""
        digest = hashlib.sha256(repr((self.pixels.shape, str(self.pixels.dtype))).encode())
        digest.update(np.ascontiguousarray(self.pixels).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class ClinicalField:
    """One clinical field: its unit and plausible range (numeric), or its categories.

    Attributes:
        unit: UCUM-style unit that values are kept in; empty for categorical fields.
        low, high: the plausible range, both ends included; outside it a value is refused.
        other_units: unit -> (factor, offset) so that `value * factor + offset` is in `unit`.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    categories: tuple[str, ...] = ()
    other_units: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def check(self, value: object) -> float | str:
        """A value of this field in its own unit.

        Args:
            value: a number, a category, or text such as "37.5" or "99.5 °F".

        Raises:
            StudyError: not a number, out of range (with the unit that would fit, if one does), or not a
                category.
        """
        return self._check_category(value) if self.kind == "categorical" else self._check_number(value)

    def _check_category(self, value: object) -> str:
        for category in self.categories:
            if str(value).strip().lower() == category.lower():
                return category
        raise StudyError(
            f"{self.label} cannot be '{value}'; choose one of {', '.join(self.categories)},"
            " or leave it unknown."
        )

    def _check_number(self, value: object) -> float:
        text = str(value).strip()
        unit, factor, offset = self.unit, 1.0, 0.0
        for other, (other_factor, other_offset) in self.other_units.items():
            if text.lower().endswith(other.lower()):
                unit, factor, offset = other, other_factor, other_offset
        number_text = text[: -len(unit)] if unit and text.lower().endswith(unit.lower()) else text
        try:
            number = float(number_text) * factor + offset
        except ValueError:
            raise StudyError(
                f"{self.label} needs a number in {self.unit}, not '{value}'; correct it or leave it unknown."
            ) from None
        if not self.low <= number <= self.high:
            raise StudyError(self._out_of_range(text, number))
        return number

    def _out_of_range(self, text: str, number: float) -> str:
        message = f"{self.label} is {text}, outside {self.low:g} to {self.high:g} {self.unit}"
        for other, (factor, offset) in self.other_units.items():
            if self.low <= number * factor + offset <= self.high:
                return f"{message}; if it is in {other}, write '{number:g} {other}'."
        return f"{message}; correct it or leave it unknown."

    @property
    def label(self) -> str:
        """The name as a reader sees it."""
        return self.name.replace("_", " ")


CLINICAL_FIELDS: dict[str, ClinicalField] = {
    f.name: f
    for f in (
        ClinicalField("age", "numeric", "years", 0, 120, other_units={"months": (1 / 12, 0.0)}),
        ClinicalField("sex", "categorical", categories=("female", "male")),
        ClinicalField("view_position", "categorical", categories=("PA", "AP")),
        ClinicalField("rt_pcr", "categorical", categories=("negative", "positive")),
        ClinicalField("temperature", "numeric", "°C", 30, 45, other_units={"°F": (5 / 9, -160 / 9)}),
        ClinicalField("spo2", "numeric", "%", 30, 100),
        ClinicalField("respiratory_rate", "numeric", "/min", 4, 80),
        ClinicalField("crp", "numeric", "mg/L", 0, 700, other_units={"mg/dL": (10.0, 0.0)}),
        ClinicalField("d_dimer", "numeric", "mg/L", 0, 200, other_units={"ng/mL": (0.001, 0.0)}),
        ClinicalField("ldh", "numeric", "U/L", 50, 5000),
        ClinicalField("leukocytes", "numeric", "10^9/L", 0, 500, other_units={"/uL": (0.001, 0.0)}),
        ClinicalField("lymphocytes", "numeric", "10^9/L", 0, 300, other_units={"/uL": (0.001, 0.0)}),
        ClinicalField("neutrophils", "numeric", "10^9/L", 0, 300, other_units={"/uL": (0.001, 0.0)}),
        ClinicalField("po2", "numeric", "mmHg", 10, 700, other_units={"kPa": (7.50062, 0.0)}),
        ClinicalField("pco2", "numeric", "mmHg", 5, 200, other_units={"kPa": (7.50062, 0.0)}),
    )
}
"""Every clinical field Viewbox knows, in the order of the form. A checkpoint reads a subset."""


@dataclass(frozen=True)
class ClinicalTable:
    """Known clinical values by field name; a field that is not there is unknown, never imputed.

    Numbers are in the unit of `CLINICAL_FIELDS`; an infinite number is a laboratory limit and stays apart
    from a missing one.
    """

    values: Mapping[str, float | str] = field(default_factory=dict)

    @classmethod
    def from_raw(cls, raw: Mapping[str, object]) -> "ClinicalTable":
        """Check every value against its field; empty, None, NaN and "unknown" mean unknown.

        Raises:
            StudyError: an unknown field name, or a value that its field refuses.
        """
        values = {}
        for name, value in raw.items():
            if name not in CLINICAL_FIELDS:
                raise StudyError(f"There is no clinical field '{name}'; use {', '.join(CLINICAL_FIELDS)}.")
            if is_unknown(value):
                continue
            values[name] = CLINICAL_FIELDS[name].check(value)
        return cls(values)

    def __bool__(self) -> bool:
        return bool(self.values)


def is_unknown(value: object) -> bool:
    """True for None, NaN, an empty string and "unknown"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in ("", "unknown", "nan")


TEXT_SECTIONS = ("indication", "findings", "impression")
"""Report sections in reading order. `indication` is pre-read; the others are post-read."""


@dataclass(frozen=True)
class ClinicalText:
    """Free text by section (`TEXT_SECTIONS`); a section that is not there is missing."""

    sections: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.sections if name not in TEXT_SECTIONS]
        if unknown:
            raise StudyError(f"There is no text section '{unknown[0]}'; use {', '.join(TEXT_SECTIONS)}.")

    def __bool__(self) -> bool:
        return any(text.strip() for text in self.sections.values())


@dataclass(frozen=True)
class Study:
    """What exists before the reader's verdict: any subset of film, table and text."""

    radiograph: Radiograph | None = None
    table: ClinicalTable = field(default_factory=ClinicalTable)
    text: ClinicalText = field(default_factory=ClinicalText)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that this study holds, in their one order."""
        given = {
            Modality.IMAGE: self.radiograph is not None,
            Modality.TABLE: bool(self.table),
            Modality.TEXT: bool(self.text),
        }
        return tuple(modality for modality in Modality if given[modality])
