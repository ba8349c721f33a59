"""A film, a prediction and an attribution without any model."""

from dataclasses import replace

import numpy as np

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from modeling.labels import APPEARANCE, Target
from modeling.results import Attribution, FieldAttribution, Prediction, TaskPrediction, WordAttribution
from modeling.study import Modality, Radiograph, Study

FILM = Radiograph((np.arange(40 * 30).reshape(40, 30) % 251).astype(np.uint8))


def case(study: Study | None = None, **changes: object) -> Case:
    plain = Case("C1", study or Study(FILM), SYNTHETIC_LICENCE, Provenance("phantom", synthetic=True))
    return replace(plain, **changes)


def prediction() -> Prediction:
    appearance = APPEARANCE
    logits = np.array([0.1, 0.5, -0.3, -0.3])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    task = TaskPrediction(appearance, appearance.classes, logits, probabilities, (Modality.IMAGE,))
    return Prediction(
        (task,), (Modality.IMAGE,), ("A note.",), checkpoint="toy", revision="sha256:0123456789abcdef"
    )


def attribution(**changes: object) -> Attribution:
    image = np.zeros((8, 6), np.float32)
    image[1, 1], image[6, 4] = 0.6, -0.2
    plain = Attribution(
        target=Target(APPEARANCE, "Typical"),
        method="integrated_gradients",
        baseline="black",
        image=image,
        fields=(FieldAttribution("age", 40.0, 0.25), FieldAttribution("sex", None, -0.05)),
        words=(WordAttribution("indication", 0, 5, "Fever", 0.1),),
        output=0.9,
        baseline_output=0.2,
        evaluations=16,
        seconds=0.3,
    )
    return replace(plain, **changes)
