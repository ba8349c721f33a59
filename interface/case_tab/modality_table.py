"""What each part of the study contributed: by the path, and by the exact Shapley value beside it."""

from html import escape

from interface.html.bars import bars_table, signed, signed_row
from interface.language.texts import Language, say, word_for
from modeling.results import Attribution, ModalityAccount
from modeling.study import Modality


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
