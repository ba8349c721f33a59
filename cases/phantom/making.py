"""Make synthetic cases and send them where they are wanted: what `viewbox phantoms` does.

A training corpus is one Parquet file, written a few cases at a time.
"""

import io
import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cases.case import Case, PlantedEvidence
from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.generator import Confounder, PhantomSettings, Recipe, balanced, generate_case, series_seed
from cases.phantom.scenario import NOT_OPACITIES
from cases.phantom.studies import StudySettings, generate_study, study_case, study_seed
from cases.reading.dicom import encode_radiograph
from modeling.labels import APPEARANCE
from modeling.progress import progress
from modeling.study import Modality, Photometric, Radiograph

SCHEMA = pa.schema({
    "case_id": pa.string(), "image": pa.binary(), "bits_stored": pa.int64(), "photometric": pa.string(),
    "window": pa.list_(pa.float64()), "table": pa.string(), "text": pa.string(), "reference": pa.string(),
    "boxes": pa.string(), "opacities": pa.binary(), "evidence": pa.string(), "split": pa.string(),
})  # fmt: skip
ROWS_AT_ONCE = 64


def recipes(cases: int, seed: int, size: int, shortcut: Confounder | None = None) -> list[Recipe]:
    """The recipes of a series, every appearance equally often; `size` is in pixels along the longer side.

    Raises ViewboxError: no such film can be drawn.
    """
    settings = PhantomSettings(size=size, confounder=shortcut)
    return [(series_seed(seed, index), balanced(settings, seed, index)) for index in range(cases)]


StudyRecipe = tuple[int, StudySettings]
"""Seed and settings of one phantom study."""


def study_recipes(cases: int, seed: int, size: int) -> list[StudyRecipe]:
    """The recipes of a series of studies with one to eight films each; `size` as in `recipes`."""
    settings = StudySettings(size=size)
    return [(study_seed(seed, index), settings) for index in range(cases)]


def make(
    wanted: Sequence[Recipe | StudyRecipe],
    *,
    store: Path | None = None,
    corpus: Path | None = None,
    dicom: Path | None = None,
    sheet: Path | None = None,
    jobs: int = 1,
) -> str:
    """Draw cases one at a time, in so many processes, and send each to all that is asked for.

    That may be the folder of an embedded store, a training corpus (a Parquet file), a folder that gets each
    film of the day as a DICOM file, and a PNG with all films. Returns what the store holds now; "" without
    one.

    Raises:
        ViewboxError: a place cannot be written.
    """
    films: list[np.ndarray] = []
    columns, tile = (6, 256) if len(wanted) <= 60 else (16, 128)
    opened = EmbeddedCaseStore.create(store) if store else None
    drawn = progress(_cases(iter(wanted), jobs), "drawing", total=len(wanted), unit="case")
    cases = _sent(drawn, opened, dicom, films if sheet else None, tile)
    if corpus:
        write_corpus(cases, corpus)
    else:
        deque(cases, maxlen=0)
    if opened is not None:
        opened.close()
    if sheet:
        contact_sheet(films, columns, tile).save(sheet)
    return opened.description if opened else ""


def _sent(
    cases: Iterable[Case], store: EmbeddedCaseStore | None, dicom: Path | None, films: list | None, tile: int
) -> Iterator[Case]:
    """The cases, each stored, written and made a thumbnail where that is asked for."""
    for case in cases:
        if store is not None:
            store.put(case)
        if dicom:
            _write_dicom(case, dicom)
        for film in case.films if films is not None else ():
            picture = contact_sheet([brightness(film.radiograph)], columns=1, tile=tile)
            films.append(np.asarray(picture) / 255.0)
        yield case


def _made(recipe: Recipe | StudyRecipe) -> Case:
    seed, settings = recipe
    if isinstance(settings, StudySettings):
        return study_case(generate_study(seed, settings=settings))
    return generate_case(seed, settings=settings)


def _cases(recipes: Iterator[Recipe | StudyRecipe], jobs: int) -> Iterator[Case]:
    """Cases in the recipes' order; never more than a few of them wait in memory."""
    if jobs == 1:
        yield from map(_made, recipes)
        return
    with ProcessPoolExecutor(jobs) as pool:
        while batch := list(itertools.islice(recipes, 4 * jobs)):
            yield from pool.map(_made, batch)


def _write_dicom(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sex, age = (case.study.table.values.get(name) for name in ("sex", "age"))
    today = (film.radiograph for film in case.films if film.days_before == 0)
    for number, radiograph in enumerate(today, start=1):
        encoded = encode_radiograph(
            radiograph,
            case_id=case.case_id,
            synthetic=True,
            sex=None if sex is None else str(sex),
            age=None if age is None else float(age),
        )
        name = case.case_id if number == 1 else f"{case.case_id}-{number}"
        (folder / f"{name}.dcm").write_bytes(encoded)


# --- pictures ----------------------------------------------------------------------------------------------


def brightness(radiograph: Radiograph | None) -> np.ndarray:
    """(H, W) float64 from 0 (black) to 1, as a screen shows the film with its own window."""
    assert radiograph is not None and radiograph.window is not None, "a phantom carries both"
    window = radiograph.window
    values = (radiograph.pixels - (window.center - 0.5)) / (window.width - 1) + 0.5
    values = np.clip(values, 0.0, 1.0)
    return 1 - values if radiograph.photometric is Photometric.MONOCHROME1 else values


def contact_sheet(films: Iterable[np.ndarray], columns: int = 6, tile: int = 256) -> Image.Image:
    """Films, (H, W) brightness 0 to 1 of any size, in rows, each fitted into a square."""
    tiles = []
    for film in films:
        image = Image.fromarray(np.rint(film * 255).astype(np.uint8))
        image.thumbnail((tile, tile), Image.Resampling.BOX)
        tiles.append(image)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("L", (columns * tile, max(rows, 1) * tile))
    for index, image in enumerate(tiles):
        corner = (index % columns * tile, index // columns * tile)
        sheet.paste(image, (corner[0] + (tile - image.width) // 2, corner[1] + (tile - image.height) // 2))
    return sheet


# --- a corpus to train on ----------------------------------------------------------------------------------


def corpus_row(case: Case, split: str) -> dict[str, object]:
    """One case as a row: the film as a 16-bit PNG, everything structured as JSON.

    `boxes` are (x, y, w, h) fractions of the film about the opacities that can be seen on it, `opacities` a
    one-bit PNG of where they lie; `evidence` says which modality holds it for each task, and how table and
    text stand to the film.
    """
    film, evidence = case.study.radiograph, case.evidence
    assert film is not None and evidence is not None
    window = None if film.window is None else [film.window.center, film.window.width]
    visible = _visible(evidence)
    union = np.logical_or.reduce([np.zeros(film.shape, bool), *visible])
    modality = {str(task): [str(m) for m in held] for task, held in evidence.modality.items()}
    return {
        "case_id": case.case_id,
        "image": _png(film.pixels.astype(np.uint16)),
        "bits_stored": film.bits_stored,
        "photometric": str(film.photometric),
        "window": window,
        "table": json.dumps(dict(case.study.table.values)),
        "text": json.dumps(dict(case.study.text.sections)),
        "reference": json.dumps({str(task): name for task, name in case.reference.items()}),
        "boxes": json.dumps([box for mask in visible if (box := bounding_box(mask))]),
        "opacities": _png(union),
        "evidence": json.dumps({"modality": modality, "agreement": evidence.agreement}),
        "split": split,
    }


def _visible(evidence: PlantedEvidence) -> list[np.ndarray]:
    if Modality.IMAGE not in evidence.modality.get(APPEARANCE, ()):
        return []  # planted at or below the noise: nothing to point at
    return [mask for name, mask in evidence.masks.items() if name.split(",")[0] not in NOT_OPACITIES]


def _png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
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


def write_corpus(cases: Iterable[Case], path: Path) -> int:
    """Write cases to a Parquet file, every sixth for validation; returns how many they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    splits = itertools.cycle(["train"] * 5 + ["validation"])
    rows, count = map(corpus_row, cases, splits), 0
    with pq.ParquetWriter(path, SCHEMA) as writer:
        while portion := list(itertools.islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(portion, SCHEMA))
            count += len(portion)
    return count
