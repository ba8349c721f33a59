"""The same films through every door: page, API, tool, command line and Python refuse and warn alike."""

import base64
import csv
import html
import io
import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw

import viewbox
from cases.reading.dicom import encode_radiograph
from cases.reading.upload import film_of_base64, read_upload
from hub_config.settings import BUNDLED
from interface.api import tool_calls
from interface.api.asked import Asked, endpoint
from interface.api.cases import Api
from interface.api.checks import ScrutinyApi
from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.components import Parts
from interface.case_tab.export_handlers import arrays_of
from interface.case_tab.model_handlers import ModelActions, first_map
from interface.case_tab.own_films import OwnFilms
from interface.case_tab.panels import model_panel
from interface.case_tab.tab import case_layout
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import prompt_panel
from interface.session.session import Answer, Session, Sessions
from interface.session.study_edits import own_case, target_of
from modeling.answers import verdict_json
from modeling.model.film import brightness
from modeling.study import Radiograph
from tests.doubles.command import command

pytestmark = pytest.mark.skipif(
    not (BUNDLED / "film").is_dir(), reason="the bundled checkpoint is not in this tree"
)
READER = SimpleNamespace(session_hash="reader", headers={}, query_params={})


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good film and five that none should answer on."""
    folder = tmp_path_factory.mktemp("films")
    store = viewbox.open_case_store(None)
    radiograph = store.get(store.page(viewbox.CaseFilter(), None, 1).rows[0].case_id).study.radiograph
    film = (brightness(radiograph) * 255).astype(np.uint8)
    page = Image.new("L", (600, 800), 255)
    for top in range(20, 780, 16):
        ImageDraw.Draw(page).text((30, top), "The lungs are clear. No effusion. The heart is normal.", fill=0)
    pictures = {
        "good": film,
        "noise": np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8),
        "inverted": 255 - film,
        "page": np.asarray(page),
        "two films": np.concatenate([film, film], axis=1),
    }
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    cut = pydicom.dcmread(io.BytesIO(encode_radiograph(Radiograph(film), case_id="x", synthetic=True)))
    cut.Modality, cut.SOPClassUID = "CT", pydicom.uid.CTImageStorage
    cut.save_as(folder / "slice.dcm")
    return folder


@pytest.fixture(scope="module")
def models() -> Checkpoints:
    """The film checkpoint that ships, loaded."""
    host = ModelHost(lambda: viewbox.DiagnosisPipeline.from_pretrained(viewbox.bundled("film")), "film")
    host.load()
    return Checkpoints([host])


@cache
def by_command(films: Path) -> dict[str, str]:
    """Film -> why it has no answer, or better none, as one command says of the folder."""
    table = films.parent / "answers.csv"
    assert command("predict")([films, "--csv", table]) == 1
    from modeling.csv_cells import csv_rows

    return {Path(row["film"]).name: row["refusal"] for row in csv_rows(table)}


def by_python(film: Path, models: Checkpoints) -> str:
    try:
        prediction = models.hosts[0].pipeline.predict(film)
    except viewbox.ViewboxError as refused:
        return str(refused)
    assert not prediction.refusal or str(prediction).startswith(prediction.refusal)
    return prediction.refusal or ""


def read_by_the_queue(film: Path) -> Radiograph | viewbox.ViewboxError:
    """What a film sent as base64 text is when its request has its turn."""
    try:
        return read_upload(film_of_base64(base64.b64encode(film.read_bytes()).decode()), film.name)
    except viewbox.ViewboxError as refused:
        return refused


def by_api(film: Path, models: Checkpoints, monkeypatch: pytest.MonkeyPatch, tool: bool = False) -> str:
    monkeypatch.setattr(tool_calls, "is_tool_call", lambda: tool)
    predict = tool_calls.for_api(endpoint("predict", Api(models, StoreHost(lambda: None)).predict))
    try:
        answer = predict(film=read_by_the_queue(film), name=film.name)
    except gr.Error as refused:
        return refused.message
    told = tool_calls.seen(answer).structuredContent if tool else json.loads(json.dumps(answer))
    assert not tool or told["limits"] == tool_calls.LIMITS
    keys = list(told)
    assert keys.index("refusal") < keys.index("warnings") < keys.index("tasks")
    assert told["familiarity"]["refuses"] == bool(told["refusal"])
    assert set(told["tasks"]["appearance"]["set"]) == {"classes", "coverage", "measured", "unmeasured"}
    return told["refusal"] or ""


@cache
def page_parts() -> Parts:
    with gr.Blocks():
        return case_layout(gr.Tabs(), gr.HTML(), model_panel(["film"]), gr.HTML(), prompt_panel())


def by_page(film: Path, models: Checkpoints) -> str:
    sessions, parts = Sessions(4), page_parts()
    cases = CaseActions(models, StoreHost(lambda: None), sessions, parts)
    sent = {"data": read_by_the_queue(film), "name": film.name}
    shown = cases.take_film(SimpleNamespace(_data=sent), READER)
    if sessions.of(READER.session_hash).case is None:
        (told,) = shown.values()
        return re.sub("<[^>]+>", "", html.unescape(str(told))).removeprefix("⚠ ")
    panel = ModelActions(models, sessions, parts).predict(READER)[parts.results.prediction]
    before, _, _ = panel.partition("<table")
    assert ("vb-refuses" in before) == ("vb-anyway" in before), "only of a refused film the numbers wait"
    _, _, refusal = html.unescape(str(before)).partition("vb-refuses")
    return refusal.partition("⚠</span> ")[2].partition("</p>")[0]


def test_a_reader_who_moves_on_under_an_explanation_ends_it_without_a_fault(
    films: Path, models: Checkpoints
) -> None:
    """The first map is chosen by the prediction that is explained, not by what the session holds by then."""
    sessions, parts = Sessions(4), page_parts()
    actions, session = ModelActions(models, sessions, parts), sessions.of(READER.session_hash)
    case = own_case(viewbox.open_study(films / "good.png"), "good.png", "")
    session.put(case, None)
    actions.predict(READER)
    assert session.due == "explain"
    steps = actions.explain("black", READER, lambda *_, **__: None)
    next(steps)
    session.put(case, None)
    assert session.answer.prediction is None, "another case, not yet answered"
    for updates in steps:
        assert updates
    assert session.due == "predict" and session.explanation.opinion is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("good.png", ""),
        ("noise.png", "I'd rather not say"),
        ("inverted.png", "I'd rather not say"),
        ("page.png", "I'd rather not say"),
        ("two films.png", "I'd rather not say"),
        ("slice.dcm", "a CT volume or a slice of one"),
    ],
)
def test_every_door_refuses_the_same_film_in_the_same_words(
    name: str, said: str, films: Path, models: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "Python": by_python(films / name, models),
        "API": by_api(films / name, models, monkeypatch),
        "tool": by_api(films / name, models, monkeypatch, tool=True),
        "page": by_page(films / name, models),
        "command": by_command(films)[name],
    }
    assert len(set(told.values())) == 1, told
    assert said in told["page"] and bool(told["page"]) == bool(said)


def test_several_films_at_once_have_the_answers_of_each_alone(
    films: Path, models: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["noise.png", "slice.dcm", "good.png", "notes.txt"]
    (films.parent / "notes.txt").write_text("no film")
    sent = [read_by_the_queue(films / n if n != "notes.txt" else films.parent / n) for n in names]
    api = Api(models, StoreHost(lambda: None))
    answers = api.predict_films(sent, names)["films"]
    told = by_command(films)
    assert [one["film"] for one in answers] == names
    assert [one["refusal"] or "" for one in answers[:3]] == [told[name] for name in names[:3]]
    assert "notes.txt" not in told and "no image" in answers[3]["refusal"]

    sessions, parts = Sessions(4), page_parts()
    cases = CaseActions(models, StoreHost(lambda: None), sessions, parts)
    own = OwnFilms(models, sessions, parts, cases)
    for number, (name, film) in enumerate(zip(names, sent, strict=True), 1):
        data = {"data": film, "name": name, "number": number, "count": 4, "turn": number}
        shown = own.add_film(SimpleNamespace(_data=data), READER)
        assert (parts.film.figure in shown) == (number == 1), "the first that can be read is shown"
    table = html.unescape(str(shown[parts.chooser.several]))
    assert "4 of 4 films read" in table and table.count('data-own="') == 2
    assert all(one["refusal"] in table for one in answers if one["refusal"])
    text = base64.b64decode(re.search('data:text/csv;base64,([^"]+)"', table)[1])
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert [row["refusal"] for row in rows] == [one["refusal"] or "" for one in answers]
    assert rows[2]["appearance: answer"] == answers[2]["tasks"]["appearance"]["most_probable"]
    own.open_own(SimpleNamespace(_data={"own": 2}), READER)
    assert sessions.of(READER.session_hash).case.provenance.attribution == "good.png"
    with pytest.raises(viewbox.ViewboxError, match="not held"):
        own.open_own(SimpleNamespace(_data={"own": 3}), READER)
    with pytest.raises(viewbox.ViewboxError, match="1 to 20 films"):
        api.predict_films([""] * 21)
    with pytest.raises(viewbox.ViewboxError, match="give a case ID, or what is in a film's file"):
        api.predicted(Asked())


def test_every_door_gives_the_same_map_and_the_same_verdict(
    films: Path,
    models: Checkpoints,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    film, host = films / "good.png", models.hosts[0]
    monkeypatch.setattr("interface.api.answers.is_tool_call", lambda: False)
    assert command("explain")([film, "--map", tmp_path / "map.npz", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["method"] == "evidence", "what the page shows first"
    assert command("explain")([films / "noise.png"]) == 1 and "Do not trust" in capsys.readouterr().out
    python = viewbox.explain_and_check(host.pipeline, viewbox.open_study(film), method="")
    api = ScrutinyApi(Api(models, StoreHost(lambda: None))).second_opinion
    answer = endpoint("second_opinion", api)(film=read_by_the_queue(film), method="evidence")
    verdicts = [told["map_verdict"], answer["map_verdict"], verdict_json(python.verdict)]

    session = Session()
    session.put(own_case(viewbox.open_study(film), "good.png", ""), None)
    session.host, session.answer = host, Answer(host.predict(session.study, None))
    target, stop = target_of(session.answer.prediction, None), session.begin_explanation()
    opinion = first_map(host, session.study, target, stop, session.answer.prediction)
    *_, account = host.explain(session.study, target, "black", stop, max_evaluations=8)
    asked = (session.study, target, account, stop, opinion.method)
    measures = tuple(host.measures(*asked, deciding=True))
    session.learn(attribution=account, opinion=opinion, measures=measures, complete=True)
    page, command_ = (np.load(source) for source in (io.BytesIO(arrays_of(session)), tmp_path / "map.npz"))
    assert page.files == command_.files
    for name in set(page.files) - {"case"}:
        np.testing.assert_array_equal(page[name], command_[name], err_msg=name)
    assert {str(page["map_verdict"])} == {verdict["level"] for verdict in verdicts}
    reasons = [[reason["name"] for reason in verdict["reasons"]] for verdict in verdicts]
    assert reasons[1:] == reasons[:-1]
