"""Do the maps point at the evidence? What `viewbox localise` does.

On films with boxes that radiologists drew, whatever their side of the split, or on synthetic cases whose
evidence was planted. Every map explains the reference appearance. Controls and priors are graded beside the
methods: a method that does not beat them shows the film, or chest films in general, and not what the model
saw.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.maps.ablation import ask_with_and_without, summarise_ablation
from evaluation.maps.film_maps import (
    CONTROLS,
    PRIORS,
    Effort,
    FilmMap,
    FilmMapper,
    centre_prior,
    location_priors,
)
from evaluation.maps.localisation_scores import (
    Score,
    positive_evidence,
    score_map,
    summarise_scores,
    with_interval,
)
from evaluation.maps.marked_studies import (
    MarkedStudy,
    PlantedShare,
    marked_case,
    marked_film,
    planted_share,
    summarise_shares,
)
from modeling.errors import ViewboxError
from modeling.explain.registry import COARSE, FINE, grain_of
from modeling.labels import APPEARANCE
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.study import Modality
from modeling.trust.film_regions import lung_fields
from training.corpora.published_films import siim

NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."
PHANTOM_SEED = 7
"""Of the series; the bundled teaching checkpoint was trained on the series with seed 1000."""
PHANTOM_SIZE = 192
GATHERED = "integrated_gradients_black"
SCALES = (0.02, 0.04, 0.06, 0.08, 0.12)
"""Deviations of the Gaussian that gathers the account's map, as shares of the longer side: 4 to 25 pixels of
208. What is positive after gathering is scored, its share on the evidence too."""


# --- where the marked studies come from


def marked_films(file: Path, limit: int | None, seed: int = 0, split: str = "all") -> list[MarkedStudy]:
    """Films with boxes, of one side or of all, in a random order that the seed fixes.

    Raises:
        ViewboxError: no such Parquet file, or no such film in it.
    """
    magic = b""
    if file.is_file():
        with file.open("rb") as opened:
            magic = opened.read(4)
    if magic != b"PAR1":
        raise ViewboxError("'{file}' is no Parquet file; give the one with the films.", file=file)
    films = [f for f in siim(file) if split in ("all", f.split) and f.boxes]
    if not films:
        raise ViewboxError(
            "'{file}' has no film with boxes ({split}); give a file that has some.", file=file, split=split
        )
    order = np.random.default_rng(seed).permutation(len(films))[:limit]
    return [marked_film(films[i]) for i in order]


def marked_phantoms(count: int, seed: int, size: int) -> Iterator[MarkedStudy]:
    """Synthetic cases, one at a time; those of series with different seeds are different cases."""
    from cases.phantom import PhantomSettings, generate_cases  # this command alone asks for phantoms
    from cases.phantom.scenario import NOT_OPACITIES

    for case in generate_cases(count, seed, settings=PhantomSettings(size=size)):
        yield marked_case(case, NOT_OPACITIES)


# --- the benchmark


class Benchmark:
    """Collects scores film by film."""

    def __init__(self, mapper: FilmMapper) -> None:
        self.mapper = mapper
        self._scores: dict[str, list[Score]] = {name: [] for name in (*mapper.methods, *CONTROLS)}
        self._gathered: dict[float, list[Score]] = {scale: [] for scale in SCALES}
        self._regions: list[np.ndarray] = []
        self._patients: list[str] = []
        self._deltas: dict[str, list[float]] = {}
        self._shares: dict[str, list[PlantedShare]] = {}

    def add(self, marked: MarkedStudy) -> None:
        """Explain one study and grade what can be graded on it.

        Raises:
            ViewboxError: the model gave no number.
        """
        planted = self._accounts_for_planted(marked)
        if marked.region is None and not planted:
            return
        accounts = self.mapper.accounts(marked.study, marked.target)
        for name, account in accounts.items():
            self._deltas.setdefault(name, []).append(account.relative_delta)
        if planted:
            answer = self.mapper.pipeline.predict(marked.study)[APPEARANCE]
            right = answer.most_probable == marked.reference
            removals = self.mapper.removals(marked.study, marked.target)
            for name, account in {**accounts, "occlusion": removals}.items():
                self._shares.setdefault(name, []).append(planted_share(marked, account, right))
        if marked.region is not None:
            self._grade(marked, self.mapper.maps(marked.study, marked.target, accounts))

    def _accounts_for_planted(self, marked: MarkedStudy) -> bool:
        """Whether there is more than the film to account for, and something in the study to account by."""
        if marked.planted is None:
            return False
        read = appearance_modalities(self.mapper.pipeline)
        return len(read) > 1 and bool(set(read) & set(marked.study.modalities))

    def _grade(self, marked: MarkedStudy, maps: dict[str, FilmMap]) -> None:
        assert marked.region is not None
        self._regions.append(marked.region)
        self._patients.append(marked.patient)
        lungs = lung_fields(self.mapper.pipeline.brightness(marked.study.radiograph))
        for name, one in maps.items():
            score = score_map(one.values, marked.region, one.seconds, grain_of(name), lungs)
            self._scores[name].append(score)
        for scale, scores in self._gathered.items():
            gathered = positive_evidence(maps[GATHERED].values, scale)
            scores.append(score_map(gathered, marked.region, smoothing=0))

    def summary(self) -> dict[str, Any]:
        """Scores of methods, controls and priors, margins of the best method, shares on planted evidence.

        Raises:
            ViewboxError: no film showed its evidence.
        """
        if not self._regions:
            raise ViewboxError("No film here shows the evidence for its label; measure on more cases.")
        scores = {**self._scores, **self._prior_scores()}
        table = {name: summarise_scores(rows, self._patients) for name, rows in scores.items()}
        area = [float(region.mean()) for region in self._regions]
        summary: dict[str, Any] = {
            "films": len(self._regions),
            "patients": len(set(self._patients)),
            "evidence_area": with_interval(area, self._patients),
            "median_relative_delta": {b: _finite(np.median(d)) for b, d in self._deltas.items()},
            "maps": table,
            "methods": len(self.mapper.methods),
            "gathered": {str(scale): self._at_a_scale(rows) for scale, rows in self._gathered.items()},
            "best": self._margins(scores, table),
        }
        if self._shares:
            summary["planted_evidence"] = self._planted(table, summary["evidence_area"]["value"])
        return summary

    def _at_a_scale(self, scores: Sequence[Score]) -> dict[str, Any]:
        found = summarise_scores(scores, self._patients)
        return {key: found[key] for key in ("hit_rate", "on_evidence")}

    def _planted(self, table: dict[str, Any], area: float) -> dict[str, Any]:
        """Method or control -> its shares on the evidence in film, table and words, if it speaks of them."""
        planted: dict[str, Any] = {"cases": len(next(iter(self._shares.values())))}
        for name in (*self.mapper.methods, *CONTROLS):
            elsewhere = summarise_shares(self._shares[name]) if name in self._shares else {}
            planted[name] = {"film": {**table[name]["on_evidence"], "by_area": area}, **elsewhere}
        return planted

    def _prior_scores(self) -> dict[str, list[Score]]:
        elsewhere = location_priors(self._regions, self._patients)
        return {
            "centre_prior": [score_map(centre_prior(r.shape), r, smoothing=0) for r in self._regions],
            "location_prior": [
                score_map(p, r, smoothing=0) for p, r in zip(elsewhere, self._regions, strict=True)
            ],
        }

    def _margins(self, scores: dict[str, list[Score]], table: dict[str, Any]) -> dict[str, Any]:
        """The method with the best hit rate, and how far it stands above each control and prior (paired)."""
        best = max(self.mapper.methods, key=lambda name: table[name]["hit_rate"]["value"])
        hits = {name: np.array([float(s.hit) for s in rows]) for name, rows in scores.items()}
        margins = {
            name: with_interval(hits[best] - hits[name], self._patients) for name in (*CONTROLS, *PRIORS)
        }
        return {"method": best, "hit_rate_above": margins}


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def appearance_modalities(pipeline: DiagnosisPipeline) -> tuple[Modality, ...]:
    """What the checkpoint's appearance is read from.

    Raises:
        ViewboxError: it has no appearance, or reads it from something other than the film.
    """
    for task in pipeline.config.tasks:
        if task.name == APPEARANCE and Modality.IMAGE in task.modalities:
            return task.modalities
    raise ViewboxError("This checkpoint does not read an appearance from the film; choose one that does.")


def localise(
    checkpoint: str | Path,
    *,
    data: Path | None = None,
    phantoms: int = 0,
    split: str = "all",
    limit: int | None = None,
    seed: int = PHANTOM_SEED,
    size: int = PHANTOM_SIZE,
    ablation: int | None = None,
    effort: Effort | None = None,
) -> dict[str, Any]:
    """Grade the maps on at most `limit` films with boxes (a file like SIIM's) or on phantoms.

    `split`: "all", or one side of the file. `seed`, `size`: of the series of phantoms, and the longer side of
    one in pixels. `ablation`: also the appearance AUROC without each modality, on so many phantoms.

    Raises:
        ViewboxError: the checkpoint or the file cannot be used.
    """
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    appearance_modalities(pipeline)
    effort = effort or Effort()
    benchmark = Benchmark(FilmMapper(pipeline, effort))
    about: dict[str, Any] = {"checkpoint": pipeline.origin.name, "revision": pipeline.origin.revision}
    cases: Iterable[MarkedStudy]
    if data:
        cases = marked_films(data, limit, split=split)
        total = len(cases)
        about |= {"data": data.name, "split": split}
    else:
        total = min(phantoms, limit or phantoms)
        cases = marked_phantoms(total, seed, size)
        about |= {"phantoms": total, "seed": seed, "size": size}
    about |= {"task": APPEARANCE, "gathered": {"pixels": FINE, "features": COARSE}}
    about |= vars(effort)
    for marked in progress(cases, "explaining", total=total):
        benchmark.add(marked)
    summary = {**about, **benchmark.summary()}
    if ablation is not None:
        drawn = marked_phantoms(ablation, seed, size)
        shown = progress(drawn, "taking modalities away", total=ablation, unit="case")
        answers = ask_with_and_without(pipeline, shown)
        summary["ablation"] = {"cases": ablation, **summarise_ablation(answers)}
    return {**summary, "warning": NOT_FOR_DIAGNOSIS}
