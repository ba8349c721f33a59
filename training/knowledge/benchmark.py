"""Words against plain labels, from frequent findings to rare ones: what `viewbox findings` measures.

Every report is scored by models that have not seen it (five folds by its ID). A finding is called positive
for as large a share of reports as had it in training. Intervals are over reports; Open-i names no patients.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from evaluation.metrics.bootstrap import bracketed, patient_draws
from evaluation.metrics.frequency_bands import Drawn, ahead_of, bands, within_folds
from modeling.findings.knowledge import knowledge
from modeling.progress import progress
from modeling.reports.report import Report
from training.corpora.reports import FOLDS
from training.knowledge.classifiers import (
    Places,
    knowledge_as_weights,
    matched,
    plain_of_means,
    plain_of_sentences,
)
from training.knowledge.corpus import SECTION, Sentenced, sentenced
from training.knowledge.encoder import Encode
from training.knowledge.texts import KIN, KnownTexts, known_texts, tuned
from training.text_only import tfidf_scores

RESAMPLES = 400
OWN = "knowledge"
PLAIN = ("plain: TF-IDF", "plain: mean of sentences", "plain: each sentence")
CHOSE_NOTHING = 0
"""The fold on which no setting was tried: decays and steps were chosen on the others."""
Scores = Callable[[np.ndarray], np.ndarray]
"""(N,) bool, the reports to learn from -> (N, K) logits of all."""


def benchmark(reports: Sequence[Report], encode: Encode) -> dict[str, Any]:
    """Each classifier's metrics by band, and by how much the knowledge is ahead of each on the same reports.

    Raises:
        ReportError: too few reports have index terms and a reading.
    """
    torch.manual_seed(0)
    corpus = sentenced(reports)
    labels, folds = corpus.labels, corpus.folds
    positives = labels.sum(axis=0)
    learnt = positives * (FOLDS - 1) / FOLDS
    chosen = bands(learnt, positives)
    draws = patient_draws(np.arange(len(labels)), RESAMPLES)
    texts = known_texts(knowledge(), encode)
    said, ranks, drawn = {}, {}, {}
    for name, score in progress(_ways(corpus, texts, encode).items(), "comparing", unit="classifier"):
        ranks[name] = within_folds(_out_of_fold(score, folds), folds)
        said[name] = ranks[name] > 1 - shares(labels, folds)
        drawn[name] = Drawn.of(ranks[name], labels, said[name], draws)
    untouched = folds == CHOSE_NOTHING
    fewer = patient_draws(np.arange(untouched.sum()), RESAMPLES)
    again = {
        name: Drawn.of(ranks[name][untouched], labels[untouched], said[name][untouched], fewer)
        for name in (OWN, *PLAIN)
    }
    tail = chosen["tail"] & labels[untouched].any(axis=0)
    return {
        "reports": len(labels),
        "left_out": len(reports) - len(labels),
        "reads": SECTION,
        "bands": {
            name: {"findings": int(band.sum()), "positives": int(positives[band].sum())}
            for name, band in chosen.items()
        },
        "never": [str(n) for n, p in zip(knowledge().task.classes, positives, strict=True) if p == 0],
        "rows": {
            name: {band: found.summary(of) for band, of in chosen.items()} for name, found in drawn.items()
        },
        "ahead": {
            name: {band: ahead_of(drawn[OWN], drawn[name], of) for band, of in chosen.items()}
            for name in drawn
            if name != OWN
        },
        "ahead_where_nothing_was_chosen": {name: ahead_of(again[OWN], again[name], tail) for name in PLAIN},
    }


def _ways(corpus: Sentenced, texts: KnownTexts, encode: Encode) -> Mapping[str, Scores]:
    """Name -> scores; nothing is computed before they are asked for."""
    raw = torch.tensor(encode(corpus.sentences), dtype=torch.float32)
    where = (torch.tensor(part) for part in (corpus.sentence, corpus.report))
    places = Places(*where, len(corpus.labels))
    labels = torch.tensor(corpus.labels, dtype=torch.float32)
    none = torch.zeros(raw.shape[1], raw.shape[1])
    projection, of_kin = tuned(texts), tuned(texts, KIN)
    near, by_kin = (torch.nn.functional.normalize(raw + raw @ one, dim=1) for one in (projection, of_kin))
    words = texts.weights(projection)
    others = words[torch.randperm(len(words), generator=torch.Generator().manual_seed(0))]

    def untaught(name_alone: bool, by: torch.Tensor) -> Scores:
        scores = matched(raw, places, texts, by, names_alone=name_alone).numpy()
        return lambda learnt: scores

    def tfidf(learnt: np.ndarray) -> np.ndarray:
        documents = np.array(corpus.documents, object)
        return tfidf_scores(documents[learnt], corpus.labels[learnt], documents)

    def taught(fit: Callable[..., torch.Tensor], vectors: torch.Tensor, *more: torch.Tensor) -> Scores:
        return lambda learnt: fit(vectors, places, labels, torch.tensor(learnt), *more).numpy()

    return {
        "names, no label read": untaught(True, none),
        "names and synonyms, no label read": untaught(False, none),
        "tuned on words alone, no label read": untaught(False, projection),
        PLAIN[0]: tfidf,
        PLAIN[1]: taught(plain_of_means, raw),
        PLAIN[2]: taught(plain_of_sentences, raw),
        "knowledge of other findings (shuffled)": taught(knowledge_as_weights, near, others),
        OWN: taught(knowledge_as_weights, near, words),
        "knowledge, its kin drawn together": taught(knowledge_as_weights, by_kin, texts.weights(of_kin)),
    }


def _out_of_fold(score: Scores, folds: np.ndarray) -> np.ndarray:
    scores = None
    for fold in range(FOLDS):
        inside = folds == fold
        found = score(~inside)
        scores = np.zeros(found.shape) if scores is None else scores
        scores[inside] = found[inside]
    assert scores is not None
    return scores


def shares(labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) how large a share had each finding among the other folds; one report more where none had."""
    found = np.zeros(labels.shape)
    for fold in range(FOLDS):
        inside = folds == fold
        found[inside] = np.maximum(labels[~inside].sum(axis=0), 1) / (~inside).sum()
    return found


def table(answer: Mapping[str, Any]) -> str:
    """The comparison as lines to read."""
    counts = ", ".join(f"{n} {b['findings']} findings" for n, b in answer["bands"].items())
    lines = [
        f"{answer['reports']} reports ({answer['left_out']} left out), {answer['reads'].upper()} alone;"
        f" {counts}; {len(answer['never'])} in none of them"
    ]
    for band, about in answer["bands"].items():
        if about["findings"]:
            lines.append(f"\n{band}")
            lines += [
                _line(name, row[band], answer["ahead"].get(name, {}).get(band))
                for name, row in answer["rows"].items()
            ]
    lines.append("\nthe tail of the fold that chose nothing: knowledge ahead of")
    for name, found in answer["ahead_where_nothing_was_chosen"].items():
        told = bracketed(found["difference"], found["difference_95"])
        lines.append(f"  {name:40}{told}, p {found['p']:.3f}")
    return "\n".join(lines)


_COLUMNS = (
    ("AP", "average_precision"), ("F1", "f1"), ("MCC", "matthews"),
    ("recall at FPR 0.01", "recall_at_fpr_01"), ("0.05", "recall_at_fpr_05"), ("0.1", "recall_at_fpr_10"),
)  # fmt: skip


def _line(name: str, row: Mapping[str, Any], ahead: Mapping[str, Any] | None) -> str:
    cells = [f"AUROC {bracketed(row['auroc'], row['auroc_95'])}"]
    cells += [f"{short} {row[key]:.3f}" for short, key in _COLUMNS]
    if ahead:
        told = bracketed(ahead["difference"], ahead["difference_95"])
        cells.append(f"knowledge ahead by {told}, p {ahead['p']:.3f}")
    return f"  {name:40}" + "  ".join(cells)
