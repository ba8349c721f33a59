"""NIH ChestX-ray14 (Wang et al., CVPR 2017): `Data_Entry_2017*.csv` and PNG films in `images_*/images`.

Or a Parquet file with the columns image_id, patient_id, image, age, sex, view, findings. The labels were
mined from reports: they stand as one reader, "NIH text mining". The set may be used freely with
acknowledgement of the NIH Clinical Center.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.case import Licence
from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from cases.importers.tables import count_rows, csv_rows, films_by_stem, find, folder, optional, parquet_rows
from modeling.labels import NIH_FINDINGS, TaskName

ATTRIBUTION = "NIH ChestX-ray14, provided by the NIH Clinical Center (Wang et al. 2017)"
LICENCE = Licence("NIH ChestX-ray14: free use with attribution", may_show=True, may_export=True)
READER = "NIH text mining"


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every line of the table."""
    if source.endswith(".parquet"):
        for line in parquet_rows(Path(source), ("image_id", "patient_id", "image", "findings")):
            yield _row(line["image_id"], line["patient_id"], line["image"], line, "")
        return
    root = folder(source)
    films, splits = films_by_stem(root), _splits(root)
    for line in csv_rows(_table(root), ("Image Index", "Finding Labels", "Patient ID")):
        image = line["Image Index"]
        film = films.get(image.removesuffix(".png"))
        if film is None:
            yield Dropped(image, "its film is not in the folder")
            continue
        facts = {
            "age": line.get("Patient Age"),
            "sex": line.get("Patient Gender") or line.get("Patient Sex"),
            "view": line.get("View Position"),
            "findings": line["Finding Labels"],
        }
        yield _row(image, line["Patient ID"], film, facts, splits.get(image, ""))


def count(source: str) -> int | None:
    """Lines of the table."""
    return count_rows(Path(source) if source.endswith(".parquet") else _table(folder(source)))


def _table(root: Path) -> Path:
    return find(root, "Data_Entry_2017*.csv", "sample_labels.csv")


def _splits(root: Path) -> dict[str, str]:
    found = {}
    for name, file in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        path = optional(root, file)
        if path is not None:
            found |= dict.fromkeys(path.read_text(errors="replace").split(), name)
    return found


def _row(image: str, patient: object, film: Path | bytes, line: dict[str, Any], split: str) -> Row:
    named = [name for name in str(line["findings"]).split("|") if name in NIH_FINDINGS]
    age = str(line.get("age") or "").upper().rstrip("Y").lstrip("0") or None
    view = str(line.get("view") or "")
    return Row(
        case_id=f"nih-{image.removesuffix('.png')}",
        source="nih",
        film=film,
        licence=LICENCE,
        attribution=ATTRIBUTION,
        patient=f"nih-{int(float(str(patient)))}",
        table={
            "age": age,
            "sex": {"F": "female", "M": "male"}.get(str(line.get("sex") or "")),
            "view_position": view if view in ("PA", "AP") else None,
        },
        findings=tuple(named),
        readings=tuple((READER, TaskName.FINDINGS, name) for name in named or ["No Finding"]),
        view=view,
        split=split,
    )


LAYOUT = Layout("nih", "NIH ChestX-ray14", "nih", rows, count)
