"""The explanation as HTML: shares, fields and words on one signed scale, and how far to believe them."""

from html import escape

from interface.html.bars import bars_table, signed, signed_row
from interface.html.fragments import heading
from interface.html.whole_words import whole_words
from interface.language.texts import Language, field_label, question, say, translated, value_word, word_for
from modeling.render.pictures import field_rows, word_spans
from modeling.results import Attribution, ModalityAccount
from modeling.study import Modality, Study

ICON = {"converged": "✓", "usable": "≈", "not converged": "✗", "nothing to explain": "∅"}


def delta_line(attribution: Attribution, language: Language) -> str:
    """The convergence delta in words, with its badge."""
    verdict = attribution.verdict
    relative = attribution.relative_delta
    sentence = say(
        "explain.delta",
        language,
        verdict=word_for("verdict", verdict, language),
        total=signed(attribution.total),
        change=signed(attribution.output - attribution.baseline_output),
        delta=signed(attribution.convergence_delta),
        percent=f"{100 * relative:.1f} %" if relative < 10 else "> 1000 %",
    )
    if verdict == "not converged":
        sentence += " " + say("verdict.not converged.advice", language)
    kind = verdict.replace(" ", "-")
    return f'<p class="vb-delta vb-{kind}"><b aria-hidden="true">{ICON[verdict]}</b> {escape(sentence)}</p>'


def _method_line(attribution: Attribution, language: Language, refining: bool) -> str:
    sentence = say(
        "explain.method",
        language,
        target=question(attribution.target, language),
        baseline=say(f"explain.{attribution.baseline}", language),
        evaluations=attribution.evaluations,
        seconds=f"{attribution.seconds:.1f}",
    )
    if refining:
        sentence += f" ({say('explain.refining', language)} …)"
    return f'<p class="vb-note">{escape(sentence)}</p>'


def _fields(attribution: Attribution, scale: float, language: Language) -> str:
    if not any(f.attribution for f in attribution.fields):
        title = f'<h3 class="vb-subheading">{escape(say("explain.fields", language))}</h3>'
        return f'{title}<p class="vb-note">{escape(say("explain.no_fields", language))}</p>'
    names = {f.name.replace("_", " "): f.name for f in attribution.fields}
    rows = []
    for label, value, amount in field_rows(attribution.fields):
        name = names.get(label, label)
        # The value carries its unit, so the label need not.
        plain = field_label(name, language).partition(" (")[0].partition("（")[0]
        rows.append(signed_row(plain, value_word(value, language), amount, scale))
    aside = say("explain.bars_note", language, scale=f"{scale:.3f}")
    return bars_table(say("explain.fields", language), aside, rows)


def _words(attribution: Attribution, study: Study, scale: float, language: Language, reads_text: bool) -> str:
    title = f'<h3 class="vb-subheading">{escape(say("explain.words", language))}</h3>'
    read = {w.section for w in attribution.words}
    if not read:
        why = "explain.no_words" if reads_text else "explain.reads_no_text"
        return f'{title}<p class="vb-note vb-nowords">{escape(say(why, language))}</p>'
    blocks = []
    for section, text in study.text.sections.items():
        if section in read:
            own = [w for w, _ in whole_words(attribution.words) if w.section == section]
            spans = "".join(_word(piece, value, scale) for piece, value in word_spans(text, own))
            name = escape(word_for("section", section, language))
            blocks.append(f'<p class="vb-text"><small>{name}</small> {spans}</p>')
    return title + "".join(blocks)


def _word(piece: str, value: float | None, scale: float) -> str:
    if value is None:
        return escape(piece)
    strength = min(abs(value) / scale, 1.0) if scale > 0 else 0.0
    side = "pos" if value >= 0 else "neg"
    return (
        f'<mark class="vb-word {side}" style="--strength:{strength:.2f}">{escape(piece)}'
        f"<sub>{signed(value)}</sub></mark>"
    )


def bar_scale(attribution: Attribution) -> float:
    """Full width of a bar, in logits: the largest magnitude of any field or word."""
    values = [f.attribution for f in attribution.fields]
    values += [word.attribution for word, _ in whole_words(attribution.words)]
    return max((abs(v) for v in values), default=0.0)


def own_evidence(
    attribution: Attribution, study: Study, scale: float, language: Language, *, reads_text: bool
) -> str:
    """One study's fields and words beside another's, under the convergence delta.

    Args:
        scale: full width of a bar, in logits; the larger `bar_scale` of the two.
        reads_text: as in `evidence_panel`.
    """
    fields = _fields(attribution, scale, language)
    return (
        delta_line(attribution, language) + fields + _words(attribution, study, scale, language, reads_text)
    )


def evidence_panel(
    attribution: Attribution,
    study: Study,
    language: Language,
    *,
    reads_text: bool = True,
    refining: bool = False,
    account: ModalityAccount | None = None,
) -> str:
    """Everything about an attribution but the heat map.

    Args:
        account: exact Shapley values of the modalities, once they are known.
        reads_text: whether the checkpoint has a text branch; where it has none, the panel says so.
        refining: whether a better one is on its way.
    """
    scale = bar_scale(attribution)
    return (
        heading("explain.title", language)
        + _method_line(attribution, language, refining)
        + delta_line(attribution, language)
        + shares_table(attribution, account, language)
        + _fields(attribution, scale, language)
        + _words(attribution, study, scale, language, reads_text)
        + "".join(f'<p class="vb-note">{escape(translated(n, language))}</p>' for n in attribution.notes)
    )


def _named(modalities: frozenset[Modality] | tuple[Modality, ...], language: Language, joint: str) -> str:
    return joint.join(word_for("modality", m, language) for m in Modality if m in modalities)


def shares_table(attribution: Attribution, account: ModalityAccount | None, language: Language) -> str:
    """The shares by path and, once known, the Shapley values, interactions and where the two differ."""
    share = attribution.modality_share
    scale = max((abs(v) for v in share.logits.values()), default=0.0)
    title, aside = say("explain.share", language), say("explain.share_note", language)
    rows = []
    for modality, value in share.logits.items():
        more = () if account is None else (_shapley(account, modality, language),)
        percent = f"{100 * share.fractions[modality]:.0f} %"
        rows.append(signed_row(word_for("modality", modality, language), percent, value, scale, *more))
    if account is None:
        return bars_table(title, aside, rows)
    for parts, value in account.interactions.items():
        label = say("budget.interaction", language, parts=_named(parts, language, " × "))
        rows.append(
            f'<tr class="vb-interaction"><th scope="row" colspan="3">{escape(label)}</th>'
            f'<td class="vb-number">{signed(value)}</td></tr>'
        )
    head = tuple(say(key, language) for key in ("budget.part", "budget.path", "budget.shapley"))
    return bars_table(title, aside, rows, head, "vb-budget") + _notes(account, language)


def _shapley(account: ModalityAccount, modality: Modality, language: Language) -> str:
    if modality not in account.shapley:
        return "–"
    mark = "≠ " if modality in account.disagreement else ""
    return mark + signed(account.shapley[modality])


def _notes(account: ModalityAccount, language: Language) -> str:
    sentences = [say("budget.note", language, change=signed(account.change))]
    if account.interactions:
        sentences.append(say("budget.together", language))
    if account.disagreement:
        told = say(
            "budget.disagree",
            language,
            modalities=_named(account.disagreement, language, say("joint.,", language)),
        )
        verdict = f'<p class="vb-note vb-disagree"><b aria-hidden="true">≠</b> {escape(told)}</p>'
    elif len(account.shapley) > 1:
        verdict = (
            f'<p class="vb-note"><b aria-hidden="true">=</b> {escape(say("budget.agree", language))}</p>'
        )
    else:
        verdict = ""  # one part has nothing to share with
    return f'<p class="vb-note">{escape(" ".join(sentences))}</p>{verdict}'
