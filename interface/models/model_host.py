"""The things that may be slow or absent, kept so that the page never waits: a checkpoint and the store."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cases.case import Case
from cases.store import CaseStore
from interface.models.checks_host import ScrutinyHost
from modeling.errors import CaseNotFoundError, CheckpointError, ExplanationCancelled, ViewboxError
from modeling.labels import Target
from modeling.results import Attribution, Prediction
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.model.familiarity import Familiarity, FamiliarityGate
    from modeling.model.operating_points import Calibration
    from modeling.model.pipeline import DiagnosisPipeline, ImageBaseline

logger = logging.getLogger(__name__)

Phase = Literal["waiting", "loading", "ready", "failed"]
LOAD_FAILED = (
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
        on_gpu: Callable[[Callable], Callable] | None = None,
        twin: bool = False,
    ) -> None:
        """
        Args:
            load: gives the pipeline; may take long.
            name: what the page calls the checkpoint.
            sources: those that the checkpoint suits, as far as that is known before it is loaded.
            on_gpu: ZeroGPU's decorator where there is one; what it wraps runs in another process.
            twin: whether it learnt a shortcut on purpose, as far as that is known before it is loaded.
        """
        self.name = name
        self._load, self._declared, self._twin = load, sources, twin
        self._pipeline: DiagnosisPipeline | None = None
        self._state = ModelState("waiting", name)
        self._since = 0.0
        self._elsewhere = on_gpu is not None
        self._predict = on_gpu(self._predict_here) if on_gpu else self._predict_here
        self._explain = on_gpu(self._explain_here) if on_gpu else self._explain_here
        self._familiarity = on_gpu(self._familiarity_here) if on_gpu else self._familiarity_here
        self.scrutiny = ScrutinyHost(lambda: self.pipeline, on_gpu)

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
            self._state = ModelState("failed", self.name, sentence=str(exc), seconds=self._elapsed)
        except Exception:  # the thread's border: nobody above could report it
            logger.exception("checkpoint %s", self.name)
            self._state = ModelState("failed", self.name, sentence=LOAD_FAILED, seconds=self._elapsed)
        else:
            self._pipeline = pipeline
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
            raise CheckpointError(f"The checkpoint {self.name} is still loading; try again in a few seconds.")
        return self._pipeline

    @cached_property
    def calibration(self) -> "Calibration | None":
        """Prediction sets and operating points measured with these weights; None where there are none.

        Raises:
            CheckpointError: still loading, failed, or the file beside the weights is damaged.
        """
        from modeling.model.operating_points import Calibration  # torch: not before a checkpoint is loaded

        return Calibration.load(self.folder)

    def familiarity(self, study: Study) -> "Familiarity | None":
        """How familiar the study's film is; None where there is no film or no gate beside the weights.

        Raises:
            CheckpointError: still loading, failed, or the file beside the weights is damaged.
        """
        with self.scrutiny.way.short():
            return self._familiarity(study)

    def predict(self, study: Study, source: str | None) -> Prediction:
        """See `DiagnosisPipeline.predict`; long work lets it pass."""
        with self.scrutiny.way.short():
            return self._predict(study, source)

    def explain(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        *,
        anew: bool = False,
    ) -> Iterator[Attribution]:
        """See `Scrutiny.explain`; in another process it can be stopped between refinements only.

        Args:
            anew: compute it even where the answer is known.
        """
        if not self._elsewhere:
            yield from self._explain(study, target, baseline, progress, cancelled, anew)
            return
        for attribution in self._explain(
            study, target, baseline, None, None, anew
        ):  # callbacks cannot travel
            if cancelled is not None and cancelled():
                raise ExplanationCancelled("The explanation was stopped; start it again when you like.")
            yield attribution

    def _predict_here(self, study: Study, source: str | None) -> Prediction:
        return self.pipeline.predict(study, source=source)

    @cached_property
    def _gate(self) -> "FamiliarityGate | None":
        from modeling.model.familiarity import FamiliarityGate

        return FamiliarityGate.load(self.folder, self.pipeline.model, self.pipeline.processor)

    def _familiarity_here(self, study: Study) -> "Familiarity | None":
        return None if study.radiograph is None or self._gate is None else self._gate.judge(study)

    def _explain_here(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        progress: Callable[[float], None] | None,
        cancelled: Callable[[], bool] | None,
        anew: bool,
    ) -> Iterator[Attribution]:
        source = self.pipeline if anew else self.scrutiny.lent
        yield from source.explain(study, target, baseline=baseline, progress=progress, cancelled=cancelled)


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
