"""What each modality is worth: the appearance AUROC with all of them and with each one taken away."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch

from evaluation.maps.marked_studies import MarkedStudy
from evaluation.metrics.bootstrap import bootstrap_interval
from evaluation.metrics.one_label import macro_auroc
from modeling.labels import APPEARANCE
from modeling.model.processing import collate
from modeling.model.temperature import probabilities
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalTable, ClinicalText, Modality, Study

_BATCH = 16
Score = Callable[[np.ndarray, np.ndarray], float]
RESAMPLES = 200  # an AUROC of four classes takes milliseconds, and there are some twenty to resample


def without(study: Study, modality: Modality) -> Study:
    """The study with one modality taken away."""
    nothing = {
        Modality.IMAGE: {"radiograph": None},
        Modality.TABLE: {"table": ClinicalTable()},
        Modality.TEXT: {"text": ClinicalText()},
    }
    return replace(study, **nothing[modality])


@dataclass(frozen=True, eq=False)
class AblationAnswers:
    """The model's answers on N cases."""

    labels: np.ndarray  # N class numbers
    patients: np.ndarray  # N
    held: dict[Modality, np.ndarray]  # modality -> N bool, whether it holds the evidence
    everything: np.ndarray  # N K probabilities with all that the case has
    removed: dict[Modality, np.ndarray]  # modality -> N K probabilities without it


def ask_with_and_without(pipeline: DiagnosisPipeline, cases: Iterable[MarkedStudy]) -> AblationAnswers:
    """Ask the checkpoint about every case, and again without each modality that its appearance reads.

    A case that is left with nothing is answered from nothing: the same for every such case.
    """
    read = next(task.modalities for task in pipeline.config.tasks if task.name == APPEARANCE)
    labels, patients, holders = [], [], []
    everything: list[np.ndarray] = []
    removed: dict[Modality, list[np.ndarray]] = {m: [] for m in read}
    for batch in _batches(cases):
        labels += [APPEARANCE.index(case.reference) for case in batch]
        patients += [case.patient for case in batch]
        holders += [case.planted.holders if case.planted else () for case in batch]
        everything.append(_answers(pipeline, [case.study for case in batch]))
        for modality, answers in removed.items():
            answers.append(_answers(pipeline, [without(case.study, modality) for case in batch]))
    return AblationAnswers(
        np.array(labels),
        np.array(patients),
        {m: np.array([m in held for held in holders]) for m in read},
        np.concatenate(everything),
        {m: np.concatenate(answers) for m, answers in removed.items()},
    )


def _batches(cases: Iterable[MarkedStudy]) -> Iterator[list[MarkedStudy]]:
    waiting = iter(cases)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def _answers(pipeline: DiagnosisPipeline, studies: Sequence[Study]) -> np.ndarray:
    inputs = collate([pipeline.processor(study) for study in studies])
    with torch.inference_mode():
        logits = pipeline.model(inputs.to(pipeline.device))[APPEARANCE]
    temperature = pipeline.config.temperatures.get(APPEARANCE, 1.0)
    return probabilities(APPEARANCE.kind, logits.float().cpu().numpy(), temperature)


def summarise_ablation(answers: AblationAnswers) -> dict[str, Any]:
    """Macro AUROC of all cases, and of those whose evidence each modality holds, with and without it."""
    everyone = np.ones(len(answers.labels), bool)
    return {
        "all_cases": {
            "everything": _auroc(answers.everything, answers, everyone),
            **{f"without_{m}": _compared(answers, m, everyone) for m in answers.removed},
        },
        "cases_whose_evidence_it_holds": {
            str(m): {
                "everything": _auroc(answers.everything, answers, answers.held[m]),
                f"without_{m}": _compared(answers, m, answers.held[m]),
            }
            for m in answers.removed
        },
    }


def _compared(answers: AblationAnswers, modality: Modality, chosen: np.ndarray) -> dict[str, Any]:
    """The AUROC without a modality, and the drop with a paired interval."""
    classes = len(APPEARANCE.classes)
    both = np.concatenate([answers.everything, answers.removed[modality]], axis=1)

    def drop(values: np.ndarray, labels: np.ndarray) -> float:
        return macro_auroc(values[:, :classes], labels) - macro_auroc(values[:, classes:], labels)

    return {**_auroc(answers.removed[modality], answers, chosen), "drop": _auroc(both, answers, chosen, drop)}


def _auroc(
    values: np.ndarray, answers: AblationAnswers, chosen: np.ndarray, metric: Score = macro_auroc
) -> dict[str, Any]:
    labels, count = answers.labels[chosen], int(chosen.sum())
    if len(np.unique(labels)) < 2:  # nothing to rank
        return {"value": None, "interval_95": None, "n": count}
    low, high = bootstrap_interval(metric, values[chosen], labels, answers.patients[chosen], RESAMPLES)
    value = metric(values[chosen], labels)
    return {"value": round(value, 4), "interval_95": [round(low, 4), round(high, 4)], "n": count}
