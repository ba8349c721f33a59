"""NIH ChestX-ray14 (Wang et al., CVPR 2017): `Data_Entry_2017*.csv` and PNG films in `images_*/images`.

`BBox_List_2017.csv`, where it lies beside them, holds the boxes that a radiologist drew on some films. Or a
Parquet file with the columns image_id, patient_id, image, age, sex, view, findings and boxes. The labels were
mined from reports: they stand as one reader, "NIH text mining". The set may be used freely with
acknowledgement of the NIH Clinical Center.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.case import Licence, Region
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from modeling.errors import StudyError
from modeling.labels import FINDINGS, NIH_FINDINGS

ATTRIBUTION = "NIH ChestX-ray14, provided by the NIH Clinical Center (Wang et al. 2017)"
LICENCE = Licence("NIH ChestX-ray14: free use with attribution", may_show=True, may_export=True)
READER = "NIH text mining"
RADIOLOGIST = "NIH radiologist"
DRAWN_ON = (1024, 1024)
"""Every film of the set is published at this size, and its boxes are in its pixels."""
_PARQUET = ("image_id", "patient_id", "image", "findings")
_TABLES = ("Data_Entry_2017*.csv", "sample_labels.csv")
_COLUMNS = {
    "age": "Patient Age", "sex": "Patient Gender", "view": "View Position", "findings": "Finding Labels",
}  # fmt: skip
_TAKEN = ("Image Index", "Patient ID", *_COLUMNS.values(), "Patient Sex")


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every line of the table."""
    table = tables.table_of(source, *_TABLES)
    if table.suffix == ".parquet":
        yield from tables.left_aside(table, (*_PARQUET, "age", "sex", "view", "boxes"))
        for line in tables.parquet_rows(table, _PARQUET):
            boxes = tuple(_region(*box) for box in json.loads(line.get("boxes") or "[]"))
            names = (line[name] for name in ("image_id", "patient_id", "image"))
            yield _row(*names, {**line, "split": ""}, regions=boxes)
        return
    root = tables.folder(source)
    films, splits, boxes = tables.films_by_stem(root), _splits(root), _boxes(root)
    yield from tables.left_aside(table, _TAKEN)
    for line in tables.csv_rows(table, ("Image Index", "Finding Labels", "Patient ID")):
        image = line["Image Index"]
        film = films.get(image.removesuffix(".png"))
        if film is None:
            yield Dropped(image, tables.NO_FILM)
            continue
        facts = {ours: line.get(theirs) for ours, theirs in _COLUMNS.items()} | {"split": splits.get(image)}
        facts["sex"] = facts["sex"] or line.get("Patient Sex")
        words = {name: text for name, text in line.items() if name.startswith(tables.TEACHING_COLUMNS)}
        drawn = {"regions": tuple(boxes.get(image, ())), "drawn_on": DRAWN_ON}
        yield _row(image, line["Patient ID"], film, facts | words, **drawn)


def _splits(root: Path) -> dict[str, str]:
    found = {}
    for name, file in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        path = tables.optional(root, file)
        if path is not None:
            found |= dict.fromkeys(path.read_text(errors="replace").split(), name)
    return found


def _boxes(root: Path) -> dict[str, list[Region]]:
    """Image -> boxes; the published table spells its four columns "Bbox [x", "y", "w" and "h]"."""
    found: dict[str, list[Region]] = defaultdict(list)
    columns = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]")
    for line in tables.optional_rows(root, columns, "BBox_List_2017.csv"):
        image, *box = (line[column] for column in columns)
        found[image].append(_region(*box))
    return found


def _region(label: str, *box: float | str) -> Region:
    """A box; the table calls an infiltration "Infiltrate"."""
    name = "Infiltration" if label == "Infiltrate" else label
    try:
        return Region(RADIOLOGIST, name, *(float(value) for value in box))
    except (TypeError, ValueError) as exc:
        raise StudyError("The table of boxes has another form; give it as published.") from exc


def _row(image: str, patient: object, film: Path | bytes, line: dict[str, Any], **boxes: Any) -> Row:
    named = [name for name in str(line["findings"]).split("|") if name in NIH_FINDINGS]
    age = str(line.get("age") or "").upper().rstrip("Y").lstrip("0") or None
    view, sex = str(line.get("view") or ""), tables.sex_of(str(line.get("sex") or ""))
    return Row(
        case_id=f"nih-{image.removesuffix('.png')}",
        source="nih",
        film=film,
        licence=LICENCE,
        attribution=ATTRIBUTION,
        patient=f"nih-{int(float(str(patient)))}",
        table={"age": age, "sex": sex, "view_position": tables.frontal(view)},
        findings=tuple(named),
        **boxes,
        readings=tuple((READER, FINDINGS, name) for name in named or ["No Finding"]),
        view=view,
        split=line.get("split") or "",
        **tables.teaching_words(line),
    )


LAYOUT = Layout("nih", "NIH ChestX-ray14", "nih", rows, tables.count_rows(*_TABLES))
