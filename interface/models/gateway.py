"""The one way to whatever computes with a checkpoint: short work first, and on ZeroGPU in another process.

Two torch jobs at once on a small machine slow each other down far more than they gain: long work pauses where
it may while a prediction, a proof or a second opinion is made.
"""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from modeling.errors import ExplanationCancelled

P = ParamSpec("P")
T = TypeVar("T")
Decorator = Callable[[Callable], Callable]

PATIENCE = 20.0
"""Seconds after which long work goes on all the same."""
STOPPED = "The explanation was stopped; start it again when you like."


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
    """Runs the methods of what one checkpoint lends."""

    def __init__(self, on_gpu: Decorator | None = None) -> None:
        """
        Args:
            on_gpu: ZeroGPU's decorator where there is one; what it wraps runs in a fork of this process, to
                which names and arguments travel, and neither a checkpoint nor a callback.
        """
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

    def steps(
        self,
        work: Callable[..., Iterator[T]],
        *args: Any,
        stop: threading.Event,
        progress: Callable[[float], None] | None = None,
        **kwargs: Any,
    ) -> Iterator[T]:
        """Run a method of something lent that gives one result after another; it makes way for short work.

        Args:
            stop: ends it; in another process between two results only.
            progress: told the share that is done; in another process never.

        Raises:
            ExplanationCancelled: `stop` was set.
        """
        if self.elsewhere:
            return _until(stop, self._steps(*_named(work), args, kwargs))
        if progress is not None:
            kwargs["progress"] = progress
        return work(*args, cancelled=self.pausing(stop), **kwargs)

    # --- short work first

    @contextmanager
    def short(self) -> Iterator[None]:
        """Around work that takes a moment; long work holds still meanwhile."""
        with self._changed:
            self._short += 1
        try:
            yield
        finally:
            with self._changed:
                self._short -= 1
                self._changed.notify_all()

    def pausing(self, stop: threading.Event) -> Callable[[], bool]:
        """What long work asks between two steps: lets short work pass, then says whether to stop."""

        def ask() -> bool:
            with self._changed:
                self._changed.wait_for(lambda: self._short == 0 or stop.is_set(), PATIENCE)
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
            raise ExplanationCancelled(STOPPED)
        yield step
