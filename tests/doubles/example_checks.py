"""What checks a map, without any model: measures, accounts, opinions and proofs."""

import numpy as np

from modeling.labels import APPEARANCE, Target
from modeling.results import FilmOpinion, ModalityAccount, Prediction, Proof, TaskPrediction, TrustMeasure
from modeling.study import Modality
from modeling.trust.metrics import MEANINGS

TARGET = Target(APPEARANCE, "Typical")
NAME_OF = {
    "completeness": "completeness",
    "settled": "map_change",
    "support": "support",
    "agreement": "random_weights_rank",
    "discrimination": "class_discrimination",
    "share": "lungs",
    "perturbation": "deletion",
}
"""Family of meanings -> a measure that has it."""


def measure(meaning: str = "completeness.converged", value: float | None = 0.004, **changes) -> TrustMeasure:
    family = meaning.partition(".")[0]
    return TrustMeasure(
        **{"name": NAME_OF[family], "value": value, "meaning": meaning, "seconds": 0.2} | changes
    )


def every_measure() -> list[TrustMeasure]:
    return [
        measure(meaning, None if meaning.endswith(("empty", "undefined")) else 0.3) for meaning in MEANINGS
    ]


def account(disagreement: tuple[Modality, ...] = ()) -> ModalityAccount:
    image, table, text = Modality
    return ModalityAccount(
        TARGET,
        {image: 0.31, table: 0.22, text: 0.17},
        {frozenset({image, table}): -0.02, frozenset({image, table, text}): 0.001},
        0.7,
        disagreement,
        0.1,
    )


def opinion(method: str = "grad_cam") -> FilmOpinion:
    image = np.zeros((40, 30), np.float32)
    image[5, 5], image[30, 20] = 2.0, -1.0
    return FilmOpinion(method, TARGET, image, 0.9, 0.12)


def answers(probabilities: tuple[float, ...]) -> Prediction:
    task = APPEARANCE
    values = np.asarray(probabilities)
    row = TaskPrediction(task, task.classes, np.log(values), values, (Modality.IMAGE,))
    return Prediction((row,), (Modality.IMAGE,))


def proof(claimed: float = 0.2, change: float = -0.18, **changes) -> Proof:
    before, after = answers((0.1, 0.6, 0.2, 0.1)), answers((0.2, 0.4, 0.25, 0.15))
    return Proof(
        **{"before": before, "after": after, "target": TARGET, "change": change, "claimed": claimed}
        | {"seconds": 0.04}
        | changes
    )
