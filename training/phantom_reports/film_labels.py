"""Many labels mined from reports against few strict ones, for films; and the words that a film foretells.

Everything stands on a frozen film encoder's vectors: what differs between rows is who labelled the films.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from evaluation.metrics.bootstrap import ahead, bracketed, measured, patient_draws, with_interval
from evaluation.metrics.one_label import auroc
from modeling.pipeline import DiagnosisPipeline
from modeling.reports.mining import Miner, ReportLabels, affirmed_text
from modeling.reports.report import Report
from modeling.reports.topics import TopicSettings, find_topics
from training.phantom_reports.corpus import FINDINGS, PhantomRow, film_vectors, phantom_rows
from training.phantom_reports.wording import hedged_report

TRAIN, TEST = 9003, 9002
"""Series of phantoms."""
SIZE = 96
DRAWS = 8
"""Strict sets of each size, over which a row is averaged."""
STRICT_WEIGHT = 5.0
"""How much a strict label counts beside a mined one."""
PENALTY = 0.01
"""Of the logistic regression (its C), the same for every row."""
TOPICS, NEAREST, FEWEST = 12, 5, 15
Labels = np.ndarray
"""(N, K) of `FINDINGS`: 1, 0, or NaN where nothing is taught."""


def benchmark(
    folder: Path, pipeline: DiagnosisPipeline, films: int = 2000, unseen: int = 700
) -> dict[str, Any]:
    """Draw, mine, train and measure; what the folder holds already is not drawn again."""
    train, test = (
        phantom_rows(folder / "drawn", n, series, SIZE) for n, series in ((films, TRAIN), (unseen, TEST))
    )
    vectors = [
        film_vectors(folder, rows, f"{series}-{len(rows)}", pipeline)
        for rows, series in ((train, TRAIN), (test, TEST))
    ]
    scale = StandardScaler().fit(vectors[0])
    seen, asked = (scale.transform(one) for one in vectors)
    return {
        "films": len(train),
        "unseen": len(test),
        "labels": _labels_table(train, test, seen, asked),
        "words": _words_table(train, test, seen, asked),
    }


# --- weak labels and strict ones


def truth_of(rows: Sequence[PhantomRow]) -> Labels:
    """What was planted."""
    return np.array([[float(name in row.truth) for name in FINDINGS] for row in rows])


def mined(rows: Sequence[PhantomRow], seed: int = 0) -> dict[str, Labels]:
    """What the miner makes of the hedged reports: by context, and any mention as a yes."""
    miner, rng = Miner(), np.random.default_rng(seed)
    read = [miner.label(Report(str(n), hedged_report(row, rng))) for n, row in enumerate(rows)]

    def each(of: Callable[[ReportLabels, str], bool]) -> Labels:
        return np.array([[float(of(labels, name)) for name in FINDINGS] for labels in read])

    return {
        "mined": each(miner.positive),
        "any mention": each(lambda labels, name: bool(labels.findings[name].mentions)),
    }


def _labels_table(
    train: Sequence[PhantomRow], test: Sequence[PhantomRow], seen: np.ndarray, asked: np.ndarray
) -> dict[str, Any]:
    rng, truth, known = np.random.default_rng(0), truth_of(train), truth_of(test).astype(bool)
    weak = mined(train)
    one, count = np.ones(len(train)), len(train)
    scores = {
        "every film strict": [_fitted(seen, truth, one, asked)],
        "mined": [_fitted(seen, weak["mined"], one, asked)],
        "any mention, no context": [_fitted(seen, weak["any mention"], one, asked)],
        "mined, of other films": [_fitted(seen, weak["mined"][rng.permutation(count)], one, asked)],
    }
    sizes = [size for size in (50, 100, 300, 1000) if size < count]
    for size in sizes:
        chosen = [rng.permutation(count)[:size] for _ in range(DRAWS)]
        scores[f"{size} strict"] = [_fitted(seen[c], truth[c], one[c], asked) for c in chosen]
        if size == 100:
            scores["mined, and 100 strict"] = [_both(seen, weak["mined"], truth, c, asked) for c in chosen]
    draws = patient_draws(np.arange(len(test)))
    plain = np.array([row.conspicuous for row in test])
    asked_of = {name: _macro(rows, known) for name, rows in scores.items()}
    plainly = {name: _macro([r[plain] for r in rows], known[plain]) for name, rows in scores.items()}
    rows = {
        name: with_interval("auroc", measured(asked_of[name], draws))
        | {"plain films": with_interval("auroc", measured(plainly[name], draws[:, plain]))}
        | ({} if name == "mined" else {"mined ahead": ahead(asked_of["mined"], asked_of[name], draws)})
        for name in scores
    }
    return {"rows": rows, "quality": {name: _quality(labels, truth) for name, labels in weak.items()}}


def _fitted(vectors: np.ndarray, labels: Labels, weights: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(M, K) log odds; 0 where the labels teach nothing of a finding."""
    scores = np.zeros((len(asked), labels.shape[1]))
    for k, own in enumerate(labels.T):
        known = np.isfinite(own)
        if len(np.unique(own[known])) < 2:
            continue
        model = LogisticRegression(C=PENALTY, max_iter=500)
        model.fit(vectors[known], own[known], sample_weight=weights[known])
        scores[:, k] = model.decision_function(asked)
    return scores


def _both(seen: np.ndarray, weak: Labels, truth: Labels, strict: np.ndarray, asked: np.ndarray) -> np.ndarray:
    labels, weights = weak.copy(), np.ones(len(seen))
    labels[strict], weights[strict] = truth[strict], STRICT_WEIGHT
    return _fitted(seen, labels, weights, asked)


def _macro(scores: Sequence[np.ndarray], known: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """(R, N) weights -> (R,) AUROC, averaged over findings and over the draws of strict films."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        each = [auroc(row[:, k], known[:, k], weights) for row in scores for k in range(known.shape[1])]
        return np.nanmean(each, axis=0)

    return statistic


def _quality(labels: Labels, truth: Labels) -> dict[str, float]:
    """How far labels are right about what was planted."""
    hits = float((labels * truth).sum())
    return {"precision": round(hits / labels.sum(), 4), "recall": round(hits / truth.sum(), 4)}


# --- a film's words


def _words_table(
    train: Sequence[PhantomRow], test: Sequence[PhantomRow], seen: np.ndarray, asked: np.ndarray
) -> dict[str, Any]:
    """Topic words foretold by a linear map from the film, by its label alone, and by another film."""
    told, known = (_reports(rows) for rows in (train, test))
    words = topic_words(told)
    miner = Miner()
    given, truth = (_said(reports, words, miner) for reports in (told, known))
    kept = np.flatnonzero((given.sum(0) >= FEWEST) & (truth.sum(0) >= FEWEST) & (truth.sum(0) < len(truth)))
    words, given, truth = [words[k] for k in kept], given[:, kept], truth[:, kept].astype(bool)
    film = _fitted(seen, given, np.ones(len(seen)), asked)
    scores = {
        "the film": 1 / (1 + np.exp(-film)),
        "its predicted label": _label_prior(train, given, seen, asked),
        "every film alike": np.tile(given.mean(axis=0), (len(asked), 1)),
    }
    scores["another film"] = scores["the film"][np.random.default_rng(0).permutation(len(asked))]
    draws = patient_draws(np.arange(len(test)))
    speaking = truth.any(axis=1)
    rows = {}
    for name, own in scores.items():
        first = _precision(own[speaking], truth[speaking])
        rows[name] = with_interval("auroc", measured(_macro([own], truth), draws))
        rows[name] |= with_interval("precision", measured(first, draws[:, speaking]))
    beaten = _macro([scores["its predicted label"]], truth)
    lead = ahead(_macro([scores["the film"]], truth), beaten, draws)
    return {"words": words, "rows": rows, "film ahead of label": lead}


def _reports(rows: Sequence[PhantomRow]) -> list[Report]:
    return [Report(str(n), row.report) for n, row in enumerate(rows)]


def topic_words(reports: Sequence[Report]) -> list[str]:
    """The keywords of the reports' topics, each once."""
    topics = find_topics(reports, TopicSettings(TOPICS), or_fewer=True).topics
    return sorted({keyword.word for topic in topics for keyword in topic.keywords})


def _said(reports: Sequence[Report], words: Sequence[str], miner: Miner) -> np.ndarray:
    """(N, W) 1 where a report's affirmed sentences have a word."""
    texts = (
        f" {' '.join(affirmed_text(r, miner).lower().replace('.', ' ').replace(',', ' ').split())} "
        for r in reports
    )
    return np.array([[float(f" {word} " in text) for word in words] for text in texts])


def _label_prior(
    train: Sequence[PhantomRow], given: np.ndarray, seen: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """(M, W): how often reports of each appearance have a word, by the appearance that the film is given."""
    labels = np.array([row.appearance for row in train])
    model = LogisticRegression(C=PENALTY, max_iter=500).fit(seen, labels)
    frequency = np.stack([given[labels == name].mean(axis=0) for name in model.classes_])
    return model.predict_proba(asked) @ frequency


def _precision(scores: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """(R, N) weights -> (R,) share of a film's first words that its report says."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
    share = np.take_along_axis(truth, first, axis=1).mean(axis=1)
    return lambda weights: (weights @ share) / weights.sum(axis=1)


# --- as lines to read


def table(found: Mapping[str, Any]) -> str:
    """Both tables as Markdown."""
    labels, words = found["labels"], found["words"]
    lines = [
        f"{found['films']} films to learn from, {found['unseen']} unseen ones; macro AUROC, 95 % intervals:",
        "",
    ]
    lines += ["| labelled by | every film | plain films | mined ahead by | p |", "|---|---|---|---|---|"]
    for name, row in labels["rows"].items():
        plain, lead = row["plain films"], row.get("mined ahead")
        told = "" if lead is None else f"{bracketed(lead['difference'], lead['difference_95'])} | {lead['p']}"
        cells = f"{bracketed(row['auroc'], row['auroc_95'])} | {bracketed(plain['auroc'], plain['auroc_95'])}"
        lines.append(f"| {name} | {cells} | {told or ' | '} |")
    for name, own in labels["quality"].items():
        lines += ["", f"{name}: precision {own['precision']}, recall {own['recall']} of what was planted"]
    lines += [
        "",
        f"{len(words['words'])} topic words foretold by",
        "",
        "| | AUROC | precision at 5 |",
        "|---|---|---|",
    ]
    for name, row in words["rows"].items():
        first = bracketed(row["precision"], row["precision_95"])
        lines.append(f"| {name} | {bracketed(row['auroc'], row['auroc_95'])} | {first} |")
    lead = words["film ahead of label"]
    lines += [
        "",
        f"ahead of its label by {bracketed(lead['difference'], lead['difference_95'])}, p {lead['p']}",
    ]
    return "\n".join(lines)
