"""Named endpoints that check a map: second opinions and controls, trust measures, proofs."""

import threading
from collections.abc import Sequence

import gradio as gr
import numpy as np

from cases.case import Case
from interface.api import answers
from interface.api.asked import Asked, publish
from interface.api.cases import Api
from interface.models.model_host import ModelHost
from interface.session.study_edits import asked_target
from modeling.answers import CheckedExplanation, Json, checks_json, explanation_json, opinion_json
from modeling.errors import ViewboxError
from modeling.explain.registry import method_names
from modeling.results import Prediction
from modeling.study import Study

MAX_BOXES = 100


class ScrutinyApi:
    """The endpoints; a stored case is named by its ID, a study of your own travels in the call."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def publish(self) -> None:
        """Register every endpoint, one at a time beside the other model work."""
        for work in (self.second_opinion, self.examine, self.prove):
            publish(work.__name__, work, "model")

    def second_opinion(self, asked: Asked, request: gr.Request | None) -> Json:
        """Another method's map of the film, or a control's."""
        asked.check("method", method_names("opinion", "control"))
        asked.check_opacity()
        case, host, prediction = self._api.predicted(asked)
        target = asked_target(prediction, asked.target, asked.against)
        with self._api.stop_of(request) as stop:
            opinion = host.opinion(case.study, target, asked.method, stop)
            how = {"baseline": asked.baseline, "deciding": True}
            measures = tuple(host.measures(case.study, target, None, stop, asked.method, **how))
        explained = CheckedExplanation(prediction, opinion, measures)
        picture = answers.map_json(case, opinion, asked.opacity)["heat_map"]
        return {**checks_json(explained), **opinion_json(opinion), "heat_map": picture}

    def examine(self, asked: Asked, request: gr.Request | None) -> Json:
        """Two accounts of the parts, and every trust measure."""
        case, host, prediction = self._api.predicted(asked)
        with self._api.stop_of(request) as stop:
            explained = _explained(asked, case, host, prediction, stop)
        account = host.account(case.study, explained.attribution.target, explained.attribution)
        return {
            **explanation_json(explained, case.reference),
            "account": answers.account_json(account),
            "measures": [answers.measure_json(m) for m in explained.measures],
        }

    def prove(self, asked: Asked, request: gr.Request | None) -> Json:
        """The prediction without some parts, beside what the explanation had claimed for them."""
        case, host, prediction = self._api.predicted(asked)
        mask = region_of(asked.region, case.study)
        taken, positions = _names(asked.fields), _positions(asked.words)
        with self._api.stop_of(request) as stop:
            explained = _explained(asked, case, host, prediction, stop, deciding=True)
        map_of = (explained.attribution.target, explained.attribution)
        proof = host.prove(case.study, *map_of, mask, taken, positions)
        return {**checks_json(explained), **answers.proof_json(proof, case.reference)}


def _explained(
    asked: Asked,
    case: Case,
    host: ModelHost,
    prediction: Prediction,
    stop: threading.Event,
    *,
    deciding: bool = False,
) -> CheckedExplanation:
    """The asked target's attribution, with what was measured of its map."""
    target = asked_target(prediction, asked.target, asked.against)
    attribution = host.explained(case.study, target, asked.baseline, stop, quick=False)
    measures = tuple(host.measures(case.study, target, attribution, stop, deciding=deciding))
    return CheckedExplanation(prediction, attribution, measures)


def region_of(boxes: object, study: Study) -> np.ndarray | None:
    """Boxes in shares of the film as a (H, W) bool mask; None for no box.

    Raises:
        ViewboxError: the study has no film, or a box is none.
    """
    if not boxes:
        return None
    if study.radiograph is None:
        raise ViewboxError("This study has no film to take a region from; leave the region empty.")
    bad = ViewboxError(
        "A region is a list of boxes [left, top, right, bottom] with shares from 0 to 1; correct it."
    )
    if not isinstance(boxes, Sequence) or isinstance(boxes, str) or len(boxes) > MAX_BOXES:
        raise bad
    height, width = study.radiograph.shape
    mask = np.zeros((height, width), bool)
    for box in boxes:
        numbers = isinstance(box, Sequence) and all(type(side) in (int, float) for side in box)
        if not numbers or len(box) != 4 or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise bad
        left, top, right, bottom = box
        # At least one pixel, however small the box.
        rows = slice(int(top * height), max(int(top * height) + 1, round(bottom * height)))
        mask[rows, int(left * width) : max(int(left * width) + 1, round(right * width))] = True
    return mask


def _names(fields: object) -> tuple[str, ...]:
    if not isinstance(fields or [], list) or not all(isinstance(f, str) for f in fields or []):
        raise ViewboxError("The fields must be a list of clinical fields by name; see clinical_fields.")
    return tuple(fields or ())


def _positions(words: object) -> tuple[int, ...]:
    if not isinstance(words or [], list) or not all(type(w) is int for w in words or []):
        raise ViewboxError("The words must be a list of positions in the words that explain answers.")
    return tuple(words or ())
