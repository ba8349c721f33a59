"""The model of studies on the page: loaded once, when it is first asked, and stopped when its reader goes."""

import threading

import pytest

from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.study_host import StudyHost
from modeling.errors import CheckpointError, ExplanationCancelled
from modeling.model.checkpoint import Origin
from modeling.study import Study
from modeling.study_answer import StudyPipeline
from tests.doubles.toys import toy_films, toy_study_model


def test_it_is_loaded_once_and_only_when_asked(tmp_path) -> None:
    loads = []

    def load() -> StudyPipeline:
        loads.append(1)
        return StudyPipeline(*toy_study_model(), Origin("toy", "sha256:0", tmp_path, False))

    host = StudyHost(load)
    models = Checkpoints([ModelHost(lambda: None, "film")], host)
    assert models.studies is host and loads == []
    answer = host.predict(toy_films(2), Study())
    told = []
    *_, found = host.explain(answer, "", threading.Event(), told.append)
    assert found.account is not None and loads == [1] and told[-1] == 1.0
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExplanationCancelled):
        next(host.explain(answer, "grading/Severe", stop))


def test_without_a_checkpoint_it_says_so() -> None:
    models = Checkpoints([ModelHost(lambda: None, "film")])
    with pytest.raises(CheckpointError, match="no checkpoint for whole studies"):
        models.studies.predict(toy_films(1), Study())
