"""What may be slow or absent, so that the page never waits: checkpoints and their work, and the store."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cases.case import Case
from cases.store import CaseStore
from interface.models.gateway import Decorator, Gateway
from modeling.errors import CaseNotFoundError, CheckpointError, ViewboxError
from modeling.explain.registry import ACCOUNT
from modeling.labels import Target
from modeling.results import Attribution, FilmOpinion, ModalityAccount, Prediction, Proof, TrustMeasure
from modeling.sentence import Sentence
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.explain.study_path import ImageBaseline
    from modeling.model.operating_points import Calibration
    from modeling.pipeline import DiagnosisPipeline
    from modeling.trust.scrutiny import Scrutiny

logger = logging.getLogger(__name__)

BASELINES = ("black", "blurred", "mean", "normals")
"""What a film can start from; the last two only where a checkpoint has such films stored beside it."""
Phase = Literal["waiting", "loading", "ready", "failed"]
LOAD_FAILED = Sentence(
    "The checkpoint could not be loaded because of a fault on our side; press Try again, or read the log."
)


@dataclass(frozen=True)
class ModelState:
    """Where the checkpoint stands.

    Attributes:
        phase: waiting for its turn, loading, ready or failed.
        name, revision, device: as loaded; the name asked for while it is not.
        parameters: number of weights; 0 until ready.
        sentence: why it failed; empty otherwise.
        seconds: how long loading took, or has taken so far.
    """

    phase: Phase
    name: str
    revision: str = ""
    device: str = ""
    parameters: int = 0
    sentence: str = ""
    seconds: float = 0.0


class ModelHost:
    """One checkpoint: loads it when told to, and does its model work."""

    def __init__(
        self,
        load: Callable[[], "DiagnosisPipeline"],
        name: str,
        sources: tuple[str, ...] = (),
        on_gpu: Decorator | None = None,
        twin: bool = False,
    ) -> None:
        """
        Args:
            load: gives the pipeline; may take long.
            name: what the page calls the checkpoint.
            sources: those that the checkpoint suits, as far as that is known before it is loaded.
            on_gpu: ZeroGPU's decorator where there is one, as in `Gateway`.
            twin: whether it learnt a shortcut on purpose, as far as that is known before it is loaded.
        """
        self.name = name
        self._load, self._declared, self._twin = load, sources, twin
        self._pipeline: DiagnosisPipeline | None = None
        self._state = ModelState("waiting", name)
        self._since = 0.0
        self.gateway = Gateway(on_gpu)

    def wait(self) -> None:
        """After a failure: wait for another turn."""
        if self._state.phase == "failed":
            self._state = ModelState("waiting", self.name)

    def load(self) -> None:
        """Load now, in this thread; a failure is kept in `state`."""
        self._since = time.monotonic()
        self._state = ModelState("loading", self.name)
        try:
            pipeline = self._load()
        except ViewboxError as exc:
            logger.warning("checkpoint %s: %s", self.name, exc)
            self._state = ModelState("failed", self.name, sentence=exc.sentence, seconds=self._elapsed)
        except Exception:  # the thread's border: nobody above could report it
            logger.exception("checkpoint %s", self.name)
            self._state = ModelState("failed", self.name, sentence=LOAD_FAILED, seconds=self._elapsed)
        else:
            self._pipeline = self.gateway.lend(pipeline)
            origin, parameters = pipeline.origin, sum(p.numel() for p in pipeline.model.parameters())
            self._state = ModelState(
                "ready", origin.name, origin.revision, str(pipeline.device), parameters, seconds=self._elapsed
            )

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._since

    @property
    def state(self) -> ModelState:
        """Where the checkpoint stands now."""
        state = self._state
        return replace(state, seconds=self._elapsed) if state.phase == "loading" else state

    @property
    def settled(self) -> bool:
        """Ready or failed."""
        return self._state.phase in ("ready", "failed")

    @property
    def sources(self) -> tuple[str, ...]:
        """The case sources that the checkpoint suits; empty where it names none, or none is known yet."""
        return self._declared if self._pipeline is None else tuple(self._pipeline.config.sources)

    @property
    def twin(self) -> bool:
        """Whether the checkpoint learnt a shortcut on purpose: to compare with, never to suit a case."""
        return self._twin if self._pipeline is None else self._pipeline.config.role == "shortcut_twin"

    @property
    def text_sections(self) -> tuple[str, ...]:
        """The text sections that the checkpoint reads; empty until it is loaded."""
        return () if self._pipeline is None else self._pipeline.text_sections

    @property
    def folder(self) -> Path:
        """Where the loaded checkpoint's files lie."""
        return self.pipeline.origin.folder

    @property
    def pipeline(self) -> "DiagnosisPipeline":
        """The loaded pipeline.

        Raises:
            CheckpointError: still loading, or failed and why.
        """
        if self._pipeline is None:
            if self._state.phase == "failed":
                raise CheckpointError(self._state.sentence)
            raise CheckpointError(
                "The checkpoint {name} is still loading; try again in a few seconds.", name=self.name
            )
        return self._pipeline

    @cached_property
    def calibration(self) -> "Calibration | None":
        """Prediction sets and operating points measured with these weights; None where there are none.

        Raises:
            CheckpointError: still loading, failed, or the file beside the weights is damaged.
        """
        from modeling.model.operating_points import Calibration  # torch: not before a checkpoint is loaded

        return Calibration.load(self.folder)

    @cached_property
    def scrutiny(self) -> "Scrutiny":
        """What explains and checks; its answers are kept there by content."""
        from modeling.trust.scrutiny import Scrutiny  # torch: not before it is needed

        return self.gateway.lend(Scrutiny(self.pipeline))

    # --- model work; see the methods that it runs

    def predict(self, study: Study, source: str | None) -> Prediction:
        """Short work; see `DiagnosisPipeline.predict`."""
        with self.gateway.short():
            return self.gateway.once(self.pipeline.predict, study, source=source)

    def explain(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        stop: threading.Event,
        progress: Callable[[float], None] | None = None,
        *,
        anew: bool = False,
        **effort: float,
    ) -> Iterator[Attribution]:
        """Integrated Gradients, refined as it goes; see `Scrutiny.explain`.

        Args:
            anew: compute it even where the answer is known.
            effort: `tolerance` and `max_evaluations`.
        """
        work = self.pipeline.explain if anew else self.scrutiny.explain
        return self.gateway.steps(
            work, study, target, baseline=baseline, stop=stop, progress=progress, **effort
        )

    def explained(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        stop: threading.Event,
        *,
        quick: bool = True,
    ) -> Attribution:
        """The last refinement alone.

        Args:
            quick: as good as |delta| <= 5 % or 64 gradients give it, for comparison; otherwise the whole.
        """
        effort = {"tolerance": 0.05, "max_evaluations": 64} if quick else {}
        *_, attribution = self.explain(study, target, baseline, stop, **effort)
        return attribution

    def opinion(self, study: Study, target: Target, method: str, stop: threading.Event) -> FilmOpinion:
        """Short work; see `Scrutiny.opinion`."""
        cancelled = None if self.gateway.elsewhere else stop.is_set
        with self.gateway.short():
            return self.gateway.once(self.scrutiny.opinion, study, target, method, cancelled=cancelled)

    def account(self, study: Study, target: Target, attribution: Attribution) -> ModalityAccount:
        """See `Scrutiny.account`."""
        return self.gateway.once(self.scrutiny.account, study, target, attribution)

    def measures(
        self,
        study: Study,
        target: Target,
        attribution: Attribution,
        stop: threading.Event,
        method: str = ACCOUNT,
    ) -> Iterator[TrustMeasure]:
        """See `Scrutiny.measures`."""
        measures = self.scrutiny.measures
        return self.gateway.steps(measures, study, target, attribution, method=method, stop=stop)

    def prove(
        self,
        study: Study,
        target: Target,
        attribution: Attribution,
        region: np.ndarray | None,
        fields: tuple[str, ...],
        words: tuple[int, ...],
    ) -> Proof:
        """Short work; see `Scrutiny.prove`."""
        prove = self.scrutiny.prove
        with self.gateway.short():
            return self.gateway.once(
                prove, study, target, attribution, region=region, fields=fields, words=words
            )


class StoreHost:
    """Opens the case store on first use; one that could not be opened is tried again at the next use."""

    def __init__(
        self, open_store: Callable[[], CaseStore], drawn: Callable[[str], Case | None] = lambda _: None
    ) -> None:
        """
        Args:
            drawn: gives a case that no store holds, None for an ID that is none of its own.
        """
        self._open, self._drawn = open_store, drawn
        self._lock = threading.Lock()
        self._store: CaseStore | None = None

    @property
    def store(self) -> CaseStore:
        """The open store.

        Raises:
            CaseStoreError: it cannot be reached.
        """
        with self._lock:
            if self._store is None:
                self._store = self._open()
                logger.info("store %s", self._store.description)
            return self._store

    def case(self, case_id: str) -> Case:
        """The case of that ID: of the store, or else one that is drawn.

        Raises:
            CaseStoreError: the store cannot be reached, or has no such case and none is drawn.
        """
        try:
            return self.store.get(case_id)
        except CaseNotFoundError:
            drawn = self._drawn(case_id)
            if drawn is None:
                raise
            return drawn
