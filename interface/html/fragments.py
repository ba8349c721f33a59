"""What Viewbox draws itself, as HTML: every text is escaped, and no meaning rests on colour alone."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from cases.case import Case
from cases.store import CasePage, CaseSummary
from interface.html.pictures import thumbnail_url
from interface.html.render import ui
from interface.language.texts import (
    CATALOGUES,
    Language,
    field_label,
    listed,
    say,
    value_word,
    word_for,
)
from modeling.study import CLINICAL_FIELDS, spellings_of


def banner(language: Language) -> str:
    """Always in sight: what this is, and what it is not for."""
    return (
        f'<div class="vb-banner" lang="{language}"><h1>{escape(say("page.title", language))}</h1>'
        f'<strong class="vb-warning"><span aria-hidden="true">⚠</span> '
        f"{escape(say('page.not_for_diagnosis', language))}</strong>"
        f"<span>{escape(say('page.what', language))}</span>"
        f'<a class="vb-to-quiz" href="?quiz=&amp;lang={language}">{escape(say("page.quiz", language))}</a>'
        f"{_language_switch(language)}</div>"
    )


def _language_switch(language: Language) -> str:
    """Each language by its own name; its script keeps the rest of the address."""
    links = "".join(
        f'<a href="?lang={one}" data-language="{one}" lang="{one}" hreflang="{one}"'
        f"{' aria-current=true' if one == language else ''}>{catalogue.name}</a>"
        for one, catalogue in CATALOGUES.items()
    )
    return f'<nav class="vb-language" aria-label="{escape(say("language.switch", language))}">{links}</nav>'


def alert(sentence: str) -> str:
    """A sentence that a screen reader speaks at once; empty for none."""
    return str(ui().alert(sentence))


def note(sentence: str, kind: str = "") -> str:
    """A quiet sentence; `kind` is an extra class. In a template: `ui.note`."""
    return str(ui().note(sentence, kind))


def case_list(page: CasePage, first: int, count: int, current: str, language: Language) -> str:
    """The rows of a list as buttons, with thumbnail, source and reference labels."""
    if not page.rows:
        return note(say("choose.none", language))
    rows = "".join(f"<li>{_case_button(row, current, language)}</li>" for row in page.rows)
    shown = say("choose.range", language, first=first, last=first + len(page.rows) - 1, count=count)
    return f'<p class="vb-note">{escape(shown)}</p><ul class="vb-list">{rows}</ul>'


def case_strip(rows: Sequence[CaseSummary], current: str, language: Language) -> str:
    """The first cases of a store, side by side, and a place for the reader's own film."""
    cards = "".join(f"<li>{_case_button(row, current, language, brief=True)}</li>" for row in rows)
    own, label = escape(say("choose.own", language)), escape(say("choose.strip", language))
    plus = '<i class="vb-blank" aria-hidden="true">+</i>'
    inner = f"{plus}<span><b>{own}</b></span>"
    cards += f'<li><button type="button" class="vb-row" data-own>{inner}</button></li>'
    return f'<ul class="vb-list vb-strip" aria-label="{label}">{cards}</ul>'


def _case_button(row: CaseSummary, current: str, language: Language, *, brief: bool = False) -> str:
    """A case of a list: thumbnail and title, or its ID where it has none; source and labels unless brief."""
    picture = (
        f'<img src="{thumbnail_url(row.thumbnail)}" alt="">' if row.thumbnail else '<i class="vb-blank"></i>'
    )
    name = title_in(row.title, language)
    labels = listed((word_for("class", label, language) for label in row.reference.values()), language)
    synthetic = f" · {say('film.synthetic_short', language)}" if row.synthetic else ""
    told = (f"{row.case_id} · " if name else "") + row.source + synthetic
    more = "" if brief else f"<small>{escape(told)}</small><small>{escape(labels)}</small>"
    pressed = ' aria-current="true"' if row.case_id == current else ""
    return (
        f'<button type="button" class="vb-row" data-case="{escape(row.case_id)}"{pressed}>{picture}'
        f"<span><b>{escape(name or row.case_id)}</b>{more}</span></button>"
    )


def title_in(title: Mapping[str, str], language: Language) -> str:
    """A case's title in the reader's language, else in English; empty where it has none."""
    return title.get(language) or title.get("en", "")


def upload_box(language: Language) -> str:
    """The field that takes a film; its script sends the bytes inside the request."""
    kinds = escape(say("upload.kinds", language))
    return (
        '<label class="vb-drop"><input type="file" class="vb-file"'
        ' accept=".png,.jpg,.jpeg,.dcm,.dicom,image/*,application/dicom">'
        f"<b>{escape(say('upload.choose', language))}</b><small>{kinds}</small></label>"
    )


# --- the film ----------------------------------------------------------------------------------------------


def case_name(case: Case, language: Language) -> str:
    """The title or the ID, or the file's name for a reader's own film."""
    if case.case_id:
        return title_in(case.title, language) or case.case_id
    return say("upload.yours", language, name=case.provenance.attribution or "?")


def provenance_line(case: Case, language: Language) -> str:
    """Source, licence and attribution of a film, as markup."""
    parts = []
    if case.provenance.source:
        parts.append(say("film.source", language, source=case.provenance.source))
    if case.case_id:
        parts.append(say("film.licence", language, licence=case.licence.name))
    else:
        parts.append(say("upload.licence", language))
    if case.case_id and case.provenance.attribution:
        parts.append(case.provenance.attribution)
    if case.case_id and case.title:
        parts.append(case.case_id)
    return " · ".join(escape(part) for part in parts)


# --- the prediction ----------------------------------------------------------------------------------------


def heading(key: str, language: Language) -> str:
    """A panel's heading."""
    return str(ui().heading(say(key, language)))


def form_reads(fields: Iterable[str], sections: Iterable[str], language: Language) -> str:
    """Which fields and sections the checkpoint reads, in words and as a mark beside each of them."""
    fields, sections = tuple(fields), tuple(sections)
    labels = listed((field_label(f, language) for f in fields), language)
    named = listed((word_for("section", s, language) for s in sections), language)
    table = say("form.reads", language, fields=labels) if fields else say("form.reads_none", language)
    text = say("form.reads_text", language, sections=named) if named else say("form.reads_no_text", language)
    places = [f"#vb-field-{f}" for f in fields] + [f"#vb-section-{s}" for s in sections]
    chosen = ", ".join(f'{place} [data-testid="block-info"]::after' for place in places)
    mark = f'<style>{chosen} {{ content: " ✓" / ""; font-weight: 700; }}</style>' if places else ""
    return note(f"{table} {text}", "vb-reads") + spellings_help(language) + mark


def spellings_help(language: Language) -> str:
    """How each field's values may be written, from the table that reads them, behind one line."""
    rows = []
    for name in CLINICAL_FIELDS:
        words = (
            f"{escape(value_word(meaning, language))}: {escape(', '.join(spellings))}"
            for meaning, spellings in spellings_of(name).items()
        )
        rows.append(f"<dt>{escape(field_label(name, language))}</dt><dd>{'<br>'.join(words)}</dd>")
    title, about = (escape(say(key, language)) for key in ("form.spellings", "form.spellings_about"))
    return (
        f'<details class="vb-spellings"><summary>{title}</summary><p class="vb-note">{about}</p>'
        f"<dl>{''.join(rows)}</dl></details>"
    )
