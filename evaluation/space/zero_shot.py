"""Films classified by sentences alone, and how far the wording moves the answer.

`prompts.json` holds the wordings: "seen" ones stand in the reports of training, the others nobody trained or
chose on. A film's class is that of the sentence it is nearest to.

Shape letters: N films, K classes, W wordings, S width of the space.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import as_json, measured, patient_draws
from evaluation.metrics.one_label import Scored, accuracy, auroc, macro
from modeling.model.shared_space import SharedSpace
from training.space.corpus import SpaceRow


def questions() -> dict[str, Any]:
    """Question -> its classes, by name or by the facts that hold of a film, and its wordings."""
    return json.loads(Path(__file__).with_name("prompts.json").read_text(encoding="utf-8"))


def truth_of(question: dict[str, Any], rows: Sequence[SpaceRow]) -> np.ndarray:
    """(N,) class numbers, -1 for a film of none."""
    if "classes" in question:
        return np.array([question["classes"].index(row.appearance) for row in rows])
    first, second = (frozenset(facts) for facts in question["facts"])
    second_holds = [second <= row.facts if second else not first <= row.facts for row in rows]
    return np.array([
        1 if other else 0 if first <= row.facts else -1
        for row, other in zip(rows, second_holds, strict=True)
    ])  # fmt: skip


def answers(space: SharedSpace, films: np.ndarray, prompts: Sequence[str]) -> np.ndarray:
    """(N, S) unit vectors of films -> (N, K) shares of the prompts."""
    logits = float(space.model.scale("film_text")) * films @ space.embed_texts(prompts).numpy().T
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def asked(space: SharedSpace, films: np.ndarray, rows: Sequence[SpaceRow]) -> dict[str, Any]:
    """Every question in every wording: AUROC (of several classes the mean) and accuracy, with intervals."""
    return {
        name: _question(space, films, truth_of(question, rows), question["wordings"])
        for name, question in questions().items()
    }


def _question(
    space: SharedSpace, films: np.ndarray, truth: np.ndarray, wordings: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    kept = truth >= 0
    films, truth = films[kept], truth[kept]
    draws = patient_draws(np.arange(len(truth)))
    told, all_answers = [], []
    for wording in wordings:
        values = answers(space, films, wording["prompts"])
        all_answers.append(values)
        told.append({**wording, **_scores(values, truth, draws)})
    return {
        "films": len(truth),
        "of_each": np.bincount(truth).tolist(),
        "mean_of_all_wordings": _scores(np.mean(all_answers, axis=0), truth, draws),
        "seen": _spread([one["auroc"]["value"] for one in told if one["seen"]]),
        "unseen": _spread([one["auroc"]["value"] for one in told if not one["seen"]]),
        "films_whose_answer_the_wording_moves": round(_moved(all_answers), 4),
        "wordings": told,
    }


def _scores(values: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> dict[str, Any]:
    scored = Scored(values, truth)
    area = macro(auroc) if values.shape[1] > 2 else (lambda s, w: auroc(s.values[:, 1], s.labels == 1, w))
    return {
        "auroc": as_json(measured(lambda w: area(scored, w), draws)),
        "accuracy": as_json(measured(lambda w: accuracy(scored, w), draws)),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"least": min(values), "median": round(float(np.median(values)), 4), "most": max(values)}


def _moved(answers: Sequence[np.ndarray]) -> float:
    """Share of films that not every wording gives the same class."""
    classes = np.stack([values.argmax(axis=1) for values in answers])  # W N
    return float((classes != classes[0]).any(axis=0).mean())
