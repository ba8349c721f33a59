"""What the model does for a reader: first the prediction, then the explanation, refined on screen."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import gradio as gr

from interface.case_tab.components import Parts, Updates, on_top
from interface.case_tab.explanation_panel import evidence_panel, leaning
from interface.case_tab.prediction_panel import prediction_panel
from interface.case_tab.viewer import viewer_value
from interface.html.fragments import alert, form_reads, note
from interface.language.texts import Language, question, say, translated, word_for
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.session.links import LinkError
from interface.session.session import Answer, Session, Sessions
from interface.session.study_edits import fitted, parsed, possible_targets, target_of
from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.registry import ACCOUNT
from modeling.labels import Target
from modeling.results import BASELINES, FilmOpinion, Prediction
from modeling.study import Study

WATCH_SECONDS = 0.4


class ModelActions:
    """Handlers around the checkpoints; each returns or yields component updates."""

    def __init__(self, models: Checkpoints, sessions: Sessions, parts: Parts) -> None:
        self._models, self._sessions, self.parts = models, sessions, parts

    # --- the checkpoints

    @property
    def watched(self) -> list[gr.components.Component]:
        """Outputs of `watch`."""
        form, parts = self.parts.form, self.parts
        return [*parts.model.lines, parts.model.retry, parts.due, form.reads, *form.sections.values()]

    async def watch(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Show how loading stands until every checkpoint is settled; waiting costs no thread.

        What is due for the reader's case is done as soon as the checkpoint that it needs is settled.
        """
        session, answering = self._sessions.of(request.session_hash), set()
        self._models.start()
        shown: Updates = {}
        while True:
            settled, used = self._models.settled, self._in_use(session)
            now = self.parts.lines(self._models, session)
            if used.settled and used not in answering:
                answering.add(used)
                now |= self._reads(used, session)
                now |= self.parts.work_due() if session.due == "predict" else {}
            if settled:
                failed = any(host.state.phase == "failed" for host in self._models.hosts)
                now[self.parts.model.retry] = gr.Button(visible=failed)
            if any(part not in shown or shown[part] != what for part, what in now.items()):
                shown |= now  # all of it at each step: see `on_top`
                yield shown
            if settled:
                return
            await asyncio.sleep(WATCH_SECONDS)

    def try_again(self) -> Updates:
        """Load once more what failed."""
        self._models.retry()
        return {self.parts.model.retry: gr.Button(visible=False), self.parts.message: alert("")}

    def can_answer(self, session: Session) -> bool:
        """Whether the checkpoint for what is on screen is loaded."""
        return self._in_use(session).state.phase == "ready"

    def _in_use(self, session: Session) -> ModelHost:
        return self._models.of(session.wishes.checkpoint, session.case)

    def _reads(self, host: ModelHost, session: Session) -> Updates:
        """What the checkpoint reads, in the form; sections that no reader may need stay hidden."""
        if host.state.phase != "ready":
            return {}
        form, sections = self.parts.form, host.text_sections
        names = (field.name for field in host.pipeline.fields)
        return {form.reads: form_reads(names, sections, session.language)} | {
            box: gr.Textbox(visible=name == "indication" or name in sections)
            for name, box in form.sections.items()
        }

    # --- the prediction

    @property
    def predicted(self) -> list[gr.components.Component]:
        """Outputs of `predict`."""
        parts, form = self.parts, self.parts.form
        shown = [parts.message, parts.results.prediction, parts.why.target, parts.why.baseline]
        return [*shown, *parts.unanswered(), parts.take.notice, form.reads, *form.sections.values()]

    def predict(self, request: gr.Request) -> Updates:
        """Predict what is on screen, where that is due and its checkpoint is loaded."""
        session = self._sessions.of(request.session_hash)
        with session.lock:
            due = session.due == "predict" and session.case is not None
            # Until it is loaded, its line says how it stands, and the page predicts by itself afterwards.
            if not due or not (host := self._in_use(session)).settled:
                return {self.parts.message: gr.skip()}
            if host.state.phase == "failed":
                why = translated(host.state.sentence, session.language)
                told = say("prediction.failed", session.language, sentence=why)
                return {self.parts.results.prediction: note(told, "vb-mismatch")}
            updates = self._fit(session, host)
            opened, study, session.due = session.version, session.study, "nothing"
            source = session.case.provenance.source or None
        prediction = host.predict(study, source)
        with session.lock:
            if session.version != opened:  # the reader has moved on meanwhile
                return {self.parts.message: gr.skip()}
            session.answer = Answer(prediction, target_of(prediction, None))
            session.due = "explain"
            return updates | self._answered(session, host, prediction)

    def _answered(self, session: Session, host: ModelHost, prediction: Prediction) -> Updates:
        """What the page shows of a prediction that was just made."""
        results = self.parts.results
        told = self._linked(session, possible_targets(prediction), host.pipeline.baselines)
        target = session.target
        asked = possible_targets(prediction, session.wishes.target)
        choices = [(_asked(t, session.language), t.slug) for t in asked]
        starts = [(say(f"explain.{name}", session.language), name) for name in host.pipeline.baselines]
        start = {"value": session.wishes.link.baseline} if session.wishes.link.baseline else {}
        # Done; another case starts as usual.
        session.wish(link=replace(session.wishes.link, target="", baseline=""))
        told_of = {"study": session.study, "reveal": True}
        panel = prediction_panel(prediction, session.case, session.language, **told_of)
        return {
            **told,
            **self.parts.unanswered(),
            self.parts.message: alert(""),
            results.prediction: panel,
            self.parts.why.target: gr.Dropdown(choices=choices, value=target.slug),
            self.parts.why.baseline: gr.Dropdown(choices=starts, **start),
        }

    def _linked(self, session: Session, targets: tuple[Target, ...], baselines: tuple[str, ...]) -> Updates:
        """Say so where a link asks for what this checkpoint does not answer; such a choice is dropped."""
        link, target, told = session.wishes.link, session.wishes.target, {}
        if link.target and target is None:  # of a task that the checkpoint itself declares
            try:
                target = Target.parse(link.target, [one.task for one in targets])
            except ViewboxError:
                refusal = LinkError("target", link.target).sentence
                told[self.parts.take.notice] = alert(translated(refusal, session.language))
            session.wish(target=target)
        if target is not None and target.answer not in {possible.answer for possible in targets}:
            if link.target == target.slug:
                refusal = LinkError("target", link.target).sentence
                told[self.parts.take.notice] = alert(translated(refusal, session.language))
            session.wish(target=None)
        if link.baseline and link.baseline not in baselines:
            refusal = LinkError("baseline", link.baseline).sentence
            told[self.parts.take.notice] = alert(translated(refusal, session.language))
            link = replace(link, baseline="")
        session.wish(link=link)
        return told

    def _fit(self, session: Session, host: ModelHost) -> Updates:
        """Give the study the report's sections that this checkpoint reads, and take the others away."""
        if session.host is host:
            return {}
        session.host, session.study = host, fitted(session.study, session.case, host.text_sections)
        form, texts = self.parts.form, session.study.text.sections
        boxes = {
            box: gr.Textbox(
                value=texts.get(name, ""), visible=name == "indication" or name in host.text_sections
            )
            for name, box in form.sections.items()
        }
        return self._reads(host, session) | boxes

    # --- the explanation

    @property
    def explained(self) -> list[gr.components.Component]:
        """Outputs of `explain`."""
        results = self.parts.results
        shown = [results.progress, self.parts.why.evidence, results.leans, results.cancel]
        return [*shown, self.parts.film.figure, *self.parts.of_map, self.parts.message]

    def choose_target(self, slug: str | None, request: gr.Request) -> Updates:
        """Another target or baseline: the explanation is due again."""
        session = self._sessions.of(request.session_hash)
        with session.lock:
            session.stop.set()
            if session.answer.prediction is not None:
                prediction = session.answer.prediction
                session.wish(target=target_of(prediction, parsed(prediction, slug)) if slug else None)
                session.due = "explain"
        return {self.parts.message: alert(""), **self.parts.work_due()}

    def explain_again(self, slug: str | None, request: gr.Request) -> Updates:
        """The same once more, computed anew even where the answer is known."""
        self._sessions.of(request.session_hash).wish(anew=True)
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
        session, results = self._sessions.of(request.session_hash), self.parts.results
        with session.lock:
            due = session.due == "explain" and session.answer.prediction is not None
            if due:
                stop, opened, film = session.begin_explanation(), session.version, viewer_value(session)
                task = (session.host, session.study, session.target, session.answer.prediction)
        if not due:
            yield {results.progress: gr.skip()}
            return
        empty = {results.progress: "", results.leans: "", self.parts.why.evidence: ""}
        cleared = {**self.parts.unanswered(), self.parts.film.figure: film}
        yield {**cleared, results.cancel: gr.Button(interactive=True)}
        try:
            yield from self._refinements(session, task, stop, baseline, progress)
            ended = {results.progress: ""}
        except ExplanationCancelled:
            ended = self._stopped(session)
        except Exception:  # whatever it was, Cancel must not stay open; the guard tells the reader
            yield {results.progress: "", results.cancel: gr.Button(interactive=False)}
            raise
        if session.version != opened:  # what came after the newer case is taken off again
            yield {**empty, self.parts.film.figure: viewer_value(session)}
        elif session.stop is stop:  # else a newer explanation owns the screen
            yield {**ended, results.cancel: gr.Button(interactive=session.due == "examine")}

    def _refinements(
        self,
        session: Session,
        task: tuple[ModelHost | None, Study, Target, Prediction],
        stop: threading.Event,
        baseline: str,
        progress: gr.Progress,
    ) -> Iterator[Updates]:
        host, study, target, prediction = task
        assert host is not None, "explained before it was predicted"
        if baseline not in host.pipeline.baselines:
            baseline = BASELINES[0]
        whole, anew = False, session.wishes.anew
        session.wish(anew=False)
        first = first_map(host, study, target, stop, prediction)
        with session.lock:
            early = first is not None and not stop.is_set()
            if early:
                session.learn(opinion=first, first=first.method)
        if early:
            yield {self.parts.film.figure: viewer_value(session)}

        def tell(share: float) -> None:
            progress(share, desc=say("explain.step", session.language))

        found = host.explain(study, target, baseline, stop, tell, anew=anew)
        for attribution in found:
            with session.lock:
                if stop.is_set():
                    raise ExplanationCancelled("The explanation was stopped.")
                session.learn(attribution=attribution)
                whole = True
                drawn = self._drawn(session)
            yield drawn
        with session.lock:
            whole = whole and not stop.is_set()
            if whole:
                session.due = "examine"
                session.learn(complete=True)
                drawn = self.evidence(session)
        if whole:
            yield drawn

    def cancel(self, session: Session) -> Updates:
        """Stop the explanation; the prediction stands."""
        results = self.parts.results
        with session.lock:
            session.stop.set()
            session.due = session.due if session.due == "predict" else "nothing"
            # A finished explanation stands; only its checks were stopped, and their panel says so.
            stopped = {results.progress: ""} if session.explanation.complete else self._stopped(session)
        return {**stopped, results.cancel: gr.Button(interactive=False)}

    def _stopped(self, session: Session) -> Updates:
        told = {self.parts.results.progress: note(say("explain.stopped", session.language), "vb-stopped")}
        with session.lock:
            known = session.explanation.attribution is not None
            return told | (self.evidence(session) if known else {})

    def evidence(self, session: Session, *, refining: bool = False) -> Updates:
        """What is known about the attribution on screen: in one sentence, and part by part."""
        reads_text = session.host is not None and bool(session.host.text_sections)
        told = {"reads_text": reads_text, "refining": refining, "account": session.explanation.account}
        attribution = session.explanation.attribution
        panel = evidence_panel(attribution, session.study, session.language, **told)
        return {
            self.parts.why.evidence: panel,
            self.parts.results.leans: "" if session.refused else leaning(attribution, session.language),
        }

    # --- the picture

    def _drawn(self, session: Session) -> Updates:
        updates = self.evidence(session, refining=True)
        if session.explanation.attribution.image is not None:
            updates[self.parts.film.figure] = viewer_value(session)
        return updates


def _asked(target: Target, language: Language) -> str:
    task = word_for("task", target.task, language)
    return say("about.of_group", language, by=task, group=question(target, language))


def first_map(
    host: ModelHost, study: Study, target: Target, stop: threading.Event, prediction: Prediction
) -> FilmOpinion | None:
    """The map a reader sees first: the best-measured one of the checkpoint; None for the account's own."""
    best = host.scrutiny.first_method(study, target, prediction)
    return None if best == ACCOUNT else host.opinion(study, target, best, stop)
