"""Named endpoints that check a map: second opinions and controls, trust measures, proofs."""

import threading
from collections.abc import Sequence

import gradio as gr
import numpy as np

from cases.case import Case
from interface.api import answers
from interface.api import checks_answers as answers_scrutiny
from interface.api.cases import Answer, Api, Table
from interface.api.tool_calls import for_api
from interface.html.pictures import map_urls, shown_film
from interface.models.model_host import ModelHost
from interface.session.study_edits import asked_target
from modeling.errors import ViewboxError
from modeling.explain.registry import method_names
from modeling.labels import Target
from modeling.results import Attribution
from modeling.sentence import Names
from modeling.study import Study
from modeling.trust.verdict import verdict_of

Boxes = list[list[float]]
MAX_BOXES = 100


class ScrutinyApi:
    """The endpoints; a stored case is named by its ID, a study of your own travels in the call."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def publish(self) -> None:
        """Register every endpoint, one at a time beside the other model work."""
        for work in (self.second_opinion, self.examine, self.prove):
            gr.api(for_api(work), api_name=work.__name__, concurrency_limit=1, concurrency_id="model")

    def second_opinion(
        self,
        case_id: str = "",
        target: str = "",
        method: str = "grad_cam",
        opacity: float = 0.5,
        film: str = "",
        name: str = "",
        table: Table | None = None,
        indication: str | None = None,
        checkpoint: str = "",
        against: str = "",
    ) -> Answer:
        """Another method's map of the film, or a control's that knows nothing, as a data URL.

        Args:
            case_id: as it stands in the list of cases; empty for a study of your own.
            target: task/class, such as appearance/Typical; empty for the most probable class.
            method: by its name, such as grad_cam or evidence; or a control: edges, random_weights.
            opacity: of the heat map, 0 to 1.
            film: as in `predict_upload`, where no case is named.
            name: the file's name.
            table: as in `predict`.
            indication: as in `predict`.
            checkpoint: as in `predict`.
            against: as in `explain`.
        """
        others = method_names("opinion", "control")
        if method not in others:
            raise ViewboxError(
                "The method cannot be '{method}'; choose one of {names}.",
                method=method,
                names=Names("name", others),
            )
        if not isinstance(opacity, int | float) or not 0 <= opacity <= 1:
            raise ViewboxError("The opacity must be a number from 0 to 1; correct it.")
        case, host = self._case(case_id, film, name, table, indication, checkpoint)
        wanted = self._target(host, case, target, against)
        opinion = host.opinion(case.study, wanted, method, threading.Event())
        told, shown = answers_scrutiny.opinion_json(opinion), shown_film(case)
        if shown is None:
            return {**told, "heat_map": None}
        picture, _, _ = map_urls(shown, opinion, opacity=opacity, sign="both")
        return {**told, "heat_map": picture}

    def examine(
        self,
        case_id: str = "",
        target: str = "",
        baseline: str = "black",
        film: str = "",
        name: str = "",
        table: Table | None = None,
        indication: str | None = None,
        checkpoint: str = "",
        against: str = "",
    ) -> Answer:
        """How far an explanation can be believed: two accounts of the parts, and every trust measure.

        Args:
            case_id: as it stands in the list of cases; empty for a study of your own.
            target: task/class, such as appearance/Typical; empty for the most probable class.
            baseline: what the film's path starts from, as in `explain`.
            film: as in `predict_upload`, where no case is named.
            name: the file's name.
            table: as in `predict`.
            indication: as in `predict`.
            checkpoint: as in `predict`.
            against: as in `explain`.
        """
        case, host = self._case(case_id, film, name, table, indication, checkpoint)
        wanted, stop = self._target(host, case, target, against), threading.Event()
        attribution = self._attribution(host, case.study, wanted, baseline)
        account = host.account(case.study, wanted, attribution)
        measures = list(host.measures(case.study, wanted, attribution, stop))
        has_map = attribution.image is not None
        return {
            "not_for_diagnosis": True,
            "checkpoint": answers.model_json(host),
            **answers.attribution_json(attribution),
            "account": answers_scrutiny.account_json(account),
            "measures": [answers_scrutiny.measure_json(m) for m in measures],
            "map_verdict": answers_scrutiny.verdict_json(verdict_of(measures, is_map=has_map)),
        }

    def prove(
        self,
        case_id: str = "",
        target: str = "",
        region: Boxes | None = None,
        fields: list[str] | None = None,
        words: list[int] | None = None,
        baseline: str = "black",
        film: str = "",
        name: str = "",
        table: Table | None = None,
        indication: str | None = None,
        checkpoint: str = "",
        against: str = "",
    ) -> Answer:
        """Take parts of a study away and predict again, beside what the explanation had claimed for them.

        Args:
            case_id: as it stands in the list of cases; empty for a study of your own.
            target: task/class, such as appearance/Typical; empty for the most probable class.
            region: boxes on the film, each [left, top, right, bottom] as shares of it, 0 to 1.
            fields: clinical fields by name.
            words: positions in the `words` that `explain` answers.
            baseline: what the film's path starts from, as in `explain`.
            film: as in `predict_upload`, where no case is named.
            name: the file's name.
            table: as in `predict`.
            indication: as in `predict`.
            checkpoint: as in `predict`.
            against: as in `explain`.
        """
        case, host = self._case(case_id, film, name, table, indication, checkpoint)
        wanted = self._target(host, case, target, against)
        mask = region_of(region, case.study)
        taken, positions = _names(fields), _positions(words)
        attribution = self._attribution(host, case.study, wanted, baseline)
        proof = host.prove(case.study, wanted, attribution, mask, taken, positions)
        return {
            "checkpoint": answers.model_json(host),
            **answers_scrutiny.proof_json(proof, host, case),
        }

    # --- how

    def _case(
        self,
        case_id: str,
        film: str,
        name: str,
        table: Table | None,
        indication: str | None,
        checkpoint: str,
    ) -> tuple[Case, ModelHost]:
        if not case_id:
            return self._api.own_study(film, name, table, indication or "", checkpoint)
        if film:
            raise ViewboxError("Give either a case ID or a film of your own; leave the other one empty.")
        return self._api.stored_study(case_id, table, indication, checkpoint)

    @staticmethod
    def _target(host: ModelHost, case: Case, slug: str, against: str) -> Target:
        return asked_target(host.predict(case.study, case.provenance.source or None), slug, against)

    @staticmethod
    def _attribution(host: ModelHost, study: Study, target: Target, baseline: str) -> Attribution:
        return host.explained(study, target, baseline, threading.Event(), quick=False)


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
