"""The page: lays out the panels and says what leads to what."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from interface.api import Api
from interface.case_actions import CaseActions
from interface.checkpoints import Checkpoints
from interface.chooser import chooser
from interface.desk import Desks
from interface.form import form
from interface.gate import Gate
from interface.guard import on_screen, stopping
from interface.hosts import StoreHost
from interface.look import CSS, HEAD, theme
from interface.markup import alert, banner
from interface.model_actions import ModelActions
from interface.panels import film_panel, model_panel, result_panel
from interface.parts import Parts
from interface.texts import marker, translations

SESSIONS = 64
PRIVATE = {"api_visibility": "private"}
QUIET = {**PRIVATE, "show_progress": "hidden"}


def build_page(models: Checkpoints, stores: StoreHost) -> gr.Blocks:
    """The whole page with its API; nothing is loaded or opened yet."""
    desks = Desks(capacity=SESSIONS)
    with gr.Blocks(title="Viewbox", analytics_enabled=False) as page:
        Api(models, stores).publish()  # first, so that no event of the page takes an endpoint's name
        top = gr.HTML(banner("en"), elem_id="vb-banner")
        model = model_panel([host.name for host in models.hosts])
        message = gr.HTML(alert(""), elem_id="vb-message")
        with gr.Tabs(elem_id="vb-tabs"), gr.Tab(marker("tab.look"), id="look"):
            choose = chooser()
            with gr.Row(equal_height=False):
                with gr.Column(scale=6, min_width=330):
                    film = film_panel()
                with gr.Column(scale=5, min_width=330):
                    results = result_panel()
            clinical = form()
        parts = Parts(top, message, model, choose, film, results, clinical)
        cases = CaseActions(models, stores, desks, parts)
        work = ModelActions(models, desks, parts)
        _Wiring(models, cases, work, parts).connect(page)
        page.unload(_leaving(desks))
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
        "mcp_server": False,
        "max_file_size": 1,
        "state_session_capacity": SESSIONS,
        "app_kwargs": {"middleware": [Middleware(Gate)]},
    }


class _Wiring:
    """Which event calls which action. Reading and model work queue apart; a chain does only what is due."""

    def __init__(self, models: Checkpoints, cases: CaseActions, work: ModelActions, parts: Parts) -> None:
        self._models, self._cases, self._work, self._parts = models, cases, work, parts
        self._explaining: list[Any] = []
        self._guard, self._stopping = on_screen(parts.say), stopping(cases.remember)

    def connect(self, page: gr.Blocks) -> None:
        """All events of the page."""
        self._arrival(page)
        self._choosing()
        self._form()
        self._explaining_events()
        self._cancelling()

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

    def _then_model(self, event: Any) -> Any:
        """Predict what is due, then explain what is due."""
        work, film, results = self._work, self._parts.film, self._parts.results
        one = {"concurrency_limit": 1, "concurrency_id": "model", "trigger_mode": "multiple", **PRIVATE}
        predicted = event.success(
            self._guard(work.predict), None, work.predicted, show_progress_on=results.prediction, **one
        )
        explained = predicted.then(
            self._guard(work.explain),
            [results.baseline, film.opacity, film.sign],
            [*work.explained, self._parts.message],
            show_progress_on=results.progress,
            **one,
        )
        self._explaining.append(explained)
        return explained

    def _arrival(self, page: gr.Blocks) -> None:
        cases, work, parts = self._cases, self._work, self._parts
        shown = [parts.banner, parts.chooser.film, parts.results.prediction]
        arrived = self._on(page.load, cases.arrive, None, [*shown, parts.message])
        first = self._on(arrived.then, cases.open_first, None, cases.opened)
        self._watched(first)
        self._on(arrived.then, cases.list_start, parts.chooser.filters, cases.listed)
        retry = parts.model.retry
        self._watched(retry.click(work.try_again, None, [retry, parts.message], queue=False, **QUIET))

    def _watched(self, event: Any) -> None:
        """As soon as any checkpoint is settled, do what was due for it; each is watched apart."""
        for host in self._models.hosts:
            watch, outputs = self._work.watching(host), self._work.watched
            self._then_model(event.then(watch, None, outputs, concurrency_limit=None, **QUIET))

    def _choosing(self) -> None:
        cases, choose = self._cases, self._parts.chooser
        opened = cases.opened
        for event in (choose.open.click, choose.case_id.submit):
            self._start(event, cases.open, [choose.case_id], opened)
        for button, action in (
            (choose.previous, cases.previous),
            (choose.next, cases.next),
            (choose.random, cases.random),
        ):
            self._start(button.click, action, choose.filters, opened)
        self._start(choose.rows.open_case, cases.open_row, None, opened)
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

    def _explaining_events(self) -> None:
        work, film, results = self._work, self._parts.film, self._parts.results
        for event in (results.target.input, results.baseline.input, results.again.click):
            self._start(event, work.choose_target, [results.target], [self._parts.message])
        for event in (film.opacity.release, film.sign.input):
            self._on(event, work.redraw, [film.opacity, film.sign], [film.figure, self._parts.message])

    def _cancelling(self) -> None:
        results = self._parts.results
        outputs = [results.progress, results.evidence, results.cancel, self._parts.message]
        results.cancel.click(
            self._guard(self._work.cancel), None, outputs, cancels=self._explaining, queue=False, **QUIET
        )


def _leaving(desks: Desks) -> Callable[[gr.Request], None]:
    def leave(request: gr.Request) -> None:
        desks.clear(request.session_hash)

    return leave


def _is_text(box: gr.Textbox | gr.Dropdown) -> bool:
    return isinstance(box, gr.Textbox)
