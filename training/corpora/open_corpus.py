"""Corpora by name: of a published file, or of a folder of imported cases.

`viewbox import NAME SOURCE --store DATA/NAME --write` reads the layouts as published (RICORD with its
annotations and clinical sheet, NIH, Open-i, SIIM, MIMIC-CXR-JPG, ...) and writes such a folder; an export
has the same columns. A run that names the corpus NAME then finds it in DATA. Films stay on the disk until
they are decoded, however large the set.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modeling.errors import ViewboxError
from modeling.labels import FINDINGS, TaskName
from modeling.study import ClinicalTable, ClinicalText, Photometric, VoiLut, Window
from training.corpora.label_table import with_own_labels
from training.corpora.labelled_film import Film, known_boxes, split_of
from training.corpora.published_films import cohen, hannover, nih, phantoms, siim
from training.corpora.reports import indexed_reports, mined_reports

CORPORA: dict[str, tuple[str, Callable[[Path], Iterator[Film]]]] = {
    "siim": ("siim_appearance.parquet", siim),
    "cohen": ("cohen.parquet", cohen),
    "hannover": ("hannover.parquet", hannover),
    "nih": ("nih_sample.parquet", nih),
    "phantom": ("phantoms.parquet", phantoms),
    "openi": ("openi/NLMCXR_reports.tgz", indexed_reports),
    "openi-mined": ("openi/NLMCXR_reports.tgz", mined_reports),
}
"""Corpus name -> the file it is read from, and its loader."""
FILES = "cases-*.parquet"
STATES = {"positive": 1.0, "negative": 0.0, "uncertain": -1.0}
"""Each state that a labeller tells apart, as CheXpert numbers them (Irvin et al., AAAI 2019)."""
_OTHER_NAMES = {"Pleural Effusion": "Effusion"}


def load(name: str, folder: Path) -> list[Film]:
    """All films of a corpus: of its file in `folder`, or of a folder of cases that bears its name.

    Raises:
        ViewboxError: an unknown corpus, or it is not in the folder.
    """
    file, loader = CORPORA.get(name, ("", None))
    if any((folder / name).glob(FILES)) and not (file and (folder / file).is_file()):
        return list(case_folder(folder / name))
    if loader is None:
        template = "There is no corpus '{name}'; choose from {corpora}, or import it to {folder}."
        raise ViewboxError(template, name=name, corpora=", ".join(CORPORA), folder=folder / name)
    return list(loader(folder / file))


def corpora_in(folder: Path) -> list[str]:
    """The corpora that are in a folder: files by their name, then folders of cases."""
    files = [name for name, (file, _) in CORPORA.items() if (folder / file).is_file()]
    return files + sorted({path.parent.name for path in folder.glob(f"*/{FILES}")} - {*files})


# --- folders of cases


def case_readings(folder: Path, task: TaskName) -> Iterator[tuple[str, dict[str, str]]]:
    """(patient, reader -> class) of each case of a folder that was read for a task; none without a folder.

    Raises:
        ViewboxError: a file of it cannot be read.
    """
    for document, _ in _rows(folder) if any(folder.glob(FILES)) else ():
        said = {r["reader"]: r["class_name"] for r in document["readings"] if r["task"] == task}
        if said:
            yield document["provenance"]["patient"] or document["ID"], said


def case_folder(folder: Path) -> Iterator[Film]:
    """The films of a folder of cases with its labels. Splits go by patient.

    Raises:
        ViewboxError: a file of it cannot be read, or as `with_own_labels`.
    """
    yield from with_own_labels((_film(document, encoded) for document, encoded in _rows(folder)), folder)


def _rows(folder: Path) -> Iterator[tuple[dict[str, Any], memoryview]]:
    """Each case's document and its film's file; of two files with the same ID the later counts."""
    from datasets import Dataset, Image, disable_progress_bars
    from datasets.exceptions import DatasetGenerationError

    disable_progress_bars()
    try:
        files, read = [str(path) for path in sorted(folder.glob(FILES))], ["case_id", "image", "document"]
        rows = Dataset.from_parquet(files, columns=read).cast_column("image", Image(decode=False))
        last = {case_id: number for number, case_id in enumerate(rows["case_id"])}
        rows = rows.with_format("arrow")
        for number in sorted(last.values()):
            row = rows[number]
            encoded = row["image"].combine_chunks().field("bytes")[0].as_buffer()
            yield json.loads(row["document"][0].as_py()), memoryview(encoded or b"")
    except (OSError, ValueError, KeyError, TypeError, DatasetGenerationError) as exc:
        template = "The cases in '{folder}' cannot be read; import or export them again."
        raise ViewboxError(template, folder=folder.name) from exc


def _film(document: Mapping[str, Any], encoded: memoryview) -> Film:
    provenance, film = document["provenance"], document["film"]
    patient = provenance["patient"] or document["ID"]
    texts = {**document["text"], **document["report"]}
    labels = dict(document["reference"])
    drawn = tuple(tuple(r["box"]) for r in document.get("regions") or () if r["label"] == "opacity")
    return Film(
        film_id=document["ID"],
        source=provenance["source"],
        patient=patient,
        split=provenance.get("split") or split_of(patient),
        encoded=encoded,
        signed=bool(film) and film["dtype"] == "int16",
        pixel_aspect_ratio=film["pixel_aspect_ratio"] if film else 1.0,
        table=ClinicalTable({name: entry["value"] for name, entry in document["table"].items()}),
        text=ClinicalText(texts),
        labels=labels,
        boxes=known_boxes(drawn, labels),
        presentation=_presentation(film) if film else {},
        states=_states(document["readings"]),
    )


def _states(readings: list[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """Task -> class -> state, of the tasks for which a labeller told states apart ("Edema: uncertain").

    All of a task's come from the first who labelled the study: what radiologists left blank stays blank,
    whatever a program found.
    """
    found: dict[str, dict[str, float]] = {}
    first: dict[str, str] = {}
    for reading in readings:
        name, _, state = reading["class_name"].rpartition(": ")
        if not name or (state not in STATES and reading["task"] != FINDINGS):
            continue
        if first.setdefault(reading["task"], reading["reader"]) != reading["reader"]:
            continue
        own = found.setdefault(reading["task"], {})
        name = _OTHER_NAMES.get(name, name) if reading["task"] == FINDINGS else name
        if state in STATES and (reading["task"] != FINDINGS or name in FINDINGS.classes):
            own.setdefault(name, STATES[state])
    return found


def _presentation(film: Mapping[str, Any]) -> dict[str, object]:
    """The arguments of `Radiograph` that turn stored values into brightness."""
    window, lut = film["window"], film["voi_lut"]
    values = lut and np.frombuffer(base64.b64decode(lut["values"]["$bytes"]), np.dtype(lut["dtype"]))
    return {
        "bits_stored": film["bits_stored"],
        "photometric": Photometric(film["photometric"]),
        "rescale_slope": film["rescale"]["slope"],
        "rescale_intercept": film["rescale"]["intercept"],
        "window": window and Window(window["center"], window["width"], window["function"]),
        "voi_lut": lut and VoiLut(lut["first"], values),
    }
