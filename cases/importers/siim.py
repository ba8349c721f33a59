"""SIIM-FISABIO-RSNA COVID-19 Detection (2021): appearance by study, as the challenge distributed it.

Source: a folder with `train_study_level.csv`, `train_image_level.csv` and the films (DICOM, or resized to
JPEG or PNG) under any folder, named by image ID; or a Parquet file with the columns image, width, height,
appearance (films squashed to a square: they keep their own shape as `pixel_aspect_ratio`).
The challenge's rules allow non-commercial research and teaching and no passing on.
"""

from collections.abc import Iterator
from pathlib import Path

from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from cases.importers.tables import count_rows, csv_rows, films_by_stem, find, folder, parquet_rows
from cases.licences import own_copy
from modeling.labels import APPEARANCE, TaskName

ATTRIBUTION = "SIIM-FISABIO-RSNA COVID-19 Detection (Lakhani et al. 2023); films of BIMCV-COVID19 and RICORD"
TERMS = "SIIM-FISABIO-RSNA COVID-19 challenge rules (research and teaching, no passing on)"
_COLUMNS = {
    "Negative for Pneumonia": "Negative",
    "Typical Appearance": "Typical",
    "Indeterminate Appearance": "Indeterminate",
    "Atypical Appearance": "Atypical",
}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every film of the image table, with its study's appearance."""
    if source.endswith(".parquet"):
        yield from _parquet(Path(source), settings)
        return
    root = folder(source)
    appearance = _appearance(find(root, "train_study_level.csv"))
    films = films_by_stem(root)
    for line in csv_rows(find(root, "train_image_level.csv"), ("id", "StudyInstanceUID")):
        image, study = line["id"].removesuffix("_image"), line["StudyInstanceUID"]
        if image not in films:
            yield Dropped(image, "its film is not in the folder")
        elif appearance.get(study) is None:
            yield Dropped(image, "its study has no single appearance label")
        else:
            yield _row(image, study, films[image], appearance[study], settings)


def count(source: str) -> int | None:
    """Lines of the image table."""
    if source.endswith(".parquet"):
        return count_rows(Path(source))
    return count_rows(find(folder(source), "train_image_level.csv"))


def _parquet(path: Path, settings: ImportSettings) -> Iterator[Row]:
    for line in parquet_rows(path, ("image_id", "study_id", "image", "width", "height", "appearance")):
        shape = (int(line["height"]), int(line["width"]))
        split = line.get("split") or ""
        yield _row(
            line["image_id"], line["study_id"], line["image"], line["appearance"], settings, shape, split
        )


def _appearance(path: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line in csv_rows(path, ("id", *_COLUMNS)):
        marked = [name for column, name in _COLUMNS.items() if line[column] in ("1", "1.0")]
        found[line["id"].removesuffix("_study")] = marked[0] if len(marked) == 1 else None
    return found


def _row(
    image: str,
    study: str,
    film: Path | bytes,
    appearance: str,
    settings: ImportSettings,
    shape: tuple[int, int] | None = None,
    split: str = "",
) -> Row:
    return Row(
        case_id=f"siim-{image}",
        source="siim",
        film=film,
        licence=own_copy(TERMS, may_show=settings.readers_agreed),
        attribution=ATTRIBUTION,
        patient=f"siim-{study}",
        reference={TaskName.APPEARANCE: APPEARANCE.classes[APPEARANCE.index(appearance)]},
        squashed_from=shape,
        split=split,
    )


LAYOUT = Layout("siim", "SIIM-FISABIO-RSNA COVID-19 Detection", "siim", rows, count)
