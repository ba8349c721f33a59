"""Which decides better and faster what is said of a finding: our rules, or a clinical NLP library?

`python -m tests.benchmarks.compare_context_libraries REPORTS GOLD [--library medspacy|negspacy]`, in
an environment that has the library (none of them is needed by Viewbox). Every row gets the same mentions,
found by our finding phrases, so that only the context differs; the libraries come with the rules that they
ship. Times are of whole pipelines.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modeling.reports.mining import FindingLabel, Mention, Miner, ReportLabels, Value, finding_label
from modeling.reports.reading import read_reports
from modeling.reports.report import Report
from modeling.reports.scoring import MiningScores, compare, part_of, read_gold

Judge = Callable[[Any], Value]


def medspacy_pipeline() -> tuple[Any, Judge]:
    """ConText with the rules that medspaCy ships, PyRuSH sentences, no statistical model."""
    import medspacy  # noqa: F401  (registers its components)
    import spacy
    from loguru import logger

    logger.disable("PyRuSH")  # its debug lines, on by default, would be most of the time measured

    nlp = spacy.blank("en")
    nlp.add_pipe("medspacy_pyrush")
    nlp.add_pipe("given_mentions")
    nlp.add_pipe("medspacy_context")

    def judge(span: Any) -> Value:
        if span._.is_negated:
            return Value.NEGATIVE
        if span._.is_historical or span._.is_hypothetical or span._.is_family:
            return Value.UNMENTIONED
        return Value.UNCERTAIN if span._.is_uncertain else Value.POSITIVE

    return nlp, judge


def negspacy_pipeline() -> tuple[Any, Judge]:
    """NegEx as negspaCy ships it (`en_clinical`): negation only."""
    import spacy
    from negspacy.negation import Negex  # noqa: F401  (registers its component)

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("given_mentions")
    nlp.add_pipe("negex")
    return nlp, lambda span: Value.NEGATIVE if span._.negex else Value.POSITIVE


PIPELINES = {"medspacy": medspacy_pipeline, "negspacy": negspacy_pipeline}


def register_mentions(miner: Miner) -> None:
    """A spaCy component that makes entities of our phrases."""
    from spacy.language import Language
    from spacy.util import filter_spans

    names = {rule.finding for rule in miner.rules.findings}

    @Language.component("given_mentions")
    def given_mentions(doc: Any) -> Any:
        hits = [hit for hit in miner.named(doc.text) if hit.owner in names]
        spans = [doc.char_span(h.start, h.end, h.owner, alignment_mode="expand") for h in hits]
        doc.ents = filter_spans([span for span in spans if span is not None])
        return doc


def label_with(nlp: Any, judge: Judge, reports: list[Report], miner: Miner) -> list[ReportLabels]:
    """Labels by a library's context over the same sections."""
    answer = []
    for report in reports:
        mentions: dict[str, list[Mention]] = {rule.finding: [] for rule in miner.rules.findings}
        for section, text in miner.sections_read(report):
            for span in nlp(text).ents:
                place = (span.start_char, span.end_char)
                mentions[span.label_].append(Mention(span.label_, judge(span), section, *place, *place))
        findings: dict[str, FindingLabel] = {
            name: finding_label(name, found) for name, found in mentions.items()
        }
        answer.append(ReportLabels(report.report_id, findings, normal=False))
    return answer


def row(name: str, scores: MiningScores, speed: float) -> str:
    """One line of the table."""
    micro = scores.micro()
    shown = (micro.precision, micro.recall, micro.f1, scores.macro_f1())
    return f"{name:30}" + "".join(f"{value:>10.3f}" for value in shown) + f"{speed:>15.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--library", choices=sorted(PIPELINES), default="medspacy")
    options = parser.parse_args()
    gold, miner = read_gold(options.gold), Miner()
    labelled = [r for r in read_reports(options.reports) if r.report_id in gold]
    held = [r for r in labelled if part_of(r.report_id) == "held-out"]
    columns = ("precision", "recall", "F1", "macro F1")
    print(
        f"{len(held)} held-out reports".ljust(30) + "".join(f"{c:>10}" for c in columns) + "  reports/CPU s"
    )
    start = time.process_time()
    mined = miner.label_all(held)
    print(row("our rules", compare(miner, mined, gold), len(held) / (time.process_time() - start)))
    register_mentions(miner)
    nlp, judge = PIPELINES[options.library]()
    start = time.process_time()
    mined = label_with(nlp, judge, held, miner)
    speed = len(held) / (time.process_time() - start)
    print(row(f"{options.library}, uncertain is no", compare(miner, mined, gold), speed))
    as_yes = [_uncertain_as_yes(labels) for labels in mined]
    print(row(f"{options.library}, uncertain is yes", compare(miner, as_yes, gold), speed))


def _uncertain_as_yes(labels: ReportLabels) -> ReportLabels:
    yes = {
        name: FindingLabel(name, Value.POSITIVE, label.mentions) if label.value == Value.UNCERTAIN else label
        for name, label in labels.findings.items()
    }
    return ReportLabels(labels.report_id, yes, labels.normal)


if __name__ == "__main__":
    main()
