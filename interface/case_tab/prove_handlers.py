"""What happens when a reader takes a part of the study away."""

from collections.abc import Mapping, Sequence
from typing import Literal

import gradio as gr
import numpy as np

from interface.case_tab.components import Parts, Updates
from interface.case_tab.prove_panel import proof_panel
from interface.case_tab.trust_handlers import verdict_on
from interface.case_tab.trust_panel import reconciled
from interface.case_tab.viewer import mask_of, viewer_value
from interface.html.fragments import note
from interface.language.texts import say
from interface.session.session import PlaceTest, Session, Sessions
from modeling.explain.registry import ACCOUNT, grain_of
from modeling.model.film import resampled, to_native
from modeling.results import NEGLIGIBLE, Proof
from modeling.trust.verdict import Level, verdict_of

COARSE = (128, 128)


class ProveActions:
    """Handlers of the panel "Prove it"."""

    def __init__(self, sessions: Sessions, parts: Parts) -> None:
        self._sessions, self.parts = sessions, parts

    @property
    def proved(self) -> list[gr.components.Component]:
        """Outputs of `prove` and `live`."""
        parts = self.parts
        return [parts.prove.result, parts.message, parts.film.figure, parts.results.summary]

    def prove(self, fields: Sequence[str], words: Sequence[str], request: gr.Request) -> Updates:
        """Take away what is brushed and ticked, and predict again."""
        session = self._sessions.of(request.session_hash)
        if session.explanation.attribution is None or session.host is None or session.study is None:
            return {self.parts.prove.result: note(say("prove.waiting", session.language))}
        region = self._region(session)
        if region is None and not fields and not words:
            return {self.parts.prove.result: note(say("prove.nothing", session.language))}
        return self._proof(session, region, fields, words)

    def strongest(self, request: gr.Request) -> Updates:
        """Take away the place where the map on the film speaks most for the answer, and predict again."""
        from modeling.trust.removal_proof import strongest_place  # torch: not before it is needed

        session = self._sessions.of(request.session_hash)
        shown = session.explanation.shown
        if shown is None or session.host is None or session.study is None:
            return {self.parts.prove.result: note(say("prove.waiting", session.language))}
        film, place = session.study.radiograph, None
        if shown.image is not None and film is not None:
            place = strongest_place(to_native(shown.image, COARSE), grain_of(shown.method))
        if place is None:
            return {self.parts.prove.result: note(say("prove.no_place", session.language))}
        return self._proof(session, resampled(place, film.shape) >= 0.5, (), (), place)

    def live(self, fields: Sequence[str], words: Sequence[str], request: gr.Request) -> Updates:
        """The same at every tick."""
        session = self._sessions.of(request.session_hash)
        if session.region is None and not fields and not words:
            return {self.parts.prove.result: ""}
        return self.prove(fields, words, request)

    def marked(
        self, fields: Sequence[str], words: Sequence[str], event: gr.EventData, request: gr.Request
    ) -> Updates:
        """A place was brushed on the film: keep it, and prove it at once."""
        session, told = self._sessions.of(request.session_hash), event._data
        ours = isinstance(told, Mapping) and session.film is not None and told.get("film") == session.film.key
        if ours and session.study is not None and session.study.radiograph is not None:
            # Only the coarse mask is kept: a native one of every reader would be megabytes.
            region = told if mask_of(told, COARSE) is not None else None
            session.region = region
            return self.live(fields, words, request)
        return {self.parts.prove.result: gr.skip()}

    def _proof(
        self,
        session: Session,
        region: np.ndarray | None,
        fields: Sequence[str],
        words: Sequence[str],
        place: np.ndarray | None = None,
    ) -> Updates:
        attribution, opened = session.explanation.attribution, session.version
        known = {f.name for f in attribution.fields}
        given = " ".join(map(str, words)).split()
        positions = tuple(int(w) for w in given if w.isdecimal() and int(w) < len(attribution.words))
        taken = tuple(f for f in fields if f in known)
        proof = session.host.prove(session.study, attribution.target, attribution, region, taken, positions)
        with session.lock:
            moved_on = session.version != opened or session.explanation.attribution is None
            if moved_on:
                return {self.parts.prove.result: gr.skip()}
            says_where = session.explanation.method != ACCOUNT  # such a map claims no amount
            tested = None if place is None else PlaceTest(place, _outcome(proof, says_where))
            shown = self._outlined(session, tested)
            level, language = _level(session), session.language
        where = tested if says_where else None
        of_whom = "outlined" if place is not None else "marked" if region is not None else ""
        told = {"tested": of_whom, "against": reconciled(level, tested, language), "where": where}
        return {self.parts.prove.result: proof_panel(proof, language, **told), **shown}

    def _outlined(self, session: Session, tested: PlaceTest | None) -> Updates:
        """The tested place on the film and the verdict beside it, or neither any more."""
        before = session.explanation.tested
        session.learn(tested=tested)
        if tested is before is None:
            return {}
        shown: Updates = {self.parts.film.figure: viewer_value(session)}
        judged = _level(session) != "open"  # else the checks still run
        return shown | ({self.parts.results.summary: verdict_on(session)} if judged else {})

    def _region(self, session: Session) -> np.ndarray | None:
        film = session.study.radiograph
        if film is None or session.explanation.attribution.image is None or session.region is None:
            return None
        return mask_of(session.region, film.shape)

    def reset(self, request: gr.Request) -> Updates:
        """Put everything back; the viewer clears its own brush."""
        session = self._sessions.of(request.session_hash)
        session.region = None
        prove = self.parts.prove
        return {prove.fields: [], prove.words: [], prove.result: "", **self._outlined(session, None)}


def _level(session: Session) -> Level:
    known = session.explanation
    return verdict_of(known.measures, is_account=known.method == ACCOUNT, refused=session.refused).level


def _outcome(proof: Proof, says_where: bool) -> Literal["failed", "amount", "held"]:
    if proof.change > -NEGLIGIBLE:
        return "failed"
    return "held" if says_where or proof.claim in ("kept", "understated") else "amount"
