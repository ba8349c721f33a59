"""`python -m evaluation.drills`: evaluate a checkpoint on unseen phantoms and keep what it gets wrong."""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tqdm import tqdm

from cases.case import Case
from cases.phantom.default_set import DEFAULT_BITS, DEFAULT_SIZE
from cases.phantom.drills import DRILLS_FILE, SERIES, Drill, Drills
from modeling.errors import ViewboxError
from modeling.labels import TaskName
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.model.pipeline import DiagnosisPipeline
from modeling.study import Modality

CONFIDENT = 0.6
"""As the quiz counts a wrong answer as a confident one."""
BATCH = 32


def evaluated(folder: Path, phantoms: int, jobs: int = 1) -> Drills:
    """Ask a checkpoint about phantoms of a series that it has never seen.

    Args:
        folder: of a checkpoint that knows appearance.
        phantoms: how many.

    Raises:
        ViewboxError: the checkpoint cannot be loaded, or was not trained on phantoms.
    """
    pipeline = DiagnosisPipeline.from_pretrained(folder)
    if "phantom" not in pipeline.config.sources:
        raise ViewboxError(
            "{folder} was not trained on phantoms; its mistakes on them teach nothing.", folder=folder.name
        )
    weights = sha256_of(folder / WEIGHTS_FILE)
    plan = Drills(weights, SERIES, DEFAULT_SIZE, DEFAULT_BITS, phantoms, 0, CONFIDENT, 0)
    right, wrong, drills = 0, 0, []
    for index, case in enumerate(tqdm(_drawn(plan, jobs), total=phantoms, unit="case")):
        task = pipeline.predict(case.study)[TaskName.APPEARANCE]
        truth, probability = case.reference[TaskName.APPEARANCE], round(float(task.probabilities.max()), 4)
        right += task.most_probable == truth
        if task.most_probable == truth or probability < CONFIDENT:
            continue
        wrong += 1
        if _shows_it(case):
            drills.append(Drill(index, truth, task.most_probable, probability))
    about = (weights, SERIES, DEFAULT_SIZE, DEFAULT_BITS, phantoms, right, CONFIDENT, wrong)
    return Drills(*about, tuple(drills))


def _drawn(plan: Drills, jobs: int) -> Iterator[Case]:
    if jobs == 1:
        yield from map(plan.case, range(plan.evaluated))
        return
    with ProcessPoolExecutor(jobs) as pool:
        for start in range(0, plan.evaluated, BATCH):  # so that few cases wait in memory
            yield from pool.map(plan.case, range(start, min(start + BATCH, plan.evaluated)))


def _shows_it(case: Case) -> bool:
    """Whether a reader who looks at the film can be right."""
    assert case.evidence is not None, "a phantom says where its evidence lies"
    return Modality.IMAGE in case.evidence.modality.get(TaskName.APPEARANCE, ())


def main(arguments: list[str] | None = None) -> int:
    """Write the file and print what it holds."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.drills", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--phantoms", type=int, default=600, help="how many to evaluate (default 600)")
    parser.add_argument("--jobs", type=int, default=1, help="processes that draw phantoms")
    options = parser.parse_args(arguments)
    try:
        found = evaluated(options.checkpoint, options.phantoms, options.jobs)
    except ViewboxError as error:
        print(f"drills: {error}", file=sys.stderr)
        return 2
    found.save(options.checkpoint)
    print(
        f"{found.evaluated} phantoms, {found.right} right, {found.confidently_wrong} confidently wrong;"
        f" {len(found.drills)} of these show their evidence on the film and stand in {DRILLS_FILE}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
