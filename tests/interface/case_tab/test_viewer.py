"""What the film viewer is told and what it tells: films as bytes, maps as steps, regions as bits."""

import asyncio
import base64
import gc
import gzip
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cases.case import Licence
from interface.browser import routes
from interface.browser.routes import FilmRoute
from interface.case_tab.viewer import (
    GRID_SIDE,
    film_value,
    layer,
    map_layer,
    mask_of,
    region_value,
    viewer_value,
)
from interface.language.texts import CATALOGUES
from interface.models import held_film as films
from interface.models.held_film import BLOCK_ROWS, ROUTE, HeldFilm, hold, shrunk
from interface.session.session import Answer, Explanation, Session
from modeling.errors import ViewboxError
from modeling.explain.registry import FINE
from modeling.labels import APPEARANCE, Target
from modeling.model.film import brightness, grayscale
from modeling.render import pictures
from modeling.render.pictures import SIGNS, heat_map, smoothed_density
from modeling.results import FilmOpinion
from modeling.study import Modality, Photometric, Radiograph, Study, VoiLut, Window
from tests.doubles.example_answers import FILM, attribution, case, prediction

HIDDEN = Licence("private", may_show=False, may_export=False)
ASSETS = Path(__file__).parents[3] / "interface" / "assets"


def noisy(shape: tuple[int, int] = (301, 203), bits: int = 12, **options: object) -> Radiograph:
    rng = np.random.default_rng(0)
    base = Image.fromarray(rng.normal(0.5, 0.2, (9, 7)).astype(np.float32))
    smooth = np.asarray(base.resize(shape[::-1], Image.Resampling.BICUBIC))
    most = 2**bits - 1
    values = np.clip(smooth * most + rng.normal(0, 3, shape), 0, most)
    return Radiograph(values.astype(np.uint8 if bits == 8 else np.uint16), bits, **options)


# --- gray values


@pytest.mark.parametrize("photometric", Photometric)
@pytest.mark.parametrize("slope", [1.0, 2.5, -1.0])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window": Window(1800.0, 1500.0)},
        {"window": Window(1800.0, 1500.0, "LINEAR_EXACT")},
        {"window": Window(1800.0, 900.0, "SIGMOID")},
        {"voi_lut": VoiLut(100.0, (np.sqrt(np.arange(4000) / 4000) * 65535).astype(np.uint16))},
    ],
    ids=["plain", "linear", "exact", "sigmoid", "lut"],
)
def test_the_window_of_the_model_gives_what_the_model_sees(photometric, slope, options):
    intercept = 30.0 if slope > 0 else 4100.0
    radiograph = noisy(photometric=photometric, rescale_slope=slope, rescale_intercept=intercept, **options)
    film = grayscale(radiograph)
    low, high = film.seen_by_model
    seen = np.clip((film.values - low) / max(high - low, 1e-9), 0, 1)
    assert np.abs(seen - brightness(radiograph)).max() < 1e-4
    assert film.values.dtype == np.uint16 and film.values.min() == 0
    if not options or "LINEAR" in getattr(options.get("window"), "function", ""):
        rescaled = radiograph.pixels * slope + intercept
        assert np.allclose(film.values * film.slope + film.intercept, rescaled)
        assert len(np.unique(film.values)) == len(np.unique(radiograph.pixels)), "no gray level is lost"


def test_the_files_own_window_ends_where_it_says():
    film = grayscale(noisy(window=Window(1800.0, 1500.0, "LINEAR_EXACT"), rescale_intercept=-100.0))
    ends = [film.slope * value + film.intercept for value in film.of_file]
    assert ends == pytest.approx([1050, 2550])
    assert grayscale(noisy()).of_file is None


def test_a_signed_and_a_constant_film_have_finite_values():
    signed = Radiograph(np.array([[-1024, 0, 1023]], np.int16), 12)
    film = grayscale(signed)
    assert film.values.tolist() == [[0, 1024, 2047]] and film.intercept == -1024
    constant = grayscale(Radiograph(np.full((4, 4), 7, np.uint8)))
    assert constant.values.max() == 0 and math.isfinite(sum(constant.seen_by_model))
    outside = brightness(noisy(window=Window(90_000.0, 10.0)))
    assert np.array_equal(outside, brightness(noisy())), "a window that shows nothing gives way to the range"


# --- the stream


def undone(data: bytes, shape: tuple[int, int], itemsize: int) -> np.ndarray:
    """What the script does with the stream of one film."""
    rows, columns = shape
    out, at = np.zeros(shape, np.uint16), 0
    for top in range(0, rows, BLOCK_ROWS):
        height = min(BLOCK_ROWS, rows - top)
        count = height * columns
        code = np.frombuffer(data, np.uint8, count, at).astype(np.int64)
        if itemsize == 2:
            code |= np.frombuffer(data, np.uint8, count, at + count).astype(np.int64) << 8
        steps = ((code >> 1) ^ -(code & 1)).reshape(height, columns)
        out[top : top + height] = np.cumsum(steps, axis=1) & (0xFFFF if itemsize == 2 else 0xFF)
        at += count * itemsize
    assert at == len(data)
    return out


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("shape", [(301, 203), (1, 40), (40, 1), (129, 2)])
def test_the_stream_gives_every_pixel_back(bits, shape):
    held = HeldFilm(noisy(shape, bits))
    values = held.film.values
    assert held.shrink == 1
    assert np.array_equal(undone(b"".join(held.blocks()), shape, values.itemsize), values)


def test_a_large_film_is_preceded_by_a_small_one():
    held = HeldFilm(noisy((1801, 1500)))
    by = held.shrink
    assert by == 2 and max(held.shape) // by <= films.PREVIEW_SIDE
    data, small = b"".join(held.blocks()), shrunk(held.film.values, by)
    assert small.shape == (900, 750)
    assert np.abs(small - held.film.values[:1800].reshape(900, 2, 750, 2).mean(axis=(1, 3))).max() < 1
    assert np.array_equal(undone(data[: small.nbytes], small.shape, 2), small)
    assert np.array_equal(undone(data[small.nbytes :], held.shape, 2), held.film.values)


def asked(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request to the route, with an app behind it that answers 418."""
    sent: list[dict] = []

    async def behind(scope, receive, send):
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        await asyncio.Event().wait()  # the reader stays

    async def send(message):
        sent.append(message)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": given}
    asyncio.run(FilmRoute(behind)(scope, receive, send))
    body = b"".join(m.get("body", b"") for m in sent[1:])
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, body


def test_the_route_answers_who_knows_the_address_and_nobody_later():
    held = hold(case(Study(noisy())))
    address = f"/some/root/{ROUTE}{held.key}"
    status, headers, body = asked(address)
    assert status == 200 and headers["cache-control"] == "no-store" and "content-encoding" not in headers
    assert np.array_equal(undone(body, held.shape, 2), held.film.values)
    status, headers, packed = asked(address, accept_encoding="gzip, br")
    assert headers["content-encoding"] == "gzip" and len(packed) < 0.7 * len(body)
    assert gzip.decompress(packed) == body
    assert asked(address, method="POST")[0] == 404 and asked(address + "x")[0] == 404
    assert asked(f"/{ROUTE}")[0] == 404 and asked("/else")[0] == 418
    del held
    gc.collect()
    assert asked(address)[0] == 404, "the address dies with the session's film"


def test_the_route_tells_which_film_follows_once_it_is_there(monkeypatch):
    held, later = hold(case(Study(noisy()))), hold(case(Study(noisy((40, 30)))))
    address = f"/{ROUTE}{held.key}/next"
    assert asked(address)[0] == 204, "nothing follows"
    held.following = later.key
    status, headers, body = asked(address)
    assert status == 200 and headers["cache-control"] == "no-store"
    assert json.loads(body) == later.described and json.loads(body)["width"] == 30
    del later
    gc.collect()
    assert asked(address)[0] == 204, "the reader has moved on, and it is gone"
    held.following = None
    monkeypatch.setattr(routes, "PATIENCE", 0.2)
    assert asked(address)[0] == 204, "it did not come in time"
    assert asked(f"/{ROUTE}nobody/next")[0] == 404


# --- the licence


def test_a_film_that_may_not_be_shown_never_reaches_the_browser():
    before = len(films._held)
    hidden = case(licence=HIDDEN)
    assert hold(hidden) is None and len(films._held) == before
    session = Session(
        case=hidden, study=hidden.study, answer=Answer(prediction()), explanation=Explanation(attribution())
    )
    value = viewer_value(session)
    assert value["film"] is None and value["layers"] == [] and value["marking"] is False
    assert "does not let it be shown" in value["message"] and "private" in value["message"]
    assert len(json.dumps(value)) < 1500 and session.picture is None
    told = film_value(case(Study()), None, "zh-Hant")
    assert told["message"] == "此檢查沒有影像。" and told["text"] == told["message"]


# --- what is told of a case


def test_the_value_names_the_film_and_says_it_in_words():
    shown = case(Study(noisy(bits=16, pixel_aspect_ratio=1.2)))
    session = Session(case=shown, study=shown.study, film=hold(shown))
    value = viewer_value(session)
    film = value["film"]
    assert (film["width"], film["height"], film["bytes"], film["aspect"]) == (203, 301, 2, 1.2)
    assert film["address"] == ROUTE + value["film_id"] and film["last"] == session.film.film.values.max()
    assert value["text"] == "Chest film of C1" and value["mark"].startswith("SYNTHETIC")
    session.wish(change="inverted")
    assert viewer_value(session)["mark"] == f"MADE WRONG ON PURPOSE · {value['mark']}"
    assert "CC0 1.0" in value["caption"] and value["layers"] == []
    json.dumps(value)
    hostile = film_value(replace(shown, case_id="<img src=x>"), session.film, "en")
    assert "<img" not in hostile["caption"]


def grid_of(told: dict) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(told["grid"]), "<i2").reshape(told["height"], told["width"])
    return steps / 32767 * told["peak"]


def test_a_map_travels_with_its_scale_and_keeps_its_sign():
    shown = case(Study(noisy()))
    session = Session(case=shown, study=shown.study, film=hold(shown), version=3)
    session.answer, session.explanation = Answer(prediction()), Explanation(attribution())
    (told,) = viewer_value(session)["layers"]
    density = smoothed_density(session.explanation.attribution.image, FINE)
    assert np.abs(grid_of(told) - density).max() <= told["peak"] / 32767
    drawn = heat_map(np.zeros((8, 6), np.float32), session.explanation.attribution.image, smoothing=FINE)
    assert told["scale"] == pytest.approx(drawn.scale) and told["unit"] == "logits"
    assert told["label"] == "Typical rather than Negative: Integrated Gradients, black start, from film"
    assert told["text"].startswith(
        "Chest film of C1 with the attribution of Typical rather than Negative in colour. "
    )
    assert all("{scale}" in told["scale_text"][sign] for sign in SIGNS)
    assert len(told["grid"]) < 1.4 * 2 * GRID_SIDE**2
    session.learn(
        opinion=FilmOpinion(
            "grad_cam", session.explanation.attribution.target, np.ones((301, 203), np.float32), 0.1, 0.2
        )
    )
    (other,) = viewer_value(session)["layers"]
    assert (
        other["id"] != told["id"]
        and other["unit"] == "grad_cam"
        and max(other["width"], other["height"]) <= 128
    )
    assert "own unit" in other["scale_text"]["both"] and told["signed"] and other["signed"]
    target = session.explanation.attribution.target
    session.learn(opinion=FilmOpinion("evidence", target, np.ones((301, 203), np.float32), 0.1, 0.2))
    (one_sided,) = viewer_value(session)["layers"]
    assert not one_sided["signed"] and "not for or against" in one_sided["scale_text"]["both"]


def test_the_browser_hides_at_first_what_the_server_hides():
    script = (Path(__file__).parents[3] / "interface/assets/viewer.js").read_text()
    assert f"threshold: {pictures.HIDDEN}, " in script and "contours: true" in script


def test_maps_of_another_target_baseline_or_study_stand_beside_each_other():
    target = Target(APPEARANCE, "Typical")
    common = {"read": (Modality.IMAGE,), "method": "integrated_gradients"}
    image = attribution().image

    def name(target=target, baseline="black", turn=0):
        return map_layer(image, case(), target, "en", baseline=baseline, turn=turn, **common)["id"]

    other = Target(APPEARANCE, "Negative")
    names = [name(), name(target=other), name(baseline="blurred"), name(turn=1)]
    assert len(set(names)) == 4 and names[0] == name()


def test_an_empty_map_is_told_as_zeros():
    text = dict.fromkeys(SIGNS, "{scale}")
    told = layer(np.zeros((5, 4)), 0.0, name="a", label="a", text="a", scale_text=text)
    assert told["peak"] == 0 and not grid_of(told).any()


# --- regions


def region(mask: np.ndarray) -> dict:
    bits = np.packbits(mask.ravel(), bitorder="little").tobytes()
    return {
        "film": "k",
        "width": mask.shape[1],
        "height": mask.shape[0],
        "bits": base64.b64encode(bits).decode(),
    }


def test_a_region_comes_to_the_films_own_size():
    coarse = np.zeros((7, 5), bool)
    coarse[2:4, 1:3] = True
    mask = mask_of(region(coarse), (70, 50))
    assert mask.shape == (70, 50) and mask.dtype == bool
    assert np.array_equal(mask, np.kron(coarse, np.ones((10, 10), bool)))
    assert np.array_equal(mask_of({"film_id": "k", "region": region(coarse)}, (7, 5)), coarse)
    assert np.array_equal(mask_of(region_value(coarse), (7, 5)), coarse), "and back again"
    assert mask_of(region(coarse), (1, 1)) is None or mask_of(region(coarse), (1, 1)).shape == (1, 1)
    assert mask_of(region(np.zeros((7, 5), bool)), (70, 50)) is None
    assert (
        mask_of({"film_id": "k"}, (70, 50)) is None
        and mask_of({"film_id": "k", "region": None}, (7, 5)) is None
    )


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": True},
        {"height": 10**6},
        {"bits": "%%"},
        {"bits": "AAAA"},
        {"bits": None},
        {"width": 2.0},
    ],
)
def test_a_region_that_means_nothing_is_refused(change):
    good = region(np.ones((7, 5), bool))
    with pytest.raises(ViewboxError, match="mark it again"):
        mask_of(good | change, (70, 50))
    for value in (None, "x", 3, []):
        with pytest.raises(ViewboxError):
            mask_of(value, (70, 50))


# --- words


def test_every_word_of_the_script_is_there_and_none_is_left_over():
    scripts = "".join(path.read_text() for path in ASSETS.glob("viewer*.js"))
    python = (ASSETS.parent / "case_tab" / "viewer.py").read_text()
    layers = re.search(r"V.LAYERS = \[(.*?)\]", scripts)[1]
    kinds = re.search(r"V.KINDS = \[(.*?)\]", scripts)[1]
    asked_for = set(re.findall(r"[\"'`](viewer\.[a-z_]+)[\"'`]", scripts + python))
    presets = ("model", "file", "full", "dark", "bright", "hard", "own")
    assert all(re.search(rf"\b{name}\b", scripts) for name in presets)
    asked_for |= {f"viewer.preset_{name}" for name in presets}
    keys = re.search(r"const KEYS = \[(.*?)\];", scripts, re.S)[1]
    asked_for |= {f"viewer.key_{name}" for name in re.findall(r', "(\w+)"\]', keys)}
    asked_for |= {f"viewer.sheet_{name}" for name in re.findall(r"\w+", kinds)}
    asked_for |= {f"viewer.layers_{name}" for name in re.findall(r"\w+", layers)}
    asked_for |= {f"viewer.brief_{sign}" for sign in ("positive", "negative")}
    assert {key for key in CATALOGUES["en"].strings if key.startswith("viewer.")} == asked_for


def test_the_scripts_fetch_nothing_from_elsewhere():
    for path in ASSETS.glob("viewer*"):
        assert not re.search(r"https?:|import\(|@import|eval\(", path.read_text()), path.name


def test_the_film_used_in_tests_is_held_at_eight_bits():
    assert HeldFilm(FILM).film.values.dtype == np.uint8
