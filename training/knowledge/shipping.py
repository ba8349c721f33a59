"""The classifier of findings that ships, trained, measured and written: what `viewbox knowledge` does.

A small encoder learns a large one's vectors (`distilling`), findings' words are tuned in its space, and one
map that all findings share is learnt from index terms. Every number is out of fold: encoder, words and map
of a fold's reports have read none of its sentences, and its operating points were set on the other folds.

Shape letters: N reports, K findings, D width.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn.functional import normalize

from evaluation.metrics.bootstrap import as_json, bracketed, interval, patient_draws, plain
from evaluation.metrics.frequency_bands import Drawn, bands, within_folds
from modeling.findings.knowledge import knowledge
from modeling.findings.reader import CONFIG_FILE, SECTIONS_READ, VOCABULARY_FILE, WEIGHTS_FILE
from modeling.findings.word_encoder import WordEncoder, vocabulary_json
from modeling.progress import progress
from modeling.reports.report import Report
from training.corpora.reports import FOLDS
from training.knowledge.benchmark import RESAMPLES, shares
from training.knowledge.classifiers import Places, known_weights
from training.knowledge.corpus import SECTION, Sentenced, sentenced
from training.knowledge.distilled_texts import DistilledTexts, distilled_texts
from training.knowledge.distilling import distilled, narrowed
from training.knowledge.encoder import Encode
from training.knowledge.reranking import reranked
from training.knowledge.texts import known_texts, tuned

BANDS = ("head", "medium", "tail")
DIRECTIONS_FROM = 3
"""Every third text gives the directions on which vectors are kept."""
OWN_POINT = 20
"""Reports with a finding from which it has an operating point of its own; others share their band's."""


@dataclass(frozen=True, eq=False)
class Taught:
    """Parameters of the classifier and its (N, K) logits of the reports."""

    projection: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    logits: np.ndarray


def taught(corpus: Sentenced, encode: Encode, learnt: np.ndarray) -> Taught:
    """Words tuned in an encoder's space, and the map learnt from the (N,) `learnt` reports."""
    torch.manual_seed(0)
    raw = torch.tensor(encode(corpus.sentences), dtype=torch.float32)
    texts = known_texts(knowledge(), encode)
    projection = tuned(texts)
    where = (torch.tensor(part) for part in (corpus.sentence, corpus.report))
    found = known_weights(
        normalize(raw + raw @ projection, dim=1),
        Places(*where, len(corpus.labels)),
        torch.tensor(corpus.labels, dtype=torch.float32),
        torch.tensor(learnt),
        texts.weights(projection),
    )
    return Taught(*(x.numpy() for x in (projection, found.weights, found.bias, found.logits)))


def best_point(logits: np.ndarray, truth: np.ndarray) -> float:
    """The logit from which calling reports positive gives the largest F1; infinite without a positive."""
    if not truth.any():
        return np.inf
    order = np.argsort(-logits, kind="stable")
    values, hits = logits[order], truth[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + truth.sum())
    f1[:-1][values[:-1] == values[1:]] = -1  # equals are called alike
    last = int(f1.argmax())
    below = values[last + 1] if last + 1 < len(values) else values[last] - 1
    return float((values[last] + below) / 2)


def operating_points(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(K,) a finding's own best point where enough reports have it, else the best of all rare findings."""
    positives = labels.sum(axis=0)
    own = positives >= OWN_POINT
    rare = ~own & (positives > 0)
    shared = best_point(logits[:, rare].ravel(), labels[:, rare].ravel()) if rare.any() else np.inf
    return np.array(
        [best_point(logits[:, k], labels[:, k]) if own[k] else shared for k in range(labels.shape[1])]
    )


def margins_out_of_fold(logits: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) logits above the operating points that the other folds set."""
    margins = np.zeros(labels.shape)
    for fold in range(FOLDS):
        inside = folds == fold
        margins[inside] = logits[inside] - operating_points(logits[~inside], labels[~inside])
    return margins


def record(
    said: np.ndarray, labels: np.ndarray, chosen: Mapping[str, np.ndarray], draws: np.ndarray
) -> dict[str, Any]:
    """Band -> precision and recall over all its findings together, with 95 % intervals over reports."""

    def share(above: np.ndarray, below: np.ndarray) -> dict[str, Any]:
        value, *drawn = (w @ above / np.maximum(w @ below, 1e-9) for w in (plain(len(above)), draws))
        return as_json(interval(float(value[0]), drawn[0]))

    found = {}
    for band in BANDS:
        of = chosen[band]
        named, there = said[:, of].sum(axis=1), labels[:, of].sum(axis=1)
        right = (said & labels)[:, of].sum(axis=1)
        precision, recall = share(right, named), share(right, there)
        found[band] = {
            "findings": int(of.sum()), "positives": int(there.sum()), "named": int(named.sum()),
            "precision": precision["value"], "precision_95": precision["95"],
            "recall": recall["value"], "recall_95": recall["95"],
        }  # fmt: skip
    return found


def small_encoder(texts: DistilledTexts, vectors: np.ndarray, without: int | None = None) -> WordEncoder:
    """The small encoder, as it ships (8 bits), `without` what stands in one fold's reports alone."""
    kept = np.ones(len(texts.texts), bool) if without is None else texts.fold != without
    chosen = [text for text, keep in zip(texts.texts, kept, strict=True) if keep]
    full = distilled(chosen, vectors[kept], texts.weights[kept])
    return WordEncoder.of_tensors(full.vocabulary, full.tensors())


def ship(reports: Sequence[Report], encode: Encode, label: str, out: Path) -> dict[str, Any]:
    """Train, measure and write the classifier; returns `metrics.json`.

    Args:
        encode: the large encoder; `label` names it.

    Raises:
        ReportError: too few reports have index terms and a reading.
    """
    corpora = {SECTION: sentenced(reports), "whole": sentenced(reports, SECTIONS_READ)}
    texts = distilled_texts(reports)
    large = encode(texts.texts)
    targets = narrowed(large, large[::DIRECTIONS_FROM]).astype(np.float32)
    smaller = {
        fold: small_encoder(texts, targets, fold) for fold in progress(range(FOLDS), "a fold", unit="encoder")
    }
    rows = {name: _out_of_fold(corpus, smaller) for name, corpus in corpora.items()}
    whole = corpora["whole"]
    chosen = _bands(whole)
    margins = margins_out_of_fold(rows["whole"], whole.labels, whole.folds)
    draws = patient_draws(np.arange(len(whole.labels)), RESAMPLES)
    final = small_encoder(texts, targets)
    last = taught(whole, final, np.ones(len(whole.labels), bool))
    metrics = {
        "encoder": label,
        "texts": len(texts.texts),
        "reports": len(whole.labels),
        "likeness": _likeness(texts, targets, smaller),
        "ranking": {name: _ranking(corpora[name], found) for name, found in rows.items()},
        "operating_points": record(margins >= 0, whole.labels, chosen, draws),
        "reranking": reranked(reports, dict(zip(whole.ids, margins, strict=True))),
    }
    points = operating_points(rows["whole"], whole.labels)
    _write(out, final, last, points, _band_names(chosen, whole), metrics)
    return metrics


def _out_of_fold(corpus: Sentenced, encoders: Mapping[int, Encode]) -> np.ndarray:
    logits = np.zeros(corpus.labels.shape, np.float32)
    for fold in progress(range(FOLDS), "teaching", unit="fold"):
        inside = corpus.folds == fold
        logits[inside] = taught(corpus, encoders[fold], ~inside).logits[inside]
    return logits


def _bands(corpus: Sentenced) -> dict[str, np.ndarray]:
    positives = corpus.labels.sum(axis=0)
    return bands(positives * (FOLDS - 1) / FOLDS, positives)


def _band_names(chosen: Mapping[str, np.ndarray], corpus: Sentenced) -> list[str]:
    return [next((b for b in BANDS if chosen[b][k]), "") for k in range(corpus.labels.shape[1])]


def _likeness(texts: DistilledTexts, vectors: np.ndarray, smaller: Mapping[int, WordEncoder]) -> float:
    """Mean cosine of small and large vectors on sentences of reports that the small one has not read."""
    cosines = []
    for fold, encoder in smaller.items():
        held = np.flatnonzero((texts.fold == fold) & (texts.weights > 1))
        cosines += list((encoder([texts.texts[n] for n in held]) * vectors[held]).sum(axis=1))
    return round(float(np.mean(cosines)), 4)


def _ranking(corpus: Sentenced, logits: np.ndarray) -> dict[str, Any]:
    """The metrics of each band."""
    chosen, draws = _bands(corpus), patient_draws(np.arange(len(corpus.labels)), RESAMPLES)
    ranks, asked = within_folds(logits, corpus.folds), shares(corpus.labels, corpus.folds)
    drawn = Drawn.of(ranks, corpus.labels, ranks > 1 - asked, draws)
    return {band: drawn.summary(of) for band, of in chosen.items()}


def _write(
    out: Path,
    encoder: WordEncoder,
    last: Taught,
    points: np.ndarray,
    names: Sequence[str],
    metrics: Mapping[str, Any],
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    halves = {"projection": last.projection, "weights": last.weights, "bias": last.bias, "points": points}
    tensors = encoder.tensors() | {name: rows.astype(np.float16) for name, rows in halves.items()}
    save_file({name: np.ascontiguousarray(rows) for name, rows in tensors.items()}, out / WEIGHTS_FILE)
    _dump(out / VOCABULARY_FILE, vocabulary_json(encoder.vocabulary), None)
    hashes = {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in (WEIGHTS_FILE, VOCABULARY_FILE)
    }
    config = {
        "classes": [str(name) for name in knowledge().task.classes],
        "bands": list(names),
        "record": {
            band: {key: row[key] for key in ("precision", "recall")}
            for band, row in metrics["operating_points"].items()
        },
        "sha256": hashes,
    }
    _dump(out / CONFIG_FILE, config, 1)
    _dump(out / "metrics.json", metrics, 1)


def _dump(file: Path, value: Any, indent: int | None) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def table(metrics: Mapping[str, Any]) -> str:
    """The measures as lines to read."""
    lines = [f"{metrics['reports']} reports; small encoder like {metrics['encoder']}: {metrics['likeness']}"]
    for reads, by_band in metrics["ranking"].items():
        cells = [f"{band} {bracketed(row['auroc'], row['auroc_95'])}" for band, row in by_band.items()]
        lines.append(f"{reads}: AUROC {', '.join(cells)}")
    for band, row in metrics["operating_points"].items():
        cells = [f"{name} {bracketed(row[name], row[f'{name}_95'])}" for name in ("precision", "recall")]
        lines.append(f"{band}, at the operating points: {', '.join(cells)}")
    return "\n".join(lines)
