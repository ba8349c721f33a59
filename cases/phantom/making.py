"""Make synthetic cases and send them where they are wanted: what `viewbox phantoms` does."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from cases.case import Case
from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.corpus import write_corpus
from cases.phantom.generator import balanced, generate_case, series_seed
from cases.phantom.settings import Confounder, PhantomSettings
from cases.phantom.sheet import brightness, contact_sheet
from cases.reading.dicom import encode_radiograph
from modeling.progress import progress

Recipe = tuple[int, PhantomSettings]


def recipes(cases: int, seed: int, size: int, shortcut: Confounder | None = None) -> list[Recipe]:
    """What to draw of a series: every appearance equally often; the same seed gives the same bytes.

    Args:
        size: pixels along a film's longer side.
        shortcut: to plant.

    Raises:
        ViewboxError: no such film can be drawn.
    """
    settings = PhantomSettings(size=size, confounder=shortcut)
    return [(series_seed(seed, index), balanced(settings, seed, index)) for index in range(cases)]


def make(
    wanted: Sequence[Recipe],
    *,
    store: Path | None = None,
    corpus: Path | None = None,
    dicom: Path | None = None,
    sheet: Path | None = None,
    jobs: int = 1,
) -> str:
    """Draw cases one at a time and send each to all that is asked for.

    Args:
        store: folder of an embedded store.
        corpus: training corpus, a Parquet file.
        dicom: folder that gets each film as a DICOM file.
        sheet: PNG with all films.
        jobs: processes.

    Returns:
        What the store holds now; empty without one.

    Raises:
        ViewboxError: a place cannot be written.
    """
    films: list[np.ndarray] = []
    columns, tile = (6, 256) if len(wanted) <= 60 else (16, 128)
    cases = progress(_cases(iter(wanted), jobs), "drawing", total=len(wanted), unit="case")
    opened = EmbeddedCaseStore.create(store) if store else None

    def passed() -> Iterator[Case]:
        for case in cases:
            if opened is not None:
                opened.put(case)
            if dicom:
                _write_dicom(case, dicom)
            if sheet:
                films.append(_thumbnail(case, tile))
            yield case

    if corpus:
        write_corpus(passed(), corpus)
    else:
        deque(passed(), maxlen=0)
    if opened is not None:
        opened.close()
    if sheet:
        contact_sheet(films, columns, tile).save(sheet)
    return opened.description if opened else ""


def _made(recipe: Recipe) -> Case:
    seed, settings = recipe
    return generate_case(seed, settings=settings)


def _cases(recipes: Iterator[Recipe], jobs: int) -> Iterator[Case]:
    """Cases in the recipes' order; never more than a few of them wait in memory."""
    if jobs == 1:
        yield from map(_made, recipes)
        return
    with ProcessPoolExecutor(jobs) as pool:
        while batch := list(islice(recipes, 4 * jobs)):
            yield from pool.map(_made, batch)


def _thumbnail(case: Case, tile: int) -> np.ndarray:
    assert case.study.radiograph is not None
    return np.asarray(contact_sheet([brightness(case.study.radiograph)], columns=1, tile=tile)) / 255.0


def _write_dicom(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    film, values = case.study.radiograph, case.study.table.values
    assert film is not None
    sex, age = values.get("sex"), values.get("age")
    encoded = encode_radiograph(
        film,
        case_id=case.case_id,
        synthetic=True,
        sex=None if sex is None else str(sex),
        age=None if age is None else float(age),
    )
    (folder / f"{case.case_id}.dcm").write_bytes(encoded)
