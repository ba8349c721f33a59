"""The films of a study beside the viewer: small, each with its view and day, one press away from it."""

from cases.case import Case
from cases.film_bytes import thumbnail
from interface.html.pictures import thumbnail_url
from interface.html.render import render
from interface.language.texts import Language, say, value_word
from modeling.results import Prediction
from modeling.study import DatedFilm, Modality, ViewPosition


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


def films_strip(case: Case, language: Language, shown: int = 0) -> str:
    """Every film of a case as a button, the one in the viewer marked; "" for one film, or where none may be
    shown."""
    if not case.further or not case.licence.may_show:
        return ""
    films = [(film_words(film, language), thumbnail_url(thumbnail(film.radiograph))) for film in case.films]
    return render("case_tab/study_films.html", language=language, films=films, shown=shown)


def which_was_read(case: Case, prediction: Prediction, language: Language) -> str:
    """Of several films, the one that an answer was made from; "" where there is one, or none was read."""
    if not case.further or Modality.IMAGE not in prediction.given:
        return ""
    first = film_words(case.films[0], language)
    return say("films.read", language, count=len(case.films), which=first)
