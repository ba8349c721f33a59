"""Which event of the panels around a view (take away, in your ward) calls which action."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from interface.case_tab.export_handlers import TakeActions
from interface.case_tab.export_panel import TakePanel
from interface.case_tab.ppv_panel import WardPanel, ward_of
from interface.case_tab.wiring_trust import AFTER_A_FRAME, MODEL, QUIET, Guard
from interface.session.session import Desks
from interface.session.study_edits import target_of
from interface.session.waiting_line import Line

READING = {"concurrency_limit": 8, "concurrency_id": "cases", **QUIET}


def wire_take(panel: TakePanel, actions: TakeActions, guard: Guard, line: Line) -> None:
    """Buttons that take something away; a course pack asks the model and waits its turn."""
    panel.copy.click(guard(actions.copy), None, actions.taken, **READING)
    panel.handout.click(guard(actions.handout), None, actions.taken, **READING)
    pack = guard(line.served(actions.pack))
    panel.pack.click(pack, [panel.cases], actions.taken, show_progress="hidden", **MODEL)


def wire_ward(panel: WardPanel, desks: Desks, guard: Guard, target: gr.Dropdown, predicted: gr.HTML) -> None:
    """Sliders and the choice of target; a new prediction is calculated anew too."""

    def told(prevalence: float, threshold: float, request: gr.Request) -> dict[Any, Any]:
        desk = desks.of(request.session_hash)
        if desk.prediction is None:
            return {panel.result: ""}
        chosen = target_of(desk.prediction, desk.chosen)
        return {panel.result: ward_of(desk, chosen, prevalence, threshold)}

    moved: list[Callable[..., Any]] = [panel.prevalence.input, panel.threshold.input, target.change]
    sliders = [panel.prevalence, panel.threshold]
    gr.on(
        [*moved, predicted.change],
        guard(told),
        sliders,
        [panel.result],
        trigger_mode="always_last",
        js=AFTER_A_FRAME,
        **READING,
    )
