"""What a checkpoint says of reports, beside their labels."""

from collections.abc import Sequence

import numpy as np

from evaluation.evaluate import predict_films
from evaluation.label_metrics import LabelScores
from modeling.labels import FINDINGS, TaskName
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import probabilities
from training.corpora.labelled_film import Film


def labels_of(films: Sequence[Film]) -> np.ndarray:
    """(N, K) bool: the findings that a report's labels affirm."""
    return np.array([[film.findings[name] == 1 for name in FINDINGS.classes] for film in films])


def texts_of(films: Sequence[Film], sections: Sequence[str]) -> list[str]:
    """The named sections of each report, one after the other."""
    return ["\n\n".join(f.text.sections[s] for s in sections if s in f.text.sections) for f in films]


def scores_of(model: FusionModel, processor: StudyProcessor, films: Sequence[Film]) -> LabelScores:
    """A checkpoint's probabilities of every finding, with its own temperature."""
    logits = predict_films(model, processor, films)[str(TaskName.FINDINGS)]
    temperature = model.config.temperatures.get(TaskName.FINDINGS, 1.0)
    patients = np.array([film.patient for film in films])
    return LabelScores(probabilities(FINDINGS.kind, logits, temperature), labels_of(films), patients)
