"""What happens when a reader takes a part of the study away."""

from collections.abc import Callable, Mapping, Sequence

import gradio as gr
import numpy as np

from interface.case_tab.components import Parts, Updates
from interface.case_tab.prove_panel import proof_panel
from interface.html.fragments import note
from interface.language.texts import say
from interface.session.session import Desk, Desks

QUICK_SECONDS = 0.5
"""A proof that took longer than this is made on the button only, not at every stroke."""

COARSE = (64, 64)

MaskOf = Callable[[object, tuple[int, int]], np.ndarray | None]


class ProveActions:
    """Handlers of the panel "Prove it"."""

    def __init__(self, desks: Desks, parts: Parts, mask_of: MaskOf) -> None:
        """
        Args:
            mask_of: the viewer's value and the film's (H, W) -> the brushed (H, W) bool mask, or None.
        """
        self._desks, self.parts, self._mask_of = desks, parts, mask_of

    @property
    def proved(self) -> list[gr.components.Component]:
        """Outputs of `prove` and `live`."""
        return [self.parts.prove.result, self.parts.message]

    def prove(self, fields: Sequence[str], words: Sequence[str], request: gr.Request) -> Updates:
        """Take away what is brushed and ticked, and predict again."""
        desk = self._desks.of(request.session_hash)
        if desk.attribution is None or desk.used is None or desk.study is None:
            return {self.parts.prove.result: note(say("prove.waiting", desk.language))}
        region = self._region(desk)
        if region is None and not fields and not words:
            return {self.parts.prove.result: note(say("prove.nothing", desk.language))}
        return self._proof(desk, region, fields, words)

    def live(self, fields: Sequence[str], words: Sequence[str], request: gr.Request) -> Updates:
        """The same at every tick, as long as this machine answers quickly."""
        desk = self._desks.of(request.session_hash)
        if desk.proof_seconds > QUICK_SECONDS or desk.attribution is None:
            return {self.parts.prove.result: gr.skip()}
        if desk.brushed is None and not fields and not words:
            return {self.parts.prove.result: ""}
        return self.prove(fields, words, request)

    def marked(
        self, fields: Sequence[str], words: Sequence[str], event: gr.EventData, request: gr.Request
    ) -> Updates:
        """A place was brushed on the film: keep it, and prove it at once where that is quick."""
        desk, told = self._desks.of(request.session_hash), event._data
        ours = isinstance(told, Mapping) and desk.film is not None and told.get("film") == desk.film.key
        if ours and desk.study is not None and desk.study.radiograph is not None:
            # Only the coarse mask is kept: a native one of every reader would be megabytes.
            desk.brushed = told if self._mask_of(told, COARSE) is not None else None
            return self.live(fields, words, request)
        return {self.parts.prove.result: gr.skip()}

    def _proof(
        self, desk: Desk, region: np.ndarray | None, fields: Sequence[str], words: Sequence[str]
    ) -> Updates:
        attribution, opened = desk.attribution, desk.opened
        known = {f.name for f in attribution.fields}
        given = " ".join(map(str, words)).split()
        positions = tuple(int(w) for w in given if w.isdecimal() and int(w) < len(attribution.words))
        taken = tuple(f for f in fields if f in known)
        proof = desk.used.prove(desk.study, attribution.target, attribution, region, taken, positions)
        desk.proof_seconds = proof.seconds
        if desk.opened != opened or desk.attribution is None:  # the reader has moved on meanwhile
            return {self.parts.prove.result: gr.skip()}
        return {self.parts.prove.result: proof_panel(proof, desk.language), self.parts.message: gr.skip()}

    def _region(self, desk: Desk) -> np.ndarray | None:
        film = desk.study.radiograph
        if film is None or desk.attribution.image is None or desk.brushed is None:
            return None
        return self._mask_of(desk.brushed, film.shape)

    def reset(self, request: gr.Request) -> Updates:
        """Put everything back; the viewer clears its own brush."""
        self._desks.of(request.session_hash).brushed = None
        prove = self.parts.prove
        return {prove.fields: [], prove.words: [], prove.result: ""}
