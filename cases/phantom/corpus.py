"""Phantoms as a training corpus: one Parquet file, written a few cases at a time."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cases.case import Case, PlantedEvidence
from cases.phantom.zones import NOT_OPACITIES
from modeling.labels import TaskName
from modeling.study import Modality

SCHEMA = pa.schema(
    {
        "case_id": pa.string(),
        "image": pa.binary(),
        "bits_stored": pa.int64(),
        "photometric": pa.string(),
        "window": pa.list_(pa.float64()),
        "table": pa.string(),
        "text": pa.string(),
        "reference": pa.string(),
        "boxes": pa.string(),
        "opacities": pa.binary(),
        "evidence": pa.string(),
        "split": pa.string(),
    }
)
ROWS_AT_ONCE = 64


def corpus_row(case: Case, split: str) -> dict[str, object]:
    """One case as a row: the film as a 16-bit PNG, everything structured as JSON.

    `boxes` are the bounding boxes, as (x, y, w, h) fractions of the film, of the opacities that can be seen
    on it, `opacities` a one-bit PNG of where they lie; `evidence` says which modality holds the evidence for
    each task, and how table and text stand to the film.
    """
    film, evidence = case.study.radiograph, case.evidence
    assert film is not None and evidence is not None
    buffer = io.BytesIO()
    Image.fromarray(film.pixels.astype(np.uint16)).save(buffer, "PNG")
    window = None if film.window is None else [film.window.center, film.window.width]
    visible = _visible(evidence)
    modality = {str(task): [str(m) for m in held] for task, held in evidence.modality.items()}
    return {
        "case_id": case.case_id,
        "image": buffer.getvalue(),
        "bits_stored": film.bits_stored,
        "photometric": str(film.photometric),
        "window": window,
        "table": json.dumps(dict(case.study.table.values)),
        "text": json.dumps(dict(case.study.text.sections)),
        "reference": json.dumps({str(task): name for task, name in case.reference.items()}),
        "boxes": json.dumps([box for mask in visible if (box := bounding_box(mask))]),
        "opacities": _drawing(visible, film.shape),
        "evidence": json.dumps({"modality": modality, "agreement": evidence.agreement}),
        "split": split,
    }


def _visible(evidence: PlantedEvidence) -> list[np.ndarray]:
    if Modality.IMAGE not in evidence.modality.get(TaskName.APPEARANCE, ()):
        return []  # planted at or below the noise: nothing to point at
    return [mask for name, mask in evidence.masks.items() if name.split(",")[0] not in NOT_OPACITIES]


def _drawing(masks: Sequence[np.ndarray], shape: tuple[int, int]) -> bytes:
    union, buffer = np.zeros(shape, bool), io.BytesIO()
    for mask in masks:
        union |= mask
    Image.fromarray(union).save(buffer, "PNG")
    return buffer.getvalue()


def bounding_box(mask: np.ndarray) -> list[float] | None:
    """(x, y, w, h) of a mask as fractions of the film; None for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    height, width = mask.shape
    x, y = columns[0] / width, rows[0] / height
    box = (x, y, (columns[-1] + 1) / width - x, (rows[-1] + 1) / height - y)
    return [round(float(value), 5) for value in box]


def write_corpus(cases: Iterable[Case], path: Path, validation_every: int = 6) -> int:
    """Write cases to a Parquet file; every sixth is for validation.

    Returns:
        How many cases were written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting: list[dict[str, object]] = []
    count = 0
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for count, case in enumerate(cases, start=1):
            waiting.append(corpus_row(case, "validation" if count % validation_every == 0 else "train"))
            if len(waiting) == ROWS_AT_ONCE:
                writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
                waiting.clear()
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, SCHEMA))
    return count
