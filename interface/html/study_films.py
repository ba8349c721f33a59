"""The films of a study beside the viewer: small, each with view and day, and what it adds to an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from cases.case import Case
from cases.film_bytes import thumbnail
from interface.html.pictures import thumbnail_url
from interface.html.render import render
from interface.language.texts import Language, say, value_word
from modeling.results import Prediction
from modeling.study import DatedFilm, Modality, ViewPosition

HARDLY = 0.05
"""Share of the largest magnitude of a study below which a part adds hardly anything."""


@dataclass(frozen=True)
class Added:
    """What a part of a study adds to an answer.

    Attributes:
        value: in logits.
        width: of its bar, 0 to 50 %, on the scale that all parts and answers of the study share.
        says: whether it speaks for or against the answer, in words.
    """

    value: float
    width: float
    says: str


def added(value: float, scale: float, language: Language) -> Added:
    """A part's value in logits, where `scale` is the largest magnitude of the study."""
    way = "hardly" if abs(value) <= HARDLY * scale else "for" if value > 0 else "against"
    width = 50 * abs(value) / scale if scale > 0 else 0.0
    return Added(value, min(width, 50.0), say(f"whole.{way}", language))


def film_words(film: DatedFilm, language: Language) -> str:
    """View and day, "lateral, 30 days before"."""
    view = film.radiograph.view_position
    known = view is not ViewPosition.UNKNOWN
    named = value_word(str(view), language) if known else say("films.no_view", language)
    return say("films.which", language, view=named, when=_day(film.days_before, language))


def _day(days: int, language: Language) -> str:
    if days == 0:
        return say("films.today", language)
    return say("films.day_before" if days == 1 else "films.before", language, days=days)


def films_strip(
    case: Case,
    language: Language,
    shown: int = 0,
    adds: Sequence[tuple[str, Sequence[Added]]] = (),
) -> str:
    """Every film of a case as a button, the one in the viewer marked; "" for one film, or where none may be
    shown. `adds`: answers by their words, each with what every film adds to it."""
    if not case.further or not case.licence.may_show:
        return ""
    films = [(film_words(film, language), thumbnail_url(thumbnail(film.radiograph))) for film in case.films]
    shown_with = {"films": films, "shown": shown, "adds": adds}
    return render("case_tab/study_films.html", language=language, **shown_with)


def which_was_read(case: Case, prediction: Prediction, language: Language) -> str:
    """Of several films, the one that an answer was made from; "" where there is one, or none was read."""
    if not case.further or Modality.IMAGE not in prediction.given:
        return ""
    first = film_words(case.films[0], language)
    return say("films.read", language, count=len(case.films), which=first)
