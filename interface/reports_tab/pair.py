"""Two cases explained side by side: film, fields and words of the one never reach the other."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cases.case import Case
from interface.models.model_host import ModelHost
from interface.session.study_edits import fitted
from modeling.labels import Target
from modeling.results import Attribution, Neighbour
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.explain.study_path import ImageBaseline


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two.

    Attributes:
        study: what was explained; `case` is where it comes from.
        film: (H', W') uint8; None where there is none or it may not be shown.
        probability: of the target, 0 to 1, calibrated.
    """

    case: Case
    study: Study
    film: np.ndarray | None
    account: Attribution
    probability: float


@dataclass(frozen=True, eq=False)
class Pair:
    """The case on screen and a retrieved one, explained for one target by one checkpoint in the same way.

    Attributes:
        why: how alike they are, and in what.
    """

    here: Side
    there: Side
    target: Target
    host: ModelHost
    why: Neighbour


def explained_side(
    case: Case,
    study: Study,
    film: np.ndarray | None,
    host: ModelHost,
    target: Target,
    baseline: "ImageBaseline",
    stop: threading.Event,
) -> Side:
    """Explain one study, with the text that the checkpoint may read of its own case and no other.

    Raises:
        ViewboxError: the study lacks what the target's task reads.
        ExplanationCancelled: `stop` was set.
    """
    own = fitted(study, case, host.text_sections)
    answer = host.predict(own, None)[target.task]
    account = host.explained(own, target, baseline, stop)
    probability = float(answer.probabilities[answer.classes.index(target.class_name)])
    return Side(case, own, film, account, probability)
