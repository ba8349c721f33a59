"""The page: lays out the panels and says what leads to what."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from interface.about_tab.tab import About, Plots, about_tab
from interface.api.cases import Api
from interface.api.checks import ScrutinyApi
from interface.api.reports import ReportsApi
from interface.browser.closed_routes import Gate
from interface.browser.film_route import FilmRoute
from interface.browser.look import CSS, HEAD, theme
from interface.browser.page_language import LanguageRoute
from interface.case_tab.arrival_handlers import Arrival
from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.chooser import chooser
from interface.case_tab.components import Parts
from interface.case_tab.export_handlers import TakeActions
from interface.case_tab.export_panel import notice, take_panel
from interface.case_tab.form import form
from interface.case_tab.leave_out_handlers import WhatIf
from interface.case_tab.map_switch import method_panel
from interface.case_tab.model_handlers import ModelActions
from interface.case_tab.panels import film_panel, model_panel, result_panel
from interface.case_tab.ppv_panel import ward_panel
from interface.case_tab.prove_handlers import ProveActions
from interface.case_tab.prove_panel import prove_panel
from interface.case_tab.trust_handlers import ScrutinyActions
from interface.case_tab.trust_panel import trust_panel
from interface.case_tab.viewer import mask_of
from interface.case_tab.wiring_export import wire_take, wire_ward
from interface.case_tab.wiring_trust import AFTER_A_FRAME, Guard, ScrutinyWiring
from interface.html.fragments import alert, banner
from interface.language.texts import marker, translations
from interface.learn_tab.tab import learn_tab
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import StoreHost
from interface.quiz_tab.handlers import quiz_actions
from interface.quiz_tab.tab import quiz_tab
from interface.reports_tab.similar_index import SimilarCases
from interface.reports_tab.tab import reports_tab
from interface.session.error_border import on_screen, stopping
from interface.session.session import Desks
from interface.session.waiting_line import Line

SESSIONS = 64
PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden"}


def build_page(models: Checkpoints, stores: StoreHost, plots: Plots | None = None) -> gr.Blocks:
    """The whole page with its API; nothing is loaded or opened yet.

    Args:
        plots: draws the measurements of a checkpoint.
    """
    desks = Desks(capacity=SESSIONS)
    with gr.Blocks(title="Viewbox", analytics_enabled=False) as page:
        api = Api(models, stores)  # first, so that no event of the page takes an endpoint's name
        api.publish()
        ScrutinyApi(api).publish()
        similar = SimilarCases(models, stores)
        ReportsApi(stores, similar).publish()
        top = gr.HTML(banner("en"), elem_id="vb-banner")
        model = model_panel([host.name for host in models.hosts])
        message, told = gr.HTML(alert(""), elem_id="vb-message"), notice()
        with gr.Tabs(elem_id="vb-tabs") as tabs, gr.Tab(marker("tab.look"), id="look"):
            choose = chooser()
            with gr.Row(equal_height=False):
                with gr.Column(scale=6, min_width=330):
                    film = film_panel()
                with gr.Column(scale=5, min_width=330):
                    line, results = gr.HTML(elem_id="vb-line"), result_panel()
            with gr.Row(equal_height=False):  # a phone shows film, prediction, and then these
                with gr.Column(scale=6, min_width=330):
                    method, take, prove = method_panel(), take_panel(told), prove_panel()
                with gr.Column(scale=5, min_width=330):
                    results.evidence.render()
            trust, ward = trust_panel(results.summary), ward_panel()
            clinical = form()
        parts = Parts(top, message, model, choose, film, results, clinical, method, prove, trust, take, line)
        cases = CaseActions(models, stores, desks, parts)
        work = ModelActions(models, desks, parts)
        in_line = Line()
        checks = ScrutinyActions(desks, parts, work, in_line)
        guard = on_screen(parts.say, desks.language)
        scrutiny = ScrutinyWiring(guard, in_line, checks, ProveActions(desks, parts, mask_of), parts)
        arrival = Arrival(models, stores, desks, parts, cases)
        what_if = WhatIf(desks, parts, cases)
        wiring = _Wiring(models, cases, arrival, what_if, work, parts, guard, in_line, scrutiny)
        wiring.connect(page)
        wire_take(take, TakeActions(models, stores, desks, parts), guard, in_line)
        wire_ward(ward, desks, guard, results.target, results.prediction)
        quiz_tab(page, tabs, message, quiz_actions(models, stores, desks), guard)
        for cards in reports_tab(tabs, desks, similar, guard, message, in_line).cards:
            wiring.opens(cards)
        learn_tab(tabs, [host.name for host in models.hosts], desks.language, guard)
        about_tab(tabs, About(models, plots), desks.language, guard)
        # A refusal belongs to the tab in which it was made.
        tabs.select(None, None, [message], js=f"() => {json.dumps(alert(''))}", **QUIET)
        page.unload(_leaving(desks, cases))
    return page.queue(api_open=False, default_concurrency_limit=1, max_size=200)


def launch_options() -> dict[str, Any]:
    """What `launch` must be told so that the page looks right and keeps nothing.

    No run history (it would keep films in the browser), no uploads, no server-side rendering, no sharing.
    """
    return {
        "theme": theme(),
        "css": CSS,
        "head": HEAD,
        "i18n": translations(),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
        "mcp_server": True,
        "max_file_size": 1,
        "state_session_capacity": SESSIONS,
        "app_kwargs": {"middleware": [Middleware(Gate), Middleware(FilmRoute), Middleware(LanguageRoute)]},
    }


class _Wiring:
    """Which event calls which action. Reading and model work queue apart; a chain does only what is due."""

    def __init__(
        self,
        models: Checkpoints,
        cases: CaseActions,
        arrival: Arrival,
        what_if: WhatIf,
        work: ModelActions,
        parts: Parts,
        guard: Guard,
        line: Line,
        scrutiny: ScrutinyWiring,
    ) -> None:
        self._models, self._cases, self._work, self._parts = models, cases, work, parts
        self._arriving, self._what_if = arrival, what_if
        self._explaining: list[Any] = []
        self._guard, self._stopping = guard, stopping(cases.remember)
        self._line, self._scrutiny = line, scrutiny

    def connect(self, page: gr.Blocks) -> None:
        """All events of the page."""
        self._arrival(page)
        self._choosing()
        self._form()
        self._explaining_events()
        self._explaining.append(self._scrutiny.connect())
        self._cancelling()

    def opens(self, cards: gr.HTML) -> None:
        """A press on one of these cards lays its case on the desk."""
        self._turn(cards.open_case, self._cases.open_row, None)

    def _on(self, event: Callable[..., Any], action: Callable[..., Any], inputs: Any, outputs: Any) -> Any:
        """A reading action: quick, several at once."""
        return event(
            self._guard(action), inputs, outputs, concurrency_limit=8, concurrency_id="cases", **QUIET
        )

    def _start(self, event: Callable[..., Any], action: Callable[..., Any], inputs: Any, outputs: Any) -> Any:
        """A reading action that model work follows, unless it is refused."""
        options = {"concurrency_limit": 8, "concurrency_id": "cases", **QUIET}
        started = event(self._stopping(action), inputs, outputs, **options)
        started.failure(self._cases.show_fault, None, [self._parts.message], queue=False, **QUIET)
        self._then_model(started)
        return started

    def _turn(self, event: Callable[..., Any], action: Callable[..., Any], inputs: Any) -> None:
        """To another case: its film first and past the queue, then the rest of the screen, then the model."""
        cases = self._cases
        turned = event(self._guard(action), inputs, cases.turned, queue=False, **QUIET)
        options = {"concurrency_limit": 8, "concurrency_id": "cases", **QUIET}
        settled = turned.then(self._guard(cases.settle), None, cases.opened, js=AFTER_A_FRAME, **options)
        self._then_model(settled)

    def _then_model(self, event: Any) -> Any:
        """Predict what is due, then explain what is due."""
        work, results = self._work, self._parts.results
        one = {"concurrency_limit": 1, "concurrency_id": "model", "trigger_mode": "multiple", **PRIVATE}
        soon = {**one, "concurrency_id": "short"}  # a prediction takes a moment and does not wait for maps
        self._scrutiny.waiting(event.success)
        predicted = event.success(
            self._guard(self._line.served(work.predict)),
            None,
            work.predicted,
            show_progress_on=results.prediction,
            **soon,
        )
        explained = predicted.then(
            self._guard(self._line.served(work.explain)),
            [results.baseline],
            [*work.explained, self._parts.message],
            show_progress_on=results.progress,
            **one,
        )
        self._explaining += [explained, self._scrutiny.after(explained)]
        return explained

    def _arrival(self, page: gr.Blocks) -> None:
        cases, work, parts = self._cases, self._work, self._parts
        arrival = self._arriving
        arrived = self._on(page.load, arrival.arrive, None, arrival.arrived)
        first = self._on(arrived.then, arrival.open_first, None, arrival.opened)
        self._watched(first)
        self._on(arrived.then, cases.list_start, parts.chooser.filters, cases.listed)
        retry = parts.model.retry
        self._watched(retry.click(work.try_again, None, [retry, parts.message], queue=False, **QUIET))

    def _watched(self, event: Any) -> None:
        """As soon as any checkpoint is settled, do what was due for it; each is watched apart."""
        for host in self._models.hosts:
            watch, outputs = self._work.watching(host), self._work.watched
            watched = event.then(watch, None, outputs, concurrency_limit=None, **QUIET)
            self._scrutiny.linked(self._then_model(watched))

    def _choosing(self) -> None:
        cases, choose = self._cases, self._parts.chooser
        opened = cases.opened
        for event in (choose.open.click, choose.case_id.submit):
            self._turn(event, cases.open, [choose.case_id])
        for button, action in (
            (choose.previous, cases.previous),
            (choose.next, cases.next),
            (choose.random, cases.random),
        ):
            self._turn(button.click, action, choose.filters)
        self._turn(choose.rows.open_case, cases.open_row, None)
        self._start(choose.film.take_film, cases.take_film, None, opened)
        checkpoint = self._parts.model.choice
        self._start(checkpoint.input, cases.use, [checkpoint], opened)
        self._on(choose.no_film.click, cases.without_film, None, opened)
        for box in choose.filters:
            self._on(box.input, cases.list_start, choose.filters, cases.listed)
        self._on(choose.earlier.click, cases.list_earlier, choose.filters, cases.listed)
        self._on(choose.later.click, cases.list_later, choose.filters, cases.listed)

    def _form(self) -> None:
        form_panel = self._parts.form
        events = [
            form_panel.predict.click,
            *(box.submit for box in form_panel.fields.values() if _is_text(box)),
        ]
        events += [box.input for box in form_panel.fields.values() if not _is_text(box)]
        self._start(partial(gr.on, events), self._cases.revise, form_panel.inputs, self._cases.opened)
        for modality, button in form_panel.leave_out.items():
            self._start(button.click, self._what_if.leave_out(modality), None, self._cases.opened)
        self._start(form_panel.as_stored.click, self._what_if.as_stored, None, self._cases.opened)

    def _explaining_events(self) -> None:
        work, results = self._work, self._parts.results
        for event in (results.target.input, results.baseline.input):
            self._start(event, work.choose_target, [results.target], [self._parts.message])
        self._start(results.again.click, work.explain_again, [results.target], [self._parts.message])

    def _cancelling(self) -> None:
        results = self._parts.results
        outputs = [results.progress, results.evidence, results.cancel, self._parts.message]
        cancelled = results.cancel.click(
            self._guard(self._work.cancel), None, outputs, cancels=self._explaining, queue=False, **QUIET
        )
        self._scrutiny.stopped(cancelled)


def _leaving(desks: Desks, cases: CaseActions) -> Callable[[gr.Request], None]:
    def leave(request: gr.Request) -> None:
        desks.clear(request.session_hash)
        cases.left(request)

    return leave


def _is_text(box: gr.Textbox | gr.Dropdown) -> bool:
    return isinstance(box, gr.Textbox)
