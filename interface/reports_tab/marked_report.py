"""A report with its mined labels: every mention marked by colour and sign, with the rule that decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from interface.html.codes import code_row, codes
from interface.html.render import render, ui
from interface.language.texts import Language, known, listed, say, translated, word_for
from modeling.errors import CheckpointError
from modeling.findings.placing import placed_unless_named, reader_or_none

if TYPE_CHECKING:
    from modeling.reports.mining import Mention, Miner, ReportLabels
    from modeling.reports.report import Report
    from modeling.reports.scoring import MiningScores

SIGNS = {"positive": "+", "negative": "−", "uncertain": "?", "unmentioned": "↶"}
"""Value -> the sign before a marked word, so that colour alone says nothing."""

ABNORMAL = "abnormal"
SHOWN_DIFFERENCES = 12


def finding_word(name: str, language: Language) -> str:
    """The reader's word for a finding."""
    return word_for("class", name, language) if name != ABNORMAL else say("reports.other", language)


@dataclass(frozen=True)
class Piece:
    """A stretch of a report, and for its mentions (overlapping ones share it) value, signs and rules."""

    text: str
    value: str = ""
    signs: str = ""
    why: tuple[str, ...] = ()


def marked_report(
    report: "Report", labels: "ReportLabels", miner: "Miner", language: Language, *, brief: bool = False
) -> Markup:
    """Every section with its mentions as spans, and their rules on hover and focus; `brief` has no key."""
    read = {name for name, _ in miner.sections_read(report)}
    every = [*labels.mentions(), *labels.abnormal]
    sections = [
        {
            "title": say(f"reports.section.{name}", language) if known(f"reports.section.{name}") else name,
            "read": name in read,
            "pieces": list(_pieces(text, [m for m in every if m.section == name], miner, language)),
        }
        for name, text in report.sections.items()
    ]
    shown = {"sections": sections, "notes": labels.notes, "signs": {} if brief else SIGNS}
    return render("reports_tab/marked_report.html", language=language, **shown)


def _pieces(
    text: str, mentions: "Sequence[Mention]", miner: "Miner", language: Language
) -> "Iterator[Piece]":
    at, last = len(text) - len(text.lstrip()), len(text.rstrip())
    for group in _groups(mentions):
        start, end = min(m.start for m in group), max(m.end for m in group)
        yield Piece(text[at:start])
        signs = "".join(dict.fromkeys(SIGNS[m.value] for m in group))
        why = tuple(_why(text, m, miner, language) for m in group)
        yield Piece(text[start:end], str(group[0].value), signs, why)
        at = end
    yield Piece(text[at:last])


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


def label_table(labels: "ReportLabels", report: "Report", language: Language) -> Markup:
    """Each finding that the report mentions, its value, and the sentence that decided."""

    def sentence(mention: "Mention") -> str:
        return report.sections[mention.section][mention.sentence_start : mention.sentence_end]

    decided = {finding_word(name, language): label for name, label in labels.findings.items()}
    silent = [finding for finding, label in decided.items() if label.decided_by is None]
    return render(
        "reports_tab/labels.html",
        language=language,
        signs=SIGNS,
        rows=[
            (finding, str(label.value), sentence(label.decided_by))
            for finding, label in decided.items()
            if label.decided_by is not None
        ],
        called_normal=sentence(labels.called_normal[0]) if labels.called_normal else "",
        silent=listed(silent, language),
        codes=codes((n for n, label in labels.findings.items() if label.decided_by is not None), language),
    )


def further_panel(report: "Report", classifier: Path | None, language: Language) -> Markup:
    """Findings beyond the 14 that the classifier reads in a report, each with the sentence that says so.

    Empty without a classifier; a classifier that cannot be opened is told in its place.
    """
    if classifier is None:
        return Markup("")
    from modeling.findings.reader import reader_at

    try:
        reader = reader_at(classifier)
    except CheckpointError as exc:
        return ui().note(translated(exc.sentence, language), "vb-stopped")
    rows = [
        code_row(one.finding.name, one.finding, language)
        | {"sentence": report.sections[one.section][one.start : one.end], "band": one.band}
        for one in reader.read(report)
        if not one.finding.nih
    ]
    known = sum(not finding.nih for finding in reader.findings)
    shown = {"rows": rows, "record": reader.record, "known": known}
    return render("reports_tab/further.html", language=language, **shown)


def placed_panel(
    text: str, labels: "ReportLabels", language: Language, classifier: Path | None = None
) -> Markup:
    """What a few words are like that name none of the mined findings; empty for any other text."""
    rows = [
        code_row(one.finding.name, one.finding, language) | {"likeness": one.likeness}
        for one in placed_unless_named(text, labels, reader_or_none(classifier))
    ]
    return render("reports_tab/placed.html", language=language, rows=rows) if rows else Markup("")


def scores_panel(before: "MiningScores", after: "MiningScores", edited: bool, language: Language) -> Markup:
    """Precision, recall and F1 by finding on the example reports, before and after a rule's edit."""
    from modeling.labels import FINDINGS

    rows = [
        (finding_word(name, language), before.findings[name], after.findings[name])
        for name in FINDINGS.classes
        if before.findings[name].support or before.findings[name] != after.findings[name]
    ]
    pooled = (scores.micro(FINDINGS.classes) for scores in (before, after))
    differing = [d for d in after.differences if d.finding in FINDINGS.classes]
    return render(
        "reports_tab/scores.html",
        language=language,
        edited=edited,
        reports=after.reports,
        rows=[*rows, (say("reports.pooled", language), *pooled)],
        differences=[
            f"{d.report_id}: {finding_word(d.finding, language)} – "
            + say("reports.kind.added" if d.kind == "false positive" else "reports.kind.missed", language)
            for d in differing[:SHOWN_DIFFERENCES]
        ],
    )
