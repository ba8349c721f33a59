"""How much a finding can be read off the text alone: what `viewbox text-only` measures.

Labels are the index terms of the same reports (Open-i's MeSH headings, as in TieNet, Wang et al. 2018). The
whole report says what its indexer read, so its number is a leak and no skill; the indication was written
before the film was read, and its number is what text can honestly add. The model is TF-IDF with one logistic
regression a finding, tested by five-fold cross-validation over reports.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evaluation.metrics.bootstrap import bracketed
from evaluation.metrics.many_labels import mean_metrics
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels
from modeling.reports.reading import ReportError
from modeling.reports.report import Report
from modeling.reports.scoring import Gold, WeakLabel, cross_fitted, part_of
from training.corpora.reports import FOLDS, fold_of, indexed

FEWEST = 2 * FOLDS
"""A finding with fewer reports that have it (or lack it) is left out."""

READINGS = {"whole report": ("indication", "findings", "impression"), "indication only": ("indication",)}


def measure(reports: Sequence[Report]) -> dict[str, Any]:
    """Mean AUROC and average precision with 95 % intervals over reports, for each reading and finding.

    Raises:
        ReportError: too few reports have index terms that name a finding.
    """
    truth = np.array([indexed(report) for report in reports])
    counts = truth.sum(axis=0)
    most = len(reports) - FEWEST
    tested = np.flatnonzero((counts >= FEWEST) & (counts <= most))
    if not len(tested):
        raise ReportError("Too few reports have index terms that name a finding; give more of Open-i.")
    folds = np.array([fold_of(report.report_id) for report in reports])
    names, known = [FINDINGS.classes[k] for k in tested], truth[:, tested]
    readings = {}
    for name, sections in READINGS.items():
        scores = _out_of_fold([report.text(sections) for report in reports], known, folds)
        by_finding = {
            finding: mean_metrics(known[:, [k]], scores[:, [k]])["mean_auroc"]
            for k, finding in enumerate(names)
        }
        readings[name] = mean_metrics(known, scores) | {"auroc": by_finding}
    positives = dict(zip(names, counts[tested].tolist(), strict=True))
    return {"reports": len(reports), "positives": positives, "readings": readings}


def _out_of_fold(texts: Sequence[str], truth: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) log odds of every report by the model that did not see it."""
    scores, words = np.zeros(truth.shape), np.array(texts, object)
    for fold in range(FOLDS):
        test = folds == fold
        scores[test] = tfidf_scores(words[~test], truth[~test], words[test])
    return scores


def tfidf_scores(train: Sequence[str], labels: np.ndarray, test: Sequence[str]) -> np.ndarray:
    """(M, K) log odds of M texts by TF-IDF and a logistic regression a finding, from N texts and labels.

    0 where the texts to learn from teach nothing of a finding.

    Raises:
        ReportError: the texts share too few words.
    """
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    try:
        train_words = words.fit_transform(train)
    except ValueError as exc:  # sklearn's word for: nothing is left
        raise ReportError("The reports share too few words to learn from; give more of them.") from exc
    test_words, scores = words.transform(test), np.zeros((len(test), labels.shape[1]))
    for own, column in zip(labels.T, scores.T, strict=True):
        if own.any() and not own.all():
            model = LogisticRegression(C=10.0, class_weight="balanced", solver="liblinear")
            column[:] = model.fit(train_words, own).decision_function(test_words)
    return scores


def table(answer: dict[str, Any]) -> str:
    """The measurement as lines to read, the leak called what it is."""
    lines = [f"{answer['reports']} reports, {len(answer['positives'])} findings, five-fold cross-validation"]
    remarks = {"whole report": "a leak: the labels were read off it", "indication only": "before the reading"}
    for name, row in answer["readings"].items():
        mean = bracketed(row["mean_auroc"], row["mean_auroc_interval"])
        lines.append(f"{name:16} mean AUROC {mean}  {remarks[name]}")
        lines.append("    " + ", ".join(f"{finding} {value:.3f}" for finding, value in row["auroc"].items()))
    return "\n".join(lines)


# --- mined labels against gold ones, for the same small model


FEWEST_POSITIVES = 5
"""A finding with fewer held-out reports is left out: its AUROC would be chance."""

Target = tuple[int, float]
"""(yes or no, weight)."""


@dataclass(frozen=True, eq=False)
class _Labels:
    """The labels of each source, by report ID and finding."""

    gold: Gold
    mined: Mapping[str, ReportLabels]
    weak: Mapping[str, Mapping[str, WeakLabel]]
    miner: Miner

    def by_people(self, report_id: str, finding: str) -> Target:
        return int(self.gold[report_id][finding]), 1.0

    def by_rules(self, report_id: str, finding: str) -> Target:
        return int(self.miner.positive(self.mined[report_id], finding)), 1.0

    def weighted(self, report_id: str, finding: str) -> Target:
        label = self.weak[report_id][finding]
        return label.target, max(label.weight, 1e-3)

    def mentioned(self, report_id: str, finding: str) -> Target:
        """Any mention at all counts: what a miner without context would say."""
        return int(bool(self.mined[report_id].findings[finding].mentions)), 1.0


def compare_sources(
    reports: Sequence[Report], mined: Sequence[ReportLabels], gold: Gold, miner: Miner
) -> dict[str, Any]:
    """Train the small model on each label source, test it on the held-out gold reports.

    It reads the text that the labels were mined from, so its numbers compare label sources; they say nothing
    of films. `miner`: what mined them; it knows which doubts count as yes. `sources`: name -> reports, mean
    AUROC and average precision with 95 % bootstrap intervals over reports; `brier` of yes/no and probability.
    """
    marked = [r for r in reports if r.report_id in gold]
    test, tuning = ([r for r in marked if part_of(r.report_id) == part] for part in ("held-out", "tuning"))
    every = [r for r in reports if r.report_id not in gold] + tuning
    by_id = {labels.report_id: labels for labels in mined}
    tuning_gold = {r.report_id: gold[r.report_id] for r in tuning}
    said = _Labels(gold, by_id, cross_fitted([by_id[r.report_id] for r in every + test], tuning_gold), miner)
    findings = _tested(test, tuning, gold)
    sources = {
        "gold labels": (tuning, said.by_people),
        "mined, same reports": (tuning, said.by_rules),
        "mined, all other reports": (every, said.by_rules),
        "mined with weights, same reports": (tuning, said.weighted),
        "mined with weights, all other reports": (every, said.weighted),
        "any mention, no context, same reports": (tuning, said.mentioned),
    }
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True).fit(map(_text, every))
    truth = np.array([[gold[r.report_id][f] for f in findings] for r in test])
    rows = {}
    for name, (chosen, target) in sources.items():
        scores = _train_and_score(words, chosen, target, findings, test)
        rows[name] = {"reports": len(chosen), **mean_metrics(truth, scores)}
    brier = _brier(said, [r.report_id for r in test], findings)
    return {"findings": findings, "test_reports": len(test), "sources": rows, "brier": brier}


def _text(report: Report) -> str:
    return report.text(("findings", "impression")) or report.text()


def _tested(test: Sequence[Report], tuning: Sequence[Report], gold: Gold) -> list[str]:
    least = ((test, FEWEST_POSITIVES), (tuning, 2))
    return [f for f in FINDINGS.classes if all(sum(gold[r.report_id][f] for r in p) >= n for p, n in least)]


def _train_and_score(
    words: TfidfVectorizer,
    reports: Sequence[Report],
    target: Callable[[str, str], Target],
    findings: Sequence[str],
    test: Sequence[Report],
) -> np.ndarray:
    """(M, K) scores of the M test reports; all 0 where a source has one class only."""
    seen, unseen = (words.transform(map(_text, rows)) for rows in (reports, test))
    scores = np.zeros((len(test), len(findings)))
    for column, finding in enumerate(findings):
        labels, weights = np.array([target(report.report_id, finding) for report in reports]).T
        if len(np.unique(labels)) == 2:
            model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
            scores[:, column] = model.fit(seen, labels, sample_weight=weights).decision_function(unseen)
    return scores


def _brier(said: _Labels, tested: Sequence[str], findings: Sequence[str]) -> dict[str, float]:
    """Mean squared distance from the gold labels where the finding is mentioned: yes/no, and probability."""
    pairs = [(report, f) for report in tested for f in findings if said.mentioned(report, f)[0]]
    truth = np.array([said.by_people(*pair)[0] for pair in pairs])
    hard = np.array([said.by_rules(*pair)[0] for pair in pairs])
    soft = np.array([said.weak[report][finding].probability for report, finding in pairs])
    distances = {"yes_or_no": hard - truth, "probability": soft - truth}
    return {name: round(float(np.mean(gap**2)), 4) for name, gap in distances.items()}


def source_table(answer: Mapping[str, Any]) -> str:
    """The comparison as lines to read."""
    lines = [
        f"trained on ... and tested on {answer['test_reports']} held-out gold reports, "
        f"{len(answer['findings'])} findings",
        f"{'':40}{'reports':>8}{'mean AUROC':>26}{'mean average precision':>30}",
    ]
    for name, row in answer["sources"].items():
        keys = ("mean_auroc", "mean_average_precision")
        ranked, precise = (bracketed(row[key], row[f"{key}_interval"]) for key in keys)
        lines.append(f"{name:40}{row['reports']:>8}{ranked:>26}{precise:>30}")
    brier = answer["brier"]
    measured = f"yes or no {brier['yes_or_no']:.4f}, probability {brier['probability']:.4f}"
    lines.append(f"Brier score where mentioned: {measured}")
    return "\n".join(lines)
