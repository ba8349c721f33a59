"""Calling a running Viewbox as other programs do: through `gradio_client` and plain HTTP."""

import base64
import io
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

_STUDY = ("film", "name", "table", "indication", "checkpoint")
_FILMS = ["case_id", "films", "names", "views", "days", "table", "indication", "target", "against"]
ENDPOINTS = {
    "/model_state": [],
    "/clinical_fields": [],
    "/cancel_explanation": [],
    "/lookup_case": ["case_id"],
    "/list_cases": ["source", "appearance", "grading", "after", "limit", "label"],
    "/mine_report": ["report", "rules"],
    "/similar_cases": ["case_id", "k", "image", "table", "text"],
    "/report_topics": [],
    "/ask_in_words": ["sentences", "case_id", "word", "film", "name"],
    "/search_in_words": ["sentence", "case_id", "k", "film", "name"],
    "/predict": ["case_id", "table", "indication", "checkpoint", "film", "name"],
    "/predict_films": ["films", "names", "checkpoint"],
    "/second_opinion": ["case_id", "target", "method", "opacity", *_STUDY, "against"],
    "/examine": ["case_id", "target", "baseline", *_STUDY, "against"],
    "/prove": ["case_id", "target", "region", "fields", "words", "baseline", *_STUDY, "against"],
    "/predict_study": _FILMS,
    "/explain_study": [*_FILMS, "sign", "opacity"],
    "/explain": [
        "case_id",
        "target",
        "baseline",
        "sign",
        "opacity",
        "table",
        "indication",
        "checkpoint",
        "against",
        "film",
        "name",
    ],
}


@pytest.fixture(autouse=True)
def nothing_of_an_upload_stays(request):
    """After every test of a module that imports this, gradio's folder is empty."""
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
