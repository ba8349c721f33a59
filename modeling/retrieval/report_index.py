"""Many reports, mined and placed in the space of findings' words, in files that are read where they lie.

A folder of raw arrays, one row a report, that grows portion by portion: what was written is kept when the
work breaks off. A report's vector is the mean of its sentences that affirm something (of all, where none
does). Memory holds one portion.

Shape letters: N reports, K findings, D width.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from modeling.errors import ViewboxError
from modeling.findings.reader import FindingReader, sentenced
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, Value, affirmed_sentences
from modeling.reports.report import Report
from modeling.reports.rules import NORMAL

PORTION = 2_000
"""Reports that are mined and encoded at once, and that are lost at most when the work breaks off."""
STATE_FILE, IDS_FILE = "index.json", "ids.txt"
MINED = (*FINDINGS.classes, NORMAL)
CODES = {Value.UNMENTIONED: 0, Value.POSITIVE: 1, Value.NEGATIVE: -1, Value.UNCERTAIN: 2}
"""Mined value -> how it is kept."""


@dataclass(frozen=True)
class NearReport:
    """A report of the index: its ID, its cosine with what was asked, and the findings it affirms."""

    report_id: str
    similarity: float
    findings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ReportIndex:
    """The finished part of a folder.

    Attributes:
        ids: N names, as the reports came.
        vectors: (N, D) float16, of length 1 or 0.
        margins: (N, K) float16 logits above each finding's operating point.
        mined: (N, 15) int8 of the 14 findings and normal, by `CODES`.
    """

    folder: Path
    ids: Sequence[str]
    vectors: np.ndarray
    margins: np.ndarray
    mined: np.ndarray
    state: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Raises ViewboxError: there is no index, or its files are not whole."""
        state = _state(folder)
        try:
            ids = (folder / IDS_FILE).read_text(encoding="utf-8").split("\n")[: state["reports"]]
            arrays = [
                np.memmap(folder / name, kind, "r", shape=(state["reports"], width))
                for name, kind, width in _files(state["width"], state["findings"])
            ]
            return cls(folder, ids, *arrays, state)
        except (OSError, ValueError, KeyError) as exc:
            template = "The index in '{folder}' is not whole; delete the folder and make it again."
            raise ViewboxError(template, folder=folder) from exc

    def __len__(self) -> int:
        return len(self.ids)

    def nearest(self, vector: np.ndarray, k: int = 10) -> tuple[NearReport, ...]:
        """The `k` reports nearest a (D,) vector of length 1; equals in their order."""
        alike = self.vectors @ vector.astype(np.float32)
        order = np.argsort(-alike, kind="stable")[:k]
        names = self.state["classes"]
        return tuple(
            NearReport(
                self.ids[n], float(alike[n]), tuple(names[i] for i in np.flatnonzero(self.margins[n] >= 0))
            )
            for n in order
        )

    def counts(self) -> dict[str, int]:
        """How many reports have each finding above its operating point; those that none has are left out."""
        found = sum((np.asarray(part) >= 0).sum(axis=0) for part in _portions(self.margins))
        return {name: int(n) for name, n in zip(self.state["classes"], found, strict=True) if n}

    def mined_counts(self) -> dict[str, int]:
        """How many reports affirm each of the 14 findings, by the rules, and how many are normal."""
        found = sum((np.asarray(part) == CODES[Value.POSITIVE]).sum(axis=0) for part in _portions(self.mined))
        return {name: int(n) for name, n in zip(MINED, found, strict=True)}


def _portions(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[n : n + 50_000] for n in range(0, max(len(rows), 1), 50_000))


def _files(width: int, findings: int) -> tuple[tuple[str, str, int], ...]:
    return (("vectors.f16", "<f2", width), ("margins.f16", "<f2", findings), ("mined.i8", "i1", len(MINED)))


def _state(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        template = "There is no index of reports in '{folder}'; make one with viewbox mine REPORTS --index."
        raise ViewboxError(template, folder=folder) from exc


def index_reports(
    folder: Path, reports: Iterable[Report], reader: FindingReader, miner: Miner, source: str
) -> Iterator[int]:
    """Write an index, or go on where it stopped; yields how many reports are in it after each portion.

    Args:
        source: names the reports; another one's index in the same folder is refused.

    Raises:
        ViewboxError: the folder holds other reports, those of another classifier or anything else, or is a
            file.
    """
    if folder.is_file():
        raise ViewboxError("'{folder}' is a file; name a folder for the index.", folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    classes = [str(finding.name) for finding in reader.findings]
    state = {"source": source, "reader": reader.name, "width": reader.width, "findings": len(classes)}
    own = {STATE_FILE, f"{STATE_FILE}.part", IDS_FILE, *(name for name, *_ in _files(0, 0))}
    if any(one.name not in own for one in folder.iterdir()):
        raise ViewboxError("'{folder}' holds other files; name a new folder for the index.", folder=folder)
    done = 0
    if (folder / STATE_FILE).is_file():
        before = _state(folder)
        if any(before.get(key) != value for key, value in state.items()):
            other = (
                "'{folder}' holds an index of other reports or by another classifier; name another folder."
            )
            raise ViewboxError(other, folder=folder)
        done = before["reports"]
        if before["whole"]:
            yield done
            return
    _cut(folder, done, state)
    rest = islice(iter(reports), done, None)
    while portion := list(islice(rest, PORTION)):
        _append(folder, portion, *_rows(portion, reader, miner))
        done += len(portion)
        _write_state(folder, state | {"classes": classes, "reports": done, "whole": False})
        yield done
    _write_state(folder, state | {"classes": classes, "reports": done, "whole": True})


def _cut(folder: Path, done: int, state: dict[str, Any]) -> None:
    """Drop what stands behind the last whole portion."""
    for name, kind, width in _files(state["width"], state["findings"]):
        with (folder / name).open("ab") as file:
            file.truncate(done * width * np.dtype(kind).itemsize)
    ids = folder / IDS_FILE
    kept = ids.read_text(encoding="utf-8").split("\n")[:done] if ids.is_file() else []
    ids.write_text("".join(f"{one}\n" for one in kept), encoding="utf-8")


def _append(folder: Path, portion: Sequence[Report], *arrays: np.ndarray) -> None:
    for (name, kind, _), rows in zip(_files(arrays[0].shape[1], arrays[1].shape[1]), arrays, strict=True):
        with (folder / name).open("ab") as file:
            file.write(np.ascontiguousarray(rows, kind).tobytes())
    with (folder / IDS_FILE).open("a", encoding="utf-8") as file:
        file.writelines(" ".join(report.report_id.split()) + "\n" for report in portion)


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    part = folder / f"{STATE_FILE}.part"
    part.write_text(json.dumps(state), encoding="utf-8")
    part.replace(folder / STATE_FILE)


def _rows(
    portion: Sequence[Report], reader: FindingReader, miner: Miner
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, D) vectors, (n, K) margins and (n, 15) mined values; equal sentences are encoded once."""
    places: dict[str, int] = {}
    read, affirmed, mined = [], [], np.zeros((len(portion), len(MINED)), np.int8)
    for n, report in enumerate(portion):
        labels = miner.label(report)
        mined[n] = [CODES[labels.value(name)] for name in FINDINGS.classes] + [labels.normal]
        said, found = {*affirmed_sentences(report, miner, labels)}, sentenced(report)
        rows = [places.setdefault(text, len(places)) for text in found.texts]
        read.append(rows)
        chosen = [row for row, place in zip(rows, found.places, strict=True) if place in said]
        affirmed.append(chosen or rows)
    vectors = reader.vectors(list(places))
    strengths = reader.strengths(vectors)
    margins = np.stack([reader.logits(strengths[rows]) - reader.points for rows in read])
    means = np.stack([vectors[rows].mean(axis=0) if rows else np.zeros(reader.width) for rows in affirmed])
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9), margins, mined
