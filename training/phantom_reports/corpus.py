"""Phantoms with their reports as arrays, and their films as a frozen encoder's vectors.

Both are made a few at a time into a folder, and found there the next time.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cases.phantom.generator import Phantom, PhantomSettings, generate_phantom, series_seed
from cases.phantom.scenario import COMBINATIONS
from cases.phantom.streams import chance, pick, stream
from cases.phantom.words import WORDS
from modeling.configuration import ImageProcessing
from modeling.model.film import letterboxed, resampled
from modeling.model.processing import collate
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.reports.words import sentences
from modeling.study import Radiograph, Study

_AT_ONCE = 50
CELLS = 48
"""Side of the grid on which it is kept where each opacity lies."""
FINDING_OF = {
    "consolidation": "Consolidation",
    "lobar consolidation": "Consolidation",
    "edema": "Edema",
    "nodule": "Nodule",
    "miliary nodules": "Nodule",
    "mass": "Mass",
    "effusion": "Effusion",
    "pneumothorax": "Pneumothorax",
    "cardiomegaly": "Cardiomegaly",
}
"""Planted kind -> the finding that the miner has a word for; ground glass and cavities have none."""
FINDINGS = tuple(dict.fromkeys(FINDING_OF.values()))


@dataclass(frozen=True, eq=False)
class PhantomRow:
    """A phantom as films are taught with it.

    Attributes:
        film: (h, w) uint8, letterboxed, bone bright.
        report: section -> text of a reader who saw the film alone; two in five miss what is faint.
        masks: opacity ("effusion, left") -> (`CELLS`, `CELLS`) bool over the film.
        truth: the findings of `FINDINGS` that were planted, faint ones too.
    """

    film: np.ndarray
    report: Mapping[str, str]
    masks: Mapping[str, np.ndarray]
    truth: frozenset[str]
    appearance: str
    conspicuous: bool


def phantom_rows(folder: Path, count: int, series: int, size: int) -> list[PhantomRow]:
    """The first `count` phantoms of a series at `size` pixels; what the folder lacks is drawn and kept.

    Half of them are Atypical: what the findings name is rare elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[PhantomRow] = []
    for start in progress(range(0, count, _AT_ONCE), "phantoms", total=-(-count // _AT_ONCE), unit="portion"):
        file = folder / f"phantoms-{series}-{size}-{start:05d}.npz"
        if not file.is_file():
            _write(file, [_phantom(series, n, size) for n in range(start, start + _AT_ONCE)], size)
        rows += _read(file)
    return rows[:count]


def _labels(seed: int) -> tuple[str, str | None]:
    rng = stream(seed, "label")
    atypical = chance(rng, 0.5)
    return pick(rng, [pair for pair in COMBINATIONS if (pair[0] == "Atypical") == atypical])


def _phantom(series: int, number: int, size: int) -> Phantom:
    seed = series_seed(series, number)
    return generate_phantom(seed, settings=PhantomSettings(size=size, square=True, labels=_labels(seed)))


def described(row: PhantomRow) -> Iterator[tuple[tuple[int, int], str]]:
    """Each sentence of the findings, by its place, that describes an opacity, and that opacity's name.

    Told by the very phrases that the report was made of (`cases/phantom/words.json`).
    """
    text = row.report["findings"]
    for start, end in sentences(text):
        said = text[start:end].lower()
        for name in row.masks:
            kind, _, zone = name.partition(", ")
            where = (
                "throughout both lungs"
                if zone == "both"
                else f"the {zone} {'zone' if ' ' in zone else 'side'}"
            )
            if where in said and any(what in said for what in WORDS["opacity"].get(kind, ())):
                yield (start, end), name
                break


def _write(file: Path, phantoms: list[Phantom], size: int) -> None:
    """Whole or not at all, so that a run that was stopped goes on where it was."""
    films, masks, facts = [], [], []
    for phantom in phantoms:
        square, _, _ = letterboxed(phantom.case.study.radiograph, ImageProcessing(size=size))
        films.append(np.rint(square * 255).astype(np.uint8))
        planted = phantom.case.evidence.masks
        masks += [resampled(mask.astype(np.float32), (CELLS, CELLS)) > 0.3 for mask in planted.values()]
        facts.append(
            {
                "report": dict(phantom.case.report),
                "masks": list(planted),
                "appearance": phantom.plan.appearance,
                "conspicuous": phantom.plan.conspicuous,
            }
        )
    half = file.with_suffix(".part.npz")
    laid = np.array(masks, bool).reshape(-1, CELLS, CELLS)
    np.savez_compressed(half, films=np.stack(films), masks=laid, facts=json.dumps(facts))
    half.replace(file)


def _read(file: Path) -> Iterator[PhantomRow]:
    with np.load(file) as stored:
        films, masks, facts = stored["films"], iter(stored["masks"]), json.loads(str(stored["facts"]))
    for film, one in zip(films, facts, strict=True):
        own = {name: next(masks) for name in one["masks"]}
        kinds = (name.split(",")[0] for name in own)
        truth = frozenset(FINDING_OF[kind] for kind in kinds if kind in FINDING_OF)
        yield PhantomRow(film, one["report"], own, truth, one["appearance"], one["conspicuous"])


def film_vectors(folder: Path, rows: list[PhantomRow], name: str, pipeline: DiagnosisPipeline) -> np.ndarray:
    """(N, 2 C) float32: mean and maximum of the encoder's last feature map, which is not trained further.

    `name`: of the file in the folder that keeps them.
    """
    file, made = folder / f"vectors-{name}.npy", []
    if file.is_file() and len(kept := np.load(file)) == len(rows):
        return kept
    for start in progress(range(0, len(rows), _AT_ONCE), "vectors", unit="portion"):
        films = (Study(Radiograph(row.film, bits_stored=8)) for row in rows[start : start + _AT_ONCE])
        inputs = collate([pipeline.processor(film) for film in films])
        with torch.inference_mode():
            features = pipeline.model_features(inputs.image.contiguous(memory_format=torch.channels_last))
        made.append(torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1).numpy())
    np.save(file, np.concatenate(made).astype(np.float32))
    return np.load(file)
