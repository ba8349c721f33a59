"""The app as other programs meet it: a process of its own, called through `gradio_client` and plain HTTP."""

import base64
import io
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from tests.served import HIDDEN, ROOT, SECRET, serve, write_checkpoint, write_store

ENDPOINTS = {
    "/model_state": [],
    "/clinical_fields": [],
    "/cancel_explanation": [],
    "/lookup_case": ["case_id"],
    "/list_cases": ["source", "appearance", "grading", "after", "limit"],
    "/predict": ["case_id", "table", "indication"],
    "/predict_upload": ["film", "name", "table", "indication"],
    "/explain": ["case_id", "target", "baseline", "sign", "opacity", "table", "indication"],
    "/explain_upload": ["film", "name", "target", "baseline", "sign", "opacity", "table", "indication"],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    checkpoint, store = write_checkpoint(folder / "toy"), write_store(folder / "store")
    with serve(folder / "run", MODEL_REPO=str(checkpoint), CASES_FOLDER=str(store)) as running:
        yield running


@pytest.fixture(scope="module")
def client(served):
    client = connect(served)
    wait_for_model(client)
    return client


@pytest.fixture(autouse=True)
def nothing_of_an_upload_stays(request):
    yield
    if "served" in request.fixturenames:
        assert request.getfixturevalue("served").files_left() == []


def connect(served) -> Client:
    return Client(served.url, verbose=False, analytics_enabled=False)


def wait_for_model(client: Client) -> dict:
    end = time.monotonic() + 90
    while (state := client.predict(api_name="/model_state"))["phase"] == "loading":
        assert time.monotonic() < end, "the checkpoint did not load"
        time.sleep(0.3)
    return state


def refused(client: Client, endpoint: str, **inputs: object) -> str:
    """The sentence that a call is refused with."""
    with pytest.raises(AppError) as caught:
        client.predict(api_name=endpoint, **inputs)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "Traceback" not in sentence and "\n" not in sentence
    assert "our side" not in sentence
    return sentence


def as_text(picture: Image.Image, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def gray_film(seed: int = 0, shape: tuple[int, int] = (120, 90)) -> Image.Image:
    smooth = np.random.default_rng(seed).normal(120, 40, (6, 5)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(smooth).resize(shape[::-1], Image.Resampling.BICUBIC)


def picture_of(url: str) -> np.ndarray:
    head, _, data = url.partition(",")
    assert head in ("data:image/jpeg;base64", "data:image/png;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), np.float64)


def fetch(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


# --- what is offered


def test_every_action_is_a_named_endpoint_with_typed_inputs_and_nothing_else_is(client):
    info = client.view_api(print_info=False, return_format="dict")
    assert info["unnamed_endpoints"] == {}
    found = {
        name: [p["parameter_name"] for p in e["parameters"]] for name, e in info["named_endpoints"].items()
    }
    assert found == ENDPOINTS
    for endpoint in info["named_endpoints"].values():
        assert all(p["python_type"]["type"] not in ("", "Any") for p in endpoint["parameters"])


def test_the_state_says_what_was_loaded(client):
    state = client.predict(api_name="/model_state")
    assert state["phase"] == "ready" and state["checkpoint"] == "toy" and state["device"] == "cpu"
    assert state["revision"].startswith("sha256:") and state["parameters"] > 100_000


def test_the_log_names_checkpoint_revision_store_and_device(served, client):
    client.predict("CASE-0000", api_name="/lookup_case")
    log = served.log.read_text()
    assert "checkpoint toy, revision sha256:" in log and "device cpu" in log and "embedded store" in log


def test_clinical_fields_have_units_and_ranges(client):
    fields = client.predict(api_name="/clinical_fields")
    assert fields["temperature"]["unit"] == "°C" and fields["temperature"]["low"] == 30
    assert fields["sex"]["categories"] == ["female", "male"]


# --- cases


def test_lookup_gives_the_film_and_what_stands_beside_it(client):
    case = client.predict("CASE-0001", api_name="/lookup_case")
    assert case["reference"] == {"appearance": "Typical"} and case["table"]["age"] == 42.0
    assert (
        case["synthetic"] is True and case["licence"] == "CC0 1.0 (synthetic)" and case["source"] == "other"
    )
    assert case["shape"] == [364, 280] and picture_of(case["film"]).shape == (364, 280)


def test_a_film_that_may_not_be_shown_is_not_sent(client):
    assert client.predict(HIDDEN, api_name="/lookup_case")["film"] is None
    explained = client.predict(HIDDEN, api_name="/explain")
    assert explained["heat_map"] is None and explained["modality_share"]["image"]["logits"] != 0


def test_the_list_is_paged_by_range_and_filtered(client):
    first = client.predict(limit=12, api_name="/list_cases")
    second = client.predict(limit=12, after=first["next_after"], api_name="/list_cases")
    ids = [row["case_id"] for row in first["cases"] + second["cases"]]
    assert ids == [f"CASE-{i:04d}" for i in range(24)] and first["count"] == 30
    typical = client.predict(source="phantom", appearance="Typical", api_name="/list_cases")
    assert {row["case_id"] for row in typical["cases"]} == {f"CASE-{i:04d}" for i in (4, 10, 16, 22, 28)}
    assert typical["next_after"] is None


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"limit": 0}, "1 to 100"),
        ({"limit": 10**9}, "1 to 100"),
        ({"appearance": "Severe"}, "Typical"),
        ({"grading": "Typical"}, "Mild"),
    ],
)
def test_a_bad_list_request_is_one_sentence(client, inputs, word):
    assert word in refused(client, "/list_cases", **inputs)


@pytest.mark.parametrize("case_id", ["CASE-9999", "../secret.txt", "app.py", "", "\x00", "$where"])
def test_an_unknown_id_is_one_sentence(client, case_id):
    refused(client, "/lookup_case", case_id=case_id)
    refused(client, "/predict", case_id=case_id)


# --- prediction


def test_predict_answers_every_task_beside_the_reference(client):
    told = client.predict("CASE-0001", api_name="/predict")
    appearance, grading = told["tasks"]["appearance"], told["tasks"]["grading"]
    assert sum(appearance["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert list(grading["probabilities"]) == ["Mild", "Moderate", "Severe"]
    assert appearance["reference"] == "Typical" and grading["reference"] is None
    assert told["given"] == ["image", "table", "text"] and told["not_for_diagnosis"] is True


def test_a_changed_field_changes_the_answer_and_an_unknown_one_drops_it(client):
    plain = client.predict("CASE-0000", api_name="/predict")
    changed = client.predict("CASE-0000", {"age": 90, "temperature": "104 °F"}, api_name="/predict")
    same = client.predict("CASE-0000", {"age": 41}, api_name="/predict")
    empty = client.predict(
        "CASE-0000", {"age": None, "sex": "unknown", "temperature": ""}, indication="", api_name="/predict"
    )
    logits = [a["tasks"]["appearance"]["logits"]["Typical"] for a in (plain, changed, same, empty)]
    assert logits[0] == logits[2] and len({round(x, 6) for x in logits}) == 3
    assert empty["given"] == ["image"]


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"temperature": 101}, "°F"),
        ({"age": -1}, "age"),
        ({"age": "old"}, "number"),
        ({"sex": "x"}, "female"),
        ({"blood": 1}, "blood"),
    ],
)
def test_a_bad_clinical_value_is_one_sentence(client, table, word):
    assert word in refused(client, "/predict", case_id="CASE-0000", table=table)
    assert word in refused(client, "/predict_upload", table=table)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_uploaded_picture_is_predicted(client, kind):
    film = as_text(gray_film(), kind)
    told = client.predict(film, f"film.{kind.lower()}", {"age": 70}, "cough", api_name="/predict_upload")
    assert told["given"] == ["image", "table", "text"]
    assert told["tasks"]["appearance"]["modalities"] == ["image", "table", "text"]


def test_an_uploaded_dicom_is_predicted(client):
    data = pytest.importorskip("pydicom.data")
    path = data.get_testdata_file("RG1_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is not installed")
    film = base64.b64encode(Path(path).read_bytes()).decode()
    told = client.predict(film, "RG1_UNCR.dcm", api_name="/predict_upload")
    assert "image" in told["given"]  # and what its header knows of the table


def bad_films() -> dict[str, str]:
    colour = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8))
    whole = base64.b64decode(as_text(gray_film()))
    huge = bytearray(whole)
    huge[16:24] = (10_000).to_bytes(4, "big") * 2
    return {
        "text": base64.b64encode(b"hello, this is no film").decode(),
        "truncated": base64.b64encode(whole[: len(whole) // 2]).decode(),
        "10,000 x 10,000": base64.b64encode(bytes(huge)).decode(),
        "colour": as_text(colour),
        "not base64": "/etc/passwd!",
    }


@pytest.mark.parametrize("which", bad_films())
def test_a_bad_film_is_one_sentence_and_the_app_goes_on(served, client, which):
    refused(client, "/predict_upload", film=bad_films()[which], name="film.png")
    assert served.files_left() == []
    assert client.predict("CASE-0000", api_name="/predict")["tasks"]


def test_an_empty_form_is_one_sentence(client):
    assert "empty" in refused(client, "/predict_upload")


# --- explanation


def test_an_explanation_accounts_for_the_logit_and_sends_its_pictures(client):
    told = client.predict("CASE-0001", "appearance/Typical", opacity=0.8, api_name="/explain")
    assert told["target"] == "appearance/Typical" and told["verdict"] in (
        "converged",
        "usable",
        "not converged",
    )
    shares = told["modality_share"]
    total = sum(part["logits"] for part in shares.values())
    change = told["output"] - told["baseline_output"]
    assert total - change == pytest.approx(told["convergence_delta"], abs=1e-4)
    assert sum(part["fraction"] for part in shares.values()) == pytest.approx(1, abs=1e-6)
    assert {f["name"] for f in told["fields"]} == {"age", "sex", "temperature", "crp"}
    assert [w["word"] for w in told["words"]][:2] == ["Fever", "and"]
    assert picture_of(told["heat_map"]).shape == (364, 280, 3) and told["scale"] > 0


def test_the_default_target_is_the_most_probable_class(client):
    told = client.predict("CASE-0002", api_name="/explain")
    assert told["target"] == f"appearance/{told['tasks']['appearance']['most_probable']}"


def test_maps_of_different_films_differ_and_opacity_zero_shows_the_film(client):
    table = {"age": 50, "sex": None, "temperature": None}
    maps = [
        picture_of(
            client.predict(c, "appearance/Typical", opacity=1, table=table, api_name="/explain")["heat_map"]
        )
        for c in ("CASE-0001", "CASE-0002")
    ]
    colour = [m[..., 0] - m[..., 2] for m in maps]
    assert abs(np.corrcoef(colour[0].ravel(), colour[1].ravel())[0, 1]) < 0.95
    plain = picture_of(client.predict("CASE-0001", opacity=0, table=table, api_name="/explain")["heat_map"])
    assert np.abs(plain[..., 0] - plain[..., 2]).max() < 3


@pytest.mark.parametrize(
    "inputs",
    [
        {"target": "appearance/Severe"},
        {"target": "findings/Mass"},
        {"target": "nothing"},
        {"baseline": "white"},
        {"sign": "up"},
        {"opacity": 2},
    ],
)
def test_a_bad_explanation_request_is_one_sentence(client, inputs):
    refused(client, "/explain", case_id="CASE-0000", **inputs)


def test_an_explanation_can_be_cancelled_midway(served, client):
    own = connect(served)
    for _ in range(3):  # an explanation may be over before the cancellation arrives
        job = own.submit("CASE-0001", baseline="blurred", api_name="/explain")
        cancelled = False
        while not cancelled and not job.done():
            cancelled = own.predict(api_name="/cancel_explanation")["cancelled"]
        if job.exception(timeout=60) is not None:
            break
    assert isinstance(job.exception(), AppError) and str(job.exception()).endswith(".")
    assert own.predict(api_name="/cancel_explanation") == {"cancelled": False}
    assert client.predict("CASE-0001", api_name="/predict")["tasks"]


def test_two_readers_at_once_both_get_their_answers(served, client):
    results = {}

    def read(case_id: str) -> None:
        results[case_id] = connect(served).predict(case_id, api_name="/explain")["verdict"]

    threads = [threading.Thread(target=read, args=(c,)) for c in ("CASE-0006", "CASE-0007")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert set(results) == {"CASE-0006", "CASE-0007"}


# --- files


def named_files(served) -> list[str]:
    own = [str(served.folder / name) for name in ("app.py", "secret.txt")]
    return [
        "app.py",
        "secret.txt",
        "./app.py",
        "../run/secret.txt",
        *own,
        str(ROOT / "app.py"),
        "/etc/passwd",
    ]


def test_no_route_serves_a_file_that_the_caller_names(served, client):
    for path in named_files(served):
        for route in ("gradio_api/file=", "file=", "gradio_api/file/", "static/", "assets/"):
            status, body = fetch(f"{served.url}/{route}{urllib.request.quote(path)}")
            assert status != 200 or SECRET.encode() not in body, (route, path)
            assert b"composition root" not in body and b"root:" not in body, (route, path)


def test_no_endpoint_returns_a_file_that_the_caller_names(served, client):
    for path in named_files(served):
        payload = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "x", "url": None}
        for name, inputs in ENDPOINTS.items():
            for given in (payload, [payload], {"age": payload}):
                data = json.dumps({"data": [given] * len(inputs)}).encode()
                status, body = fetch(
                    f"{served.url}/gradio_api/call{name}", data, {"content-type": "application/json"}
                )
                if status == 200:
                    event = json.loads(body)["event_id"]
                    _, body = fetch(f"{served.url}/gradio_api/call{name}/{event}")
                assert SECRET.encode() not in body and b"composition root" not in body, (name, path)
            if not inputs:
                break
    for path in ("app.py", "secret.txt", str(served.folder / "secret.txt")):
        status, body = fetch(f"{served.url}/gradio_api/file={path}")
        assert status != 200 and SECRET.encode() not in body


@pytest.mark.parametrize("route", ["upload", "upload?upload_id=1", "deep_link?session_hash=x", "vibe-edit/"])
def test_routes_that_would_write_to_disk_are_shut(served, client, route):
    boundary = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.dcm"\r\n\r\nfilm\r\n--x--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=x"}
    body = None if route.startswith("deep_link") else boundary
    status, _ = fetch(f"{served.url}/gradio_api/{route}", body, headers if body else None)
    assert status == 403 and served.files_left() == []


def test_an_oversized_request_is_refused(served, client):
    headers = {"content-type": "application/json", "content-length": str(10**10)}
    status, body = fetch(f"{served.url}/gradio_api/call/predict_upload", b"{", headers)
    assert status == 413 and b"too large" in body


# --- when the outside world is down


def test_without_checkpoint_and_with_a_dead_mongo_the_page_still_opens(tmp_path):
    dead = "mongodb://reader:topsecret@127.0.0.1:9/cases"
    with serve(tmp_path / "run", MODEL_REPO=str(tmp_path / "absent"), MONGODB_URI=dead) as running:
        client = connect(running)
        state = wait_for_model(client)
        assert state["phase"] == "failed" and state["sentence"].endswith(".")
        assert "topsecret" not in refused(client, "/lookup_case", case_id="CASE-0000")
        assert refused(client, "/predict_upload", table={"age": 50}) == state["sentence"]
        assert fetch(running.url)[0] == 200
        assert "topsecret" not in running.log.read_text()
