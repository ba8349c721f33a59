"""How the page calls a handler: reading several at once, model work one at a time, errors as sentences."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from interface.html.fragments import alert
from interface.session.error_border import on_screen
from interface.session.queue_position import ModelQueue
from interface.session.session import Sessions

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
        """
        Args:
            message: where a refusal is said.
        """
        self._sessions, self._queue, self.message = sessions, queue, message

    def at_once(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Past all queues: what a reader must see immediately."""
        return event(self._guarded(handler), inputs, outputs, queue=False, **QUIET | options)

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
        """Reading and drawing, several at once.

        Args:
            pool: of handlers that share their number.
            at_most: how many of the pool run at once.
        """
        lane = {"concurrency_id": pool, "concurrency_limit": at_most, **QUIET}
        return event(self._guarded(handler), inputs, outputs, **lane | options)

    def short(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Model work that takes a moment: it does not wait for long work, which lets it pass."""
        lane = {"concurrency_id": "short", "concurrency_limit": 1, **QUIET}
        return event(self._guarded(handler), inputs, outputs, **lane | options)

    def long(
        self, event: Handler, handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any
    ) -> Any:
        """Model work that others wait for; readers are told their position."""
        lane = {"concurrency_id": "model", "concurrency_limit": 1, **QUIET}
        return event(self._guarded(handler, self._queue.served), inputs, outputs, **lane | options)

    def watching(self, event: Handler, handler: Handler, outputs: Any) -> Any:
        """An async generator that shows how something stands; waiting costs no thread."""
        return event(handler, None, outputs, concurrency_limit=None, **QUIET)

    def _guarded(self, handler: Handler, *around: Any) -> Handler:
        return on_screen(
            handler, lambda refusal: {self.message: alert(refusal)}, self._sessions.language, *around
        )
