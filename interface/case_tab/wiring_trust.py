"""Which event of the explanation, the map switch, the trust panel and "Prove it" calls which action."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from interface.case_tab.components import Parts
from interface.case_tab.prove_handlers import ProveActions
from interface.case_tab.trust_handlers import ScrutinyActions
from interface.session.waiting_line import Line

PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden"}
MODEL = {"concurrency_limit": 1, "concurrency_id": "model", **PRIVATE}
SHORT = {"concurrency_limit": 1, "concurrency_id": "short", **QUIET}
"""Short model work has a lane of its own; `interface.models.gateway` lets it pass the long one."""

AFTER_A_FRAME = """(...values) => new Promise(
  (go) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => go(values)))))"""
"""Lets the browser show what has just come before it works on."""
_CLEAR_BRUSH = "() => window.viewboxViewer.unmark('vb-figure')"

Guard = Callable[[Callable[..., Any]], Callable[..., Any]]


class ScrutinyWiring:
    """All events around an explanation that is there."""

    def __init__(
        self, guard: Guard, line: Line, checks: ScrutinyActions, proofs: ProveActions, parts: Parts
    ) -> None:
        self._guard, self._line, self._parts = guard, line, parts
        self._checks, self._proofs = checks, proofs

    def waiting(self, event: Callable[..., Any]) -> None:
        """Beside model work that was just asked for: show the place in line."""
        event(self._checks.wait, None, [self._parts.line], concurrency_limit=None, **QUIET)

    def after(self, explained: Any) -> Any:
        """Check the map that is there; the event can be cancelled."""
        examine = self._guard(self._line.served(self._checks.examine))
        hidden = {"show_progress": "hidden", "trigger_mode": "multiple", **MODEL}
        return explained.then(examine, None, self._checks.examined, **hidden)

    def linked(self, explained: Any) -> None:
        """After the explanation that a page opens with: the map that its address asked for."""
        put = self._guard(self._checks.put_linked)
        explained.then(put, None, self._checks.switched, **SHORT)

    def stopped(self, cancelled: Any) -> None:
        """After Cancel: the trust panel says so."""
        trust = self._parts.trust
        cancelled.then(
            self._guard(self._checks.stopped), None, [trust.checks, trust.summary], queue=False, **QUIET
        )

    def connect(self) -> Any:
        """The other events; the one that compares baselines can be cancelled and is returned."""
        method, prove, trust = self._parts.method, self._parts.prove, self._parts.trust
        method.switch.input(
            self._guard(self._checks.switch),
            [method.switch],
            self._checks.switched,
            trigger_mode="always_last",
            **SHORT,
        )
        ticked, outputs = [prove.fields, prove.words], self._proofs.proved
        prove.button.click(self._guard(self._proofs.prove), ticked, outputs, **SHORT)
        live = {"trigger_mode": "always_last", **SHORT}
        gr.on(
            [prove.fields.input, prove.words.input], self._guard(self._proofs.live), ticked, outputs, **live
        )
        self._parts.film.figure.marked(self._guard(self._proofs.marked), ticked, outputs, **live)
        put_back = [*ticked, prove.result]
        prove.reset.click(
            self._guard(self._proofs.reset), None, put_back, js=_CLEAR_BRUSH, queue=False, **QUIET
        )
        compared = [trust.baselines, self._parts.results.cancel, self._parts.message]
        compare = self._guard(self._line.served(self._checks.compare))
        return trust.compare.click(compare, None, compared, show_progress="hidden", **MODEL)
