"""Each reader's session, kept on the server and never on its disk."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from gradio.context import LocalContext

from cases.case import Case
from interface.language.texts import Language
from interface.models.held_film import HeldFilm
from interface.models.model_host import ModelHost
from interface.session.links import Link
from interface.session.shares import address_of, fits
from modeling.answers import FilmAnswer
from modeling.explain.registry import ACCOUNT
from modeling.labels import Target
from modeling.results import Attribution, FilmOpinion, ModalityAccount, Prediction, TrustMeasure
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.study_answer import StudyAnswer

CAPACITY, PER_ADDRESS = 400, 200
"""Sessions in all, and of one address, behind which a whole class may be."""
FILM_BYTES = 4 * 2**30
"""Of the films of all sessions."""

Due = Literal["predict", "explain", "examine", "nothing"]


@dataclass(frozen=True, eq=False)
class Answer:
    """The prediction for the study on screen, and the target explained first."""

    prediction: Prediction | None = None
    target: Target | None = None


@dataclass(frozen=True, eq=False)
class PlaceTest:
    """The strongest place of the map on the film, (h, w) bool, and what came of taking it away.

    Without it the answer is no weaker (`failed`), weaker but not by what was claimed (`amount`), or weaker.
    """

    place: np.ndarray
    outcome: Literal["failed", "amount", "held"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One target's explanation, as far as it has come; all of it goes with its attribution.

    Attributes:
        complete: whether the attribution is the last refinement, not one on the way.
        account: Shapley values of the modalities, once known.
        measures: the trust measures, as far as they have come.
        opinion: the map that stands on the film in the attribution's place; None for the attribution itself.
        first: the map that a reader saw first.
        tested: what came of taking its strongest place away; None where that was not the last proof.
    """

    attribution: Attribution | None = None
    complete: bool = False
    account: ModalityAccount | None = None
    measures: tuple[TrustMeasure, ...] = ()
    opinion: FilmOpinion | None = None
    first: str = ACCOUNT
    tested: PlaceTest | None = None

    @property
    def shown(self) -> Attribution | FilmOpinion | None:
        """The map on the film."""
        return self.attribution if self.opinion is None else self.opinion

    @property
    def method(self) -> str:
        """The name of the map on the film."""
        return ACCOUNT if self.opinion is None else self.opinion.method


@dataclass(frozen=True, eq=False)
class OwnFilm:
    """One of several films that a reader brought: its answer, and the film as long as it is held."""

    answer: FilmAnswer
    case: Case | None = None
    picture: str = ""  # small, as a data URL

    @property
    def bytes(self) -> int:
        """What the film takes."""
        radiograph = None if self.case is None else self.case.study.radiograph
        return 0 if radiograph is None else radiograph.pixels.nbytes


@dataclass(frozen=True)
class Wishes:
    """The reader's own choices.

    Attributes:
        target: to explain; None follows the most probable class.
        checkpoint: by its name; empty for the one that suits the case.
        anew: whether the next explanation is computed even where it is known.
        change: the defect that was made on purpose, one of `interface.session.defects`; empty for none.
        link: what the link asked for that is still to be done.
        sheet: what the maps of the sheet that is due differ in; empty for none.
        sheet_at: when the browser asked for that, by its own clock.
    """

    target: Target | None = None
    checkpoint: str = ""
    anew: bool = False
    change: str = ""
    link: Link = field(default_factory=Link)
    sheet: str = ""
    sheet_at: float = 0.0


class Quiz(Protocol):
    """A quiz under way, as far as a session knows it."""

    stop: threading.Event


@dataclass(eq=False)
class Session:
    """One reader's case, and how far the work on it has come.

    Attributes:
        study: the case's study with the reader's own changes.
        film: what the viewer shows; None where there is none to show.
        further: those of the case's further films that the viewer has shown, by their number from 1.
        film_shown: the number of the film in the viewer; 0 for `film`, the one that the model reads.
        film_beside: the number of the film that was put beside it, and when; None for none.
        view: the viewer's value of the film alone, behind the version and the language that it is of.
        region: what the reader marked on the film, as the viewer tells it.
        host: the checkpoint that the study was fitted to and is answered by.
        due: the next step; steps that are not due do nothing, so a chain of them is safe to repeat.
        version: counts up with every change of case or study, so that late answers can be told apart.
        unsettled: whether the screen shows this case in part only, and a second step is to follow.
        own: the films of the reader's last uploads of several.
        whole: what all films of the study say together, an answer a task; empty until that was asked for.
        whole_shown: whether the screen says such a thing, of this study or of one before.
        reading: ends the work on that.
        stop: ends the explanation and its checks; `looking` ends the second opinion.
        quiz: the reader's quiz; None where none was begun.
        lock: held for the moment in which what belongs together is read or changed: a reader may turn to
            another case while the last one is predicted or explained.
    """

    language: Language = "en"
    case: Case | None = None
    study: Study | None = None
    film: HeldFilm | None = None
    further: dict[int, HeldFilm] = field(default_factory=dict)
    film_shown: int = 0
    film_beside: tuple[int, int] | None = None
    view: tuple[tuple[int, Language], Mapping[str, Any]] = ((-1, ""), {})
    host: ModelHost | None = None
    answer: Answer = field(default_factory=Answer)
    explanation: Explanation = field(default_factory=Explanation)
    wishes: Wishes = field(default_factory=Wishes)
    region: Mapping[str, object] | None = None
    listing: tuple[str | None, ...] = (None,)  # `after` of the pages of the list seen, the last on screen
    due: Due = "nothing"
    version: int = 0
    unsettled: bool = False
    quiz: Quiz | None = None
    own: tuple[OwnFilm, ...] = ()
    whole: tuple["StudyAnswer", ...] = ()
    whole_shown: bool = False
    reading: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    looking: threading.Event = field(default_factory=threading.Event)
    lock: "threading.RLock" = field(default_factory=threading.RLock)

    @property
    def picture(self) -> np.ndarray | None:
        """The film as one small picture, for maps that are drawn on the server; see `HeldFilm.picture`."""
        return None if self.film is None else self.film.picture

    @property
    def film_bytes(self) -> int:
        """What the films take: on screen as stored and as the viewer shows it, and those of an upload."""
        radiograph = None if self.study is None else self.study.radiograph
        stored = 0 if radiograph is None else radiograph.pixels.nbytes
        stored += 0 if self.case is None else sum(film.bytes for film in self.case.further)
        viewed = sum(f.film.values.nbytes for f in (self.film, *self.further.values()) if f is not None)
        return stored + viewed + sum(film.bytes for film in self.own)

    @property
    def refused(self) -> bool:
        """Whether the film is unlike those that the checkpoint learnt from: no answer to read."""
        return self.answer.prediction is not None and self.answer.prediction.refusal is not None

    @property
    def target(self) -> Target | None:
        """The target: the reader's choice, else the most probable class; None until predicted."""
        return self.wishes.target or self.answer.target

    def put(self, case: Case, film: HeldFilm | None) -> None:
        """Put a new case and its film on screen; work on the last one stops."""
        with self.lock:
            self.case, self.film, self.host = case, film, None
            self.further, self.film_shown, self.film_beside = {}, 0, None
            self.wishes = replace(self.wishes, target=None, change="", link=Link())
            self.region = None
            self.revise(case.study)

    def revise(self, study: Study) -> None:
        """Put a changed study on screen; work on the last one stops."""
        with self.lock:
            self.stop.set()
            self.version += 1
            self.study, self.answer, self.due = study, Answer(), "predict"
            self.whole = ()
            self.reading.set()
            self.forget_explanation()

    def begin_explanation(self) -> threading.Event:
        """Take the due explanation; the event tells it to stop."""
        self.stop.set()
        self.stop, self.due = threading.Event(), "nothing"
        self.forget_explanation()
        return self.stop

    def forget_explanation(self) -> None:
        """Drop the last explanation."""
        self.looking.set()
        self.explanation = Explanation()

    def learn(self, **known: Any) -> None:
        """Add to what is known of the explanation: fields of `Explanation`."""
        self.explanation = replace(self.explanation, **known)

    def wish(self, **asked: Any) -> None:
        """Take what the reader asks for: fields of `Wishes`."""
        self.wishes = replace(self.wishes, **asked)

    def begin_looking(self) -> threading.Event:
        """Stop the second opinion that is being computed; the event stops the next one."""
        self.looking.set()
        self.looking = threading.Event()
        return self.looking

    def begin_reading(self) -> threading.Event:
        """Stop what is being said of the whole study; the event stops the next such work."""
        self.reading.set()
        self.reading = threading.Event()
        return self.reading

    def leave(self) -> None:
        """The reader has gone: nothing is due any more, and work under way stops."""
        self.due = "nothing"
        for stop in (
            self.stop,
            self.looking,
            self.reading,
            *([self.quiz.stop] if self.quiz is not None else []),
        ):
            stop.set()


def link_of(session: Session) -> Link:
    """The link that restores what is on screen; nothing for a study that no store holds."""
    if session.case is None or not session.case.case_id:
        return Link()
    attribution, wishes = session.explanation.attribution, session.wishes
    target = wishes.target if attribution is None else attribution.target
    method, first = session.explanation.method, session.explanation.first
    return Link(
        case=session.case.case_id,
        target="" if target is None else target.slug,
        baseline="" if attribution is None else attribution.baseline,
        method="" if method == first else method,
        checkpoint=session.host.name if session.host is not None else wishes.checkpoint,
        change=wishes.change,
    )


@dataclass(eq=False)
class _Kept:
    session: Session
    address: str
    seen: float


class Sessions:
    """Sessions by their reader, as many as memory allows; the one longest unused goes first.

    An address may have as many as could still be opened (`interface.session.shares`). Beyond that, and where
    films take too much, its own make way before anybody else's.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        per_address: int = PER_ADDRESS,
        film_bytes: int = FILM_BYTES,
        idle_seconds: float = 3600.0,
    ) -> None:
        self._capacity, self._per_address, self._film_bytes = capacity, per_address, film_bytes
        self._idle = idle_seconds
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Kept] = OrderedDict()

    def of(self, reader: str | None) -> Session:
        """A reader's session; a new one where there is none, and always without a reader."""
        if reader is None:
            return Session()
        with self._lock:
            kept = self._sessions.pop(reader, None)
            is_new = kept is None
            kept = kept or _Kept(Session(), address_of(LocalContext.request.get(None)), 0.0)
            kept.seen = time.monotonic()
            while leaving := self._one_too_many(kept, is_new):
                self._sessions.pop(leaving).session.leave()
                is_new = False  # one that left is enough for one that comes
            self._sessions[reader] = kept
        return kept.session

    def _one_too_many(self, coming: _Kept, is_new: bool) -> str | None:
        """The reader whose session makes way for one that is used now; None where none has to."""
        oldest = next(iter(self._sessions), None)
        if oldest is None or coming.seen - self._sessions[oldest].seen > self._idle:
            return oldest
        address, everyone = coming.address, [*self._sessions.values(), coming]
        of_address = Counter(kept.address for kept in everyone)
        heavy = sum(kept.session.film_bytes for kept in everyone) > self._film_bytes
        many = of_address[address] > self._per_address or not fits(of_address, address, 0, self._capacity)
        if heavy or (is_new and many):
            own = next((reader for reader, kept in self._sessions.items() if kept.address == address), None)
            if own is not None:
                return own
        return oldest if heavy or len(everyone) > self._capacity else None

    def clear(self, reader: str | None) -> None:
        """The reader has left: stop their work and forget their film."""
        with self._lock:
            kept = self._sessions.pop(reader or "", None)
        if kept is not None:
            kept.session.leave()

    def language(self, request: Any) -> Language:
        """The language of the reader who asks; English where that is not known."""
        with self._lock:
            kept = self._sessions.get(getattr(request, "session_hash", None) or "")
        return "en" if kept is None else kept.session.language

    def __len__(self) -> int:
        return len(self._sessions)
