"""What checks a map, for one checkpoint: second opinions, accounts, trust measures and proofs."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from interface.models.short_work_first import Way
from modeling.errors import ExplanationCancelled
from modeling.labels import Target
from modeling.results import Attribution, FilmOpinion, ModalityAccount, Proof, TrustMeasure
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.model.pipeline import DiagnosisPipeline, ImageBaseline
    from modeling.trust.scrutiny import Control, Opinion, Scrutiny

METHOD = "integrated_gradients"
OPINIONS = ("grad_cam", "occlusion", "feature_gradients", "attention", "evidence")
CONTROLS = ("edges", "random_weights")
METHODS = (METHOD, *OPINIONS, *CONTROLS)
"""As `modeling.trust.scrutiny` has them; named here so that the page is drawn before torch is imported."""

STOPPED = "The explanation was stopped; start it again when you like."


class ScrutinyHost:
    """Lends the `Scrutiny` of a checkpoint, made at first use; its answers are kept there by content."""

    def __init__(
        self,
        pipeline: "Callable[[], DiagnosisPipeline]",
        on_gpu: Callable[[Callable], Callable] | None = None,
    ) -> None:
        """
        Args:
            pipeline: gives the loaded pipeline, or raises what a reader may be told.
            on_gpu: ZeroGPU's decorator where there is one; callbacks do not travel to its other process.
        """
        self._pipeline, self._elsewhere = pipeline, on_gpu is not None
        self._lock = threading.Lock()
        self._scrutiny: Scrutiny | None = None
        self.way = Way()
        wrap = on_gpu or (lambda function: function)
        self._opinion, self._prove = wrap(self._opinion_here), wrap(self._prove_here)
        self._measures, self._account = wrap(self._measures_here), wrap(self._account_here)
        self._explain = wrap(self._explain_here)

    @property
    def opinions(self) -> tuple[str, ...]:
        """The second opinions that this checkpoint can give."""
        return self.lent.opinions

    def explain(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        stop: threading.Event,
        *,
        quick: bool = True,
    ) -> Attribution:
        """The account from a baseline; see `Scrutiny.explain`.

        Args:
            quick: as good as |delta| <= 5 % or 64 gradients give it, for comparison; otherwise the whole.

        Raises:
            ExplanationCancelled: `stop` was set.
        """
        last = None
        for account in self._explain(study, target, baseline, self._asked(stop), quick):
            self._check(stop)
            last = account
        assert last is not None, "an explanation gives one account or raises"
        return last

    def opinion(self, study: Study, target: Target, method: str, stop: threading.Event) -> FilmOpinion:
        """See `Scrutiny.opinion`; long work lets it pass."""
        cancelled = None if self._elsewhere else stop.is_set
        with self.way.short():
            return self._opinion(study, target, method, cancelled)

    def account(self, study: Study, target: Target, attribution: Attribution) -> ModalityAccount:
        """See `Scrutiny.account`."""
        return self._account(study, target, attribution)

    def measures(
        self, study: Study, target: Target, attribution: Attribution, stop: threading.Event
    ) -> Iterator[TrustMeasure]:
        """See `Scrutiny.measures`."""
        for measure in self._measures(study, target, attribution, self._asked(stop)):
            self._check(stop)
            yield measure

    def prove(
        self,
        study: Study,
        target: Target,
        attribution: Attribution,
        region: np.ndarray | None,
        fields: tuple[str, ...],
        words: tuple[int, ...],
    ) -> Proof:
        """See `Scrutiny.prove`; long work lets it pass."""
        with self.way.short():
            return self._prove(study, target, attribution, region, fields, words)

    # --- how

    @property
    def lent(self) -> "Scrutiny":
        """The checkpoint's `Scrutiny`, in this process."""
        with self._lock:
            if self._scrutiny is None:
                from modeling.trust.scrutiny import Scrutiny  # torch: not before it is needed

                self._scrutiny = Scrutiny(self._pipeline())
            return self._scrutiny

    def _asked(self, stop: threading.Event) -> Callable[[], bool] | None:
        return None if self._elsewhere else self.way.stopped(stop)

    @staticmethod
    def _check(stop: threading.Event) -> None:
        if stop.is_set():
            raise ExplanationCancelled(STOPPED)

    def _explain_here(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        cancelled: Callable[[], bool] | None,
        quick: bool,
    ) -> Iterator[Attribution]:
        effort = {"tolerance": 0.05, "max_evaluations": 64} if quick else {}
        yield from self.lent.explain(study, target, baseline=baseline, cancelled=cancelled, **effort)

    def _opinion_here(
        self, study: Study, target: Target, method: "Opinion | Control", cancelled: Callable[[], bool] | None
    ) -> FilmOpinion:
        return self.lent.opinion(study, target, method, cancelled=cancelled)

    def _account_here(self, study: Study, target: Target, attribution: Attribution) -> ModalityAccount:
        return self.lent.account(study, target, attribution)

    def _measures_here(
        self, study: Study, target: Target, attribution: Attribution, cancelled: Callable[[], bool] | None
    ) -> Iterator[TrustMeasure]:
        yield from self.lent.measures(study, target, attribution, cancelled=cancelled)

    def _prove_here(
        self,
        study: Study,
        target: Target,
        attribution: Attribution,
        region: np.ndarray | None,
        fields: tuple[str, ...],
        words: tuple[int, ...],
    ) -> Proof:
        return self.lent.prove(study, target, attribution, region=region, fields=fields, words=words)
