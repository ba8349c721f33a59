"""Described phantoms as arrays: drawn a few at a time into a folder, and found there the next time.

Every film shows what was planted and no table contradicts it (the situation "agrees"): what a film does not
show, no report on it can say.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cases.phantom.description import Language, Statement, described, report
from cases.phantom.generator import Phantom, PhantomSettings, balanced, generate_phantom, series_seed
from modeling.configuration import ImageProcessing
from modeling.labels import APPEARANCE, GRADING
from modeling.model.film import letterboxed, resampled
from modeling.progress import progress
from modeling.study import ClinicalTable

_AT_ONCE = 40
_REPORT = 17
"""Of the random stream of a row's report, beside its number."""


@dataclass(frozen=True, eq=False)
class SpaceRow:
    """One phantom as the space is trained or measured on it.

    Attributes:
        number: of the phantom in its series.
        film: (h, w) uint8, letterboxed.
        masks: opacity name -> (h, w) bool.
        statements: everything that can be said of the film.
        appearance, grading: reference labels; grading is "" where there is none.
    """

    number: int
    film: np.ndarray
    masks: dict[str, np.ndarray]
    statements: tuple[Statement, ...]
    table: ClinicalTable
    appearance: str
    grading: str

    @cached_property
    def facts(self) -> frozenset[str]:
        """All that holds of the film."""
        return frozenset().union(*(one.facts for one in self.statements))

    def report(self, language: Language = "en") -> tuple[str, list[tuple[Statement, str]]]:
        """Its report, the same every time, and each statement of it with its sentence."""
        return report(np.random.default_rng((_REPORT, self.number)), self.statements, language)


def space_rows(folder: Path, count: int, seed: int, size: int) -> list[SpaceRow]:
    """The first `count` phantoms of a series at `size` pixels; what the folder lacks is drawn and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = PhantomSettings(size=size, situation="agrees")
    rows: list[SpaceRow] = []
    for start in progress(range(0, count, _AT_ONCE), "phantoms", total=-(-count // _AT_ONCE), unit="portion"):
        file = folder / f"described-{seed}-{size}-{start:05d}.npz"
        if not file.is_file():
            numbers = range(start, start + _AT_ONCE)
            drawn = [
                generate_phantom(series_seed(seed, n), settings=balanced(settings, seed, n)) for n in numbers
            ]
            _write(file, drawn, size)
        rows += _read(file, start)
    return rows[:count]


def _write(file: Path, phantoms: list[Phantom], size: int) -> None:
    """Whole or not at all, so that a run that was stopped goes on where it was."""
    films, masks, facts = [], [], []
    for phantom in phantoms:
        case = phantom.case
        square, box, _ = letterboxed(case.study.radiograph, ImageProcessing(size=size))
        films.append(np.rint(square * 255).astype(np.uint8))
        for mask in case.evidence.masks.values():
            placed = np.zeros(square.shape, bool)
            box.crop(placed)[:] = resampled(mask.astype(np.float32), (box.height, box.width)) > 0.5
            masks.append(placed)
        facts.append({
            "masks": [*case.evidence.masks],
            "statements": [one.to_json() for one in described(phantom)],
            "table": dict(case.study.table.values),
            "appearance": case.reference[APPEARANCE],
            "grading": case.reference.get(GRADING, ""),
        })  # fmt: skip
    half = file.with_suffix(".part.npz")
    packed = np.packbits(np.stack(masks), axis=-1) if masks else np.zeros((0, size, size // 8), np.uint8)
    np.savez_compressed(half, films=np.stack(films), masks=packed, facts=json.dumps(facts))
    half.replace(file)


def _read(file: Path, start: int) -> Iterator[SpaceRow]:
    with np.load(file) as stored:
        films, packed, facts = stored["films"], stored["masks"], json.loads(str(stored["facts"]))
    masks = iter(np.unpackbits(packed, axis=-1, count=films.shape[-1]).astype(bool))
    for number, (film, one) in enumerate(zip(films, facts, strict=True), start):
        yield SpaceRow(
            number,
            film,
            {name: next(masks) for name in one["masks"]},
            tuple(map(Statement.from_json, one["statements"])),
            ClinicalTable.from_raw(one["table"]),
            one["appearance"],
            one["grading"],
        )
