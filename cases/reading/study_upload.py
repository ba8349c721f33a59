"""Several files become one study: each film's view and day, and what makes films no study.

One that cannot be read is left out and named, and the rest goes on. What is wrong with all of them together
refuses them in one sentence: too many, two patients, a prior after the present, one film twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from cases.reading.upload import clinical_text
from modeling.errors import StudyError, ViewboxError
from modeling.sentence import Names, Sentence
from modeling.study import (
    MOST_FILMS,
    Acquisition,
    ClinicalTable,
    DatedFilm,
    Radiograph,
    RefusedFilm,
    Study,
    ViewPosition,
    check_film_count,
    checked_films,
)

LONGEST_AGO = 36_500
"""Days before the study that a film may be of: a lifetime."""
VOLUMES = ("a CT volume or a slice of one", "a volume of slices", "an MR image")
_FRONTAL = (ViewPosition.PA, ViewPosition.AP)
_NO_DAY = Sentence("its file states no day; it was taken to be of the day of the study.")


@dataclass(frozen=True)
class GivenFilm:
    """A film as it came.

    Attributes:
        read: gives the film, or raises `ViewboxError`.
        name: its file's.
        view: as its sender says; "" for what its file says.
        days: before the study, as its sender says; None for what its file says.
    """

    read: Callable[[], Radiograph]
    name: str = ""
    view: str = ""
    days: int | None = None


@dataclass(frozen=True, eq=False)
class ReadStudy:
    """A study as it was read: its films, its table and words (a `Study` without a film), and what was left
    out."""

    films: tuple[DatedFilm, ...]
    study: Study
    refused: tuple[RefusedFilm, ...] = ()


def study_of_films(
    given: Sequence[GivenFilm],
    *,
    table: Mapping[str, object] | None = None,
    text: Mapping[str, str | None] | None = None,
) -> ReadStudy:
    """Read the films of one study, in their order.

    What a sender says of view and day counts before what a file says. Without a word on days, the latest
    dated film is of the day of the study; a film without a date is of that day too.

    Raises StudyError: they make no study, none of them can be read, or a view, a day, a value or a text
        cannot be used.
    """
    if len(given) > MOST_FILMS:
        _refuse_volume(given[0])
    check_film_count(len(given))
    views = [view_named(one.view) for one in given]
    for number, one in enumerate(given, 1):
        _check_days(number, one.days)
    read: dict[int, Radiograph] = {}
    refused: list[RefusedFilm] = []
    for number, (one, view) in enumerate(zip(given, views, strict=True), 1):
        try:
            film = one.read()
            read[number] = film if view is None else replace(film, view_position=view)
        except ViewboxError as exc:
            refused.append(RefusedFilm(number, one.name, exc.sentence))
    if refused and not read:
        _refuse_all(refused)
    _check_patients(read)
    said = {number: given[number - 1].days for number in read}
    days, dates = _days(read, said), _dates(read)
    films = []
    for number, film in read.items():
        is_dated = not any(days.values()) or said[number] is not None or number in dates
        name = given[number - 1].name
        films.append(DatedFilm(_noted(film, is_dated=is_dated), days[number], name))
    films = checked_films(films, tuple(read))
    study = Study(table=_table(table or {}, films), text=clinical_text(text or {}))
    return ReadStudy(films, study, tuple(refused))


def given_films(
    read: Sequence[Callable[[], Radiograph]], names: Sequence[str], views: object, days: object
) -> list[GivenFilm]:
    """Films with what is said of each: as many views and days as films, or none.

    Raises StudyError: there are more or fewer of them, or one is of another kind.
    """
    said: list[list] = []
    for what, values in (("view", views), ("days", days)):
        values = [] if values is None else values
        if not isinstance(values, list | tuple) or len(values) not in (0, len(read)):
            uneven = "Give one {what} for each of the {count} films, or none for any of them."
            raise StudyError(uneven, what=what, count=len(read))
        said.append(list(values) or [None] * len(read))
    rows = zip(read, names, *said, strict=True)
    return [GivenFilm(one, name, view or "", number) for one, name, view, number in rows]


def view_named(word: object) -> ViewPosition | None:
    """The view that a word names, in any letter case; None for "". Raises StudyError: it names none."""
    known = {str(view).lower(): view for view in ViewPosition}
    if word == "" or (isinstance(word, str) and word.lower() in known):
        return known.get(str(word).lower())
    no_view = "'{view}' is no view; choose one of {names}."
    raise StudyError(no_view, view=str(word)[:40], names=Names("name", tuple(ViewPosition)))


def _check_days(number: int, days: object) -> None:
    if days is None:
        return
    if type(days) is not int or days > LONGEST_AGO:
        wrong = "The days of film {number} must be a whole number from 0 to {most:,}; correct them."
        raise StudyError(wrong, number=number, most=LONGEST_AGO)
    if days < 0:
        raise StudyError("Film {number} is of a day after the study; correct its date.", number=number)


def _refuse_volume(first: GivenFilm) -> None:
    """Of too many files the first one: slices of a volume are called what they are."""
    try:
        first.read()
    except ViewboxError as exc:
        kind = exc.sentence.values.get("kind")
        if isinstance(kind, Names) and kind.names[0] in VOLUMES:
            raise StudyError(exc.sentence) from exc


def _refuse_all(refused: Sequence[RefusedFilm]) -> None:
    if len(refused) == 1:
        raise StudyError(refused[0].reason)
    none = "None of the {count} files can be read as a film of this study: {problem}"
    raise StudyError(none, count=len(refused), problem=refused[0].reason)


def _check_patients(read: Mapping[int, Radiograph]) -> None:
    known = {n: _acquired(film).patient for n, film in read.items() if _acquired(film).patient}
    for one, other in zip(known, [*known][1:], strict=False):
        if known[one] != known[other]:
            two = "Films {one} and {other} are of two patients by their files; send those of one patient."
            raise StudyError(two, one=one, other=other)


def _acquired(film: Radiograph) -> Acquisition:
    return film.acquisition or Acquisition()


def _dates(read: Mapping[int, Radiograph]) -> dict[int, int]:
    """Number -> day, of the films whose file, or another file of the same DICOM study, states one."""
    found = {n: _acquired(film) for n, film in read.items()}
    of_study = {one.study: one.day for one in found.values() if one.study and one.day is not None}
    days = {n: of_study.get(one.study) if one.day is None else one.day for n, one in found.items()}
    return {n: day for n, day in days.items() if day is not None}


def _days(read: Mapping[int, Radiograph], said: Mapping[int, int | None]) -> dict[int, int]:
    """Number -> days before the study. Raises StudyError: files and sender put two films in another order."""
    dates = _dates(read)
    days = {n: said[n] for n in read if said[n] is not None}
    anchor = min((n for n in days if n in dates), key=days.__getitem__, default=None)
    today = max(dates.values(), default=0) if anchor is None else dates[anchor] + days[anchor]
    days = {n: days.get(n, today - dates.get(n, today)) for n in read}
    for early, late in permutations(dates, 2):
        if days[early] > days[late] and dates[early] > dates[late]:
            swapped = (
                "Film {one} is said to be of an earlier day than film {other}, but its file states a later"
                " one; correct the days."
            )
            raise StudyError(swapped, one=early, other=late)
    return days


def _noted(film: Radiograph, *, is_dated: bool) -> Radiograph:
    """A film among others of several days, with a note where nobody said which one it is of."""
    return film if is_dated else replace(film, notes=(*film.notes, _NO_DAY))


def _table(given: Mapping[str, object], films: Sequence[DatedFilm]) -> ClinicalTable:
    """Values as typed; a view position that is not among them is that of the day's first frontal film."""
    table = ClinicalTable.from_raw(given)
    views = [film.radiograph.view_position for film in films if not film.days_before]
    frontal = next((str(view) for view in views if view in _FRONTAL), None)
    values = {"view_position": frontal, **table.values} if frontal else table.values
    return replace(table, values=values)
