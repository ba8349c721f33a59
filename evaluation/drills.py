"""Evaluate a checkpoint on unseen phantoms and keep what it gets wrong: what `viewbox drills` does."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from cases.case import Case
from cases.phantom.drills import DRILLS_FILE, SERIES, Drill, Drills
from cases.phantom.generator import DEFAULT_BITS, DEFAULT_SIZE
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.study import Modality

CONFIDENT = 0.6
"""As the quiz counts a wrong answer as a confident one."""
BATCH = 32


def evaluated(folder: Path, phantoms: int, jobs: int = 1) -> Drills:
    """Ask a checkpoint that knows appearance about so many phantoms of a series that it has never seen.

    Raises:
        ViewboxError: the checkpoint cannot be loaded, or was not trained on phantoms.
    """
    pipeline = DiagnosisPipeline.from_pretrained(folder)
    if "phantom" not in pipeline.config.sources:
        template = "{folder} was not trained on phantoms; its mistakes on them teach nothing."
        raise ViewboxError(template, folder=folder.name)
    weights = sha256_of(folder / WEIGHTS_FILE)
    plan = Drills(weights, SERIES, DEFAULT_SIZE, DEFAULT_BITS, phantoms, 0, CONFIDENT, 0)
    right, wrong, drills = 0, 0, []
    for index, case in enumerate(progress(_drawn(plan, jobs), "asking", total=phantoms, unit="case")):
        task = pipeline.predict(case.study)[APPEARANCE]
        truth, probability = case.reference[APPEARANCE], round(float(task.probabilities.max()), 4)
        right += task.most_probable == truth
        if task.most_probable != truth and probability >= CONFIDENT:
            wrong += 1
            drills += [Drill(index, truth, task.most_probable, probability)] if _shows_it(case) else []
    return replace(plan, right=right, confidently_wrong=wrong, drills=tuple(drills))


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
    return Modality.IMAGE in case.evidence.modality.get(APPEARANCE, ())


def kept(found: Drills, folder: Path, *, write: bool = False, replace: bool = False) -> str:
    """Write the drills beside a checkpoint, or rehearse it; says what was found and done, or would be.

    Raises:
        ViewboxError: more drills stand there already, and `replace` is not asked for.
    """
    shows, standing = len(found.drills), Drills.standing(folder)
    told = (
        f"{found.evaluated} phantoms, {found.right} right, {found.confidently_wrong} confidently wrong;"
        f" {shows} of these show their evidence on the film."
    )
    if not write:
        fewer = f"{DRILLS_FILE} holds {standing} drills already: add --write --replace"
        would = fewer if shows < standing else "Add --write"
        return f"{told}\n{would} to keep them in {DRILLS_FILE}; nothing is written."
    if shows < standing and not replace:
        template = "This found {found} drills and {file} holds {standing}; add --replace to keep the fewer."
        raise ViewboxError(template, found=shows, file=DRILLS_FILE, standing=standing)
    found.save(folder)
    return f"{told} They stand in {DRILLS_FILE}, in place of {standing}."
