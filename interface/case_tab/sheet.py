"""The sheet: up to four maps of one film side by side, which differ in method, question or checkpoint."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import gradio as gr

from interface.case_tab.components import Parts, Updates
from interface.case_tab.map_switch import method_name
from interface.case_tab.viewer import Value, map_layer, viewer_value
from interface.html.fragments import alert
from interface.html.render import percent
from interface.language.texts import question, say, translated, word_for
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.session.session import Session, Sessions
from interface.session.study_edits import fitted
from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.measured import hit_rates, localisation_of
from modeling.explain.registry import ACCOUNT, map_method
from modeling.labels import Target
from modeling.results import Attribution, TaskPrediction
from modeling.study import Modality, Study

PANES = 4


@dataclass(frozen=True, eq=False)
class Pane:
    """One map of a sheet, and what stands above and against it; `known` is the account if it is made."""

    host: ModelHost
    study: Study
    answer: TaskPrediction
    target: Target
    method: str
    caption: str
    known: Attribution | None = None
    baseline: str = ""
    note: str = ""


class SheetActions:
    """Handlers of the sheet; each returns or yields component updates."""

    def __init__(self, models: Checkpoints, sessions: Sessions, parts: Parts) -> None:
        self._models, self._sessions, self.parts = models, sessions, parts
        self._planners = {"methods": _methods, "targets": _targets, "baselines": _baselines}
        self._planners["checkpoints"] = self._checkpoints

    def ask(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Stop the sheet that is being made; the next step makes the one that is asked for, if any."""
        session, told = self._sessions.of(request.session_hash), event._data or {}
        kind, at = told.get("kind"), told.get("at")
        at = float(at) if isinstance(at, int | float) else 0.0
        with session.lock:
            if at < session.wishes.sheet_at:  # two presses may overtake each other on their way
                return {self.parts.message: gr.skip()}
            session.begin_looking()
            session.wish(sheet=kind if kind in self._planners else "", sheet_at=at)
        return {self.parts.message: alert("")}

    @property
    def filled(self) -> list[gr.components.Component]:
        """Outputs of `fill` and `fill_slowly`."""
        return [self.parts.film.figure, self.parts.message]

    def fill(self, request: gr.Request) -> Iterator[Updates]:
        """The panes with the film alone, then one map after the other, quick ones first."""
        yield from self._filled(request, slowly=False)

    def fill_slowly(self, request: gr.Request) -> Iterator[Updates]:
        """The same for maps that take as long as the account; it has its turn among the long work."""
        yield from self._filled(request, slowly=True)

    def _filled(self, request: gr.Request, *, slowly: bool) -> Iterator[Updates]:
        session = self._sessions.of(request.session_hash)
        with session.lock:
            kind, version, stop = session.wishes.sheet, session.version, session.looking
            due = bool(kind) and slowly == (kind == "baselines")
            session.wish(sheet="" if due else kind)
        if not due:
            yield {self.parts.message: gr.skip()}
            return
        panes, figure, own = self._planners[kind](session), viewer_value(session), session.host
        shown_with = {"turn": version, "film": session.film.picture, "language": session.language}
        draw = partial(map_layer, case=session.case, **shown_with)
        told = [{"id": "", "caption": pane.caption, "note": pane.note, "failed": False} for pane in panes]
        sheet, layers = {"turn": time.monotonic_ns(), "kind": kind}, []

        def shown() -> Updates:
            now = {"sheet": sheet | {"panes": [dict(one) for one in told]}, "layers": list(layers)}
            return {self.parts.film.figure: figure | now}

        yield shown()
        quick = hit_rates(localisation_of(own.folder), at_once=True)
        order = sorted(range(len(panes)), key=lambda i: (not panes[i].known, panes[i].method not in quick))
        for place, pane in ((told[i], panes[i]) for i in order):
            another = {} if pane.host is own else {"turn": f"{version} {pane.host.name}"}
            try:
                with nullcontext() if slowly else own.gateway.short():  # long work of the page waits
                    layer = _layer(pane, partial(draw, **another), stop)
            except ExplanationCancelled:
                return
            except ViewboxError as exc:
                place |= {"note": translated(exc.sentence, session.language), "failed": True}
            else:
                layers.append(layer)
                place |= {"id": layer["id"], "caption": pane.caption + layer.pop("aside")}
            if stop.is_set() or session.version != version:  # the reader has left the sheet, or the study
                return
            yield shown()

    def _checkpoints(self, session: Session) -> list[Pane]:
        """The same map from every checkpoint that is made for such a film, the one in use first."""
        own, target, source = session.host, session.target, session.case.provenance.source or None
        _answer(session)
        read = [(own, session.study, session.answer.prediction)]
        for host in self._models.hosts:
            if host is not own and host.state.phase == "ready" and _is_made_for(host, source):
                study = fitted(session.study, session.case, host.text_sections)
                read.append((host, study, host.predict(study, source)))
        answers = [(h, s, p, t) for h, s, p in read for t in p.tasks if t.task == target.task]
        answers = [(h, s, p, t) for h, s, p, t in answers if Modality.IMAGE in t.modalities][:PANES]
        if len(answers) < 2:
            raise ViewboxError("Only one checkpoint here reads such films; compare methods or questions.")
        shared = [m for m in own.scrutiny.opinions if all(m in h.scrutiny.opinions for h, *_ in answers)]
        method, panes = _first(session, shared), []
        for host, study, prediction, answer in answers:
            name = word_for("checkpoint", host.name, session.language, host.name)
            caption = f"{name} · {_chance(answer, target, session)}"
            against = [w for w in (prediction.refusal, *prediction.mismatch) if w]
            note = " ".join(translated(sentence, session.language) for sentence in against)
            panes.append(Pane(host, study, answer, target, method, caption, note=note))
        return panes


# --- what a sheet holds


def _answer(session: Session) -> TaskPrediction:
    """The answer whose maps are compared; raises `ViewboxError` where none is from a film on screen."""
    prediction, target = session.answer.prediction, session.target
    if prediction is None or target is None or session.host is None:
        raise ViewboxError("The model has not answered yet; compare its maps once it has.")
    answer = prediction[target.task]
    if session.study.radiograph is None or session.film is None or Modality.IMAGE not in answer.modalities:
        raise ViewboxError("This answer has no film to lay maps on; choose a case whose film is shown.")
    return answer


def _is_made_for(host: ModelHost, source: str | None) -> bool:
    """Whether a checkpoint was trained on films like these; a twin may be compared where it was."""
    return len(host.pipeline.mismatch(source)) <= host.twin


def _methods(session: Session) -> list[Pane]:
    """The maps of this checkpoint that point best, where that was measured."""
    answer, host = _answer(session), session.host
    known, rates = session.explanation, hit_rates(localisation_of(host.folder))
    there = (ACCOUNT, known.method) if known.complete else ()
    names = sorted(dict.fromkeys((*there, *host.scrutiny.opinions)), key=lambda name: -rates.get(name, 0.0))
    chosen = list(dict.fromkeys([*there[1:], *names]))[:PANES]  # what is on screen comes first
    mine = partial(Pane, host, session.study, answer, session.target)
    made = {ACCOUNT: known.attribution}
    return [mine(name, method_name(name, session.language), made.get(name)) for name in chosen]


def _targets(session: Session) -> list[Pane]:
    """The same map for the likeliest classes of the task, the one asked about first."""
    answer, target, host = _answer(session), session.target, session.host
    likely = [name for _, name in sorted(zip(-answer.probabilities, answer.classes, strict=True))]
    others = [Target(target.task, name) for name in likely if name != target.class_name]
    method = _first(session, [m for m in host.scrutiny.opinions if map_method(m).of_the_target])
    mine = partial(Pane, host, session.study, answer)
    return [mine(t, method, _chance(answer, t, session)) for t in (target, *others[: PANES - 1])]


def _baselines(session: Session) -> list[Pane]:
    """The account of the same target from every baseline of the checkpoint."""
    answer, host, first = _answer(session), session.host, session.explanation.attribution
    if first is None or not session.explanation.complete:
        raise ViewboxError("The first map is still being made; compare baselines once it is there.")
    mine = partial(Pane, host, session.study, answer, first.target, ACCOUNT)
    made = {first.baseline: first}
    return [mine(say(f"explain.{b}", session.language), made.get(b), b) for b in host.pipeline.baselines]


def _first(session: Session, names: list[str]) -> str:
    """The map on screen where it is one of these, else the one of them that points best and comes at once."""
    if not names:
        raise ViewboxError("No map here can be compared so; compare methods instead.")
    if session.explanation.opinion is not None and session.explanation.method in names:
        return session.explanation.method
    rates = hit_rates(localisation_of(session.host.folder), at_once=True)
    return max(names, key=lambda name: rates.get(name, 0.0))


def _chance(answer: TaskPrediction, target: Target, session: Session) -> str:
    """A question with the probability of its class."""
    share = float(answer.probabilities[answer.classes.index(target.class_name)])
    return f"{question(target, session.language)} · {percent(share)}"


def _layer(pane: Pane, draw: Callable[..., Value], stop: threading.Event) -> Value:
    """The map of a pane, for the viewer; `aside` is what its caption gains from it."""
    draw = partial(draw, target=pane.target, read=pane.answer.modalities)
    if pane.method != ACCOUNT:
        found = pane.host.opinion(pane.study, pane.target, pane.method, stop)
        return draw(found.image, method=found.method) | {"aside": ""}
    found = pane.known or pane.host.explained(pane.study, pane.target, pane.baseline, stop)
    share = percent(found.modality_share.fractions[Modality.IMAGE])
    part = word_for("modality", Modality.IMAGE, draw.keywords["language"])
    aside = f" · {part} {share}" if pane.baseline else ""
    return draw(found.image, method=found.method, baseline=found.baseline) | {"aside": aside}
