"""SIIM-FISABIO-RSNA COVID-19 Detection (2021): appearance by study, as the challenge distributed it.

Source: a folder with `train_study_level.csv`, `train_image_level.csv` and the films (DICOM, or resized to
JPEG or PNG) under any folder, named by image ID; or a Parquet file with the columns image, width, height,
appearance (films squashed to a square: they keep their own shape as `pixel_aspect_ratio`).
The radiologists' boxes are in pixels of the DICOM film. For films that were resized, `meta.csv` (image_id,
dim0 = height, dim1 = width, as the resized copies of the set carry it) says how large those were; without
it their boxes cannot be placed and are left out.
The challenge's rules allow non-commercial research and teaching and no passing on.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.case import Region, own_copy
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from modeling.errors import StudyError
from modeling.labels import APPEARANCE

ATTRIBUTION = "SIIM-FISABIO-RSNA COVID-19 Detection (Lakhani et al. 2023); films of BIMCV-COVID19 and RICORD"
TERMS = "SIIM-FISABIO-RSNA COVID-19 challenge rules (research and teaching, no passing on)"
RADIOLOGISTS = "SIIM-FISABIO-RSNA radiologists"
_NO_LABEL = "its study has no single appearance label"
_PARQUET = ("image_id", "study_id", "image", "width", "height", "appearance")
_COLUMNS = {"Negative for Pneumonia": "Negative"} | {
    f"{name} Appearance": name for name in ("Typical", "Indeterminate", "Atypical")
}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every film of the image table, with its study's appearance and the boxes drawn on it."""
    if source.endswith(".parquet"):
        yield from _parquet(Path(source), settings)
        return
    root, unplaced = tables.folder(source), 0
    appearance, sizes = _appearance(tables.find(root, "train_study_level.csv")), _sizes(root)
    films, table = tables.films_by_stem(root), tables.find(root, "train_image_level.csv")
    yield from tables.left_aside(table, ("id", "boxes", "label", "StudyInstanceUID"))
    for line in tables.csv_rows(table, ("id", "StudyInstanceUID")):
        image, study = line["id"].removesuffix("_image"), line["StudyInstanceUID"]
        label = appearance.get(study)
        if image not in films or label is None:
            yield Dropped(image, _NO_LABEL if image in films else tables.NO_FILM)
            continue
        film, boxes = films[image], _boxes(line.get("boxes", ""))
        if boxes and image not in sizes and film.suffix.lower() in (".png", ".jpg", ".jpeg"):
            unplaced, boxes = unplaced + 1, ()
        whose = _whose(film) if settings.whole_studies else {}
        yield _row(image, study, film, label, settings, regions=boxes, drawn_on=sizes.get(image), **whose)
    if unplaced:
        yield Notice(
            f"The boxes of {unplaced} resized films are left out: put meta.csv (image_id, dim0, dim1) beside"
            " the tables, or import the DICOM films."
        )


def _parquet(path: Path, settings: ImportSettings) -> Iterator[Row | Notice]:
    yield from tables.left_aside(path, (*_PARQUET, "boxes", "split"))
    for line in tables.parquet_rows(path, _PARQUET):
        rest = {
            "squashed_from": (int(line["height"]), int(line["width"])),
            "split": line.get("split") or "",
            "regions": tuple(_region(*box) for box in json.loads(line.get("boxes") or "[]")),
        }
        names = (line[name] for name in ("image_id", "study_id", "image", "appearance"))
        yield _row(*names, settings, **rest)


def _sizes(root: Path) -> dict[str, tuple[int, int]]:
    """Image -> (height, width) of its DICOM film. Raises StudyError: a size is no number."""
    lines = tables.optional_rows(root, ("image_id", "dim0", "dim1"), "meta.csv")
    try:
        return {line["image_id"]: (int(line["dim0"]), int(line["dim1"])) for line in lines}
    except ValueError as exc:
        raise StudyError("'meta.csv' has a size that is no number; give it as published.") from exc


def _whose(film: Path) -> dict[str, Any]:
    """Patient and day of a film, where it is a DICOM file whose header names them."""
    if film.suffix.lower() not in (".dcm", ".dicom"):
        return {}
    from cases.deidentify.dicom_header import read_identity  # a second to import

    try:
        identity = read_identity(film)
    except StudyError:
        return {}  # the import says why when it reads the film
    return {"patient": identity.patient, "day": identity.day} if identity.patient else {}


def _boxes(text: str) -> tuple[Region, ...]:
    """The column as published: a list of dicts with x, y, width and height, in single quotes."""
    try:
        found = json.loads(text.replace("'", '"')) if text else []
        return tuple(_region(*(box[k] for k in ("x", "y", "width", "height"))) for box in found)
    except (ValueError, TypeError, KeyError) as exc:
        raise StudyError("'train_image_level.csv' has boxes of another form; give it as published.") from exc


def _region(left: float, top: float, width: float, height: float) -> Region:
    return Region(RADIOLOGISTS, "opacity", float(left), float(top), float(width), float(height))


def _appearance(path: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line in tables.csv_rows(path, ("id", *_COLUMNS)):
        marked = [name for column, name in _COLUMNS.items() if line[column] in ("1", "1.0")]
        found[line["id"].removesuffix("_study")] = marked[0] if len(marked) == 1 else None
    return found


def _row(
    image: str,
    study: str,
    film: Path | bytes,
    label: str,
    settings: ImportSettings,
    patient: str = "",
    **rest: Any,
) -> Row:
    return Row(
        case_id=f"siim-{image}",
        source="siim",
        film=film,
        licence=own_copy(TERMS, may_show=settings.readers_agreed),
        attribution=ATTRIBUTION,
        patient=f"siim-{patient or study}",
        reference={APPEARANCE: APPEARANCE.classes[APPEARANCE.index(label)]},
        study=study,
        published=image,
        **rest,
    )


_COUNT = tables.count_rows("train_image_level.csv")
LAYOUT = Layout("siim", "SIIM-FISABIO-RSNA COVID-19 Detection", "siim", rows, _COUNT)
