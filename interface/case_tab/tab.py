"""The tab "Look at a case": its layout, which event calls which handler, and the one chain of model work."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from interface.case_tab.arrival_handlers import Arrival
from interface.case_tab.case_handlers import CaseActions, WhatIf
from interface.case_tab.chooser import case_strips, chooser
from interface.case_tab.components import Parts
from interface.case_tab.export_handlers import ExportActions
from interface.case_tab.export_panel import export_panel
from interface.case_tab.form import form
from interface.case_tab.map_switch import method_panel
from interface.case_tab.model_handlers import ModelActions
from interface.case_tab.operating_panel import operating_handler, operating_panel
from interface.case_tab.own_films import OwnFilms
from interface.case_tab.panels import ModelPanel, film_panel, result_panel, why_panel
from interface.case_tab.prove_handlers import ProveActions
from interface.case_tab.prove_panel import prove_panel
from interface.case_tab.sheet import SheetActions
from interface.case_tab.trust_handlers import ScrutinyActions
from interface.case_tab.trust_panel import trust_panel
from interface.html.fragments import alert
from interface.language.texts import marker
from interface.models.checkpoints import Checkpoints
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import PromptPanel
from interface.session.lanes import AFTER_A_FRAME, Lanes, ModelQueue
from interface.session.session import Sessions
from interface.study_panel.handlers import StudyActions
from interface.study_panel.panel import study_panel

_CLEAR_BRUSH = "() => window.viewboxViewer.unmark('vb-figure')"
_COMPARE = "() => { window.viewboxViewer.compare('vb-figure'); return []; }"
_STAY = "(...values) => { window.viewboxOpen('vb-prove', true); return values; }"
_BRIEF = "() => window.viewboxViewer.brief('vb-figure')"
_LATEST = {"trigger_mode": "always_last"}
_EVERY = {"trigger_mode": "multiple"}


def _opens(fold: str) -> str:
    """A script for a button: open a fold of the page and go there."""
    return f"() => {{ window.viewboxOpen('{fold}'); return []; }}"


def case_layout(
    tabs: gr.Tabs, banner: gr.HTML, model: ModelPanel, message: gr.HTML, prompts: PromptPanel
) -> Parts:
    """Lay out the tab, first among the others, under what stands above them all."""
    told = gr.HTML(alert(""), elem_id="vb-notice")
    with tabs, gr.Tab(marker("tab.look"), id="look"):
        strips = case_strips()
        with gr.Row(equal_height=False, elem_id="vb-desk"):
            with gr.Column(scale=6, min_width=330):
                film = film_panel()
            with gr.Column(scale=4, min_width=330, elem_id="vb-answer"):
                position, results = gr.HTML(elem_id="vb-line"), result_panel()
        whole, take = study_panel(), export_panel(told)
        prove, method, why, checks = prove_panel(), method_panel(), why_panel(), trust_panel()
        prompts.fold.render()
        operating, clinical, choose = operating_panel(), form(), chooser(*strips)
        take.fold.render()
        due = gr.HTML(visible="hidden", elem_id="vb-due")
    return Parts(
        banner=banner,
        message=message,
        model=model,
        chooser=choose,
        film=film,
        results=results,
        whole=whole,
        why=why,
        form=clinical,
        method=method,
        prove=prove,
        checks=checks,
        take=take,
        operating=operating,
        position=position,
        due=due,
        asked=prompts.told,
    )


class CaseEvents:
    """Every event of the tab. What makes work due changes `Parts.due`, on which the chain hangs, once."""

    def __init__(
        self,
        models: Checkpoints,
        stores: StoreHost,
        sessions: Sessions,
        parts: Parts,
        lanes: Lanes,
        queue: ModelQueue,
    ) -> None:
        self._parts, self._lanes, self._sessions, self._models = parts, lanes, sessions, models
        self.cases = CaseActions(models, stores, sessions, parts)
        self._work = ModelActions(models, sessions, parts)
        self._checks = ScrutinyActions(sessions, parts, self._work, queue)
        self._proofs = ProveActions(sessions, parts)
        self._sheets = SheetActions(models, sessions, parts)
        self._arrival = Arrival(models, stores, sessions, parts, self.cases)
        self._what_if = WhatIf(sessions, parts, self.cases)
        self._export = ExportActions(models, stores, sessions, parts)
        self._whole = StudyActions(models.studies, sessions, parts.whole, parts.film.films, parts.message)

    def connect(self, page: gr.Blocks, *cards: gr.HTML) -> Any:
        """Register them; a press on one of the cards of other tabs opens its case.

        Returns the event that has opened what the reader's link asks for.
        """
        opened = self._arriving(page)
        self._choosing(*cards)
        self._form()
        self._export_and_operating()
        long_work = self._chain()
        self._checking()
        whole, panel = self._whole, self._parts.whole
        self._lanes.long(panel.ask.click, whole.ask, None, whole.asked)
        self._lanes.long(panel.change.click, whole.compare, None, whole.compared)
        cancel = self._parts.results.cancel
        self._lanes.at_once(cancel.click, self._checks.cancel, None, self._checks.ended, cancels=long_work)
        return opened

    def _chain(self) -> list[Any]:
        """The prediction, the rest of the screen, the explanation, its checks; each does only what is due."""
        lanes, results, due = self._lanes, self._parts.results, self._parts.due.change
        cases, work, checks = self.cases, self._work, self._checks
        told = {"show_progress": "full", **_EVERY}
        at_prediction = {"js": AFTER_A_FRAME, "show_progress_on": results.prediction}
        predicted = lanes.short(due, work.predict, None, work.predicted, **at_prediction, **told)
        lanes.reading(predicted.then, cases.settle, None, cases.opened, **_EVERY)
        lanes.watching(predicted.then, checks.wait, [self._parts.position])
        explained = lanes.long(
            predicted.then,
            work.explain,
            [self._parts.why.baseline],
            work.explained,
            show_progress_on=results.progress,
            **told,
        )
        examined = lanes.long(explained.then, checks.examine, None, checks.examined, **_EVERY)
        lanes.short(explained.then, checks.put_linked, None, checks.switched)
        return [explained, examined]

    def _arriving(self, page: gr.Blocks) -> Any:
        lanes, arrival, cases, work = self._lanes, self._arrival, self.cases, self._work
        arrived = lanes.reading(page.load, arrival.arrive, None, arrival.arrived)
        opened = lanes.reading(arrived.then, arrival.open_first, None, arrival.opened)
        lanes.watching(opened.then, work.watch, work.watched)
        lanes.reading(arrived.then, cases.list_start, self._parts.chooser.filters, cases.listed)
        retry = self._parts.model.retry
        again = lanes.at_once(retry.click, work.try_again, None, [retry, lanes.message])
        lanes.watching(again.then, work.watch, work.watched)
        return opened

    def _choosing(self, *cards: gr.HTML) -> None:
        lanes, cases, choose = self._lanes, self.cases, self._parts.chooser
        turns: list[tuple[Callable[..., Any], Callable[..., Any], Any]] = [
            (partial(gr.on, [choose.open.click, choose.case_id.submit]), cases.open, [choose.case_id]),
            (choose.previous.click, cases.previous, choose.filters),
            (choose.next.click, cases.next, choose.filters),
            (choose.random.click, cases.random, choose.filters),
            *((part.open_case, cases.open_row, None) for part in (choose.strip, choose.rows, *cards)),
        ]
        for event, action, inputs in turns:  # its film first and past the queue
            lanes.at_once(event, action, inputs, cases.turned)
        lanes.at_once(self._parts.film.films.open_film, cases.open_film, None, cases.pressed)
        lanes.reading(choose.film.take_film, cases.take_film, None, cases.opened)
        own = OwnFilms(self._models, self._sessions, self._parts, cases)
        lanes.short(choose.film.add_film, own.add_film, None, own.added, **_EVERY)
        lanes.at_once(choose.several.open_own, own.open_own, None, cases.opened)
        lanes.reading(choose.no_film.click, cases.without_film, None, cases.opened)
        choice = self._parts.model.choice
        lanes.reading(choice.input, cases.use, [choice], cases.opened)
        filtered = partial(gr.on, [box.input for box in choose.filters])
        for event, action in (
            (filtered, cases.list_start),
            (choose.earlier.click, cases.list_earlier),
            (choose.later.click, cases.list_later),
        ):
            lanes.reading(event, action, choose.filters, cases.listed)

    def _form(self) -> None:
        lanes, panel, opened = self._lanes, self._parts.form, self.cases.opened
        events = [panel.predict.click]
        for box in panel.fields.values():
            events.append(box.submit if isinstance(box, gr.Textbox) else box.input)
        lanes.reading(partial(gr.on, events), self.cases.revise, panel.inputs, opened)
        for modality, button in panel.leave_out.items():
            lanes.reading(button.click, self._what_if.leave_out(modality), None, opened)
        lanes.reading(panel.as_stored.click, self._what_if.as_stored, None, opened)

    def _checking(self) -> None:
        """Other targets, maps and proofs, and several maps at once."""
        lanes, work, checks, proofs = self._lanes, self._work, self._checks, self._proofs
        parts = self._parts
        results, why, method, prove = parts.results, parts.why, parts.method, parts.prove
        chosen = partial(gr.on, [why.target.input, why.baseline.input])
        asked = [lanes.message, parts.due]
        lanes.reading(chosen, work.choose_target, [why.target], asked)
        lanes.reading(why.again.click, work.explain_again, [why.target], asked)
        switch = method.switch.input
        switched = lanes.short(switch, checks.switch, [method.switch], checks.switched, **_LATEST)
        lanes.long(switched.then, checks.examine, None, checks.examined, **_EVERY)
        ticked = [prove.fields, prove.words]
        lanes.short(prove.button.click, proofs.prove, ticked, proofs.proved)
        lanes.short(results.test.click, proofs.strongest, None, proofs.proved, js=_opens("vb-prove"))
        results.compare.click(None, js=_COMPARE)
        sheets, event = self._sheets, parts.film.figure.sheet
        sheet = lanes.at_once(event, sheets.ask, None, [lanes.message], **_EVERY)
        lanes.short(sheet.then, sheets.fill, None, sheets.filled, concurrency_id="sheet", **_EVERY)
        lanes.long(sheet.then, sheets.fill_slowly, None, sheets.filled, **_EVERY)
        changed = partial(gr.on, [box.input for box in ticked])
        lanes.short(changed, proofs.live, ticked, proofs.proved, **_LATEST)
        marked = parts.film.figure.marked
        proved = lanes.short(marked, proofs.marked, ticked, proofs.proved, js=_STAY, **_LATEST)
        proved.then(None, js=_BRIEF)
        lanes.at_once(prove.reset.click, proofs.reset, None, [*ticked, *proofs.proved], js=_CLEAR_BRUSH)

    def _export_and_operating(self) -> None:
        """What takes a view away, and the worth of a call, which a new prediction calculates anew too."""
        lanes, export, parts = self._lanes, self._export, self._parts
        take, operating, results = parts.take, parts.operating, parts.results
        for event, action in (
            (take.copy.click, export.copy),
            (results.handout.click, export.handout),
            (take.picture.click, export.picture),
            (take.csv.click, export.csv),
            (take.npz.click, export.npz),
        ):
            lanes.reading(event, action, None, export.taken)
        lanes.long(take.pack.click, export.pack, [take.cases], export.taken)
        moved = [*(s.input for s in operating.sliders), parts.why.target.change, results.prediction.change]
        handler, shown = operating_handler(self._sessions, operating), [operating.fold, operating.result]
        lanes.reading(partial(gr.on, moved), handler, operating.sliders, shown, js=AFTER_A_FRAME, **_LATEST)
