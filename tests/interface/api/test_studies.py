"""Several films as one study by the API and as a tool, beside Python's own answer."""

import base64
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import viewbox
from cases.case import licence_named
from cases.film_bytes import film_document
from cases.phantom.studies import PhantomStudy, StudySettings, generate_study, study_case, study_seed
from cases.reading.upload import read_upload
from hub_config.settings import STUDY_CHECKPOINT
from interface.api.asked import Asked
from interface.api.cases import Api
from interface.api.studies import StudiesApi
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.models.study_host import StudyHost
from modeling.errors import StudyError, ViewboxError
from modeling.study import ViewPosition
from modeling.study_answer import StudyPipeline, study_json
from tests.doubles.app_client import picture_of

FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 60))
VIEWS, DAYS = [str(view) for view, _ in FILMS], [days for _, days in FILMS]


@pytest.fixture(scope="module")
def drawn() -> PhantomStudy:
    settings = StudySettings(size=128, place="behind the heart", change="new", films=FILMS)
    return generate_study(study_seed(6101, 0), settings=settings)


@pytest.fixture(scope="module")
def api(drawn: PhantomStudy) -> StudiesApi:
    cases = {"open": study_case(drawn)}
    cases["shut"] = replace(cases["open"], licence=licence_named("all rights reserved"))
    store = SimpleNamespace(get=cases.__getitem__, description="two cases")
    studies = StudyHost(lambda: StudyPipeline.from_pretrained(STUDY_CHECKPOINT))
    models = Checkpoints([ModelHost(lambda: None, "film")], studies)
    return StudiesApi(Api(models, StoreHost(lambda: store)), studies)


@pytest.fixture(scope="module")
def sent(drawn: PhantomStudy) -> list[object]:
    """Films as the queue has read them."""
    return [read_upload(film_document(film.radiograph)["bytes"]) for film in drawn.films]


def test_a_stored_study_is_answered_as_python_answers_it(api: StudiesApi, drawn: PhantomStudy) -> None:
    found = api.predict_study(Asked(case_id="open"), None)
    case = study_case(drawn)
    pipeline = viewbox.StudyPipeline.from_pretrained(viewbox.STUDY_CHECKPOINT)
    assert found == study_json(pipeline.predict(case.films, case.study, source="phantom"), case.reference)
    assert found["target"] == "opacity/present" and found["refusal"] is None and found["warnings"] == []
    older = api.predict_study(Asked(case_id="open", table={"age": 20}, indication="Cough."), None)
    assert older["tasks"]["opacity"]["logits"] != found["tasks"]["opacity"]["logits"]


def test_films_of_ones_own_are_one_study_and_a_bad_one_is_named(api: StudiesApi, sent: list) -> None:
    films = [*sent, StudyError("The file is empty; choose a PNG, JPEG or DICOM file of a chest film.")]
    asked = Asked(films=films, names=["a", "b", "c", "d"], views=[*VIEWS, ""], days=[*DAYS, None])
    found = api.predict_study(replace(asked, target="interval_change/new", against="clear"), None)
    assert found["target"] == "interval_change/new" and found["against"] == "clear"
    assert [(f["name"], f["view_position"], f["days_before"]) for f in found["films"]] == [
        ("a", "PA", 0), ("b", "lateral", 0), ("c", "PA", 60),
    ]  # fmt: skip
    assert found["left_out"] == [{"number": 4, "name": "d", "reason": str(films[3])}]
    assert (
        "seen none like your own" in found["warnings"][0]
        and "The film d was left out" in found["warnings"][1]
    )


def test_the_account_of_all_films_comes_with_their_maps_on_one_scale(
    api: StudiesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interface.api.studies.is_tool_call", lambda: False)
    found = api.explain_study(Asked(case_id="open", opacity=1.0), None)
    assert found["verdict"] == "usable" and found["scale"] > 0 and picture_of(found["legend"]).std() > 0
    parts = [film["contribution"] for film in found["films"]]
    assert max(parts) == parts[1]
    maps = [np.load(io.BytesIO(base64.b64decode(film["map"]))) for film in found["films"]]
    assert [one.sum() for one in maps] == pytest.approx(parts, abs=1e-3)
    tinted = [np.ptp(picture_of(film["heat_map"]), axis=2).mean() for film in found["films"]]
    assert max(tinted) == tinted[1]
    total = sum(parts) + sum(one["attribution"] for one in (*found["fields"], *found["words"]))
    change = found["output"] - found["baseline_output"] + found["convergence_delta"]
    assert total + found["special_tokens"] == pytest.approx(change, abs=1e-4)
    hidden = api.explain_study(Asked(case_id="shut"), None)
    assert hidden["films"][0]["heat_map"] is hidden["legend"] is hidden["scale"] is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"case_id": "open", "films": ["x"]}, "Give either a case ID or films of your own"),
        ({}, "Give 1 to 8 films as a list of base64 texts."),
        ({"films": "text"}, "Give 1 to 8 films as a list"),
        ({"films": ["/etc/passwd"]}, "as base64 text"),
        ({"films": ["x"] * 100}, "A study of 100 films is too large; choose the 8 that matter."),
        ({"case_id": "open", "target": "opacity/severe"}, "has no class 'severe'"),
        ({"case_id": "open", "target": "appearance/Typical"}, "was not predicted for this study"),
        ({"case_id": "open", "opacity": 7}, "The opacity must be a number from 0 to 1"),
        ({"case_id": "open", "sign": "up"}, "The sign cannot be 'up'"),
        ({"case_id": "open", "table": [1]}, "The table must be an object"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(api: StudiesApi, asked: dict, said: str) -> None:
    with pytest.raises(ViewboxError) as caught:
        api.explain_study(Asked(**asked), None)
    assert said in str(caught.value)


def test_two_patients_and_a_film_twice_are_refused(api: StudiesApi, sent: list) -> None:
    from modeling.study import Acquisition

    owned = [
        replace(film, acquisition=Acquisition(patient=who)) for film, who in zip(sent, "aab", strict=True)
    ]
    with pytest.raises(StudyError, match="Films 2 and 3 are of two patients"):
        api.predict_study(Asked(films=owned), None)
    with pytest.raises(StudyError, match="Films 1 and 3 are the same film"):
        api.predict_study(Asked(films=[sent[0], sent[1], sent[0]]), None)
