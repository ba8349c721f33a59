"""Search by words: the store's films that fit a sentence, and the reports that fit a film.

The store's films and reports stand in the space that films and sentences share, put there when a reader first
searches, with how far that is shown meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from cases.case import Case
from cases.store import BrokenCase, CaseFilter
from interface.html.render import render
from interface.language.texts import Language
from interface.models.space_host import SpaceHost
from interface.models.stores import StoreHost
from interface.reports_tab.similar_index import Shelved, case_ids, shelved
from interface.session.background import BuiltOnDemand, Progress
from modeling.configuration import only_synthetic
from modeling.errors import CaseNotFoundError, StudyError, ViewboxError

if TYPE_CHECKING:
    from modeling.retrieval.words import WordIndex

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Placed:
    """The store's cases in the space, how each is shown, and how many could not be read."""

    index: "WordIndex"
    shelf: Mapping[str, Shelved]
    left_out: int
    synthetic: bool  # whether the space learnt from computed films alone

    @property
    def computed(self) -> int:
        """How many of the cases are computed."""
        return sum(one.synthetic for one in self.shelf.values())


@dataclass(frozen=True)
class Hit:
    """A case that was found, its cosine, and its rank from 1."""

    case_id: str
    similarity: float
    rank: int


@dataclass(frozen=True, eq=False)
class FoundByWords:
    """What one search found.

    Attributes:
        words: that were searched for; "" for none.
        films: that fit them; `least` is the lowest likeness of all films, so that a flat list shows as one.
        reports: that fit the film on screen; None where there is none.
        own: where the film's own report stands among all; None where it has none in the store.
    """

    words: str
    films: tuple[Hit, ...]
    least: float
    reports: tuple[Hit, ...] | None
    own: Hit | None
    placed: Placed


class WordSearch(BuiltOnDemand[Placed]):
    """The store's cases in the space of films and sentences; each search is among all of them."""

    def __init__(self, space: SpaceHost, stores: StoreHost) -> None:
        super().__init__("word-search")
        self._space, self._stores = space, stores

    def checked(self, words: object) -> str:
        """Words that may be searched for, "" for none; raises `ViewboxError` before anything is read."""
        from modeling.prompts.sentences import checked_sentence

        if words is None or (isinstance(words, str) and not words.strip()):
            return ""
        with self._space.working() as space:
            return checked_sentence(words, space.unknown_words)

    def find(self, words: str, case: Case | None, k: int) -> FoundByWords:
        """The films that fit some words, the reports that fit a case's film; either may be missing.

        Raises ViewboxError: both are missing, the words may not be asked, or the store is not read yet.
        """
        placed, asked = self.built, self.checked(words)
        film = None if case is None else case.study.radiograph
        if not asked and film is None:
            raise ViewboxError("Write what to search for, or open a case that has a film.")
        films: tuple[Hit, ...] = ()
        reports, own, least = None, None, 0.0
        with self._space.working() as space:
            if asked:
                ranked = _hits(placed.index.films(space.embed_texts([asked])[0]))
                films, least = ranked[:k], ranked[-1].similarity if ranked else 0.0
            if film is not None:
                ranked = _hits(placed.index.reports(space.embed_films([film])[0]))
                reports, own = ranked[:k], next((h for h in ranked if h.case_id == case.case_id), None)
        return FoundByWords(asked, films, least, reports, own, placed)

    def _make(self) -> Placed:
        from modeling.retrieval.words import WordIndex

        store = self._stores.store
        count = store.count(CaseFilter())
        index, shelf = WordIndex(), {}
        for done, case_id in enumerate(ids := case_ids(store, count)):
            self.progress = Progress(done, len(ids))
            try:
                case = store.get(case_id)
                with self._space.working() as space:
                    index.add(space, case_id, case.study.radiograph, " ".join(case.report.values()))
                    synthetic = only_synthetic(space.model.config.sources)
            except (BrokenCase, CaseNotFoundError, StudyError) as exc:  # one bad case hides no other
                logger.warning("case %s is not searched: %s", case_id, exc)
                continue
            shelf[case_id] = shelved(case)
        if not shelf:
            raise ViewboxError("The store holds no case to search; fill it first.")
        return Placed(index, shelf, count - len(shelf), synthetic)


def _hits(ranked: Sequence[tuple[str, float]]) -> tuple[Hit, ...]:
    return tuple(Hit(name, value, rank) for rank, (name, value) in enumerate(ranked, start=1))


def words_panel(found: FoundByWords, language: Language) -> Markup:
    """Both lists as cards."""
    return render("reports_tab/word_search.html", language=language, found=found)


def found_json(found: FoundByWords) -> dict[str, Any]:
    """As JSON types."""

    def hits(rows: Sequence[Hit]) -> list[dict[str, Any]]:
        return [{"case_id": h.case_id, "rank": h.rank, "similarity": round(h.similarity, 4)} for h in rows]

    from modeling.prompts.sentences import SYNTHETIC_ONLY

    of_patients = found.placed.index.film_count > found.placed.computed
    return {
        "warnings": [str(SYNTHETIC_ONLY)] if found.placed.synthetic and of_patients else [],
        "words": found.words or None,
        "films": hits(found.films),
        "reports": None if found.reports is None else hits(found.reports),
        "own_report": None if found.own is None else hits([found.own])[0],
        "searched": {"films": found.placed.index.film_count, "reports": found.placed.index.report_count},
        "not_read": found.placed.left_out,
    }
