"""What was mined from a report: a table of labels, what unknown words are like, and how rules score."""

from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from interface.html.codes import code_row, codes
from interface.html.marked_report import SIGNS, finding_word
from interface.html.render import render, ui
from interface.language.texts import Language, listed, say, translated
from modeling.errors import CheckpointError, ViewboxError
from modeling.findings.placing import placed_unless_named, reader_or_none

if TYPE_CHECKING:
    from modeling.reports.mining import Mention, ReportLabels
    from modeling.reports.report import Report
    from modeling.reports.scoring import MiningScores

SHOWN_DIFFERENCES = 12


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
    read = {row["band"] for row in rows}
    measured = {band: one["precision"] for band, one in reader.record.items() if band in read}
    shown = {"rows": rows, "measured": measured, "known": known}
    return render("reports_tab/further.html", language=language, **shown)


def placed_panel(
    text: str, labels: "ReportLabels", language: Language, classifier: Path | None = None
) -> Markup:
    """What a few words are like that name none of the mined findings; empty for any other text."""
    found = placed_unless_named(text, labels, reader_or_none(classifier))
    if not found:
        return Markup("")
    refused = isinstance(found, ViewboxError)
    rows = (
        []
        if refused
        else [code_row(p.finding.name, p.finding, language) | {"likeness": p.likeness} for p in found]
    )
    refusal = translated(found.sentence, language) if refused else ""
    return render("reports_tab/placed.html", language=language, rows=rows, refusal=refusal)


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
