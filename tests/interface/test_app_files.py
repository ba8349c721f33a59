"""No file of the machine can be had or left behind, and the page opens when the outside world is down."""

import json
import re
import urllib.request
from collections.abc import Iterator

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from tests.doubles.app_client import (
    ENDPOINTS,
    connect,
    fetch,
    nothing_of_an_upload_stays,  # noqa: F401
    refused,
    wait_for_model,
)
from tests.doubles.served import ROOT, SECRET, serve


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


def answer_of(served, name: str, data: dict[str, object]) -> bytes:
    """Everything that a raw call of an endpoint sends back, its events included."""
    headers, raw = {"content-type": "application/json"}, json.dumps({"data": list(data.values())}).encode()
    status, body = fetch(f"{served.url}/gradio_api/call{name}", raw, headers)
    if status != 200:
        return body
    return body + fetch(f"{served.url}/gradio_api/call{name}/{json.loads(body)['event_id']}")[1]


VALID = {
    "case_id": "CASE-0000",
    "limit": 3,
    "table": {"age": 50},
    "baseline": "black",
    "sign": "both",
    "opacity": 1,
    "report": "FINDINGS: No effusion.",
}
OWN = {
    "/similar_cases": {"k": 1, "image": 1, "table": 1, "text": 0},
    "/predict_films": {"films": ["no film"], "names": None},
    "/predict_study": {"films": None, "names": None, "views": None, "days": None},
    "/explain_study": {"films": None, "names": None, "views": None, "days": None},
    "/ask_in_words": {"sentences": ["The lungs are clear.", "There is an effusion."], "word": ""},
    "/search_in_words": {"sentence": "There is an effusion.", "k": 1},
    "/second_opinion": {"method": "edges"},
    "/prove": {"region": None, "fields": ["age"], "words": None},
}
"""Inputs that share a name with another endpoint's."""


def file_calls(path: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Every endpoint, with a file of the server in the place of each input in turn."""
    payload = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "x", "url": None}
    for name, inputs in ENDPOINTS.items():
        valid = VALID | OWN.get(name, {})
        plain = {given: valid.get(given, "") for given in inputs}
        yield name, {"extra": payload} if not inputs else plain
        for given in inputs:
            for hidden in (payload, [payload], {"age": payload}):
                yield name, {**plain, given: hidden}


def test_no_endpoint_returns_a_file_that_the_caller_names(served, client):
    tried = set()
    for name, data in file_calls(str(served.folder / "secret.txt")):
        told = answer_of(served, name, data)
        assert SECRET.encode() not in told, name
        hidden = any(isinstance(given, list | dict) and "path" in str(given) for given in data.values())
        assert hidden or b"event: complete" in told, f"{name} was not really called: {told[:300]}"
        tried.add(name)
    assert tried == set(ENDPOINTS)
    for path in ("app.py", "secret.txt", str(served.folder / "secret.txt")):
        status, body = fetch(f"{served.url}/gradio_api/file={path}")
        assert status != 200 and SECRET.encode() not in body


def test_a_call_that_fits_no_endpoint_is_told_so_in_a_sentence_and_fills_no_log(served, client):
    headers, before = {"content-type": "application/json"}, len(served.log.read_text())
    wrong = {
        "call/nothing": ({"data": []}, 404),
        "call/v2/nothing": ({}, 404),
        "call/v2/predict": ({"bogus": 1}, 422),
        "run/nothing": ({"data": []}, 404),
        "queue/join": ({"data": [], "fn_index": 99999, "session_hash": "a"}, 404),
    }
    for route, (body, expected) in wrong.items():
        status, told = fetch(f"{served.url}/gradio_api/{route}", json.dumps(body).encode(), headers)
        assert status == expected and "/gradio_api/info" in json.loads(told)["detail"], route
    assert b"predict takes 6 values" in answer_of(served, "/predict", {"case_id": "CASE-0001"})
    with pytest.raises(AppError, match="what is in the film's file, as base64 text"):
        client.predict(film=handle_file(served.folder / "secret.txt"), api_name="/predict")
    assert "Traceback" not in served.log.read_text()[before:] and served.files_left() == []


@pytest.mark.parametrize(
    "route", ["", "config", "gradio_api/info", "gradio_api/dev/reload", "viewbox/film/x"]
)
def test_every_answer_tells_the_browser_what_it_may_do(served, route):
    answer = httpx.get(f"{served.url}/{route}")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert policy["default-src"] == policy["frame-ancestors"] == "'self'" and policy["object-src"] == "'none'"
    assert "unsafe-inline" not in policy["script-src"] and "http" not in " ".join(policy.values())
    assert route or set(re.findall("<script(.{12})", answer.text)) == {
        ' nonce="' + policy["script-src"].partition("nonce-")[2][:4]
    }


@pytest.mark.parametrize(
    "route",
    [
        "upload_progress?upload_id=1",
        "deep_link?session_hash=x",
        "vibe-edit/",
        "component_server",
        "dev/reload",
    ],
)
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
    status, body = fetch(f"{served.url}/gradio_api/call/predict", b"{", headers)
    assert status == 413 and b"too large" in body


# --- when the outside world is down


def test_without_checkpoint_and_with_a_dead_mongo_the_page_still_opens(tmp_path):
    dead = "mongodb://reader:topsecret@127.0.0.1:9/cases"
    with serve(tmp_path / "run", MODEL_REPO=str(tmp_path / "absent"), MONGODB_URI=dead) as running:
        client = connect(running)
        state = wait_for_model(client)
        assert state["phase"] == "failed" and state["checkpoints"][0]["sentence"].endswith(".")
        assert "topsecret" not in refused(client, "/lookup_case", case_id="CASE-0000")
        assert refused(client, "/predict", table={"age": 50}) == state["checkpoints"][0]["sentence"]
        assert fetch(running.url)[0] == 200
        assert "topsecret" not in running.log.read_text()
