"""The model answers one reader at a time: who waits, and at which place."""

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import gradio as gr

from interface.html.fragments import note
from interface.language.texts import Language, say


class Line:
    """Who waits for the model, in the order in which they came, and whom it answers now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._served: dict[str, int] = {}

    def enter(self, session: str) -> None:
        """Stand in line; who stands there already keeps the place."""
        with self._lock:
            self._waiting.setdefault(session, 0)

    def leave(self, session: str) -> None:
        """Give the place up."""
        with self._lock:
            self._waiting.pop(session, None)

    def place(self, session: str) -> int:
        """How many others come first; 0 for who is answered, is next with nobody before, or does not wait."""
        with self._lock:
            if session not in self._waiting or session in self._served:
                return 0
            before = set(list(self._waiting)[: list(self._waiting).index(session)])
            return len(before | self._served.keys())

    def served(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A model handler (a function or a generator) whose session counts as answered while it runs."""

        if inspect.isgeneratorfunction(handler):

            @functools.wraps(handler)
            def steps(*args: Any, **kwargs: Any) -> Any:
                session = self._begin(args, kwargs)
                try:
                    yield from handler(*args, **kwargs)
                finally:
                    self._end(session)

            return steps

        @functools.wraps(handler)
        def once(*args: Any, **kwargs: Any) -> Any:
            session = self._begin(args, kwargs)
            try:
                return handler(*args, **kwargs)
            finally:
                self._end(session)

        return once

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        given = (*args, *kwargs.values())
        request = next((a for a in given if isinstance(a, gr.Request)), None)
        session = getattr(request, "session_hash", None) or f"caller {threading.get_ident()}"
        with self._lock:
            self._waiting.pop(session, None)
            self._served[session] = self._served.get(session, 0) + 1
        return session

    def _end(self, session: str) -> None:
        with self._lock:
            left = self._served.pop(session) - 1
            if left:
                self._served[session] = left


def place_line(place: int, language: Language) -> str:
    """What a waiting reader is told; empty for who does not wait."""
    if place == 0:
        return ""
    if place == 1:
        return note(say("line.first", language), "vb-waiting")
    return note(say("line.place", language, place=place + 1), "vb-waiting")
