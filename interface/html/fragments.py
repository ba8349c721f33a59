"""What Viewbox draws itself, as HTML: every text is escaped, and no meaning rests on colour alone."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from cases.case import Case
from cases.store import CasePage, CaseSummary
from interface.html.pictures import thumbnail_url
from interface.language.texts import (
    CATALOGUES,
    Count,
    Language,
    field_label,
    listed,
    say,
    translated,
    value_word,
    word_for,
)
from interface.models.checkpoints import suits
from interface.models.model_host import ModelHost, ModelState
from modeling.results import Prediction, TaskPrediction
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
    body = f'<span aria-hidden="true">⚠</span> {escape(sentence)}' if sentence else ""
    return f'<div class="vb-alert{"" if body else " vb-empty"}" role="alert">{body}</div>'


def note(sentence: str, kind: str = "") -> str:
    """A quiet sentence; `kind` is an extra class."""
    return f'<p class="vb-note {kind}">{escape(sentence)}</p>'


def model_line(
    state: ModelState, language: Language, *, in_use: bool = False, post_read: bool = False
) -> str:
    """Where a checkpoint stands.

    Args:
        in_use: whether to mark it as the one of several that answers for the case on screen.
        post_read: whether it reads what was written after the film was read.
    """
    seconds, parameters = f"{state.seconds:.0f}", Count(state.parameters)
    values = {"name": state.name, "device": state.device, "revision": state.revision[:19]}
    text = {
        "waiting": say("model.waiting", language, name=state.name),
        "loading": say("model.loading", language, name=state.name, seconds=seconds),
        "ready": say("model.ready", language, parameters=parameters, **values),
        "failed": say(
            "model.failed", language, name=state.name, sentence=translated(state.sentence, language)
        ),
    }[state.phase]
    icon = {"waiting": "…", "loading": "…", "ready": "✓", "failed": "✗"}[state.phase]
    mark = f'<span class="vb-tag">▶ {escape(say("model.in_use", language))}</span> ' if in_use else ""
    extra = f" <b>{escape(say('model.post_read', language))}</b>" if post_read else ""
    return (
        f'<div class="vb-model vb-{state.phase}" role="status" title="{escape(state.revision)}">'
        f'<span aria-hidden="true">{icon}</span> {mark}{escape(text)}{extra}</div>'
    )


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


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _task_table(
    task: TaskPrediction, reference: str | None, language: Language, *, reveal: bool = False
) -> str:
    rows = []
    for name, probability in zip(task.classes, task.probabilities, strict=True):
        tags = ""
        if name == task.most_probable:
            tags += f' <span class="vb-tag">▶ {escape(say("prediction.most", language))}</span>'
        if name == reference:
            tags += (
                f' <span class="vb-tag vb-reference">✓ {escape(say("prediction.agrees", language))}</span>'
            )
        rows.append(
            f'<tr><th scope="row">{escape(word_for("class", name, language))}{tags}</th>'
            f'<td class="vb-bar" aria-hidden="true"><i style="width:{100 * probability:.1f}%"></i></td>'
            f'<td class="vb-number">{_percent(float(probability))}</td></tr>'
        )
    read = listed((word_for("modality", m, language) for m in task.modalities), language)
    aside = say("prediction.made_from", language, modalities=read)
    if reference is None and not reveal:
        aside += " · " + say("prediction.no_reference", language)
    title = word_for("task", task.task, language)
    return (
        f'<table class="vb-bars"><caption><b>{escape(title)}</b> <small>{escape(aside)}</small></caption>'
        '<colgroup><col class="vb-names"><col><col class="vb-numbers"></colgroup>'
        f'<thead class="vb-unseen"><tr><th scope="col">{escape(say("prediction.class", language))}</th>'
        f'<td></td><th scope="col">{escape(say("prediction.probability", language))}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def mismatch(host: ModelHost, case: Case, language: Language) -> str:
    """What to say where a checkpoint learnt a shortcut, or was not trained on cases like this one."""
    told = [say("prediction.twin", language, name=host.name)] if host.twin else []
    if not suits(host, case):
        source = case.provenance.source or say("prediction.own_film", language)
        values = {"name": host.name, "sources": listed(host.sources, language), "source": source}
        told.append(say("prediction.mismatch", language, **values))
    return " ".join(told)


def prediction_panel(
    prediction: Prediction,
    case: Case,
    language: Language,
    *,
    made_by: ModelState,
    warning: str = "",
    limits: tuple[str, str] = ("", ""),
    reveal: bool = False,
) -> str:
    """Probabilities of each task beside the reference labels, who answered, what it had, and its notes.

    Args:
        made_by: the checkpoint that predicted.
        warning: what `mismatch` says; stands before the numbers.
        limits: what `set_and_gate` says; stands before and behind the numbers.
        reveal: the reference waits behind a press, so that a reader can read first.
    """
    before, behind = limits
    known = {} if reveal else case.reference
    tables = "".join(_task_table(t, known.get(t.task), language, reveal=reveal) for t in prediction.tasks)
    tables += _behind_a_press(case, language) if reveal else ""
    given = ", ".join(word_for("modality", m, language) for m in prediction.given)
    made = say("prediction.made_by", language, name=made_by.name, revision=made_by.revision[:19])
    notes = [made, say("prediction.given", language, given=given)]
    stopped = prediction.familiarity.warning if prediction.familiarity else ""  # stands in front already
    notes += [translated(n, language) for n in prediction.notes if n != stopped]
    stands_out = (
        f'<p class="vb-mismatch"><span aria-hidden="true">⚠</span> {escape(warning)}</p>' if warning else ""
    )
    told = "".join(note(n) for n in notes)
    return heading("prediction.title", language) + stands_out + before + tables + behind + told


def _behind_a_press(case: Case, language: Language) -> str:
    """Reference labels, every reader's own words and numbers, and the teacher's note."""
    lines = [
        f"✓ {word_for('task', task, language)}: "
        + listed((word_for("class", name, language) for name in label.split("|")), language)
        for task, label in case.reference.items()
    ]
    lines += [
        say(
            "reference.rating",
            language,
            scale=word_for("scale", r.scale, language),
            value=f"{r.value:.1f}",
            high=f"{r.high:g}",
            reader=r.reader,
        )
        for r in case.ratings
    ]
    lines += [
        say("reference.reading", language, reader=r.reader, name=word_for("class", r.class_name, language))
        for r in case.readings
    ]
    lines = lines or [say("prediction.no_reference", language)]
    told = title_in(case.teaching_note, language)
    lesson = f'<p class="vb-lesson">{escape(told)}</p>' if told else ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    summary = escape(say("reference.reveal", language))
    return f'<details class="vb-reveal"><summary>{summary}</summary><ul>{items}</ul>{lesson}</details>'


def heading(key: str, language: Language) -> str:
    """A panel's heading."""
    return f'<h2 class="vb-heading">{escape(say(key, language))}</h2>'


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
