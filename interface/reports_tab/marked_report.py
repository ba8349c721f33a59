"""A report with its mined labels: every mention marked by colour and sign, with the rule that decided."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from interface.html.fragments import heading, note
from interface.language.texts import Language, say, translated, word_for

if TYPE_CHECKING:
    from modeling.reports.mining import Mention, Miner, ReportLabels
    from modeling.reports.report import Report
    from modeling.reports.scoring import FindingScore, MiningScores

SIGNS = {"positive": "+", "negative": "−", "uncertain": "?", "unmentioned": "↶"}
"""Value -> the sign before a marked word, so that colour alone says nothing."""

ABNORMAL = "abnormal"
SHOWN_DIFFERENCES = 12


def finding_word(name: str, language: Language) -> str:
    """The reader's word for a finding."""
    return word_for("class", name, language) if name != ABNORMAL else say("reports.other", language)


def marked_report(
    report: "Report", labels: "ReportLabels", miner: "Miner", language: Language, *, brief: bool = False
) -> str:
    """Every section with its mentions as spans; the rule shows on hover and on focus.

    Args:
        brief: without the key to the signs.
    """
    read = {name for name, _ in miner.sections_read(report)}
    every = [*labels.mentions(), *labels.abnormal]
    parts = []
    for name, text in report.sections.items():
        inside = [m for m in every if m.section == name]
        title = say(f"reports.section.{name}", language) if name in _SECTIONS else name
        unread = "" if name in read else f" · {say('reports.not_read', language)}"
        body = _marked(text, inside, miner, language).strip()
        parts.append(
            f'<p class="vb-report-part"><small lang="{language}">{escape(title + unread)}</small>{body}</p>'
        )
    key = "" if brief else _key(language)
    notes = "".join(note(translated(told, language), "vb-stopped") for told in labels.notes)
    return f'{notes}<div class="vb-report" lang="en">{"".join(parts)}</div>{key}'


_SECTIONS = ("comparison", "indication", "findings", "impression", "technique", "recommendation", "report")


def _key(language: Language) -> str:
    items = "".join(
        f'<li><span class="vb-said vb-said-{value}"><b aria-hidden="true">{sign}</b>'
        f"{escape(say(f'reports.value.{value}', language))}</span></li>"
        for value, sign in SIGNS.items()
    )
    return f'<ul class="vb-said-key">{items}</ul>'


def _marked(text: str, mentions: "Sequence[Mention]", miner: "Miner", language: Language) -> str:
    """The text with every mention in a span; mentions that overlap share one."""
    pieces, at = [], 0
    for group in _groups(mentions):
        start, end = min(m.start for m in group), max(m.end for m in group)
        pieces.append(escape(text[at:start]))
        lines = [_why(text, m, miner, language) for m in group]
        value = str(group[0].value)
        why = f'<span class="vb-why" role="note" lang="{language}">{"<br>".join(lines)}</span>'
        signs = "".join(dict.fromkeys(SIGNS[m.value] for m in group))
        pieces.append(
            f'<span class="vb-said vb-said-{value}" tabindex="0"><b aria-hidden="true">{signs}</b>'
            f"{escape(text[start:end])}{why}</span>"
        )
        at = end
    pieces.append(escape(text[at:]))
    return "".join(pieces)


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
        return escape(say("reports.why.plain", language, finding=finding, value=value))
    kind = say(f"reports.kind.{miner.rules.rule(mention.rule).kind}", language)
    cue = text[mention.cue_start : mention.cue_end]
    return escape(
        say(
            "reports.why.rule",
            language,
            finding=finding,
            value=value,
            rule=mention.rule,
            kind=kind,
            cue=cue,
        )
    )


def label_table(labels: "ReportLabels", report: "Report", language: Language) -> str:
    """What the report says of each finding that it mentions, with the sentence that decided."""
    rows, silent = [], []
    for name, label in labels.findings.items():
        decided = label.decided_by
        if decided is None:
            silent.append(finding_word(name, language))
            continue
        said = report.sections[decided.section][decided.sentence_start : decided.sentence_end]
        value = str(label.value)
        rows.append(
            f'<tr><th scope="row">{escape(finding_word(name, language))}</th>'
            f'<td><span class="vb-said vb-said-{value}"><b aria-hidden="true">{SIGNS[value]}</b>'
            f"{escape(say(f'reports.value.{value}', language))}</span></td>"
            f'<td lang="en">{escape(said)}</td></tr>'
        )
    if labels.called_normal:
        called = labels.called_normal[0]
        said = report.sections[called.section][called.sentence_start : called.sentence_end]
        word = escape(say("reports.called_normal", language))
        rows.insert(0, f'<tr><th scope="row">{word}</th><td></td><td lang="en">{escape(said)}</td></tr>')
    body = f'<table class="vb-sheet"><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    joined = say("similar.join", language).join(silent)
    rest = note(say("reports.silent", language, findings=joined)) if silent else ""
    return heading("reports.labels", language) + body + rest


# --- what a rule's edit does


def scores_panel(before: "MiningScores", after: "MiningScores", edited: bool, language: Language) -> str:
    """Precision, recall and F1 by finding on the example reports, before and after the edit."""
    from modeling.labels import FINDINGS

    names = [n for n in FINDINGS.classes if before.findings[n].support or _changed(before, after, n)]
    rows = [
        _score_row(finding_word(n, language), before.findings[n], after.findings[n], language) for n in names
    ]
    pooled = [scores.micro(FINDINGS.classes) for scores in (before, after)]
    rows.append(_score_row(say("reports.pooled", language), *pooled, language))
    cells = "".join(
        f'<th scope="col">{escape(say(key, language))}</th>'
        for key in ("reports.finding", "reports.precision", "reports.recall", "reports.f1")
    )
    told = say("reports.scores.edited" if edited else "reports.scores.shipped", language, n=after.reports)
    differing = [d for d in after.differences if d.finding in FINDINGS.classes]
    missed = "".join(
        f"<li>{escape(_difference(d.report_id, d.finding, d.kind, language))}</li>"
        for d in differing[:SHOWN_DIFFERENCES]
    )
    return (
        f'{heading("reports.scores", language)}{note(told)}<div class="vb-sheet-scroll" tabindex="0" '
        f'role="region" aria-label="{escape(say("reports.scores", language))}">'
        f'<table class="vb-sheet"><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        + (f'<ul class="vb-differences">{missed}</ul>' if missed else "")
        + note(say("reports.scores.caution", language))
    )


def _difference(report_id: str, finding: str, kind: str, language: Language) -> str:
    word = say("reports.kind.added" if kind == "false positive" else "reports.kind.missed", language)
    return f"{report_id}: {finding_word(finding, language)} – {word}"


def _changed(before: "MiningScores", after: "MiningScores", name: str) -> bool:
    return before.findings[name] != after.findings[name]


def _score_row(name: str, before: "FindingScore", after: "FindingScore", language: Language) -> str:
    pairs = ((before.precision, after.precision), (before.recall, after.recall), (before.f1, after.f1))
    cells = "".join(f"<td>{_moved(old, new, language)}</td>" for old, new in pairs)
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _moved(before: float, after: float, language: Language) -> str:
    if abs(after - before) < 5e-4:
        return f"{after:.3f}"
    up = after > before
    word = escape(say("reports.up" if up else "reports.down", language))
    kind = "up" if up else "down"
    return (
        f'<span class="vb-moved vb-moved-{kind}">{before:.3f} → <b>{after:.3f}</b> '
        f'<span aria-hidden="true">{"▲" if up else "▼"}</span><span class="vb-unseen">{word}</span></span>'
    )
