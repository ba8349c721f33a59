"""The classifier that ships: its operating points by hand, and the whole of it made from a toy encoder."""

import json
from pathlib import Path

import numpy as np
import pytest

from modeling.findings.reader import FindingReader
from modeling.reports.report import Report
from tests.doubles.known_words import reports, toy
from training.knowledge import distilled_texts as texts_module
from training.knowledge import shipping
from training.knowledge.distilled_texts import distilled_texts
from training.knowledge.distilling import distilled, narrowed
from training.knowledge.shipping import best_point, margins_out_of_fold, operating_points, ship, table


def test_the_best_point_parts_what_can_be_parted() -> None:
    logits, truth = np.array([3.0, -1.0, 2.0, 0.0]), np.array([True, False, True, False])
    assert best_point(logits, truth) == 1.0
    assert best_point(-logits, truth) < -3.0, "all are named where the ranking is upside down"
    assert best_point(logits, np.zeros(4, bool)) == np.inf
    assert best_point(np.zeros(4), truth) < 0, "equals are called alike"


def test_rare_findings_share_their_point_and_decisions_come_from_other_folds() -> None:
    random = np.random.default_rng(0)
    labels = np.zeros((200, 4), bool)
    labels[:40, 0] = labels[:3, 1] = labels[5:8, 2] = True
    logits = labels * 4.0 + random.standard_normal(labels.shape)
    points = operating_points(logits, labels)
    assert points[1] == points[2] == points[3] != points[0]
    said = margins_out_of_fold(logits, labels, np.arange(200) % 5) >= 0
    assert (said[:, 0] == labels[:, 0]).mean() > 0.95 and not said[100:, 3].any()


def test_a_small_encoder_learns_a_large_one() -> None:
    texts = [
        f"{a} {b}"
        for a in ("old", "new", "large", "no")
        for b in ["rib", "heart", "node", "mass", "spine", "clip"]
    ]
    vectors = narrowed(toy(texts), toy(texts), 8).astype(np.float32)
    encoder = distilled(texts * 20, np.tile(vectors, (20, 1)), np.ones(len(texts) * 20), epochs=60)
    assert encoder.width == 8 and (encoder(texts) * vectors).sum(axis=1).mean() > 0.9


def test_texts_know_which_fold_alone_has_them() -> None:
    found = distilled_texts([Report("1", {"findings": "A word that no other report has in it."})])
    fold = dict(zip(found.texts, found.fold, strict=True))
    weights = dict(zip(found.texts, found.weights, strict=True))
    assert fold["a word that no other report has in it."] >= 0 and fold["no pneumothorax"] == -1
    assert weights["pneumothorax"] == texts_module.KNOWN and weights["good morning"] == 1


def test_it_is_made_measured_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (texts_module, "EVERYDAY", 0), (texts_module, "CODED", 0), (texts_module, "AROUND", 1),
        (shipping, "RESAMPLES", 20),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    quick = shipping.tuned
    monkeypatch.setattr(shipping, "tuned", lambda texts: quick(texts, steps=5))
    found = ship(reports(), toy, "toy", tmp_path / "words")
    assert "head, at the operating points: precision" in table(found) and found["reports"] == 197
    assert json.loads((tmp_path / "words" / "metrics.json").read_text())["encoder"] == "toy"
    reader = FindingReader.load(tmp_path / "words")
    read = reader.read(Report("x", {"findings": "There is cardiomegaly. The bony thorax is intact."}))
    assert read[0].finding.name == "Cardiomegaly" and read[0].start == 0
