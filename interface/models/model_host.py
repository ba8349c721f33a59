"""One checkpoint, which may be slow or absent, so that the page never waits: loading, and its work."""

import importlib.util
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import numpy as np

from modeling.errors import CheckpointError, ExplanationCancelled, ViewboxError
from modeling.explain.registry import ACCOUNT
from modeling.labels import Target, Task
from modeling.results import (
    Attribution,
    FilmOpinion,
    ImageBaseline,
    ModalityAccount,
    Prediction,
    Proof,
    TrustMeasure,
)
from modeling.sentence import Sentence
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.pipeline import DiagnosisPipeline
    from modeling.trust.scrutiny import Scrutiny

P = ParamSpec("P")
T = TypeVar("T")
Decorator = Callable[[Callable], Callable]
logger = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds after which long work goes on all the same."""
LINGER = 0.05
"""Seconds between one reader's short work and the next one's, where many wait."""
Phase = Literal["waiting", "loading", "ready", "failed"]
LOAD_FAILED = Sentence(
    "The checkpoint could not be loaded because of a fault on our side; press Try again, or read the log."
)


@dataclass(frozen=True)
class ModelState:
    """Where the checkpoint stands.

    Attributes:
        name, revision, device, parameters: as loaded; the name asked for while it is not.
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


def zero_gpu() -> Decorator | None:
    """ZeroGPU's decorator on a Space that has it.

    None elsewhere: every Gradio Space installs the package, and without ZeroGPU it must change nothing.
    """
    if importlib.util.find_spec("spaces") is None:
        return None
    import spaces
    from spaces.config import Config

    return spaces.GPU if Config.zero_gpu else None


class Gateway:
    """The one way to whatever computes with a checkpoint: short work first, on ZeroGPU in another process.

    Two torch jobs at once on a small machine slow each other down far more than they gain: long work pauses
    where it may while a prediction, a proof or a second opinion is made.
    """

    def __init__(self, on_gpu: Decorator | None = None) -> None:
        """`on_gpu`, ZeroGPU's decorator: what it wraps runs in a fork, to which names and arguments go."""
        self.elsewhere = on_gpu is not None
        wrap = on_gpu or (lambda function: function)
        self._once, self._steps = wrap(self._once_there), wrap(self._steps_there)
        self._lent: dict[str, object] = {}
        self._changed = threading.Condition()
        self._short = 0

    def lend(self, owner: T) -> T:
        """Let methods of this object be run."""
        self._lent[type(owner).__name__] = owner
        return owner

    def once(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of something lent."""
        if not self.elsewhere:
            return work(*args, **kwargs)
        return self._once(*_named(work), args, kwargs)

    def quickly(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for work that takes a moment; long work holds still meanwhile."""
        with self.short():
            return self.once(work, *args, **kwargs)

    def steps(
        self,
        work: Callable[..., Iterator[T]],
        *args: Any,
        stop: threading.Event,
        progress: Callable[[float], None] | None = None,
        **kwargs: Any,
    ) -> Iterator[T]:
        """Run a method of something lent that gives one result after another; it makes way for short work.

        In another process `stop` (raises `ExplanationCancelled`) is asked between two results only, and
        `progress` is told nothing.
        """
        if self.elsewhere:
            return _until(stop, self._steps(*_named(work), args, kwargs))
        if progress is not None:
            kwargs["progress"] = progress
        return work(*args, cancelled=self.pausing(stop), **kwargs)

    @contextmanager
    def short(self) -> Iterator[None]:
        """Around work that takes a moment."""
        with self._changed:
            self._short += 1
        try:
            yield
        finally:
            with self._changed:
                self._short -= 1
                self._changed.notify_all()

    def pausing(self, stop: threading.Event) -> Callable[[], bool]:
        """A question for long work between two steps: lets short work pass, then says whether to stop."""

        def ask() -> bool:
            with self._changed:
                while self._short and not stop.is_set():
                    passed = self._changed.wait_for(lambda: self._short == 0 or stop.is_set(), PATIENCE)
                    # Who comes right behind must not wait for a whole step of this.
                    if not passed or not self._changed.wait_for(lambda: self._short > 0, LINGER):
                        break
            return stop.is_set()

        return ask

    # --- in the other process

    def _once_there(self, owner: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return getattr(self._lent[owner], name)(*args, **kwargs)

    def _steps_there(self, owner: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        yield from getattr(self._lent[owner], name)(*args, **kwargs)


def _named(work: Callable[..., Any]) -> tuple[str, str]:
    return type(work.__self__).__name__, work.__name__


def _until(stop: threading.Event, steps: Iterator[T]) -> Iterator[T]:
    for step in steps:
        if stop.is_set():
            raise ExplanationCancelled("The explanation was stopped; start it again when you like.")
        yield step


class ModelHost:
    """One checkpoint: loads it when told to, and does its model work."""

    def __init__(
        self,
        load: Callable[[], "DiagnosisPipeline"],
        name: str,
        sources: tuple[str, ...] = (),
        on_gpu: Decorator | None = None,
        twin: bool = False,
        tasks: tuple[Task, ...] = (),
    ) -> None:
        """
        Args:
            load: gives the pipeline; may take long.
            sources, twin, tasks: what the checkpoint suits, whether it learnt a shortcut on purpose, and what
                it answers, as far as that is known before it is loaded.
        """
        self.name = name
        self._load, self._declared, self._twin, self._tasks = load, sources, twin, tasks
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
            if self.gateway.elsewhere:  # a fork knows only what was lent before it
                self.gateway.lend(self.scrutiny)
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
    def tasks(self) -> tuple[Task, ...]:
        """What the checkpoint answers; empty where that is not known yet."""
        return self._tasks if self._pipeline is None else tuple(t.spec for t in self._pipeline.config.tasks)

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
        """The loaded pipeline; raises `CheckpointError` while it is loading, or with why it failed."""
        if self._pipeline is None:
            if self._state.phase == "failed":
                raise CheckpointError(self._state.sentence)
            raise CheckpointError(
                "The checkpoint {name} is still loading; try again in a few seconds.", name=self.name
            )
        return self._pipeline

    @cached_property
    def scrutiny(self) -> "Scrutiny":
        """Explanations and checks of this checkpoint, kept by content."""
        from modeling.trust.scrutiny import Scrutiny  # torch: not before it is needed

        return self.gateway.lend(Scrutiny(self.pipeline))

    # --- model work; see the methods that it runs

    def predict(self, study: Study, source: str | None) -> Prediction:
        """Short work; see `DiagnosisPipeline.predict`."""
        return self.gateway.quickly(self.pipeline.predict, study, source=source)

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
        """Integrated Gradients, refined as it goes, `anew` even where it is known; see `Scrutiny.explain`."""
        work = self.pipeline.explain if anew else self.scrutiny.explain
        options = {"baseline": baseline, "stop": stop, "progress": progress}
        return self.gateway.steps(work, study, target, **options, **effort)

    def explained(
        self,
        study: Study,
        target: Target,
        baseline: "ImageBaseline",
        stop: threading.Event,
        *,
        quick: bool = True,
    ) -> Attribution:
        """The last refinement; `quick`, for comparisons, is content with |delta| <= 5 % or 64 gradients."""
        effort = {"tolerance": 0.05, "max_evaluations": 64} if quick else {}
        *_, attribution = self.explain(study, target, baseline, stop, **effort)
        return attribution

    def opinion(self, study: Study, target: Target, method: str, stop: threading.Event) -> FilmOpinion:
        """Short work; see `Scrutiny.opinion`."""
        cancelled = None if self.gateway.elsewhere else stop.is_set
        return self.gateway.quickly(self.scrutiny.opinion, study, target, method, cancelled=cancelled)

    def account(self, study: Study, target: Target, attribution: Attribution) -> ModalityAccount:
        """See `Scrutiny.account`."""
        return self.gateway.once(self.scrutiny.account, study, target, attribution)

    def measures(
        self,
        study: Study,
        target: Target,
        attribution: Attribution | None,
        stop: threading.Event,
        method: str = ACCOUNT,
        **how: Any,
    ) -> Iterator[TrustMeasure]:
        """See `Scrutiny.measures`."""
        about = (study, target, attribution)
        return self.gateway.steps(self.scrutiny.measures, *about, method=method, stop=stop, **how)

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
        parts = {"region": region, "fields": fields, "words": words}
        return self.gateway.quickly(self.scrutiny.prove, study, target, attribution, **parts)
