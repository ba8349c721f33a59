"""Similar and contrast cases as cards: film, similarity, why, and each case's own words."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from interface.html.fragments import heading, note
from interface.language.texts import Language, field_label, say, translated, value_word, word_for
from interface.reports_tab.marked_report import finding_word, marked_report
from interface.reports_tab.shelf import Shelved
from interface.reports_tab.similar_index import Found, Progress
from interface.session.study_edits import typed
from modeling.results import FieldDifference, Neighbour

if TYPE_CHECKING:
    from modeling.reports.mining import Miner


def progress_line(progress: Progress, language: Language) -> str:
    """How far the comparison is, in words and as a bar."""
    told = say("similar.building", language, done=progress.done, total=progress.total or "…")
    known = f' max="{progress.total}" value="{progress.done}"' if progress.total else ""
    return (
        f'<p class="vb-note vb-running" role="status">{escape(told)}</p>'
        f'<progress class="vb-progress" aria-label="{escape(told)}"{known}></progress>'
    )


def found_panel(found: Found, language: Language) -> str:
    """Both lists, and what they were made of."""
    alike = _cards(found.alike, found, language)
    contrast = (
        _cards(found.contrast, found, language)
        if found.query.label
        else note(say("similar.no_label", language))
    )
    parts = [heading("similar.alike", language), alike, heading("similar.contrast", language)]
    return "".join(
        [*parts, note(say("similar.contrast_hint", language)), contrast, _searched(found, language)]
    )


def _searched(found: Found, language: Language) -> str:
    """What was searched, how and by whom, and what was not."""
    compared = found.compared
    if found.in_store:
        return note(say("similar.in_store", language, n=found.among, name=found.in_store))
    films = (
        say("similar.films_by", language, name=compared.films_by)
        if compared.films_by
        else say("similar.films_plain", language)
    )
    notes = note(say("similar.made", language, n=found.among) + " " + films)
    if found.why_here:
        notes += note(say("similar.why_here", language, why=translated(found.why_here, language)))
    if compared.left_out:
        notes += note(say("similar.left_out", language, n=compared.left_out), "vb-stopped")
    return notes


def _cards(neighbours: Sequence[Neighbour], found: Found, language: Language) -> str:
    if not neighbours:
        return note(say("similar.none", language))
    miner = found.compared.encoder.miner
    cards = [_card(one, found.shelf[one.case_id], found.query.label, miner, language) for one in neighbours]
    return f'<ol class="vb-similar">{"".join(cards)}</ol>'


def _card(one: Neighbour, kept: Shelved, label: str, miner: "Miner", language: Language) -> str:
    alternative = escape(say("similar.film_of", language, case=one.case_id))
    picture = (
        f'<img src="{kept.thumbnail}" alt="{alternative}" loading="lazy">'
        if kept.thumbnail
        else '<i class="vb-blank"></i>'
    )
    parts = " · ".join(
        f"{word_for('modality', str(m), language)} {number(value)}" for m, value in one.parts.items()
    )
    return (
        f'<li class="vb-similar-card" data-neighbour="{escape(one.case_id)}">{picture}<div>'
        f'<button type="button" class="vb-similar-open" data-case="{escape(one.case_id)}">'
        f"{escape(one.case_id)}</button>"
        f'<button type="button" class="vb-similar-compare" data-compare="{escape(one.case_id)}">'
        f"{escape(say('pair.compare', language))}"
        f'<span class="vb-unseen"> {escape(one.case_id)}</span></button>'
        f"<p><b>{escape(say('similar.similarity', language, value=number(one.similarity)))}</b> "
        f"<small>{escape(parts)}</small></p>{_label(one, kept, label, language)}"
        f"{why_alike(one, language)}{own_words(one.case_id, kept, miner, language)}</div></li>"
    )


def number(value: float) -> str:
    """A cosine with two decimals and a proper minus sign."""
    return f"{'−' if value < -0.005 else ''}{abs(value):.2f}"


def _label(one: Neighbour, kept: Shelved, label: str, language: Language) -> str:
    synthetic = f' <span class="vb-tag">{escape(say("similar.synthetic", language))}</span>'
    if not one.label:
        return note(say("similar.unlabelled", language)) + (synthetic if kept.synthetic else "")
    key = "similar.same_label" if one.label == label else "similar.label"
    told = escape(say(key, language, label=word_for("class", one.label, language)))
    return f'<p class="vb-note">{told}{synthetic if kept.synthetic else ""}</p>'


def why_alike(one: Neighbour, language: Language) -> str:
    """Shared findings and fields, then what differs."""
    joined = say("similar.join", language)
    items = []
    for key, names in (("similar.shared", one.shared_findings), ("similar.other", one.other_findings)):
        if names:
            words = joined.join(finding_word(name, language) for name in names)
            items.append(say(key, language, findings=words))
    if one.shared_fields:
        words = joined.join(field_label(name, language) for name in one.shared_fields)
        items.append(say("similar.shared_fields", language, fields=words))
    if one.differing_fields:
        apart = say("similar.join_fields", language)
        words = apart.join(_difference(d, language) for d in one.differing_fields)
        items.append(say("similar.differing", language, fields=words))
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="vb-similar-why">{listed}</ul>' if listed else ""


def _difference(field: FieldDifference, language: Language) -> str:
    here, there = (value_word(typed(v), language) for v in (field.here, field.there))
    return say("similar.field", language, field=field_label(field.name, language), here=here, there=there)


def own_words(case_id: str, kept: Shelved, miner: "Miner", language: Language) -> str:
    """The neighbour's own text and the labels mined from it: never the words of the case asked for."""
    if not kept.report:
        return note(say("similar.no_text", language))
    from modeling.reports.report import Report

    report = Report(case_id, kept.report)
    told = escape(say("similar.own_words", language, case=case_id))
    body = marked_report(report, miner.label(report), miner, language, brief=True)
    return f"<details><summary>{told}</summary>{body}</details>"
