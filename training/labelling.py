"""Mine labels from reports, and score them where there are gold labels: what `viewbox mine` does."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modeling.findings.knowledge import code_of, knowledge
from modeling.findings.reader import FindingReader, Said, said_json
from modeling.labels import FINDINGS
from modeling.reports.mining import Mention, Miner, ReportLabels
from modeling.reports.pointing import sentences_json
from modeling.reports.reading import read_reports
from modeling.reports.report import Report, blank_markup
from modeling.reports.rules import DEFAULT_RULES, RuleSet
from modeling.reports.scoring import (
    COMPARED,
    MiningScores,
    Reliability,
    bundled_reliability,
    compare,
    part_of,
    read_gold,
    with_gold,
)
from training.text_only import compare_sources, source_table

SHOWN_FURTHER = 20
"""Findings of the classifier that are counted line by line."""


def label_rows(
    report: Report, labels: ReportLabels, miner: Miner, reliability: Reliability
) -> dict[str, Any]:
    """One report for a JSON file: each label with what decided it, and what each sentence points at."""
    weak = reliability.weak_labels(labels)
    rows = {
        name: {
            "value": label.value.value,
            "positive": miner.positive(labels, name),
            "probability": round(weak[name].probability, 4),
            "weight": round(weak[name].weight, 4),
            "icd10cm": code_of(name),
            **({} if label.decided_by is None else _decision(report, label.decided_by)),
        }
        for name, label in labels.findings.items()
    }
    answer = {"report_id": report.report_id, "normal": labels.normal, "labels": rows}
    answer["sentences"] = sentences_json(report, miner)
    return answer | ({"notes": list(labels.notes)} if labels.notes else {})


def _decision(report: Report, decided: Mention) -> dict[str, Any]:
    text = report.sections[decided.section]
    return {
        "rule": decided.rule,
        "section": decided.section,
        "sentence": blank_markup(text)[decided.sentence_start : decided.sentence_end],
        "span": [decided.start, decided.end],
        "text": text[decided.start : decided.end],
    }


def score_rows(scores: MiningScores) -> dict[str, Any]:
    """Scores for a JSON file."""
    micro, shares = scores.micro(), ("precision", "recall", "f1")
    counts = ("support", "true_positives", "false_positives", "false_negatives")
    findings = {
        name: {key: round(getattr(score, key), 4) for key in shares}
        | {key: getattr(score, key) for key in counts}
        for name, score in scores.findings.items()
    }
    return {
        "reports": scores.reports,
        **{f"micro_{key}": round(getattr(micro, key), 4) for key in shares},
        "macro_f1": round(scores.macro_f1(), 4),
        "macro_f1_absent_as_zero": round(scores.macro_f1(absent_as_zero=True), 4),
        "findings": findings,
    }


def score_table(title: str, scores: MiningScores) -> str:
    """Scores as lines to read."""
    lines = [f"{title}: {scores.reports} reports"]
    lines.append(f"{'':20}{'precision':>10}{'recall':>8}{'F1':>8}{'reports':>9}")
    for name in COMPARED:
        score = scores.findings[name]
        numbers = f"{score.precision:>10.3f}{score.recall:>8.3f}{score.f1:>8.3f}{score.support:>9}"
        absent = "" if score.support else "   (in no gold report: left out of the mean)"
        lines.append(f"{name:20}{numbers}{absent}")
    last = "micro F1 over the 8 of ChestX-ray8 {micro_f1:.3f} (precision {micro_precision:.3f}, recall"
    last += " {micro_recall:.3f}), macro F1 {macro_f1:.3f}"
    return "\n".join([*lines, last.format(**score_rows(scores))])


def _counts_table(mined: Sequence[ReportLabels]) -> str:
    row, states = "{:20}{:>9}{:>10}{:>9}{:>12}", ("positive", "uncertain", "negative", "unmentioned")
    lines = [row.format("", *states)]
    for name in FINDINGS.classes:
        counts = Counter(labels.value(name).value for labels in mined)
        lines.append(row.format(name, *(counts[state] for state in states)))
    noted = sum(bool(labels.notes) for labels in mined)
    lines.append(f"normal: {sum(labels.normal for labels in mined)}; reports with a warning: {noted}")
    return "\n".join(lines)


def further_line(counts: Mapping[str, int]) -> str:
    """What the classifier reads in how many reports, the commonest first; the 14 mined ones are left out."""
    known = {str(f.name) for f in knowledge().findings.values() if not f.nih}
    rows = sorted(
        ((n, name) for name, n in counts.items() if name in known), key=lambda row: (-row[0], row[1])
    )
    told = ", ".join(f"{name} {n}" for n, name in rows[:SHOWN_FURTHER]) or "none"
    more = f", and {len(rows) - SHOWN_FURTHER} others" if len(rows) > SHOWN_FURTHER else ""
    return f"further findings, read by a classifier: {told}{more}"


@dataclass(frozen=True, eq=False)
class Mined:
    """Reports with what was mined from them, how long it took, and what gold labels say of it."""

    reports: Sequence[Report]
    labels: Sequence[ReportLabels]
    miner: Miner
    seconds: float  # of the mining alone
    cpu_seconds: float  # of the mining alone
    further: Sequence[Sequence[Said]] = ()  # what the classifier reads in each report, where there is one
    scores: dict[str, MiningScores] = field(default_factory=dict)  # part of the gold reports -> scores
    weak: dict[str, Any] | None = None  # the small text model on both kinds of labels, where it was asked for


def mine(
    reports_at: Path,
    *,
    rules: Path = DEFAULT_RULES,
    text_column: str = "",
    classifier: Path | None = None,
    gold_at: Path | None = None,
    split: bool = False,
    weak: bool = False,
    fit_reliability: Path | None = None,
) -> Mined:
    """Mine reports: the Open-i archive, a folder of XML or text files, one such file, or a table.

    `classifier`: folder of `modeling.findings.reader`. `gold_at`: CSV of gold labels to score against.
    `split`: score their tuning and held-out parts apart.
    `weak`: see `compare_sources`. `fit_reliability`: file to write how far each rule is right on the tuning
    part.

    Raises:
        ViewboxError: reports, rules or gold labels cannot be read, or do not go together.
    """
    miner, reports = Miner(RuleSet.load(rules)), read_reports(reports_at, text_column)
    gold = read_gold(gold_at) if gold_at else {}
    if gold_at:
        with_gold(reports, gold)  # a gold file for other reports is told before any work
    start, start_work = time.perf_counter(), time.process_time()
    labels = miner.label_all(reports)
    seconds, work = time.perf_counter() - start, time.process_time() - start_work
    further = [] if classifier is None else [FindingReader.load(classifier).read_all(reports)]
    mined = Mined(reports, labels, miner, seconds, work, *further)
    if not gold_at:
        return mined
    chosen = [one for one in labels if one.report_id in gold]
    parts = {part: [m for m in chosen if part_of(m.report_id) == part] for part in ("tuning", "held-out")}
    scores = {"all": compare(miner, chosen, gold)}
    if split:
        scores |= {part: compare(miner, rows, gold) for part, rows in parts.items()}
    if fit_reliability:
        Reliability.fit(parts["tuning"], gold).save(fit_reliability)
    compared = compare_sources(reports, labels, gold, miner) if weak else None
    return replace(mined, scores=scores, weak=compared)


def as_json(mined: Mined) -> dict[str, Any]:
    """Every label, span and score as JSON types."""
    reliability, number = bundled_reliability(), len(mined.labels)
    pairs = zip(mined.reports, mined.labels, strict=True)
    data: dict[str, Any] = {
        "reports_per_second": round(number / max(1e-9, mined.seconds)),
        "reports_per_cpu_second": round(number / max(1e-9, mined.cpu_seconds)),
        "reports": [label_rows(report, labels, mined.miner, reliability) for report, labels in pairs],
    }
    for row, report, said in zip(data["reports"], mined.reports, mined.further, strict=False):
        row["further"] = said_json(said, report)
    if mined.scores:
        data["scores"] = {part: score_rows(scores) for part, scores in mined.scores.items()}
    return data | ({} if mined.weak is None else {"weak_against_gold": mined.weak})


def as_text(mined: Mined) -> str:
    """Counts and scores as lines to read."""
    number = len(mined.labels)
    parts = [
        f"{number} reports mined in {mined.seconds:.2f} s ({number / max(1e-9, mined.seconds):.0f} a second)"
    ]
    parts.append(_counts_table(mined.labels))
    if mined.further:
        parts.append(further_line(Counter(str(one.finding.name) for said in mined.further for one in said)))
    parts += [score_table(part, scores) for part, scores in mined.scores.items()]
    if mined.weak is not None:
        parts.append(source_table(mined.weak))
    return "\n\n".join(parts)
