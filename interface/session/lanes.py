"""How the page calls a handler: reading several at once, model work in turn, errors as one sentence."""

import functools
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import gradio as gr

from interface.html.fragments import alert, note
from interface.language.texts import Language, say, translated
from interface.session.session import Sessions
from modeling.errors import ViewboxError
from modeling.sentence import Sentence

logger = logging.getLogger(__name__)

OUR_SIDE = Sentence("Something went wrong on our side; try again, or open another case.")


def sentence(error: Exception) -> Sentence:
    """The sentence for a reader: a `ViewboxError`'s own, for anything else ours, with a log entry."""
    if isinstance(error, ViewboxError):
        return error.sentence
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return OUR_SIDE


def on_screen(
    handler: Callable[..., Any],
    show: Callable[[str], dict[Any, Any]],
    spoken: Callable[[gr.Request | None], Language] = lambda _: "en",
    around: Callable[[gr.Request | None], AbstractContextManager[None]] = nullcontext,
) -> Callable[..., Any]:
    """A page handler (function or generator) whose errors become what `show` makes of the sentence.

    Args:
        spoken: the language of the reader who asks.
        around: entered while the handler runs, for the request it was called with.
    """

    def refusal(error: Exception, args: tuple[Any, ...]) -> dict[Any, Any]:
        return show(translated(sentence(error), spoken(_asked(args))))

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def steps(*args: Any, **kwargs: Any) -> Any:
            try:
                with around(_asked(args)):
                    yield from handler(*args, **kwargs)
            except Exception as exc:  # the border to the reader
                yield refusal(exc, args)

        return steps

    @functools.wraps(handler)
    def once(*args: Any, **kwargs: Any) -> Any:
        try:
            with around(_asked(args)):
                return handler(*args, **kwargs)
        except Exception as exc:  # the border to the reader
            return refusal(exc, args)

    return once


def _asked(args: tuple[Any, ...]) -> gr.Request | None:
    return next((one for one in args if isinstance(one, gr.Request)), None)


# --- the model answers one reader at a time


class ModelQueue:
    """Who waits for the model, in the order in which they came, and whom it answers now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._served: dict[str, int] = {}

    def enter(self, reader: str) -> None:
        """Wait for the model; who waits already keeps the position."""
        with self._lock:
            self._waiting.setdefault(reader, 0)

    def leave(self, reader: str) -> None:
        """Give the position up."""
        with self._lock:
            self._waiting.pop(reader, None)

    def position(self, reader: str) -> int:
        """How many others come first; 0 for who is answered, is next with nobody before, or does not wait."""
        with self._lock:
            if reader not in self._waiting or reader in self._served:
                return 0
            before = set(list(self._waiting)[: list(self._waiting).index(reader)])
            return len(before | self._served.keys())

    @contextmanager
    def served(self, request: gr.Request | None) -> Iterator[None]:
        """Around model work: its reader counts as answered meanwhile."""
        reader = getattr(request, "session_hash", None) or f"caller {threading.get_ident()}"
        with self._lock:
            self._waiting.pop(reader, None)
            self._served[reader] = self._served.get(reader, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                left = self._served.pop(reader) - 1
                if left:
                    self._served[reader] = left


def position_line(position: int, language: Language) -> str:
    """The place of a waiting reader in words; empty for who does not wait."""
    if position == 0:
        return ""
    if position == 1:
        return note(say("line.first", language), "vb-waiting")
    return note(say("line.place", language, place=position + 1), "vb-waiting")


# --- the lanes

AFTER_A_FRAME = """(...values) => new Promise((go) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => go(values))));
  setTimeout(() => go(values), 250);
})"""
"""Lets the browser show what has just come before it works on; a page out of sight paints nothing."""

PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden"}

Handler = Callable[..., Any]


class Lanes:
    """The lanes of one page; each method registers one event and gives it back, for `.then`.

    An event is `button.click`, an earlier event's `.then`, or `functools.partial(gr.on, several)`.
    """

    def __init__(self, sessions: Sessions, queue: ModelQueue, message: gr.HTML) -> None:
        """`message` is where a refusal is said."""
        self._sessions, self._queue, self.message = sessions, queue, message

    def at_once(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Past all queues: what a reader must see immediately."""
        return event(self._guarded(handler), inputs, outputs, **self._options(options, queue=False))

    def reading(
        self,
        event: Handler,
        handler: Handler,
        inputs: Any = None,
        outputs: Any = None,
        *,
        pool: str = "cases",
        at_most: int = 8,
        **options: Any,
    ) -> Any:
        """Reading and drawing: `at_most` so many handlers of a `pool` run at once."""
        lane = {"concurrency_id": pool, "concurrency_limit": at_most}
        return event(self._guarded(handler), inputs, outputs, **self._options(options, **lane))

    def short(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Model work that takes a moment: it does not wait for long work, which lets it pass."""
        lane = {"concurrency_id": "short", "concurrency_limit": 1}
        return event(self._guarded(handler), inputs, outputs, **self._options(options, **lane))

    def long(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Model work that others wait for; readers are told their position."""
        lane = {"concurrency_id": "model", "concurrency_limit": 1}
        guarded = self._guarded(handler, self._queue.served)
        return event(guarded, inputs, outputs, **self._options(options, **lane))

    def watching(self, event: Handler, handler: Handler, outputs: Any) -> Any:
        """An async generator that shows how something stands; waiting costs no thread."""
        return event(handler, None, outputs, **self._options({}, concurrency_limit=None))

    def _options(self, given: dict[str, Any], **lane: Any) -> dict[str, Any]:
        """An event's options. Gradio's page tells every output each time that how an event stands changes,
        and copies all of the output's properties for it: what shows nothing of that tells the message alone.
        """
        options = {**QUIET, **lane, **given}
        if options["show_progress"] == "hidden":
            options.setdefault("show_progress_on", self.message)
        return options

    def _guarded(self, handler: Handler, *around: Any) -> Handler:
        return on_screen(
            handler, lambda refusal: {self.message: alert(refusal)}, self._sessions.language, *around
        )
