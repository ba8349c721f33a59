"""Mine labels from reports: `python -m training.labelling REPORTS [--gold CSV] [--json]`.

REPORTS is the Open-i archive, a folder of XML or text files, one such file, or a table. With `--gold` the
labels are scored; `--split` scores the tuning and the held-out part of the gold reports apart; `--weak`
trains the same small text model on gold and on mined labels and tests both on the same held-out reports.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels
from modeling.reports.reading import read_reports
from modeling.reports.reliability import BUNDLED, Reliability, bundled_reliability
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


def _scores(options: argparse.Namespace, miner: Miner, mined: list[ReportLabels]) -> dict[str, MiningScores]:
    gold = read_gold(options.gold)
    chosen = [labels for labels in mined if labels.report_id in gold]
    scores = {"all": compare(miner, chosen, gold)}
    if options.split:
        for part in ("tuning", "held-out"):
            scores[part] = compare(miner, [m for m in chosen if part_of(m.report_id) == part], gold)
    return scores


def _run(options: argparse.Namespace) -> dict[str, Any]:
    miner = Miner(RuleSet.load(options.rules))
    reports = read_reports(options.reports, options.text_column)
    if options.gold:
        with_gold(reports, read_gold(options.gold))  # a gold file for other reports is told before any work
    start, start_work = time.perf_counter(), time.process_time()
    mined = miner.label_all(reports)
    seconds, work = time.perf_counter() - start, time.process_time() - start_work
    answer: dict[str, Any] = {
        "seconds": seconds,
        "cpu_seconds": work,
        "reports": reports,
        "mined": mined,
        "miner": miner,
    }
    if options.gold:
        answer["scores"] = _scores(options, miner, mined)
        gold = read_gold(options.gold)
        if options.weak:
            from training.weak_labels import compare_sources

            answer["weak"] = compare_sources(reports, mined, gold, miner)
        if options.fit_reliability:
            tuning = [m for m in mined if m.report_id in gold and part_of(m.report_id) == "tuning"]
            Reliability.fit(tuning, gold).save(options.fit_reliability)
    return answer


def _as_json(answer: dict[str, Any]) -> str:
    reliability = bundled_reliability()
    pairs = zip(answer["reports"], answer["mined"], strict=True)
    number = len(answer["mined"])
    data: dict[str, Any] = {
        "reports_per_second": round(number / max(1e-9, answer["seconds"])),
        "reports_per_cpu_second": round(number / max(1e-9, answer["cpu_seconds"])),
        "reports": [label_rows(report, labels, answer["miner"], reliability) for report, labels in pairs],
    }
    if "scores" in answer:
        data["scores"] = {part: score_rows(scores) for part, scores in answer["scores"].items()}
    if "weak" in answer:
        data["weak_against_gold"] = answer["weak"]
    return json.dumps(data, ensure_ascii=False)


def _as_text(answer: dict[str, Any]) -> str:
    number, seconds = len(answer["mined"]), answer["seconds"]
    parts = [f"{number} reports mined in {seconds:.2f} s ({number / max(1e-9, seconds):.0f} a second)"]
    parts.append(_counts_table(answer["mined"]))
    parts += [score_table(part, scores) for part, scores in answer.get("scores", {}).items()]
    if "weak" in answer:
        from training.weak_labels import source_table

        parts.append(source_table(answer["weak"]))
    return "\n\n".join(parts)


def _say(answer: str) -> None:
    """Print, and end quietly where nobody reads on, as in `... --json | head`."""
    try:
        print(answer, flush=True)
    except BrokenPipeError:
        # At exit Python empties standard output once more, and would complain of the same pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: Sequence[str] | None = None) -> int:
    """Mine, and where there are gold labels score; 0 on success, 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m training.labelling", description=__doc__)
    parser.add_argument("reports", type=Path, help="Open-i archive, folder, XML or text file, or table")
    parser.add_argument("--gold", type=Path, help="CSV with filename, the findings and normal as 0 and 1")
    parser.add_argument("--rules", type=Path, default=DEFAULT_RULES, help="another rule file")
    parser.add_argument("--text-column", default="", help="the column that holds the report")
    parser.add_argument("--split", action="store_true", help="score the tuning and the held-out part apart")
    parser.add_argument("--weak", action="store_true", help="train on mined and on gold labels and compare")
    parser.add_argument("--fit-reliability", type=Path, help=f"count rules against gold, as {BUNDLED.name}")
    parser.add_argument("--json", action="store_true", help="every label, span and score as JSON")
    options = parser.parse_args(arguments)
    try:
        if not options.gold and (options.split or options.weak or options.fit_reliability):
            raise ViewboxError("Name the gold labels with --gold to score, split or compare.")
        answer = _run(options)
        _say(_as_json(answer) if options.json else _as_text(answer))
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
