"""The explanation as HTML: shares, fields and words on one signed scale, and how far to believe them."""

from interface.html.fragments import part_name
from interface.html.render import percent, render, signed, ui
from interface.html.whole_words import whole_words
from interface.language.texts import Language, field_label, listed, question, say, value_word, word_for
from modeling.render.pictures import field_rows, word_spans
from modeling.results import Attribution, FieldAttribution, ModalityAccount
from modeling.study import Modality, Study

ICON = {"converged": "✓", "usable": "≈", "not converged": "✗", "nothing to explain": "∅"}
MOSTLY, HARDLY = 0.6, 0.25
"""Shares from which an answer leans mostly on one part, and up to which it leans hardly on the film."""


def leaning(attribution: Attribution, language: Language) -> str:
    """One plain sentence: which part of the study the answer leans on, and on what of it most."""

    values = [field.name for field in attribution.fields if field.value is not None]

    def named(part: Modality) -> str:
        return part_name(part, values, language)

    shares = attribution.modality_share.fractions
    ordered = sorted((part for part in shares if shares[part] > 0), key=lambda part: -shares[part])
    if not ordered:
        return ui().note(say("leans.nothing", language), "vb-leans")
    first, film = ordered[0], shares.get(Modality.IMAGE)
    answer = {"target": word_for("class", attribution.target.class_name, language)}
    if len(shares) == 1 or shares[first] > 0.995:
        told = say("leans.alone", language, part=named(first), **answer)
    elif shares[first] < MOSTLY:
        told = say("leans.two", language, first=named(first), share=percent(shares[first]),
                   second=named(ordered[1]), other=percent(shares[ordered[1]]), **answer)  # fmt: skip
    elif film is not None and first != Modality.IMAGE and film <= HARDLY:
        shown = {"share": percent(shares[first]), "film": percent(film)}
        told = say("leans.not_film", language, part=named(first), **shown, **answer)
    else:
        told = say("leans.one", language, part=named(first), share=percent(shares[first]), **answer)
    strongest = _strongest(attribution, first, language)
    if strongest:
        told += ("" if language.startswith("zh") else " ") + say("leans.most", language, what=strongest)
    return ui().note(told, "vb-leans")


def _strongest(attribution: Attribution, part: Modality, language: Language) -> str:
    """The field or the word with the largest magnitude, where the part has any."""
    if part == Modality.TABLE and attribution.fields:
        largest = max(attribution.fields, key=lambda f: abs(f.attribution))
        return plain_label(largest.name, language)
    if part == Modality.TEXT and attribution.words:
        largest_word, _ = max(whole_words(attribution.words), key=lambda pair: abs(pair[0].attribution))
        return largest_word.word
    return ""


def plain_label(name: str, language: Language) -> str:
    """A field's label without its unit, which stands with the value."""
    return field_label(name, language).partition(" (")[0].partition("（")[0]


def delta_line(attribution: Attribution, language: Language) -> str:
    """The convergence delta in words, with its badge."""
    verdict, relative = attribution.verdict, attribution.relative_delta
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
    return render("case_tab/delta.html", verdict=verdict, icon=ICON[verdict], sentence=sentence)


def rows_of_fields(
    fields: tuple[FieldAttribution, ...], language: Language
) -> list[tuple[str, str, str, float]]:
    """Name, label, value and attribution of each field, in the order that `field_rows` shows them."""
    names = {f.name.replace("_", " "): f.name for f in fields}
    rows = ((names.get(label, label), value, amount) for label, value, amount in field_rows(fields))
    return [
        (name, plain_label(name, language), value_word(value, language), amount)
        for name, value, amount in rows
    ]


def _sections(attribution: Attribution, study: Study) -> list[tuple[str, list[tuple[str, float | None]]]]:
    read = {w.section for w in attribution.words}
    return [
        (section, word_spans(text, [w for w, _ in whole_words(attribution.words) if w.section == section]))
        for section, text in study.text.sections.items()
        if section in read
    ]


def bar_scale(attribution: Attribution) -> float:
    """Full width of a bar, in logits: the largest magnitude of any field or word."""
    values = [f.attribution for f in attribution.fields]
    values += [word.attribution for word, _ in whole_words(attribution.words)]
    return max((abs(v) for v in values), default=0.0)


def own_evidence(
    attribution: Attribution, study: Study, scale: float, language: Language, *, reads_text: bool
) -> str:
    """One study's fields and words, under the convergence delta.

    Args:
        scale: full width of a bar, in logits; the larger `bar_scale` of two that stand side by side.
        reads_text: as in `evidence_panel`.
    """
    rows = []
    if any(f.attribution for f in attribution.fields):
        rows = [row[1:] for row in rows_of_fields(attribution.fields, language)]
    return delta_line(attribution, language) + render(
        "case_tab/own_evidence.html",
        language=language,
        scale=scale,
        rows=rows,
        sections=_sections(attribution, study),
        none_read=say("explain.no_words" if reads_text else "explain.reads_no_text", language),
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
    computed = say(
        "explain.method",
        language,
        target=question(attribution.target, language),
        baseline=say(f"explain.{attribution.baseline}", language),
        evaluations=attribution.evaluations,
        seconds=f"{attribution.seconds:.1f}",
    )
    return render(
        "case_tab/evidence.html",
        language=language,
        shares=shares_table(attribution, account, language),
        own=own_evidence(attribution, study, bar_scale(attribution), language, reads_text=reads_text),
        notes=attribution.notes,
        computed=computed + (f" ({say('explain.refining', language)} …)" if refining else ""),
        budget="" if account is None else ui().note(_shared_out(account, language)),
    )


def _shared_out(account: ModalityAccount, language: Language) -> str:
    told = say("budget.note", language, change=signed(account.change))
    return f"{told} {say('budget.together', language)}" if account.interactions else told


def shares_table(attribution: Attribution, account: ModalityAccount | None, language: Language) -> str:
    """The shares by path and, once known, the Shapley values, interactions and where the two differ."""

    def named(parts: frozenset[Modality] | tuple[Modality, ...]) -> list[str]:
        return [word_for("modality", m, language) for m in Modality if m in parts]

    def shapley(part: Modality) -> str:
        if account is None or part not in account.shapley:
            return "–"
        return ("≠ " if part in account.disagreement else "") + signed(account.shapley[part])

    share = attribution.modality_share
    mark, verdict = "", ""
    if account is not None and account.disagreement:
        parts = listed(named(account.disagreement), language)
        mark, verdict = "≠", say("budget.disagree", language, modalities=parts)
    elif account is not None and len(account.shapley) > 1:  # one part has nothing to share with
        mark, verdict = "=", say("budget.agree", language)
    together = {} if account is None else account.interactions
    return render(
        "case_tab/shares.html",
        language=language,
        head=() if account is None else [say(f"budget.{k}", language) for k in ("part", "path", "shapley")],
        kind="" if account is None else "vb-budget",
        scale=max((abs(v) for v in share.logits.values()), default=0.0),
        rows=[
            (*named((m,)), percent(share.fractions[m]), value, () if account is None else (shapley(m),))
            for m, value in share.logits.items()
        ],
        interactions=[
            (say("budget.interaction", language, parts=" × ".join(named(parts))), value)
            for parts, value in together.items()
        ],
        mark=mark,
        verdict=verdict,
    )
