"""Named endpoints: the same actions as on screen, for `gradio_client` and other callers.

They keep nothing between calls and take films as base64 text, so no caller can name a file of this machine.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

import gradio as gr

from cases.case import Case
from cases.reading.upload import study_from_upload
from cases.store import CaseFilter
from interface.api import answers
from interface.api.asked import Asked, publish
from interface.api.tool_calls import for_api
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.session.admission import FILMS, file_names, sent_film, sent_study, short_name
from interface.session.study_edits import asked_target, fitted, own_case, revised
from modeling.answers import CheckedExplanation, Json, answer_film, explanation_json, prediction_json
from modeling.errors import StudyError, ViewboxError
from modeling.labels import APPEARANCE, GRADING, checked_label
from modeling.render.pictures import SIGNS
from modeling.results import BASELINES, Prediction

MAX_LIMIT = 100
Appearance = Literal["", *APPEARANCE.classes]
Grading = Literal["", *GRADING.classes]


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
        gr.api(
            for_api(self.predict_films), api_name="predict_films", concurrency_limit=1, concurrency_id="model"
        )
        for reading in (self.lookup_case, self.list_cases):
            gr.api(for_api(reading), api_name=reading.__name__, concurrency_limit=8, concurrency_id="cases")
        publish("predict", self.predict, "short")
        publish("explain", self.explain, "model")

    # --- reading

    def model_state(self) -> Json:
        """Where each checkpoint stands: phase (waiting, loading, ready, failed), name, revision, sources."""
        return answers.models_json(self._models)

    def clinical_fields(self) -> Json:
        """The fields that `table` may hold, each with its unit, plausible range or categories."""
        return answers.fields_json()

    def lookup_case(self, case_id: str) -> Json:
        """A case by its ID: film as a data URL, clinical table, text, reference labels, licence, source."""
        return answers.case_json(self.case(case_id))

    def list_cases(
        self,
        source: str = "",
        appearance: Appearance = "",
        grading: Grading = "",
        after: str = "",
        limit: int = 20,
        label: str = "",
    ) -> Json:
        """Cases in the order of their IDs, without films."""
        for task, name in ((APPEARANCE, appearance), (GRADING, grading)):
            if name:
                task.index(name)
        if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
            raise ViewboxError(
                "The limit must be a whole number from 1 to {limit}; correct it.", limit=MAX_LIMIT
            )
        label = checked_label(label, self._models.declared)
        where = CaseFilter(source or None, appearance or None, grading or None, label=label or None)
        store = self._stores.store
        return answers.page_json(store.page(where, after or None, limit), store.count(where))

    # --- model work

    def predict(self, asked: Asked, _: gr.Request | None) -> Json:
        """Probabilities of every task."""
        case, _, prediction = self.predicted(asked)
        return prediction_json(prediction, case.reference)

    def predict_films(self, films: list[str], names: list[str] | None = None, checkpoint: str = "") -> Json:
        """Several films of your own in one call, an answer each; one that cannot be read stops no other."""
        if not isinstance(films, list) or not 1 <= len(films) <= FILMS:
            raise ViewboxError("Give 1 to {limit} films as a list of base64 texts.", limit=FILMS)
        host, named = self._host(checkpoint, None), zip(file_names(names, len(films)), films, strict=True)
        predict = partial(host.predict, source=None)
        rows = [answer_film(name, partial(sent_study, film, name), predict) for name, film in named]
        return {"not_for_diagnosis": True, "films": [row.as_json() for row, _ in rows]}

    def explain(self, asked: Asked, request: gr.Request | None) -> Json:
        """Integrated Gradients of one target, with the verdict on its map and the heat map."""
        asked.check("sign", SIGNS)
        asked.check("baseline", BASELINES)
        asked.check_opacity()
        case, host, prediction = self.predicted(asked)
        target = asked_target(prediction, asked.target, asked.against)
        progress = gr.Progress()  # gr.api injects none, but finds the caller's event
        with self.stop_of(request) as stop:
            *_, attribution = host.explain(case.study, target, asked.baseline, stop, progress)
            measures = tuple(host.measures(case.study, target, attribution, stop, deciding=True))
        return {
            **explanation_json(CheckedExplanation(prediction, attribution, measures), case.reference),
            **answers.map_json(case, attribution, asked.opacity, asked.sign),
            **answers.numbers_json(case, attribution),
        }

    def cancel_explanation(self, request: gr.Request = None) -> Json:
        """Stop this client's running explanation; `cancelled` says whether there was one."""
        return {"cancelled": self.left(getattr(request, "session_hash", None) or "")}

    def left(self, session: str) -> bool:
        """Stop a session's running work; whether there was some."""
        with self._lock:
            stop = self._stops.get(session)
        if stop is not None:
            stop.set()
        return stop is not None

    @contextmanager
    def stop_of(self, request: gr.Request | None) -> Iterator[threading.Event]:
        """Around work for a caller: set when they cancel it, or leave."""
        session, stop = getattr(request, "session_hash", None) or "", threading.Event()
        with self._lock:
            self._stops[session] = stop
        try:
            yield stop
        finally:
            with self._lock:
                if self._stops.get(session) is stop:
                    del self._stops[session]

    # --- how

    def case(self, case_id: str) -> Case:
        """A stored case. Raises ViewboxError: its ID is none, or no case has it."""
        if not isinstance(case_id, str) or not case_id.strip():
            raise ViewboxError("Give the ID of a case; list_cases names them.")
        return self._stores.case(case_id.strip())

    def _host(self, checkpoint: str, case: Case | None) -> ModelHost:
        host = self._models.of(str(checkpoint or ""), case)
        self._models.need(host)
        return host

    def film_case(self, case_id: object, film: object, name: object) -> Case:
        """The stored case, or the caller's own film as one; read in memory, and kept nowhere."""
        if bool(case_id) == bool(film):
            raise ViewboxError("Give either a case ID or a film of your own; leave the other one empty.")
        if case_id:
            return self.case(case_id)
        called = short_name(name)
        study = study_from_upload(sent_film(film), table={}, text={}, name=called)
        return own_case(study, called, "not stored")

    def predicted(self, asked: Asked) -> tuple[Case, ModelHost, Prediction]:
        """The stored case with the caller's changes, or their own, with its checkpoint and prediction."""
        if asked.case_id and asked.film:
            raise ViewboxError("Give either a case ID or a film of your own; leave the other one empty.")
        case, host = self._stored(asked) if asked.case_id else self._own(asked)
        return case, host, host.predict(case.study, case.provenance.source or None)

    def _stored(self, asked: Asked) -> tuple[Case, ModelHost]:
        stored = self.case(asked.case_id)
        host = self._host(asked.checkpoint, stored)
        study = fitted(stored.study, stored, host.text_sections)
        if asked.table is not None or asked.indication is not None:
            text = {} if asked.indication is None else {"indication": asked.indication}
            study = revised(study, asked.checked_table(), text)
        return replace(stored, study=study), host

    def _own(self, asked: Asked) -> tuple[Case, ModelHost]:
        """Read in memory, and kept nowhere."""
        host, name = self._host(asked.checkpoint, None), short_name(asked.name)
        text = {"indication": str(asked.indication or "")}
        if not asked.film and not asked.table and not text["indication"].strip():
            nothing = "Nothing was sent to read; give a case ID, or what is in a film's file as base64 text."
            raise StudyError(nothing)
        film = sent_film(asked.film) if asked.film else None
        study = study_from_upload(film, table=asked.checked_table(), text=text, name=name)
        return own_case(study, name, "not stored"), host
