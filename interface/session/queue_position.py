"""The model answers one reader at a time: who waits, and at which position."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from interface.html.fragments import note
from interface.language.texts import Language, say


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
    """What a waiting reader is told; empty for who does not wait."""
    if position == 0:
        return ""
    if position == 1:
        return note(say("line.first", language), "vb-waiting")
    return note(say("line.place", language, place=position + 1), "vb-waiting")
