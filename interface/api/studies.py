"""Named endpoints for several films as one study."""

import base64
from functools import partial
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np

from cases.case import Case
from cases.reading.study_upload import ReadStudy, given_films, study_of_films
from interface.api.asked import Asked, publish
from interface.api.cases import Api
from interface.api.tool_calls import is_tool_call
from interface.html.pictures import MAX_SIDE, data_url, small_film
from interface.models.study_host import StudyHost
from interface.session.admission import file_names, sent_film
from interface.session.study_edits import asked_target, own_case, revised
from modeling.answers import Json
from modeling.errors import ViewboxError
from modeling.explain.registry import ACCOUNT, map_method
from modeling.render.arrays import npy
from modeling.render.pictures import SIGNS, legend, maps_on_one_scale
from modeling.study import MOST_FILMS

if TYPE_CHECKING:  # torch: not before it is needed
    from modeling.study_answer import StudyAnswer


class StudiesApi:
    """The endpoints; a stored case is named by its ID, films of your own travel in the call."""

    def __init__(self, api: Api, studies: StudyHost) -> None:
        self._api, self._studies = api, studies

    def publish(self) -> None:
        """Register both endpoints beside those of a single film."""
        publish("predict_study", self.predict_study, "short")
        publish("explain_study", self.explain_study, "model")

    def predict_study(self, asked: Asked, _: gr.Request | None) -> Json:
        """Probabilities of every task, and what each film adds."""
        case, answer = self.answered(asked)
        return _as_json(case, answer)

    def explain_study(self, asked: Asked, request: gr.Request | None) -> Json:
        """The same with one account over all films, fields and words, and the films' maps on one scale."""
        asked.check("sign", SIGNS)
        asked.check_opacity()
        case, answer = self.answered(asked)
        progress = gr.Progress()  # gr.api injects none, but finds the caller's event
        with self._api.stop_of(request) as stop:
            *_, found = self._studies.explain(answer, answer.target, stop, progress)
        told = _as_json(case, found)
        maps = [part.map for part in found.parts]
        for film, one in zip(told["films"], maps, strict=True):
            film["map"] = base64.b64encode(npy(one)).decode()
        drawn = _drawn(found, asked) if case.licence.may_show else {"films": [None] * len(maps)}
        for film, heat_map in zip(told["films"], drawn.pop("films"), strict=True):
            film["heat_map"] = heat_map
        return {**told, "legend": None, "scale": None, **drawn}

    def answered(self, asked: Asked) -> tuple[Case, "StudyAnswer"]:
        """The stored case with the caller's changes, or their own films, with the answer to them."""
        if asked.case_id and asked.films:
            raise ViewboxError("Give either a case ID or films of your own; leave the other one empty.")
        case, read = self._stored(asked) if asked.case_id else self._own(asked)
        about = {"refused": read.refused, "source": case.provenance.source or None}
        answer = self._studies.predict(read.films, read.study, **about)
        return case, answer.about(asked_target(answer.prediction, asked.target, asked.against))

    def _stored(self, asked: Asked) -> tuple[Case, ReadStudy]:
        case = self._api.case(asked.case_id)
        study = case.study
        if asked.table is not None or asked.indication is not None:
            text = {} if asked.indication is None else {"indication": asked.indication}
            study = revised(study, asked.checked_table(), text)
        return case, ReadStudy(case.films, study)

    def _own(self, asked: Asked) -> tuple[Case, ReadStudy]:
        """Read in memory, and kept nowhere."""
        if not isinstance(asked.films, list) or not asked.films:
            raise ViewboxError("Give 1 to {limit} films as a list of base64 texts.", limit=MOST_FILMS)
        names = file_names(asked.names, len(asked.films))
        read = [partial(sent_film, film) for film in asked.films]
        given = given_films(read, names, asked.views, asked.days)
        text = {"indication": str(asked.indication or "")}
        found = study_of_films(given, table=asked.checked_table(), text=text)
        return own_case(found.study, names[0], "not stored"), found


def _as_json(case: Case, answer: "StudyAnswer") -> Json:
    from modeling.study_answer import study_json  # torch: not before there is an answer

    return study_json(answer, case.reference)


def _drawn(answer: "StudyAnswer", asked: Asked) -> Json:
    """Each film under its map, as data URLs, and the legend and the scale of all of them."""
    shown = [small_film(film.radiograph).astype(np.float32) / 255 for film in answer.films]
    maps, method = [part.map for part in answer.parts], map_method(ACCOUNT)
    how = {"opacity": asked.opacity, "sign": asked.sign, "max_side": MAX_SIDE}
    heat_maps = maps_on_one_scale(shown, maps, method, **how)
    scale = heat_maps[0].scale
    bar = legend(scale, asked.sign, opacity=asked.opacity)
    exact = not is_tool_call()  # tools get JPEG: some take a megabyte at most
    urls = [data_url(one.picture, exact=exact) for one in heat_maps]
    return {"films": urls, "legend": data_url(bar, exact=True), "scale": scale}
