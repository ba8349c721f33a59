"""How a recipe does inside the training reports: two thirds teach it, the last third tests it.

So a recipe is chosen without a look at the reports that are held out for measuring. Reports that read word
for word alike stand in one third. It resumes as the training does; `OUT/inner_fold.json` is its answer.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import bracketed
from evaluation.metrics.many_labels import mean_metrics
from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from training.corpora import open_corpus
from training.corpora.labelled_film import Film
from training.corpora.reports import labels_of, texts_of
from training.run import Run
from training.settings import TrainingSettings
from training.text_only import tfidf_scores

THIRDS = 3
ANSWER_FILE = "inner_fold.json"


def inner_films(films: Sequence[Film], sections: Sequence[str], fold: int) -> list[Film]:
    """The training reports alone, a third of them for validation; every other report is left out."""
    trained = [film for film in films if film.split == "train"]
    texts = [" ".join(film.text.sections.get(s, "") for s in sections) for film in trained]
    sides = ["validation" if _third(text) == fold else "train" for text in texts]
    return [replace(film, split=side) for film, side in zip(trained, sides, strict=True)]


def _third(text: str) -> int:
    return hashlib.sha256(f"inner {text.lower()}".encode()).digest()[0] % THIRDS


def compared(films: Sequence[Film], sections: Sequence[str], logits: np.ndarray) -> dict[str, Any]:
    """The recipe's (M, 14) logits beside TF-IDF with logistic regression, on the third that taught none."""
    taught, tested = ([f for f in films if f.split == side] for side in ("train", "validation"))
    labels, truth = labels_of(taught), labels_of(tested)
    words = tfidf_scores(texts_of(taught, sections), labels, texts_of(tested, sections))
    counts = truth.sum(axis=0)
    shown = [k for k in range(truth.shape[1]) if 0 < counts[k] < len(tested)]
    if not shown:
        raise ViewboxError("No finding stands in the inner third; give more reports.")
    return {
        "trained_reports": len(taught),
        "tested_reports": len(tested),
        "positives": {FINDINGS.classes[k]: int(counts[k]) for k in shown},
        "recipe": mean_metrics(truth[:, shown], logits[:, shown]),
        "tfidf": mean_metrics(truth[:, shown], words[:, shown]),
    }


def measure(
    settings_file: Path, data: Path, out: Path, *, fold: int = THIRDS - 1, former: Path | None = None
) -> dict[str, Any]:
    """Train a recipe on two thirds, compare it on the third, and write the answer into the run's folder.

    The same folder resumes it. `former` is `metrics.json` of a recipe whose test score was known before.

    Raises:
        ViewboxError: the recipe reads no text, or there are too few reports.
    """
    settings = TrainingSettings.load(settings_file)
    if settings.processor.text is None:
        raise ViewboxError("An inner fold is for a recipe that reads reports; name such a settings file.")
    known = {} if former is None else {"known_before": _former(former)}
    sections = settings.processor.text.sections
    films = [film for name in settings.corpora for film in open_corpus.load(name, data)]
    inner = inner_films(films, sections, fold)
    run = Run(replace(settings, keep="last"), inner, out, out)
    run.train()
    logits = run.validation_logits()[FINDINGS]
    answer = {"thirds": THIRDS, "fold": fold, **compared(inner, sections, logits), **known}
    (out / ANSWER_FILE).write_text(json.dumps(answer, indent=1) + "\n")
    return answer


def lines(answer: dict[str, Any]) -> str:
    """The comparison as lines to read."""
    told = [f"{answer['trained_reports']} training reports teach, {answer['tested_reports']} others test"]
    for name in ("recipe", "tfidf"):
        row = answer[name]
        told.append(f"{name:8} mean AUROC {bracketed(row['mean_auroc'], row['mean_auroc_interval'])}")
    return "\n".join(told)


def _former(path: Path) -> float:
    """The mean AUROC that a recipe before this one had on the reports that are held out for measuring."""
    try:
        (summary,) = json.loads(path.read_text())["measurements"].values()
        return float(summary["macro_auroc"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ViewboxError("{path} is no metrics.json of a text checkpoint; name one.", path=path) from exc
