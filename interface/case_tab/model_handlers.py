"""What the model does for a reader: first the prediction, then the explanation, refined on screen."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import gradio as gr

from interface.case_tab.baseline_comparison import BASELINES
from interface.case_tab.components import Parts, Updates, on_top
from interface.case_tab.explanation_panel import evidence_panel
from interface.case_tab.viewer import desk_value
from interface.html.fragments import alert, form_reads, mismatch, note, prediction_panel
from interface.language.texts import marker, question, say, translated, word_for
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.prediction_limits import limits_of, set_and_gate
from interface.session.links import LinkError
from interface.session.session import Desk, Desks
from interface.session.study_edits import fitted, possible_targets, target_of
from modeling.errors import ExplanationCancelled
from modeling.labels import Target
from modeling.results import Prediction
from modeling.study import Study

WATCH_SECONDS = 0.4


class ModelActions:
    """Handlers around the checkpoints; each returns or yields component updates."""

    def __init__(self, models: Checkpoints, desks: Desks, parts: Parts) -> None:
        self._models, self._desks, self.parts = models, desks, parts

    # --- the checkpoints

    @property
    def watched(self) -> list[gr.components.Component]:
        """Outputs of what `watching` gives."""
        form = self.parts.form
        return [*self.parts.model.lines, self.parts.model.retry, form.reads, *form.sections.values()]

    def watching(self, host: ModelHost) -> Callable[[gr.Request], AsyncIterator[Updates]]:
        """A handler that shows how loading stands until a checkpoint is settled; waiting costs no thread.

        It ends in an error, and what would follow does not, where the reader's case needs another checkpoint.
        """

        async def watch(request: gr.Request) -> AsyncIterator[Updates]:
            desk, shown = self._desks.of(request.session_hash), None
            self._models.start()
            while not host.settled:
                lines = self.parts.lines(self._models, desk)
                if lines != shown:
                    yield lines
                shown = lines
                await asyncio.sleep(WATCH_SECONDS)
            failed = any(other.state.phase == "failed" for other in self._models.hosts)
            settled = {
                **self.parts.lines(self._models, desk),
                self.parts.model.retry: gr.Button(visible=failed),
            }
            used = self._in_use(desk) is host
            yield settled | (self._reads(host, desk) if used else {})
            if not used:  # what would follow is due to another watcher; of 20 readers it would fill the queue
                raise gr.Error("", visible=False, print_exception=False)

        return watch

    def try_again(self) -> Updates:
        """Load once more what failed."""
        self._models.retry()
        return {self.parts.model.retry: gr.Button(visible=False), self.parts.message: alert("")}

    def can_answer(self, desk: Desk) -> bool:
        """Whether the checkpoint for what is on the desk is loaded."""
        return self._in_use(desk).state.phase == "ready"

    def _in_use(self, desk: Desk) -> ModelHost:
        return self._models.of(desk.wanted, desk.case)

    def _reads(self, host: ModelHost, desk: Desk) -> Updates:
        """What the checkpoint reads, in the form; sections that no reader may need stay hidden."""
        if host.state.phase != "ready":
            return {}
        form, sections = self.parts.form, host.text_sections
        names = (field.name for field in host.pipeline.fields)
        return {form.reads: form_reads(names, sections, desk.language)} | {
            box: gr.Textbox(visible=name == "indication" or name in sections)
            for name, box in form.sections.items()
        }

    # --- the prediction

    @property
    def predicted(self) -> list[gr.components.Component]:
        """Outputs of `predict`."""
        parts, form = self.parts, self.parts.form
        shown = [parts.message, parts.results.prediction, parts.results.target, parts.results.baseline]
        return [*shown, parts.take.notice, form.reads, *form.sections.values()]

    def predict(self, request: gr.Request) -> Updates:
        """Predict what is on the desk, where that is due and its checkpoint is loaded."""
        desk = self._desks.of(request.session_hash)
        with desk.lock:
            host = self._in_use(desk)
            # Until it is loaded, its line says how it stands, and the page predicts by itself afterwards.
            if desk.due != "predict" or desk.case is None or not host.settled:
                return {self.parts.message: gr.skip()}
            if host.state.phase == "failed":
                why = translated(host.state.sentence, desk.language)
                told = say("prediction.failed", desk.language, sentence=why)
                return {self.parts.results.prediction: note(told, "vb-mismatch")}
            updates = self._fit(desk, host)
            opened, study, desk.due = desk.opened, desk.study, "nothing"
        prediction = host.predict(study, None)  # a foreign source is said by `mismatch`, in front
        limits = limits_of(host, prediction)
        with desk.lock:
            if desk.opened != opened:  # the reader has moved on meanwhile
                return {self.parts.message: gr.skip()}
            desk.prediction, desk.limits, desk.due = prediction, limits, "explain"
            return updates | self._answered(desk, host, prediction)

    def _answered(self, desk: Desk, host: ModelHost, prediction: Prediction) -> Updates:
        """What the page shows of a prediction that was just made."""
        results = self.parts.results
        told = self._linked(desk, possible_targets(prediction), host.pipeline.baselines)
        target = target_of(prediction, desk.chosen)
        asked = possible_targets(prediction, desk.chosen)
        choices = [(self._target_label(t, desk), t.slug) for t in asked]
        starts = [(marker(f"explain.{name}"), name) for name in host.pipeline.baselines]
        start = {"value": desk.linked.baseline} if desk.linked.baseline else {}
        desk.linked = replace(desk.linked, target="", baseline="")  # done; another case starts as usual
        warning = mismatch(host, desk.case, desk.language)
        limits = set_and_gate(desk.limits, desk.language)
        panel = prediction_panel(
            prediction, desk.case, desk.language, made_by=host.state, warning=warning, limits=limits
        )
        return {
            **told,
            self.parts.message: alert(""),
            results.prediction: panel,
            results.target: gr.Dropdown(choices=choices, value=target.slug),
            results.baseline: gr.Dropdown(choices=starts, **start),
        }

    def _linked(self, desk: Desk, targets: tuple[Target, ...], baselines: tuple[str, ...]) -> Updates:
        """Say so where a link asks for what this checkpoint does not answer; such a choice is dropped."""
        link, told = desk.linked, {}
        if desk.chosen is not None and desk.chosen.answer not in {target.answer for target in targets}:
            if link.target == desk.chosen.slug:
                told[self.parts.take.notice] = alert(
                    translated(LinkError("target", link.target).sentence, desk.language)
                )
            desk.chosen = None
        if link.baseline and link.baseline not in baselines:
            told[self.parts.take.notice] = alert(
                translated(LinkError("baseline", link.baseline).sentence, desk.language)
            )
            link = replace(link, baseline="")
        desk.linked = link
        return told

    def _fit(self, desk: Desk, host: ModelHost) -> Updates:
        """Give the study the report's sections that this checkpoint reads, and take the others away."""
        if desk.used is host:
            return {}
        desk.used, desk.study = host, fitted(desk.study, desk.case, host.text_sections)
        form, texts = self.parts.form, desk.study.text.sections
        boxes = {
            box: gr.Textbox(
                value=texts.get(name, ""), visible=name == "indication" or name in host.text_sections
            )
            for name, box in form.sections.items()
        }
        return self._reads(host, desk) | boxes

    def _target_label(self, target: Target, desk: Desk) -> str:
        task = word_for("task", target.task, desk.language)
        return f"{task}: {question(target, desk.language)}"

    # --- the explanation

    @property
    def explained(self) -> list[gr.components.Component]:
        """Outputs of `explain`."""
        results = self.parts.results
        shown = [results.progress, results.evidence, results.cancel, self.parts.film.figure]
        return [*shown, *self.parts.checks]

    def choose_target(self, slug: str | None, request: gr.Request) -> Updates:
        """Another target or baseline: the explanation is due again."""
        desk = self._desks.of(request.session_hash)
        with desk.lock:
            desk.stop.set()
            if desk.prediction is not None:
                desk.chosen = Target.parse(slug) if slug else None
                desk.due = "explain"
        return {self.parts.message: alert("")}

    def explain_again(self, slug: str | None, request: gr.Request) -> Updates:
        """The same once more, computed anew even where the answer is known."""
        self._desks.of(request.session_hash).anew = True
        return self.choose_target(slug, request)

    def explain(
        self,
        baseline: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (gradio finds its tracker by this default)
    ) -> Iterator[Updates]:
        """Explain what is due, and show every refinement."""
        yield from on_top(self._explaining(baseline, request, progress))

    def _explaining(self, baseline: str, request: gr.Request, progress: gr.Progress) -> Iterator[Updates]:
        desk, results = self._desks.of(request.session_hash), self.parts.results
        with desk.lock:
            due = desk.due == "explain" and desk.prediction is not None
            if due:
                stop, opened, film = desk.begin_explanation(), desk.opened, desk_value(desk)
                task = (desk.used, desk.study, target_of(desk.prediction, desk.chosen))
        if not due:
            yield {results.progress: gr.skip()}
            return
        cleared = {results.progress: "", results.evidence: "", self.parts.film.figure: film}
        cleared |= self.parts.unchecked()
        yield {**cleared, results.cancel: gr.Button(interactive=True)}
        try:
            yield from self._refinements(desk, task, stop, baseline, progress)
            ended = {results.progress: ""}
        except ExplanationCancelled:
            ended = self._stopped(desk)
        except Exception:  # whatever it was, Cancel must not stay open; the guard tells the reader
            yield {results.progress: "", results.cancel: gr.Button(interactive=False)}
            raise
        if desk.opened != opened:  # what was on its way may have come after the newer case: take it off again
            film = desk_value(desk)
            yield {results.progress: "", results.evidence: "", self.parts.film.figure: film}
        elif desk.stop is stop:  # else a newer explanation owns the screen
            yield {**ended, results.cancel: gr.Button(interactive=desk.due == "examine")}

    def _refinements(
        self,
        desk: Desk,
        task: tuple[ModelHost | None, Study, Target],
        stop: threading.Event,
        baseline: str,
        progress: gr.Progress,
    ) -> Iterator[Updates]:
        (host, study, target), step = task, say("explain.step", desk.language)
        assert host is not None, "explained before it was predicted"
        if baseline not in host.pipeline.baselines:
            baseline = BASELINES[0]
        whole, anew = False, desk.anew
        desk.anew = False
        found = host.explain(
            study, target, baseline, stop, lambda share: progress(share, desc=step), anew=anew
        )
        for attribution in found:
            with desk.lock:
                if stop.is_set():
                    raise ExplanationCancelled("The explanation was stopped.")
                desk.attribution, whole = attribution, True
                drawn = self._drawn(desk)
            yield drawn
        with desk.lock:
            whole = whole and not stop.is_set()
            if whole:
                desk.due, desk.complete = "examine", True
                drawn = {self.parts.results.evidence: self.evidence(desk)}
        if whole:
            yield drawn

    def cancel(self, request: gr.Request) -> Updates:
        """Stop the explanation; the prediction stands."""
        desk, results = self._desks.of(request.session_hash), self.parts.results
        with desk.lock:
            desk.stop.set()
            desk.due = desk.due if desk.due == "predict" else "nothing"
            # A finished explanation stands; only its checks were stopped, and their panel says so.
            stopped = {results.progress: ""} if desk.complete else self._stopped(desk)
        return {**stopped, results.cancel: gr.Button(interactive=False)}

    def _stopped(self, desk: Desk) -> Updates:
        told = {self.parts.results.progress: note(say("explain.stopped", desk.language), "vb-stopped")}
        with desk.lock:
            known = desk.attribution is not None
            return told | ({self.parts.results.evidence: self.evidence(desk)} if known else {})

    def evidence(self, desk: Desk, *, refining: bool = False) -> str:
        """What is known about the attribution on the desk, as HTML."""
        reads_text = desk.used is not None and bool(desk.used.text_sections)
        told = {"reads_text": reads_text, "refining": refining, "account": desk.account}
        return evidence_panel(desk.attribution, desk.study, desk.language, **told)

    # --- the picture

    def _drawn(self, desk: Desk) -> Updates:
        updates: Updates = {self.parts.results.evidence: self.evidence(desk, refining=True)}
        if desk.attribution.image is not None:
            updates[self.parts.film.figure] = desk_value(desk)
        return updates
