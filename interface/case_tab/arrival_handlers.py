"""What happens when a page is opened: its language, and the view that its address asks for."""

import logging
import threading
from dataclasses import replace

import gradio as gr

from cases.store import CaseFilter
from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.components import Parts, Updates
from interface.case_tab.model_handlers import first_map
from interface.case_tab.viewer import viewer_value
from interface.html.fragments import NONE_PASSES, alert, banner, case_strip, note, upload_box
from interface.language.texts import say, translated
from interface.models.checkpoints import Checkpoints
from interface.models.held_film import hold
from interface.models.stores import StoreHost
from interface.session.defects import DEFECTS
from interface.session.links import Link, LinkError, language_of
from interface.session.session import Session, Sessions
from interface.session.study_edits import fitted, target_of
from modeling.errors import ViewboxError
from modeling.explain.registry import ACCOUNT
from modeling.labels import TASKS, Target
from modeling.results import BASELINES

logger = logging.getLogger(__name__)

STRIP = 7
"""Cases of the strip, beside the reader's own film."""


class Arrival:
    """Handlers of a page that was just opened."""

    def __init__(
        self, models: Checkpoints, stores: StoreHost, sessions: Sessions, parts: Parts, cases: CaseActions
    ) -> None:
        self._models, self._stores, self._sessions = models, stores, sessions
        self.parts, self._cases = parts, cases

    @property
    def arrived(self) -> list[gr.components.Component]:
        """Outputs of `arrive`."""
        parts = self.parts
        return [parts.banner, parts.chooser.film, parts.results.prediction, parts.message]

    def arrive(self, request: gr.Request) -> Updates:
        """The page in the reader's language."""
        session = self._sessions.of(request.session_hash)
        session.language = language_of(request.query_params, request.headers.get("accept-language"))
        return {
            self.parts.banner: banner(session.language),
            self.parts.chooser.film: upload_box(session.language),
            self.parts.results.prediction: note(say("prediction.waiting", session.language)),
        }

    @property
    def opened(self) -> list[gr.components.Component]:
        """Outputs of `open_first`."""
        return [*self._cases.turned, self.parts.model.choice, self.parts.chooser.strip]

    def open_first(self, request: gr.Request) -> Updates:
        """What the address asks for; the first case where it asks for nothing, or for what is not here."""
        session, told = self._sessions.of(request.session_hash), ""
        try:
            link = Link.read(request.query_params, [host.name for host in self._models.hosts])
        except LinkError as exc:
            link, told = Link(), translated(exc.sentence, session.language)
        try:
            updates = self._follow(link, session)
        except ViewboxError as exc:
            if link == Link():
                raise
            told = translated(exc.sentence, session.language)
            updates = self._follow(Link(), session)
        self._cases.expect_next(session, request)
        current = session.case.case_id if session.case else ""
        count = self._stores.store.count(CaseFilter())
        strip = case_strip(self._stores.front(STRIP), count, current, session.language)
        updates |= {self.parts.chooser.strip: strip}
        return updates | ({self.parts.take.notice: alert(told)} if told else {})

    def _follow(self, link: Link, session: Session) -> Updates:
        case_id = link.case
        if not case_id:
            front = self._stores.front(1)
            if not front:
                return self.parts.say(translated(NONE_PASSES, session.language))
            case_id = front[0].case_id
        case = self._stores.case(case_id)
        if link.change:
            case = replace(case, study=DEFECTS[link.change](case.study))
        session.wish(checkpoint=link.checkpoint)
        updates = self._cases.turn(session, case, hold(case))
        own = link.target.partition("/")[0] in TASKS  # others are read when the checkpoint has answered
        target = Target.parse(link.target) if own else None
        session.wish(link=link, change=link.change, target=target)
        if link.change:
            updates[self.parts.film.figure] = viewer_value(session)  # now that it knows
            updates[self.parts.take.notice] = alert(say(f"defect.{link.change}", session.language))
        return {**updates, self.parts.model.choice: link.checkpoint}


def prepare_front(models: Checkpoints, stores: StoreHost) -> None:
    """Do ahead, in a thread, what the first reader will wait for: the first case's answer, map and checks.

    Of the strip's other cases the first map alone; what is known is kept by content. Nothing on ZeroGPU.
    """
    try:
        stop, rest = threading.Event(), []
        for row in stores.front(STRIP):
            case = stores.case(row.case_id)
            host = models.of("", case)
            if host.gateway.elsewhere or not models.awaited(host):
                continue
            study = fitted(case.study, case, host.text_sections)
            prediction = host.predict(study, None)
            target = target_of(prediction, None)
            opinion = first_map(host, study, target, stop, prediction)
            rest.append((host, study, target, opinion))
        for host, study, target, opinion in rest[:1]:
            *_, attribution = host.explain(study, target, BASELINES[0], stop)
            host.account(study, target, attribution)
            *_, _ = host.measures(study, target, attribution, stop, opinion.method if opinion else ACCOUNT)
    except Exception:  # the thread's border: every reader's own work says what is wrong
        logger.exception("the first case was not prepared")
