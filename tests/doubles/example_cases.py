"""Cases that use every field there is, and a way to compare two of them field by field."""

import base64
import dataclasses
import io
import re
from collections.abc import Iterable, Mapping
from enum import Enum

import numpy as np
from PIL import Image

from cases.case import SYNTHETIC_LICENCE, Case, Licence, PlantedEvidence, Provenance, Rating, Reading, Region
from modeling.labels import APPEARANCE, GRADING
from modeling.study import (
    ClinicalTable,
    ClinicalText,
    DatedFilm,
    Modality,
    Photometric,
    Radiograph,
    Study,
    ViewPosition,
    VoiLut,
    Window,
)


def full_case(case_id: str = "phantom-1", seed: int = 0) -> Case:
    """A 16-bit film and something in every field of a case."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 4096, (37, 53), dtype=np.uint16)
    film = Radiograph(
        pixels=pixels,
        bits_stored=12,
        photometric=Photometric.MONOCHROME1,
        rescale_slope=1.5,
        rescale_intercept=-1024.0,
        window=Window(600.0, 1800.0, "SIGMOID"),
        voi_lut=VoiLut(-1024.0, np.arange(0, 5000, 7, dtype=np.uint16)),
        view_position=ViewPosition.AP,
        pixel_aspect_ratio=1.25,
        pixel_spacing=(0.143, 0.1144),
    )
    return Case(
        case_id=case_id,
        study=Study(
            radiograph=film,
            table=ClinicalTable({"age": 63.5, "sex": "female", "crp": float("inf"), "rt_pcr": "positive"}),
            text=ClinicalText({"indication": "Fièvre, $dollar.dotted ☂"}),
        ),
        licence=SYNTHETIC_LICENCE,
        provenance=Provenance("phantom", "patient-7", "Computed, no patient.", synthetic=True),
        report={"findings": "Patchy opacities.", "impression": "Typical."},
        reference={APPEARANCE: "Typical", GRADING: "Moderate"},
        readings=(
            Reading("Tiger", APPEARANCE, "Typical"),
            Reading("Bear", APPEARANCE, "Atypical"),
        ),
        evidence=PlantedEvidence(
            modality={
                APPEARANCE: (Modality.IMAGE, Modality.TABLE),
                GRADING: (Modality.IMAGE,),
            },
            masks={"lower.left $1": rng.random((37, 53)) > 0.7, "empty": np.zeros((37, 53), bool)},
            words=(("indication", 0, 6),),
            fields=("crp",),
            agreement="contradicts",
            confounder="marker",
        ),
        notes=("'CRP' has no unit and was read in mg/L.",),
        other={"$Ward.no": "4b ☂"},
        ratings=(Rating("Bear", "geographic extent", 2.5, 0.0, 8.0),),
        regions=(Region("Tiger", "opacity", 0.1, 0.25, 0.5, 0.125),),
    )


def study_case(case_id: str = "study-1", films: int = 3) -> Case:
    """A case of several films: the day's frontal and lateral, then priors, of differing depths."""
    rng = np.random.default_rng(len(case_id))

    def film(number: int) -> DatedFilm:
        pixels = rng.integers(0, 4096, (20 + number, 30), dtype=np.uint16)
        view = ViewPosition.LATERAL if number % 2 else ViewPosition.PA
        return DatedFilm(Radiograph(pixels, bits_stored=12, view_position=view), 30 * (number // 2))

    further = tuple(film(number) for number in range(1, films))
    return dataclasses.replace(full_case(case_id), further=further)


def small_case(
    case_id: str,
    *,
    source: str = "set-a",
    appearance: str | None = None,
    grading: str | None = None,
    licence: Licence = SYNTHETIC_LICENCE,
) -> Case:
    """An 8-bit film of 8 x 9 pixels and labels to filter by."""
    given = {APPEARANCE: appearance, GRADING: grading}
    pixels = np.random.default_rng(len(case_id)).integers(0, 256, (8, 9), dtype=np.uint8)
    return Case(
        case_id=case_id,
        study=Study(Radiograph(pixels)),
        licence=licence,
        provenance=Provenance(source),
        reference={task: name for task, name in given.items() if name is not None},
    )


def plain(value: object) -> object:
    """Any part of a case as nested built-in values that `==` compares; arrays with their type."""
    if isinstance(value, DatedFilm):  # from a store it is not decoded yet
        return plain([value.radiograph, value.days_before])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value)]
        return (type(value).__name__, {name: plain(getattr(value, name)) for name in names})
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, Enum) else value


def jpeg(pixels: np.ndarray) -> bytes:
    """A gray JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def chest_like(height: int = 120, width: int = 100) -> np.ndarray:
    """A smooth gray picture with two darker fields, (H, W) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    left = np.exp(-(((x - width * 0.3) / (width * 0.15)) ** 2) - ((y - height * 0.5) / (height * 0.3)) ** 2)
    right = np.exp(-(((x - width * 0.7) / (width * 0.15)) ** 2) - ((y - height * 0.5) / (height * 0.3)) ** 2)
    return np.round(220 - 160 * np.clip(left + right, 0, 1)).astype(np.uint8)


def student_document(case_id: object, **clinical: object) -> dict[str, object]:
    """A document as the seed student project wrote it."""
    return {
        "ID": case_id,
        "image_filename": f"{case_id}.jpg",
        "image_data": base64.b64encode(jpeg(chest_like())).decode(),
        "clinical_data": clinical,
    }


def in_order(ids: Iterable[str]) -> list[str]:
    """Case IDs as every list has them: by character, but numbers by value, before the rest on digits."""
    numbers = {i for i in ids if re.fullmatch("-?[0-9]+", i)}
    others = sorted(set(ids) - numbers)
    before = [i for i in others if i < "-"]
    return before + sorted(numbers, key=lambda i: (int(i), i)) + others[len(before) :]
