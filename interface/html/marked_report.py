"""A report with its mined labels, and where its sentences point: marked words, and the study's films beside.

Sentences tell their films and boxes to the page's script (`assets/pointing.js`), which outlines them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from cases.case import Case
from interface.html.pictures import data_url
from interface.html.render import render
from interface.html.study_films import film_words
from interface.language.texts import Language, known, listed, say, title_in, word_for
from modeling.model.film import brightness
from modeling.render.pictures import film_picture
from modeling.study import DatedFilm, ViewPosition

if TYPE_CHECKING:
    from modeling.reports.film_zones import LungFrame
    from modeling.reports.mining import Mention, Miner, ReportLabels
    from modeling.reports.pointing import Place, PointedSentence
    from modeling.reports.report import Report

SIGNS = {"positive": "+", "negative": "−", "uncertain": "?", "unmentioned": "↶"}
"""Value -> the sign before a marked word, so that colour alone says nothing."""

SIDE = 320
"""Longer side of a film beside its report, in pixels."""


def finding_word(name: str, language: Language) -> str:
    """The reader's word for a finding."""
    return word_for("class", name, language) if name != "abnormal" else say("reports.other", language)


@dataclass(frozen=True)
class Piece:
    """A stretch of a report, and for its mentions (overlapping ones share it) value, signs and rules."""

    text: str
    value: str = ""
    signs: str = ""
    why: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PointedFilm:
    """A film that sentences point at: view and day in words, a small picture, and where its lungs lie."""

    words: str
    picture: str
    taken: tuple[ViewPosition, int]
    frame: "LungFrame"


@dataclass(frozen=True)
class Pointing:
    """What a sentence points at: `told` to the script as JSON, in words to a reader."""

    told: str
    words: str


@dataclass(frozen=True)
class Stretch:
    """A stretch of a report: a sentence that points somewhere, or anything else."""

    pieces: list[Piece]
    points: Pointing | None = None


def pointed_films(films: Sequence[DatedFilm], language: Language) -> list[PointedFilm]:
    """The films of a study that may be shown, with their lungs found."""
    from modeling.reports.film_zones import LungFrame

    found = []
    for film in films:
        view, small = film.radiograph.view_position, film_picture(brightness(film.radiograph), SIDE)
        frame = LungFrame.of(np.asarray(small) / np.float32(255), lateral=view is ViewPosition.LATERAL)
        found.append(
            PointedFilm(film_words(film, language), data_url(small), (view, film.days_before), frame)
        )
    return found


def case_report(case: Case, language: Language) -> Markup:
    """A case's report beside its films, its sentences pointing at them (see `report_in`)."""
    from modeling.reports.mining import Miner
    from modeling.reports.report import Report

    sections, miner = report_in(case, language), Miner()
    report = Report(case.case_id, sections)
    labels = miner.label(report)
    if sections != dict(case.report):
        labels = replace(labels, notes=())  # that the miner knows little of this language is no news here
    films = pointed_films(case.films, language) if case.licence.may_show else []
    return marked_report(report, labels, miner, language, brief=True, films=films)


def report_in(case: Case, language: Language) -> dict[str, str]:
    """The report's sections; in another language the teaching note, where that is the report's translation.

    The notes of phantom studies are: in English they are the report word for word.
    """
    own, note = dict(case.report), title_in(case.teaching_note, language)
    translated = case.teaching_note.get("en", "") == " ".join(own.values()) and language != "en"
    return {"report": note} if translated and note else own


def marked_report(
    report: "Report",
    labels: "ReportLabels",
    miner: "Miner",
    language: Language,
    *,
    brief: bool = False,
    films: Sequence[PointedFilm] = (),
) -> Markup:
    """Every section with its mentions as spans, and their rules on hover and focus; `brief` has no key.

    `films`: of the study that the report is of; with them sentences point.
    """
    from modeling.reports.pointing import pointed

    read = {name for name, _ in miner.sections_read(report)}
    every = [*labels.mentions(), *labels.abnormal]
    sentences = pointed(report, miner) if films else ()
    sections = []
    for name, text in report.sections.items():
        mentions = [m for m in every if m.section == name]
        own = [s for s in sentences if s.section == name]
        stretches = list(_stretches(text, own, mentions, miner, films, language))
        title = say(f"reports.section.{name}", language) if known(f"reports.section.{name}") else name
        sections.append({"title": title, "read": name in read, "stretches": stretches})
    shown = {"sections": sections, "notes": labels.notes, "signs": {} if brief else SIGNS, "films": films}
    return render("marked_report.html", language=language, **shown)


def _stretches(
    text: str,
    sentences: "Sequence[PointedSentence]",
    mentions: "Sequence[Mention]",
    miner: "Miner",
    films: Sequence[PointedFilm],
    language: Language,
) -> Iterator[Stretch]:
    """The whole text, cut where sentences that point begin and end."""
    at, last = len(text) - len(text.lstrip()), len(text.rstrip())
    cuts: list[tuple[int, int, Pointing | None]] = []
    for sentence in sentences:
        points = _pointing(sentence, films, language)
        if points is not None:
            cuts += [(at, sentence.start, None), (sentence.start, sentence.end, points)]
            at = sentence.end
    for start, end, points in [*cuts, (at, last, None)]:
        if start < end:
            inside = [m for m in mentions if start <= m.start < end]
            yield Stretch(list(_pieces(text, start, end, inside, miner, language)), points)


def _pointing(
    sentence: "PointedSentence", films: Sequence[PointedFilm], language: Language
) -> Pointing | None:
    """The films and boxes of a sentence; None where it points at nothing here."""
    numbers = sentence.films([film.taken for film in films])
    telling = sentence.places or sentence.views or sentence.when != "today"
    if not numbers or not telling:
        return None
    places = dict.fromkeys(sentence.places)
    boxes = {n: sorted({box for place in places for box in films[n].frame.boxes(place)}) for n in numbers}
    told = {"films": numbers, "boxes": boxes, "denied": sentence.said == "denied"}
    words = listed(dict.fromkeys(place_words(place, language) for place in places), language)
    shown = listed((films[n].words for n in numbers), language, "; ") if len(films) > 1 else ""
    return Pointing(json.dumps(told), " – ".join(filter(None, (words, shown))))


def place_words(place: "Place", language: Language) -> str:
    """A place in the reader's words: "left base", "hilum, both sides"."""
    from modeling.reports.pointing import ZONES

    named = title_in(ZONES[place.zone]["words"], language)
    words = named if "both" in ZONES[place.zone] else say(f"points.{place.side}", language, zone=named)
    return say(f"points.{place.part}", language, place=words) if place.part else words


def _pieces(
    text: str,
    start: int,
    end: int,
    mentions: "Sequence[Mention]",
    miner: "Miner",
    language: Language,
) -> "Iterator[Piece]":
    at = start
    for group in _groups(mentions):
        first, last = min(m.start for m in group), max(m.end for m in group)
        yield Piece(text[at:first])
        signs = "".join(dict.fromkeys(SIGNS[m.value] for m in group))
        why = tuple(_why(text, m, miner, language) for m in group)
        yield Piece(text[first:last], str(group[0].value), signs, why)
        at = last
    yield Piece(text[at:end])


def _groups(mentions: "Sequence[Mention]") -> "list[list[Mention]]":
    groups: list[list[Mention]] = []
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end, m.finding)):
        if groups and mention.start < max(m.end for m in groups[-1]):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


def _why(text: str, mention: "Mention", miner: "Miner", language: Language) -> str:
    from modeling.reports.mining import MENTIONED

    finding = finding_word(mention.finding, language)
    value = say(f"reports.value.{mention.value}", language)
    if mention.rule == MENTIONED:
        return say("reports.why.plain", language, finding=finding, value=value)
    kind = say(f"reports.kind.{miner.rules.rule(mention.rule).kind}", language)
    cue = text[mention.cue_start : mention.cue_end]
    decided = {"rule": mention.rule, "kind": kind, "cue": cue}
    return say("reports.why.rule", language, finding=finding, value=value, **decided)
