"""Scrutiny: what checks an attribution, for one checkpoint. A second look at the same thing costs nothing."""

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import torch

from modeling.errors import StudyError, ViewboxError
from modeling.explain.controls import with_random_weights
from modeling.explain.maps import Cancelled, ImageMap, gathered
from modeling.explain.measured import first_method
from modeling.explain.registry import ACCOUNT, MapMethod, map_method, map_methods, method_names
from modeling.explain.shapley import modality_account
from modeling.explain.study_path import log_odds
from modeling.labels import NOTHING, Target
from modeling.pipeline import DiagnosisPipeline
from modeling.results import (
    Attribution,
    FilmOpinion,
    ImageBaseline,
    ModalityAccount,
    Prediction,
    Proof,
    TrustMeasure,
)
from modeling.sentence import Names
from modeling.study import Modality, Study
from modeling.trust import measures as trust_panel
from modeling.trust.cache import ContentCache, attribution_key, study_key
from modeling.trust.measures import MEASURES
from modeling.trust.perturbation import Kind
from modeling.trust.removal_proof import Removal, answers, check, claimed, taken_away, without

__all__ = ["MEASURES", "Scrutiny"]
Kept = TypeVar("Kept")


class Scrutiny:
    """Second opinions, controls, trust measures and proofs for the accounts of one checkpoint.

    All results are kept by content (study, target, settings) in a bounded cache in memory; a checkpoint
    has a Scrutiny, and so a cache, of its own. Methods may be called from several threads.
    """

    def __init__(self, pipeline: DiagnosisPipeline, *, seed: int = 0, cache_bytes: int = 64 * 2**20) -> None:
        """`seed` is for random weights and orders, `cache_bytes` the most that kept results may take."""
        self.pipeline = pipeline
        self._seed = seed
        self._kept = ContentCache(cache_bytes)

    @property
    def opinions(self) -> tuple[str, ...]:
        """The second opinions that this checkpoint can give."""
        return tuple(m.name for m in map_methods("opinion") if m.is_given_by(self.pipeline.config))

    def first_method(self, study: Study, target: Target, prediction: Prediction) -> str:
        """Whose map a reader sees first: the best measured, or the account's where the film says nothing."""
        best = first_method(self.pipeline.origin.folder)
        seen = study.radiograph is not None and Modality.IMAGE in prediction[target.task].modalities
        return best if seen and best in self.opinions else ACCOUNT

    def explain(
        self,
        study: Study,
        target: Target,
        *,
        progress: Callable[[float], None] | None = None,
        cancelled: Cancelled = None,
        **effort: Any,
    ) -> Iterator[Attribution]:
        """As `DiagnosisPipeline.explain` with its `effort`; a final account that is known comes at once."""
        key = ("explain", study_key(study), target, *sorted(effort.items()))
        last = self._kept.get(key)
        if isinstance(last, Attribution):
            if progress is not None:
                progress(1.0)
            yield last
            return
        walk = self.pipeline.explain(study, target, progress=progress, cancelled=cancelled, **effort)
        for last in walk:
            yield last
        if last is not None:
            self._kept.keep(key, last)

    def _once(self, key: tuple[Hashable, ...], kind: type[Kept], compute: Callable[[], Kept]) -> Kept:
        """What was kept under this key, computed where nothing was."""
        known = self._kept.get(key)
        if not isinstance(known, kind):
            known = compute()
            self._kept.keep(key, known)
        return known

    # --- second opinions

    def opinion(
        self,
        study: Study,
        target: Target,
        method: str,
        *,
        baseline: ImageBaseline | None = None,
        cancelled: Cancelled = None,
    ) -> FilmOpinion:
        """What another method or a control that this checkpoint gives says of the film; table and text stay.

        `baseline`, which it covers with or starts from, is by default the map's first, else the blurred film.

        Raises:
            ViewboxError: no film, no such map or target of this checkpoint, or no number from the model.
            ExplanationCancelled: `cancelled` said so.
        """
        offered = (*self.opinions, *method_names("control"))
        if method not in offered:
            none = "This checkpoint has no second opinion '{name}'; choose one of {names}."
            raise ViewboxError(none, name=method, names=", ".join(offered))
        known = map_method(method)
        seen = self._seen(known, study, target, baseline, cancelled)
        assert study.radiograph is not None, "a path with a film"
        native = known.resized(seen.values, study.radiograph.shape)
        return FilmOpinion(method, target, native, seen.output, seen.seconds, looked_at=seen.looked_at)

    def _seen(
        self,
        method: MapMethod,
        study: Study,
        target: Target,
        baseline: ImageBaseline | None,
        cancelled: Cancelled,
    ) -> ImageMap:
        """The map without padding, once."""
        start = baseline or method.first_start
        key = ("opinion", study_key(study), target, method.name, start)
        return self._once(key, ImageMap, lambda: self.film_map(method, study, target, start, cancelled))

    def film_map(
        self,
        method: MapMethod,
        study: Study,
        target: Target,
        baseline: ImageBaseline | None = None,
        cancelled: Cancelled = None,
    ) -> ImageMap:
        """A map as its method gives it, without the letterbox's padding; nothing is kept.

        `baseline` is by default the map's first, else the blurred film.
        Raises ViewboxError, ExplanationCancelled: as `opinion`.
        """
        asked = self.forgetful if method.forgetful else self.pipeline
        return self._of(asked, method, study, target, cancelled, baseline)

    @staticmethod
    def _of(
        asked: DiagnosisPipeline,
        method: MapMethod,
        study: Study,
        target: Target,
        cancelled: Cancelled,
        baseline: ImageBaseline | None = None,
    ) -> ImageMap:
        paths = asked.paths(study, target, baseline or method.first_start)
        seen = method.see(paths, asked.model_features, cancelled)
        return replace(seen, method=method.name, values=paths[0].processed.letterbox.crop(seen.values))

    @cached_property
    def forgetful(self) -> DiagnosisPipeline:
        """The same checkpoint with randomised weights."""
        pipeline = self.pipeline
        twin = with_random_weights(pipeline.model, self._seed)
        return DiagnosisPipeline(twin, pipeline.processor, pipeline.origin, pipeline.device)

    # --- one attribution

    def account(self, study: Study, target: Target, attribution: Attribution) -> ModalityAccount:
        """Exact Shapley values of the modalities (all their 2^n subsets) beside the path's shares.

        Raises ViewboxError: as `DiagnosisPipeline.explain`.
        """
        key = ("account", study_key(study), target, attribution_key(attribution))

        def compute() -> ModalityAccount:
            paths = self.pipeline.paths(study, target, attribution.baseline)
            return modality_account(paths, attribution, self.pipeline.model_features)

        return self._once(key, ModalityAccount, compute)

    def measures(
        self,
        study: Study,
        target: Target,
        attribution: Attribution | None,
        *,
        method: str = ACCOUNT,
        baseline: ImageBaseline = "black",
        deciding: bool = False,
        cancelled: Cancelled = None,
    ) -> Iterator[TrustMeasure]:
        """The trust panel in the order of `MEASURES`, cheap ones first; without a film the account's only.

        Args:
            attribution: the account; None where nobody asked for one beside another method's map.
            method: whose map is examined, by default the attribution's own; what adds up is the account.
            baseline: what hides places, without an account.
            deciding: leave out what says nothing to the verdict.

        Raises:
            ViewboxError: as `DiagnosisPipeline.explain`.
            ExplanationCancelled: `cancelled` said so; what had been measured is kept.
        """
        assert attribution is not None or method != ACCOUNT, "nothing to examine"
        start: ImageBaseline = baseline if attribution is None else attribution.baseline
        about = ("measures", study_key(study), target, start)
        of_account = () if attribution is None else (attribution_key(attribution),)
        if attribution is not None:
            adds_up = partial(trust_panel.of_the_account, attribution)
            yield from self._once((*about, *of_account), tuple, partial(_timed, adds_up))
        own, asked = of_account if method == ACCOUNT else (method,), map_method(method)
        for name, step in self._steps(study, target, attribution, asked, start, cancelled).items():
            if name != "insertion" or not deciding:
                yield from self._once((*about, *own, name), tuple, partial(_timed, step))

    def _steps(
        self,
        study: Study,
        target: Target,
        attribution: Attribution | None,
        method: MapMethod,
        start: ImageBaseline,
        cancelled: Cancelled,
    ) -> dict[str, Callable[[], list[TrustMeasure]]]:
        """What is measured of the answer and of a map, in the order of `MEASURES`."""
        odds = _asked(self.pipeline.predict(study), target) if attribution is None else attribution.output
        steps = {"answer": partial(trust_panel.of_the_answer, odds)}
        seen = None if attribution is None else attribution.image
        if study.radiograph is None or (attribution is not None and seen is None):
            return steps
        if method.name != ACCOUNT:
            seen = self._seen(method, study, target, None, cancelled).values
        paths, film = self.pipeline.paths(study, target, start), gathered(seen, method.grain)

        def hiding(kind: Kind) -> list[TrustMeasure]:
            ask, orders = self.pipeline.model_features, np.random.default_rng(self._seed)
            return trust_panel.of_the_perturbation(kind, paths, film, ask, orders, cancelled)

        def another(asked: DiagnosisPipeline, other: Target) -> np.ndarray:
            """The same map of another question, or of randomised weights, as far as ranking needs it."""
            if method.name == ACCOUNT:
                values = trust_panel.quick_map(asked.paths(study, other, start), cancelled)
            else:
                values = self._of(asked, method, study, other, cancelled).values
            return gathered(values, method.grain)

        steps["regions"] = lambda: trust_panel.of_the_regions(film, paths[0].brightness)
        steps["deletion"] = lambda: hiding("deletion")
        if method.of_the_target:
            steps["other_class"] = lambda: trust_panel.of_another_class(
                film, another(self.pipeline, self._other(study, target))
            )
        if method.kind != "control":
            steps["random_weights"] = lambda: trust_panel.of_random_weights(
                film, another(self.forgetful, target)
            )
        steps["insertion"] = lambda: hiding("insertion")
        return steps

    def _other(self, study: Study, target: Target) -> Target:
        """The most probable other class, held against the target's: whatever both share is not in its map.

        Held against the same alternative, such as Negative, two classes have much the same map by right.
        """
        answer = self.pipeline.predict(study)[target.task]
        order = [answer.classes[i] for i in np.argsort(-answer.probabilities)]
        others = [name for name in order if name not in (target.class_name, target.against)]
        name = next(iter(others), next(n for n in order if n != target.class_name))
        usual = Target(target.task, name)
        return usual if usual.against == NOTHING else usual.instead_of(target.class_name)

    # --- prove it

    def prove(
        self,
        study: Study,
        target: Target,
        attribution: Attribution,
        *,
        region: np.ndarray | None = None,
        fields: tuple[str, ...] = (),
        words: tuple[int, ...] = (),
    ) -> Proof:
        """The answer again without a region of the film, some clinical fields, or some words.

        Args:
            region: (H, W) bool at the film's native size; filled with the attribution's own baseline.
            fields: names of clinical fields; they become unknown.
            words: positions in `attribution.words`; they become [MASK].

        Raises StudyError: nothing was taken away, it is not there to be taken, or nothing would be left.
        """
        start = time.perf_counter()
        removal = Removal(region, tuple(fields), tuple(words))
        check(removal, study, attribution)
        paths = self.pipeline.paths(study, target, attribution.baseline)
        changed = taken_away(removal, study, self.pipeline.processor, paths)
        remaining = without(study, removal.fields)
        before, after = answers(
            self.pipeline, self.pipeline.model_features, (study, paths[0].processed), (remaining, changed)
        )
        if all(t.task != target.task for t in after.tasks):
            nothing = "Nothing would be left for {task} to answer from; leave something in."
            raise StudyError(nothing, task=Names("task", target.task))
        change = _asked(after, target) - _asked(before, target)
        said = claimed(removal, attribution, paths[0])
        return Proof(before, after, target, change, said, time.perf_counter() - start)


def _timed(step: Callable[[], list[TrustMeasure]]) -> tuple[TrustMeasure, ...]:
    """What a step measures, its seconds shared equally."""
    start = time.perf_counter()
    found = step()
    each = (time.perf_counter() - start) / max(1, len(found))
    return tuple(replace(measure, seconds=each) for measure in found)


def _asked(answer: Prediction, target: Target) -> float:
    """The log-odds of the target in an answer."""
    return float(log_odds(torch.from_numpy(answer[target.task].logits)[None], target)[0])
