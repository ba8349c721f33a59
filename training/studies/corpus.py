"""Phantom studies as arrays: drawn a few at a time into a folder, and found there the next time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.phantom.studies import PhantomStudy, StudySettings, generate_study, study_seed
from modeling.configuration import ImageProcessing
from modeling.model.film import letterboxed, resampled
from modeling.progress import progress
from modeling.study import ClinicalTable, ClinicalText, ViewPosition

_AT_ONCE = 40
FOUR_FILMS = (
    (ViewPosition.PA, 0),
    (ViewPosition.LATERAL, 0),
    (ViewPosition.PA, 90),
    (ViewPosition.LATERAL, 90),
)
"""What every study of a test set has, so that any of it can be left out: both views on both days."""


@dataclass(frozen=True, eq=False)
class StudyRow:
    """One study as a model is trained on it.

    Attributes:
        films: (V, h, w) uint8, each letterboxed; views, days: V view positions and days before.
        shown: (V, h, w) bool, the opacity where a film shows it; nothing on a film that does not.
        reference, evidence: task -> its class, and the numbers of the films that hold it.
        place: where the opacity is, if there is one.
    """

    films: np.ndarray
    shown: np.ndarray
    views: tuple[ViewPosition, ...]
    days: tuple[int, ...]
    table: ClinicalTable
    text: ClinicalText
    reference: dict[str, str]
    evidence: dict[str, tuple[int, ...]]
    place: str


def study_rows(folder: Path, count: int, seed: int, size: int, *, four_films: bool = False) -> list[StudyRow]:
    """The first `count` studies of a series at `size` pixels; what the folder lacks is drawn and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = StudySettings(size=size, films=FOUR_FILMS if four_films else None)
    rows: list[StudyRow] = []
    for start in progress(range(0, count, _AT_ONCE), "studies", total=-(-count // _AT_ONCE), unit="portion"):
        file = folder / f"studies-{seed}-{size}-{'four' if four_films else 'any'}-{start:05d}.npz"
        if not file.is_file():
            seeds = (study_seed(seed, n) for n in range(start, start + _AT_ONCE))
            _write(file, [generate_study(one, settings=settings) for one in seeds], size)
        rows += _read(file)
    return rows[:count]


def _write(file: Path, studies: list[PhantomStudy], size: int) -> None:
    """Whole or not at all, so that a run that was stopped goes on where it was."""
    films, shown = [], []
    for study in studies:
        for number, film in enumerate(study.films):
            square, box, _ = letterboxed(film.radiograph, ImageProcessing(size=size))
            there = film.days_before in study.plan.present and study.plan.shows(number)
            mask = np.zeros(square.shape, bool)
            if there:
                seen = resampled(study.masks[number].astype(np.float32), (box.height, box.width))
                box.crop(mask)[:] = seen > 0.5
            films.append(np.rint(square * 255).astype(np.uint8))
            shown.append(mask)
    half = file.with_suffix(".part.npz")
    facts = json.dumps([_facts(study) for study in studies])
    np.savez_compressed(half, films=np.stack(films), shown=np.stack(shown), facts=facts)
    half.replace(file)


def _facts(study: PhantomStudy) -> dict[str, object]:
    return {
        "views": [film.position for film in study.plan.films],
        "days": [film.days_before for film in study.plan.films],
        "table": dict(study.table.values),
        "text": dict(study.text.sections),
        "reference": study.plan.reference,
        "evidence": study.plan.evidence,
        "place": study.plan.place,
    }


def _read(file: Path) -> Iterator[StudyRow]:
    with np.load(file) as stored:
        films, shown, facts = stored["films"], stored["shown"], json.loads(str(stored["facts"]))
    first = 0
    for one in facts:
        last = first + len(one["views"])
        yield StudyRow(
            films[first:last],
            shown[first:last],
            tuple(map(ViewPosition, one["views"])),
            tuple(one["days"]),
            ClinicalTable.from_raw(one["table"]),
            ClinicalText(one["text"]),
            one["reference"],
            {task: tuple(numbers) for task, numbers in one["evidence"].items()},
            one["place"],
        )
        first = last
