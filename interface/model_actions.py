"""What the model does for a reader: first the prediction, then the explanation, refined on screen."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import gradio as gr

from interface.case_actions import Parts, Updates
from interface.desk import Desk, Desks
from interface.evidence import evidence_panel, legend_markup
from interface.hosts import ModelHost
from interface.markup import alert, film_figure, form_reads, model_line, note, prediction_panel
from interface.pictures import film_url, map_urls
from interface.reading import possible_targets, target_of
from interface.texts import preferred, say, word_for
from modeling.errors import ExplanationCancelled
from modeling.labels import Target
from modeling.render import Sign
from modeling.results import Attribution

WATCH_SECONDS = 0.4


class ModelActions:
    """Handlers around the model; each returns or yields component updates."""

    def __init__(
        self, models: ModelHost, desks: Desks, parts: Parts, model: gr.HTML, retry: gr.Button
    ) -> None:
        self._models, self._desks, self.parts = models, desks, parts
        self.model, self.retry = model, retry

    # --- the checkpoint

    @property
    def watched(self) -> list[gr.components.Component]:
        """Outputs of `watch`."""
        return [self.model, self.retry, self.parts.form.reads, *self.parts.form.sections.values()]

    async def watch(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Show how loading stands until it is over; costs no thread while it waits."""
        language, waited = preferred(request.headers.get("accept-language")), 0.0
        if self._models.state.phase != "failed":
            self._models.start()
        while (state := self._models.state).phase == "loading":
            yield {
                self.model: model_line(replace(state, seconds=waited), language),
                self.retry: gr.Button(visible=False),
            }
            await asyncio.sleep(WATCH_SECONDS)
            waited += WATCH_SECONDS
        if state.phase == "failed":
            yield {self.model: model_line(state, language), self.retry: gr.Button(visible=True)}
            return
        pipeline, sections = self._models.pipeline, self._models.pipeline.text_sections
        yield {
            self.model: model_line(state, language, not set(sections) <= {"indication"}),
            self.retry: gr.Button(visible=False),
            self.parts.form.reads: form_reads((f.name for f in pipeline.fields), sections, language),
            **{
                box: gr.Textbox(visible=name == "indication" or name in sections)
                for name, box in self.parts.form.sections.items()
            },
        }

    def try_again(self) -> Updates:
        """Load the checkpoint once more."""
        self._models.start()
        return {self.retry: gr.Button(visible=False), self.parts.message: alert("")}

    # --- the prediction

    @property
    def predicted(self) -> list[gr.components.Component]:
        """Outputs of `predict`."""
        return [self.parts.message, self.parts.results.prediction, self.parts.results.target]

    def predict(self, request: gr.Request) -> Updates:
        """Predict what is on the desk, where that is due and the checkpoint is loaded."""
        desk = self._desks.of(request.session_hash)
        # Until it is loaded, the model line says how it stands, and the page predicts by itself afterwards.
        if desk.due != "predict" or desk.case is None or self._models.state.phase != "ready":
            return {self.parts.message: gr.skip()}
        opened, desk.due = desk.opened, "nothing"
        prediction = self._models.predict(desk.study, desk.case.provenance.source or None)
        if desk.opened != opened:  # the reader has moved on meanwhile
            return {self.parts.message: gr.skip()}
        desk.prediction, desk.due = prediction, "explain"
        if desk.chosen not in possible_targets(prediction):
            desk.chosen = None
        target = target_of(prediction, desk.chosen)
        choices = [(self._target_label(t, desk), t.slug) for t in possible_targets(prediction)]
        return {
            self.parts.message: alert(""),
            self.parts.results.prediction: prediction_panel(prediction, desk.case, desk.language),
            self.parts.results.target: gr.Dropdown(choices=choices, value=target.slug),
        }

    def _target_label(self, target: Target, desk: Desk) -> str:
        task = word_for("task", target.task, desk.language)
        return f"{task}: {word_for('class', target.class_name, desk.language)}"

    # --- the explanation

    @property
    def explained(self) -> list[gr.components.Component]:
        """Outputs of `explain`."""
        results = self.parts.results
        return [results.progress, results.evidence, results.cancel, self.parts.film.figure]

    def choose_target(self, slug: str | None, request: gr.Request) -> Updates:
        """Another target or baseline: the explanation is due again."""
        desk = self._desks.of(request.session_hash)
        desk.stop.set()
        if desk.prediction is not None:
            desk.chosen = Target.parse(slug) if slug else None
            desk.due = "explain"
        return {self.parts.message: alert("")}

    def explain(
        self,
        baseline: str,
        opacity: float,
        sign: Sign,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (gradio finds its tracker by this default)
    ) -> Iterator[Updates]:
        """Explain what is due, and show every refinement."""
        desk, results = self._desks.of(request.session_hash), self.parts.results
        if desk.due != "explain" or desk.prediction is None:
            yield {results.progress: gr.skip()}
            return
        stop, opened = desk.begin_explanation(), desk.opened
        film = film_figure(desk.case, film_url(desk.shown), desk.language)
        cleared = {results.progress: "", results.evidence: "", self.parts.film.figure: film}
        yield {**cleared, results.cancel: gr.Button(interactive=True)}
        try:
            yield from self._refinements(desk, stop, baseline, opacity, sign, progress)
            ended = {results.progress: ""}
        except ExplanationCancelled:
            ended = self._stopped(desk)
        except Exception:
            yield {results.progress: "", results.cancel: gr.Button(interactive=False)}
            raise
        if desk.opened == opened and desk.stop is stop:  # else a newer action owns the screen
            yield {**ended, results.cancel: gr.Button(interactive=False)}

    def _refinements(
        self,
        desk: Desk,
        stop: threading.Event,
        baseline: str,
        opacity: float,
        sign: Sign,
        progress: gr.Progress,
    ) -> Iterator[Updates]:
        target, step = target_of(desk.prediction, desk.chosen), say("explain.step", desk.language)
        last: Attribution | None = None
        found = self._models.explain(
            desk.study, target, baseline, lambda share: progress(share, desc=step), stop.is_set
        )
        for attribution in found:
            if stop.is_set():
                raise ExplanationCancelled("The explanation was stopped.")
            desk.attribution = last = attribution
            yield self._drawn(desk, opacity, sign)
        if last is not None and not stop.is_set():
            yield {self.parts.results.evidence: evidence_panel(last, desk.study, desk.language)}

    def cancel(self, request: gr.Request) -> Updates:
        """Stop the explanation; the prediction stands."""
        desk, results = self._desks.of(request.session_hash), self.parts.results
        desk.stop.set()
        desk.due = "nothing" if desk.due == "explain" else desk.due
        return {**self._stopped(desk), results.cancel: gr.Button(interactive=False)}

    def _stopped(self, desk: Desk) -> Updates:
        updates: Updates = {
            self.parts.results.progress: note(say("explain.stopped", desk.language), "vb-stopped")
        }
        if desk.attribution is not None:
            updates[self.parts.results.evidence] = evidence_panel(desk.attribution, desk.study, desk.language)
        return updates

    # --- the picture

    def redraw(self, opacity: float, sign: Sign, request: gr.Request) -> Updates:
        """The heat map with another opacity or sign; nothing is computed again."""
        desk = self._desks.of(request.session_hash)
        if desk.attribution is None or desk.case is None:
            return {self.parts.film.figure: gr.skip()}
        return {self.parts.film.figure: self._figure(desk, opacity, sign)}

    def _drawn(self, desk: Desk, opacity: float, sign: Sign) -> Updates:
        evidence = evidence_panel(desk.attribution, desk.study, desk.language, refining=True)
        updates: Updates = {self.parts.results.evidence: evidence}
        if desk.attribution.image is not None:
            updates[self.parts.film.figure] = self._figure(desk, opacity, sign)
        return updates

    def _figure(self, desk: Desk, opacity: float, sign: Sign) -> str:
        case, attribution = desk.case, desk.attribution
        if desk.shown is None or attribution.image is None:
            return film_figure(case, film_url(desk.shown), desk.language)
        picture, legend, scale = map_urls(desk.shown, attribution, opacity=opacity / 100, sign=sign)
        name = attribution.target.class_name
        under = legend_markup(legend, scale, name, sign, desk.language)
        target = word_for("class", name, desk.language)
        return film_figure(case, picture, desk.language, target=target, under=under)
