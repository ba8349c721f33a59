"""Do the maps of a recipe for findings lie on the boxes that radiologists drew for those findings?

Each film's maps come from the run that its patient had no part in, as its answers do in
`evaluation.out_of_fold`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases.importers import nih
from evaluation.maps.film_maps import Effort, FilmMapper
from evaluation.maps.localisation import Benchmark
from evaluation.maps.marked_studies import MarkedStudy, box_region
from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.model.temperature import patient_folds
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from training.corpora.published_films import film_of_nih, read_published


def marked_findings(file: Path) -> list[MarkedStudy]:
    """A study for each film and each finding that has boxes on it, of NIH's file.

    Raises:
        ViewboxError: there is no such file, or no film in it has boxes.
    """
    found = []
    for row in read_published(nih.rows, file):
        for name in sorted({region.label for region in row.regions} & set(FINDINGS.classes)):
            boxes = [(r.left, r.top, r.width, r.height) for r in row.regions if r.label == name]
            study = film_of_nih(row).study()
            region = box_region(boxes, study.radiograph.shape)
            if region is not None:
                found.append(MarkedStudy(study, name, row.patient, region, task=FINDINGS))
    if not found:
        raise ViewboxError("'{file}' has no film with boxes; give NIH's file.", file=file.name)
    return found


def maps_out_of_fold(
    runs: Path, marked: Sequence[MarkedStudy], folds: int, effort: Effort | None = None
) -> dict[str, Any]:
    """Every map beside controls and priors, as `localise` grades them, over all folds together.

    `runs`: the folder of a recipe in which `fold-K/checkpoint` was taught without the patients of fold K.

    Raises:
        ViewboxError: a fold's checkpoint is not there, or gave no number.
    """
    parts, effort = patient_folds(np.array([one.patient for one in marked]), folds), effort or Effort()
    benchmark: Benchmark | None = None
    for fold in sorted(set(parts.tolist())):
        mapper = FilmMapper(DiagnosisPipeline.from_pretrained(runs / f"fold-{fold}" / "checkpoint"), effort)
        benchmark = benchmark or Benchmark(mapper)
        benchmark.mapper = mapper
        own = [one for one, part in zip(marked, parts, strict=True) if part == fold]
        for one in progress(own, f"explaining fold {fold}", total=len(own)):
            benchmark.add(one)
    assert benchmark is not None, "marked studies"
    return {"task": str(FINDINGS), "folds": folds, **vars(effort), **benchmark.summary()}
