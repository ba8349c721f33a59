"""Named endpoints: the same actions as on screen, for `gradio_client` and other callers.

They keep nothing between calls and take films as base64 text, so no caller can name a file of this machine.
"""

import threading
from dataclasses import replace

import gradio as gr

from cases.case import Case
from cases.reading.upload import study_from_upload
from cases.store import CaseFilter
from interface.api import answers
from interface.api.tool_calls import for_api
from interface.case_tab.case_handlers import decoded
from interface.html.pictures import map_urls, shown_film
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import BASELINES, ModelHost, StoreHost
from interface.session.study_edits import asked_target, fitted, own_case, revised
from modeling.errors import StudyError, ViewboxError
from modeling.labels import APPEARANCE, GRADING
from modeling.render.pictures import SIGNS
from modeling.results import Attribution
from modeling.sentence import Names

MAX_LIMIT = 100

Table = dict[str, float | str | None]
Answer = dict[str, object]


class Api:
    """The endpoints; `publish` names them inside a `gr.Blocks`."""

    def __init__(self, models: Checkpoints, stores: StoreHost) -> None:
        self._models, self._stores = models, stores
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}

    def publish(self) -> None:
        """Register every endpoint; long model work runs one at a time, predictions and reading pass it."""
        for light in (self.model_state, self.clinical_fields, self.cancel_explanation):
            gr.api(for_api(light), api_name=light.__name__, queue=False)
        for reading in (self.lookup_case, self.list_cases):
            gr.api(for_api(reading), api_name=reading.__name__, concurrency_limit=8, concurrency_id="cases")
        for lane, works in (
            ("short", (self.predict, self.predict_upload)),
            ("model", (self.explain, self.explain_upload)),
        ):
            for work in works:
                gr.api(for_api(work), api_name=work.__name__, concurrency_limit=1, concurrency_id=lane)

    # --- reading

    def model_state(self) -> Answer:
        """Where each checkpoint stands: phase (waiting, loading, ready, failed), name, revision, sources."""
        return answers.models_json(self._models)

    def clinical_fields(self) -> Answer:
        """What `table` may hold: for each clinical field its unit, plausible range or categories."""
        return answers.fields_json()

    def lookup_case(self, case_id: str) -> Answer:
        """A case by its ID: film as a data URL, clinical table, text, reference labels, licence, source.

        Args:
            case_id: as it stands in the list of cases.
        """
        return answers.case_json(self._case(case_id))

    def list_cases(
        self, source: str = "", appearance: str = "", grading: str = "", after: str = "", limit: int = 20
    ) -> Answer:
        """Cases in the order of their IDs, without films.

        Args:
            source: only this source; empty for any.
            appearance: only this reference class (Negative, Typical, Indeterminate, Atypical); empty for any.
            grading: only this reference class (Mild, Moderate, Severe); empty for any.
            after: `next_after` of the range before; empty for the start.
            limit: rows, 1 to 100.
        """
        for task, name in ((APPEARANCE, appearance), (GRADING, grading)):
            if name:
                task.index(name)
        if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
            raise ViewboxError(
                "The limit must be a whole number from 1 to {limit}; correct it.", limit=MAX_LIMIT
            )
        where = CaseFilter(source or None, appearance or None, grading or None)
        store = self._stores.store
        return answers.page_json(store.page(where, after or None, limit), store.count(where))

    # --- model work

    def predict(
        self, case_id: str, table: Table | None = None, indication: str | None = None, checkpoint: str = ""
    ) -> Answer:
        """Probabilities of every task for a stored case.

        Args:
            case_id: as it stands in the list of cases.
            table: values that replace the case's own, in the units of `clinical_fields`; null drops one.
            indication: replaces the case's own indication; empty drops it.
            checkpoint: by its name in `model_state`; empty for the one that suits the case's source.
        """
        return self._predicted(*self.stored_study(case_id, table, indication, checkpoint))

    def predict_upload(
        self,
        film: str = "",
        name: str = "",
        table: Table | None = None,
        indication: str = "",
        checkpoint: str = "",
    ) -> Answer:
        """Probabilities of every task for a study of your own; it is read in memory and not kept.

        Args:
            film: a PNG, JPEG or DICOM file as base64 text; empty for a study without a film.
            name: the file's name.
            table: clinical values in the units of `clinical_fields`.
            indication: clinical text from before the reading.
            checkpoint: by its name in `model_state`; empty for the first one trained on real films.
        """
        return self._predicted(*self.own_study(film, name, table, indication, checkpoint))

    def explain(
        self,
        case_id: str,
        target: str = "",
        baseline: str = "black",
        sign: str = "both",
        opacity: float = 0.5,
        table: Table | None = None,
        indication: str | None = None,
        checkpoint: str = "",
        against: str = "",
        request: gr.Request = None,
    ) -> Answer:
        """Integrated Gradients of one target for a stored case, with the heat map as a data URL.

        Args:
            case_id: as it stands in the list of cases.
            target: task/class, such as appearance/Typical; empty for the most probable class.
            baseline: what the film's path starts from: black or blurred, and where the checkpoint stores
                such films also mean or normals.
            sign: both, positive or negative, what the heat map shows.
            opacity: of the heat map, 0 to 1.
            table: as in `predict`.
            indication: as in `predict`.
            checkpoint: as in `predict`.
            against: what the class is explained against: another class, or rest for all others; empty for
                Negative (or the lowest grade), and for that class itself the rest.
        """
        case, host = self.stored_study(case_id, table, indication, checkpoint)
        return self._explained(case, host, (target, against), baseline, sign, opacity, request)

    def explain_upload(
        self,
        film: str = "",
        name: str = "",
        target: str = "",
        baseline: str = "black",
        sign: str = "both",
        opacity: float = 0.5,
        table: Table | None = None,
        indication: str = "",
        checkpoint: str = "",
        against: str = "",
        request: gr.Request = None,
    ) -> Answer:
        """Integrated Gradients of one target for a study of your own; it is read in memory and not kept.

        Args:
            film: as in `predict_upload`.
            name: the file's name.
            target: task/class, such as appearance/Typical; empty for the most probable class.
            baseline: what the film's path starts from: black or blurred, and where the checkpoint stores
                such films also mean or normals.
            sign: both, positive or negative, what the heat map shows.
            opacity: of the heat map, 0 to 1.
            table: as in `predict_upload`.
            indication: as in `predict_upload`.
            checkpoint: as in `predict_upload`.
            against: as in `explain`.
        """
        case, host = self.own_study(film, name, table, indication, checkpoint)
        return self._explained(case, host, (target, against), baseline, sign, opacity, request)

    def cancel_explanation(self, request: gr.Request = None) -> Answer:
        """Stop this client's running explanation; `cancelled` says whether there was one."""
        with self._lock:
            stop = self._stops.get(getattr(request, "session_hash", None) or "")
        if stop is not None:
            stop.set()
        return {"cancelled": stop is not None}

    # --- how

    def _case(self, case_id: str) -> Case:
        if not isinstance(case_id, str) or not case_id.strip():
            raise ViewboxError("Give the ID of a case; list_cases names them.")
        return self._stores.case(case_id.strip())

    def _host(self, checkpoint: str, case: Case | None) -> ModelHost:
        host = self._models.of(str(checkpoint or ""), case)
        self._models.need(host)
        return host

    def stored_study(
        self, case_id: str, table: Table | None, indication: str | None, checkpoint: str
    ) -> tuple[Case, ModelHost]:
        """A stored case with the caller's changes, and the checkpoint for it."""
        stored = self._case(case_id)
        host = self._host(checkpoint, stored)
        study = fitted(stored.study, stored, host.text_sections)
        if table is not None or indication is not None:
            text = {} if indication is None else {"indication": indication}
            study = revised(study, _checked_table(table), text)
        return replace(stored, study=study), host

    def own_study(
        self, film: str, name: str, table: Table | None, indication: str, checkpoint: str
    ) -> tuple[Case, ModelHost]:
        """The caller's own study, read in memory, and the checkpoint for it."""
        host = self._host(checkpoint, None)
        data = decoded(film) if film else None
        text = {"indication": indication if isinstance(indication, str) else str(indication or "")}
        study = study_from_upload(data, table=_checked_table(table), text=text, name=str(name)[:120])
        return own_case(study, str(name)[:120], "not stored"), host

    def _predicted(self, case: Case, host: ModelHost) -> Answer:
        prediction = host.predict(case.study, case.provenance.source or None)
        return answers.prediction_json(prediction, host, case)

    def _explained(
        self,
        case: Case,
        host: ModelHost,
        asked: tuple[str, str],
        baseline: str,
        sign: str,
        opacity: float,
        request: gr.Request | None,
    ) -> Answer:
        _check_choice("sign", sign, SIGNS)
        _check_choice("baseline", baseline, BASELINES)
        if not isinstance(opacity, int | float) or not 0 <= opacity <= 1:
            raise ViewboxError("The opacity must be a number from 0 to 1; correct it.")
        prediction = host.predict(case.study, case.provenance.source or None)
        target = asked_target(prediction, *asked)
        session, stop = getattr(request, "session_hash", None) or "", threading.Event()
        with self._lock:
            self._stops[session] = stop
        progress = gr.Progress()  # gr.api injects none, but finds the caller's event
        try:
            steps = host.explain(case.study, target, baseline, stop, lambda share: progress(share))
            *_, attribution = steps
        finally:
            with self._lock:
                if self._stops.get(session) is stop:
                    del self._stops[session]
        pictures = self._pictures(case, attribution, opacity, sign)
        told = answers.prediction_json(prediction, host, case)
        return {**told, **answers.attribution_json(attribution), **pictures}

    @staticmethod
    def _pictures(case: Case, attribution: Attribution, opacity: float, sign: str) -> Answer:
        shown = shown_film(case)
        if shown is None or attribution.image is None:
            return {"heat_map": None, "legend": None, "scale": None}
        picture, legend, scale = map_urls(shown, attribution, opacity=opacity, sign=sign)
        return {"heat_map": picture, "legend": legend, "scale": scale}


def _checked_table(table: Table | None) -> Table:
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise StudyError("The table must be an object of clinical fields and values; see clinical_fields.")
    return table


def _check_choice(what: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ViewboxError(
            "The {what} cannot be '{given}'; choose one of {names}.",
            what=what,
            given=given,
            names=Names("name", allowed),
        )
