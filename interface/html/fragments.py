"""Panels of several tabs, as markup; in a template most of it is `ui` (`templates/macros.html`)."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from cases.case import Case, Licence
from cases.store import CasePage, CaseSummary
from interface.html.pictures import thumbnail_url
from interface.html.render import render, ui
from interface.language.texts import CATALOGUES, Language, say, title_in, translated, word_for
from modeling.sentence import Sentence
from modeling.study import CLINICAL_FIELDS, Modality, ViewPosition, spellings_of

NONE_PASSES = Sentence('No case passes this filter; choose "any" in one of its fields.')


def banner(language: Language) -> Markup:
    """Always in sight: what this is, what it is not for, and on a phone the ways about the page."""
    return render("banner.html", language=language, catalogues=CATALOGUES)


def alert(sentence: str) -> Markup:
    """A sentence that a screen reader speaks at once; empty for none."""
    return ui().alert(sentence)


def note(sentence: str, kind: str = "") -> Markup:
    """A quiet sentence; `kind` is an extra class."""
    return ui().note(sentence, kind)


def heading(key: str, language: Language) -> Markup:
    """A panel's heading."""
    return ui().heading(say(key, language))


def case_list(page: CasePage, first: int, count: int, current: str, language: Language) -> Markup:
    """The rows of a list as buttons, with thumbnail, source and reference labels."""
    return _cases(page.rows, current, language, strip=False, first=first, count=count)


def case_strip(rows: Sequence[CaseSummary], count: int, current: str, language: Language) -> Markup:
    """The first cases of a store, side by side, the way to all `count` of them, and to the reader's own."""
    return _cases(rows, current, language, strip=True, count=count)


def _cases(rows: Sequence[CaseSummary], current: str, language: Language, **more: object) -> Markup:
    own = {"language": language, "thumbnail_url": thumbnail_url, "none_passes": NONE_PASSES}
    return render("case_list.html", rows=rows, current=current, **own, **more)


def upload_box(language: Language) -> Markup:
    """The field that takes films; its script sends the bytes inside the request."""
    views = [str(view) for view in ViewPosition if view is not ViewPosition.UNKNOWN]
    return render("upload_box.html", language=language, views=views)


def case_name(case: Case, language: Language) -> str:
    """The title or the ID, or the file's name for a reader's own film."""
    if case.case_id:
        return title_in(case.title, language) or case.case_id
    return say("upload.yours", language, name=case.provenance.attribution or "?")


def licence_name(licence: Licence, language: Language) -> str:
    """What readers call a licence."""
    return word_for("licence", licence.name, language, licence.name)


def provenance_line(case: Case, language: Language) -> Markup:
    """Source, licence and attribution of a film."""
    origin, stored = case.provenance, bool(case.case_id)
    source = word_for("source", origin.source, language)
    licence = say("film.licence", language, licence=licence_name(case.licence, language))
    told = (
        say("film.source", language, source=source) if origin.source else "",
        licence if stored else say("upload.licence", language),
        translated(origin.attribution, language) if stored else "",
        case.case_id if case.title else "",
    )
    return Markup(" · ").join(part for part in told if part)


def part_name(part: str, known: Iterable[str], language: Language) -> str:
    """A modality in words, where the table has `known` values: the view alone is no clinical data."""
    only_view = part == Modality.TABLE and set(known) == {"view_position"}
    return say("modality.view", language) if only_view else word_for("modality", part, language)


def kept_values(case: Case, language: Language) -> Markup | str:
    """What a case says that fits no field, as it stands, and notes on the rest; "" for nothing."""
    kept = {"other": case.other, "notes": case.notes}
    return render("kept_values.html", language=language, **kept) if any(kept.values()) else ""


def form_reads(fields: Iterable[str], sections: Iterable[str], language: Language) -> Markup:
    """Which fields and sections the checkpoint reads, and how each field's values may be written."""
    read = {"fields": tuple(fields), "sections": tuple(sections)}
    spellings = {name: spellings_of(name) for name in CLINICAL_FIELDS}
    places = [f"#vb-field-{f}" for f in read["fields"]] + [f"#vb-section-{s}" for s in read["sections"]]
    return render("form_reads.html", language=language, spellings=spellings, places=places, **read)
