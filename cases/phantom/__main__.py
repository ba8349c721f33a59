"""`python -m cases.phantom`: make synthetic cases, look at them, store them."""

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cases.case import Case
from cases.parquet.store import DEFAULT_FOLDER, EmbeddedCaseStore
from cases.phantom.corpus import write_corpus
from cases.phantom.default_set import default_recipes
from cases.phantom.generator import balanced, generate_case, series_seed
from cases.phantom.settings import Confounder, PhantomSettings
from cases.phantom.sheet import brightness, contact_sheet
from cases.reading.dicom import encode_radiograph
from modeling.errors import ViewboxError

Recipe = tuple[int, PhantomSettings]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        _check(chosen)
        _make(chosen)
    except (ViewboxError, OSError) as error:
        print(f"phantom: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cases.phantom", description=__doc__)
    parser.add_argument("--cases", type=int, default=24, help="how many (default 24)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the series; the same seed gives the same bytes"
    )
    parser.add_argument("--size", type=int, default=512, help="pixels along a film's longer side")
    parser.add_argument("--out", type=Path, help="folder of an embedded store to write the cases into")
    parser.add_argument("--dicom", type=Path, help="folder to write each film into as a DICOM file")
    parser.add_argument(
        "--corpus", type=Path, metavar="PARQUET", help="training corpus to write the cases into"
    )
    parser.add_argument("--contact-sheet", type=Path, metavar="PNG", help="picture of all films")
    parser.add_argument("--confounder", choices=("marker", "hospital", "view"), help="shortcut to plant")
    parser.add_argument(
        "--confounded-class", default="Typical", help="appearance that the shortcut goes with"
    )
    parser.add_argument("--correlation", type=float, default=0.95, help="how often the shortcut is right")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--default-store", action="store_true", help="write the cases that ship with Viewbox, anew"
    )
    return parser


def _check(chosen: argparse.Namespace) -> None:
    if chosen.cases < 1 or chosen.seed < 0 or chosen.jobs < 1:
        raise ViewboxError("--cases and --jobs start at 1 and --seed at 0; give larger numbers.")
    if not (chosen.default_store or chosen.out or chosen.dicom or chosen.corpus or chosen.contact_sheet):
        raise ViewboxError(
            "Nothing was asked for; give --out, --corpus, --dicom, --contact-sheet or --default-store."
        )


def _recipes(chosen: argparse.Namespace) -> Iterator[Recipe]:
    if chosen.default_store:
        return iter(default_recipes())
    shortcut = None
    if chosen.confounder:
        shortcut = Confounder(chosen.confounder, chosen.confounded_class, chosen.correlation)
    settings = PhantomSettings(size=chosen.size, confounder=shortcut)
    return (
        (series_seed(chosen.seed, index), balanced(settings, chosen.seed, index))
        for index in range(chosen.cases)
    )


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


def _make(chosen: argparse.Namespace) -> None:
    """Send every case to all that was asked for, one at a time."""
    total = len(default_recipes()) if chosen.default_store else chosen.cases
    folder = DEFAULT_FOLDER if chosen.default_store else chosen.out
    films: list[np.ndarray] = []
    columns, tile = (6, 256) if total <= 60 else (16, 128)
    cases = iter(tqdm(_cases(_recipes(chosen), chosen.jobs), total=total, unit="case"))
    store = EmbeddedCaseStore.create(folder) if folder else None

    def passed() -> Iterator[Case]:
        for case in cases:
            if store is not None:
                store.put(case)
            if chosen.dicom:
                _write_dicom(case, chosen.dicom)
            if chosen.contact_sheet:
                films.append(_thumbnail(case, tile))
            yield case

    if chosen.corpus:
        write_corpus(passed(), chosen.corpus)
    else:
        deque(passed(), maxlen=0)
    if store is not None:
        store.close()
        print(f"{store.description} in {folder}")
    if chosen.contact_sheet:
        contact_sheet(films, columns, tile).save(chosen.contact_sheet)


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


if __name__ == "__main__":
    raise SystemExit(main())
