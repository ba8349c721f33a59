"""Mine labels from reports, and score them where there are gold labels: what `viewbox mine` does."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels
from modeling.reports.reading import read_reports
from modeling.reports.reliability import Reliability, bundled_reliability
from modeling.reports.report import Report, blank_markup
from modeling.reports.rules import DEFAULT_RULES, RuleSet
from modeling.reports.scoring import COMPARED, MiningScores, compare, part_of, read_gold, with_gold


def label_rows(
    report: Report, labels: ReportLabels, miner: Miner, reliability: Reliability
) -> dict[str, Any]:
    """One report's labels for a JSON file: value, yes or no, and the sentence, span and rule that decided."""
    weak = reliability.weak_labels(labels)
    rows: dict[str, Any] = {}
    for name, label in labels.findings.items():
        row: dict[str, Any] = {
            "value": label.value.value,
            "positive": miner.positive(labels, name),
            "probability": round(weak[name].probability, 4),
            "weight": round(weak[name].weight, 4),
        }
        decided = label.decided_by
        if decided is not None:
            text = report.sections[decided.section]
            row |= {
                "rule": decided.rule,
                "section": decided.section,
                "sentence": blank_markup(text)[decided.sentence_start : decided.sentence_end],
                "span": [decided.start, decided.end],
                "text": text[decided.start : decided.end],
            }
        rows[name] = row
    answer = {"report_id": report.report_id, "normal": labels.normal, "labels": rows}
    return answer | ({"notes": list(labels.notes)} if labels.notes else {})


def score_rows(scores: MiningScores) -> dict[str, Any]:
    """Scores for a JSON file."""
    micro = scores.micro()
    findings = {
        name: {
            "precision": round(score.precision, 4),
            "recall": round(score.recall, 4),
            "f1": round(score.f1, 4),
            "support": score.support,
            "true_positives": score.true_positives,
            "false_positives": score.false_positives,
            "false_negatives": score.false_negatives,
        }
        for name, score in scores.findings.items()
    }
    return {
        "reports": scores.reports,
        "micro_precision": round(micro.precision, 4),
        "micro_recall": round(micro.recall, 4),
        "micro_f1": round(micro.f1, 4),
        "macro_f1": round(scores.macro_f1(), 4),
        "macro_f1_absent_as_zero": round(scores.macro_f1(absent_as_zero=True), 4),
        "findings": findings,
    }


def score_table(title: str, scores: MiningScores) -> str:
    """Scores as lines to read."""
    rows = score_rows(scores)
    lines = [f"{title}: {scores.reports} reports"]
    lines.append(f"{'':20}{'precision':>10}{'recall':>8}{'F1':>8}{'reports':>9}")
    for name in COMPARED:
        score = scores.findings[name]
        numbers = f"{score.precision:>10.3f}{score.recall:>8.3f}{score.f1:>8.3f}{score.support:>9}"
        absent = "" if score.support else "   (in no gold report: left out of the mean)"
        lines.append(f"{name:20}{numbers}{absent}")
    lines.append(
        f"micro F1 over the 8 of ChestX-ray8 {rows['micro_f1']:.3f} "
        f"(precision {rows['micro_precision']:.3f}, recall {rows['micro_recall']:.3f}), "
        f"macro F1 {rows['macro_f1']:.3f}"
    )
    return "\n".join(lines)


def _counts_table(mined: Sequence[ReportLabels]) -> str:
    lines = [f"{'':20}{'positive':>9}{'uncertain':>10}{'negative':>9}{'unmentioned':>12}"]
    for name in FINDINGS.classes:
        counts = Counter(labels.value(name).value for labels in mined)
        cells = (counts["positive"], counts["uncertain"], counts["negative"], counts["unmentioned"])
        lines.append("{:20}{:>9}{:>10}{:>9}{:>12}".format(name, *cells))
    noted = sum(bool(labels.notes) for labels in mined)
    lines.append(f"normal: {sum(labels.normal for labels in mined)}; reports with a warning: {noted}")
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Mined:
    """Reports with what was mined from them, how long it took, and what gold labels say of it.

    Attributes:
        seconds, cpu_seconds: of the mining alone.
        scores: part of the gold reports -> scores; empty without gold labels.
        weak: the small text model on gold and on mined labels, where it was asked for.
    """

    reports: Sequence[Report]
    labels: Sequence[ReportLabels]
    miner: Miner
    seconds: float
    cpu_seconds: float
    scores: dict[str, MiningScores] = field(default_factory=dict)
    weak: dict[str, Any] | None = None


def mine(
    reports_at: Path,
    *,
    rules: Path = DEFAULT_RULES,
    text_column: str = "",
    gold_at: Path | None = None,
    split: bool = False,
    weak: bool = False,
    fit_reliability: Path | None = None,
) -> Mined:
    """Mine reports.

    Args:
        reports_at: the Open-i archive, a folder of XML or text files, one such file, or a table.
        gold_at: CSV of gold labels to score against.
        split: score the tuning and the held-out part of the gold reports apart.
        weak: train the same small text model on gold and on mined labels, and test both on the same held-out
            reports.
        fit_reliability: file to write how far each rule is right on the tuning part.

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
    scores, compared = {}, None
    if gold_at:
        chosen = [one for one in labels if one.report_id in gold]
        parts = {part: [m for m in chosen if part_of(m.report_id) == part] for part in ("tuning", "held-out")}
        scores = {"all": compare(miner, chosen, gold)}
        if split:
            scores |= {part: compare(miner, mined, gold) for part, mined in parts.items()}
        if weak:
            from training.weak_labels import compare_sources

            compared = compare_sources(reports, labels, gold, miner)
        if fit_reliability:
            Reliability.fit(parts["tuning"], gold).save(fit_reliability)
    return Mined(reports, labels, miner, seconds, work, scores, compared)


def as_json(mined: Mined) -> dict[str, Any]:
    """Every label, span and score as JSON types."""
    reliability, number = bundled_reliability(), len(mined.labels)
    pairs = zip(mined.reports, mined.labels, strict=True)
    data: dict[str, Any] = {
        "reports_per_second": round(number / max(1e-9, mined.seconds)),
        "reports_per_cpu_second": round(number / max(1e-9, mined.cpu_seconds)),
        "reports": [label_rows(report, labels, mined.miner, reliability) for report, labels in pairs],
    }
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
    parts += [score_table(part, scores) for part, scores in mined.scores.items()]
    if mined.weak is not None:
        from training.weak_labels import source_table

        parts.append(source_table(mined.weak))
    return "\n\n".join(parts)
