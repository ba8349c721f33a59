"""What happens when a reader takes something away; everything is made in memory and kept nowhere."""

import base64
import re
import threading
import time
from collections.abc import Callable, Iterator

import gradio as gr
import numpy as np

from interface.case_tab.components import Parts, Updates
from interface.case_tab.export_panel import ADDRESS, Value
from interface.case_tab.handout import GRAY, handout, is_changed, may_leave, sheet_of
from interface.html.fragments import alert, case_name
from interface.html.pictures import map_urls
from interface.language.texts import say
from interface.models.checkpoints import Checkpoints
from interface.models.held_film import hold
from interface.models.stores import StoreHost
from interface.session.links import Link
from interface.session.session import Answer, Session, Sessions, link_of
from interface.session.study_edits import fitted, target_of
from modeling.answers import CheckedExplanation
from modeling.csv_cells import csv_text
from modeling.errors import ViewboxError
from modeling.findings.knowledge import code_of
from modeling.render.arrays import map_arrays, npz

MAX_PACK = 8
"""Cases of one course pack: each takes a whole explanation, and others wait for the model."""


def table_of(session: Session) -> bytes:
    """CSV in UTF-8, one row each for the answer, every part, field and word; attributions in logits."""
    found = session.explanation.attribution
    assert found is not None, "numbers before their explanation"
    rows: list[tuple[object, ...]] = [
        ("answer", found.target.slug, found.output, found.output - found.baseline_output),
        *((("ICD-10-CM", code, "", ""),) if (code := code_of(found.target.class_name)) else ()),
        ("baseline", found.baseline, found.baseline_output, ""),
        ("unexplained", "", "", found.convergence_delta),
        *(("part", str(part), "", value) for part, value in found.modality_share.logits.items()),
        *(("field", f.name, "" if f.value is None else f.value, f.attribution) for f in found.fields),
        *((f"word of {w.section}", w.word, f"{w.start}-{w.end}", w.attribution) for w in found.words),
    ]
    return csv_text(("kind", "name", "value", "attribution in logits"), rows, end="\r\n").encode("utf-8-sig")


def arrays_of(session: Session) -> bytes:
    """NPZ of the map on the film; see `map_arrays`."""
    known, study, prediction = session.explanation, session.study, session.answer.prediction
    assert (
        known.shown is not None and study is not None and prediction is not None and session.case is not None
    )
    film = study.radiograph.shape if study.radiograph is not None else (0, 0)
    found = CheckedExplanation(prediction, known.shown, tuple(known.measures))
    return npz(map_arrays(found, film, session.case.case_id))


class ExportActions:
    """Handlers of the panel; each answer is a value for the browser, which copies it or saves it."""

    def __init__(self, models: Checkpoints, stores: StoreHost, sessions: Sessions, parts: Parts) -> None:
        self._models, self._stores, self._sessions, self.parts = models, stores, sessions, parts

    @property
    def taken(self) -> list[gr.components.Component]:
        """Outputs of every handler."""
        return [self.parts.take.taken, self.parts.message]

    def _given(self, kind: str, told: str, **more: str | bool) -> Updates:
        # The turn makes each value a new one, so that the same button works twice.
        value: Value = {"kind": kind, "told": told, "turn": time.monotonic_ns(), **more}
        return {self.parts.take.taken: value, self.parts.message: alert("")}

    def copy(self, request: gr.Request) -> Updates:
        """The link that restores what is on screen."""
        session = self._sessions.of(request.session_hash)
        link = link_of(session)
        if link == Link():
            return self._given("told", say("take.no_link", session.language))
        changed = " " + say("take.changed", session.language) if is_changed(session) else ""
        return self._given(
            "link",
            say("take.copied", session.language) + changed,
            by_hand=say("take.by_hand", session.language) + changed,
            label=say("take.link", session.language),
            query=f"{ADDRESS}?{link.query(session.language)}",
        )

    def handout(self, request: gr.Request) -> Updates:
        """The case on screen as one file."""
        session = self._sessions.of(request.session_hash)
        known = session.explanation
        if session.answer.prediction is None or known.attribution is None or not known.complete:
            return self._given("told", say("take.not_yet", session.language))
        name = case_name(session.case, session.language)
        title = say("handout.title", session.language, case=name)
        html = handout([sheet_of(session)], session.language, title)
        return self._saved("take.saved", f"viewbox-{_plain(name)}.html", html, session, seen=True)

    def _saved(self, key: str, name: str, html: str, session: Session, *, seen: bool = False) -> Updates:
        """A file for the browser; `seen` has it add to the link how the reader looks at the film."""
        return self._given("file", say(key, session.language), name=name, html=html, seen=seen)

    def picture(self, request: gr.Request) -> Updates:
        """The film with the map that lies on it, as far as its licence lets it be passed on."""
        session = self._sessions.of(request.session_hash)
        shown = session.explanation.shown
        if session.picture is None or shown is None or shown.image is None:
            return self._given("told", say("take.no_picture", session.language))
        ground = session.picture if may_leave(session) else np.full_like(session.picture, GRAY)
        url, _, _ = map_urls(ground, shown, opacity=0.6, sign="both", exact=True)
        return self._bytes("picture", "png", url, session)

    def csv(self, request: gr.Request) -> Updates:
        """What every part, field and word contributed, in logits."""
        return self._numbers("csv", table_of, request)

    def npz(self, request: gr.Request) -> Updates:
        """The map as numbers, in logits a pixel or in its own unit, with what it belongs to."""
        return self._numbers("npz", arrays_of, request)

    def _numbers(self, kind: str, made: Callable[[Session], bytes], request: gr.Request) -> Updates:
        session = self._sessions.of(request.session_hash)
        if not session.explanation.complete:
            return self._given("told", say("take.not_yet", session.language))
        text = base64.b64encode(made(session)).decode()
        return self._bytes("numbers", kind, f"data:application/octet-stream;base64,{text}", session)

    def _bytes(self, what: str, kind: str, url: str, session: Session) -> Updates:
        name = f"viewbox-{_plain(case_name(session.case, session.language))}.{kind}"
        return self._given("bytes", say(f"take.{what}_saved", session.language), name=name, url=url)

    def pack(self, written: str, request: gr.Request) -> Iterator[Updates]:
        """Several stored cases as one file, each with a quick account of its most probable class."""
        session = self._sessions.of(request.session_hash)
        parts = re.split(r"[,，、;\n]", written or "")
        ids = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
        if not ids:
            raise ViewboxError("Type the IDs of the cases first, separated by commas.")
        if len(ids) > MAX_PACK:
            raise ViewboxError(
                "A course pack holds at most {limit} cases; take some off the list.", limit=MAX_PACK
            )
        cases = [self._stores.case(one) for one in ids]  # a wrong ID is told before any work
        stop, sheets = threading.Event(), []
        for number, case in enumerate(cases, 1):
            yield self._given("told", say("take.packing", session.language, number=number, count=len(cases)))
            own = Session(language=session.language)
            own.put(case, hold(case))
            self._answered(own, stop)
            sheets.append(sheet_of(own, quick=True))
        html = handout(sheets, session.language, say("handout.pack", session.language, count=len(sheets)))
        yield self._saved("take.packed", f"viewbox-{len(sheets)}.html", html, session)

    def _answered(self, session: Session, stop: threading.Event) -> None:
        host = self._models.of("", session.case)
        self._models.need(host)
        session.host, session.study = host, fitted(session.study, session.case, host.text_sections)
        prediction = host.predict(session.study, session.case.provenance.source or None)
        session.answer = Answer(prediction)
        target = target_of(prediction, None)
        session.learn(attribution=host.explained(session.study, target, "black", stop))


def _plain(name: str) -> str:
    """A file name from a case's name."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "case"
