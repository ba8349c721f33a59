"""The film viewer: one component that windows, zooms, compares and marks films in the browser.

Films go by `interface.models.held_film`; the value names them and carries the maps as int16 steps.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from PIL import Image

from cases.case import Case
from interface.case_tab.map_in_words import map_in_words
from interface.html.fragments import case_name, licence_name, provenance_line
from interface.html.marked_report import case_report
from interface.html.render import render
from interface.html.study_films import film_words
from interface.language.texts import CATALOGUES, Language, question, say, word_for
from interface.models.held_film import HeldFilm
from interface.session.links import LANGUAGE
from interface.session.session import Session
from modeling.errors import ViewboxError
from modeling.explain.registry import grain_of, map_method
from modeling.labels import Target
from modeling.render.pictures import (
    AGAINST,
    BRIGHT,
    FOR,
    OUTLINED,
    OUTLINED_FROM,
    SIGNS,
    full_colour,
    smoothed_density,
)
from modeling.study import Modality

GRID_SIDE = 128
"""Longer side of a map on its way, in cells; what `smoothed_density` leaves is coarser than that."""
MASK_SIDE = 512
_STEPS, _STEP = 32767, np.dtype("i2").newbyteorder("<")

_MOUNT = """
// it sends 'marked' and 'sheet'
const mount = () => window.viewboxViewer?.mount
  ? window.viewboxViewer.mount(element, trigger, props, watch)
  : setTimeout(mount, 20);
mount();
"""
_FILM_WORDS = ("film.both", "film.positive", "film.negative")

Value = dict[str, Any]


def viewer(elem_id: str) -> gr.HTML:
    """Lay out a viewer; `viewer_value` says what it shows.

    Its event `marked` and its value tell a region, its event `sheet` which maps to lay beside each other.
    """
    words = {
        language: {k: s for k, s in one.strings.items() if k.startswith("viewer.") or k in _FILM_WORDS}
        for language, one in CATALOGUES.items()
    }
    template = str(render("case_tab/viewer.html"))
    fixed = {"html_template": template, "js_on_load": _MOUNT, "apply_default_css": False}
    return gr.HTML({}, elem_id=elem_id, words=words, **fixed)


def film_value(
    case: Case,
    held: HeldFilm | None,
    language: Language,
    *,
    layers: tuple[Value, ...] = (),
    marking: bool = True,
    which: str = "",
) -> Value:
    """What the viewer shows of a case.

    Args:
        held: its film; None where there is none, or where its licence does not let it be shown.
        layers: from `layer`, the one to show last; the viewer keeps earlier ones to compare with.
        marking: whether a region can be marked.
        which: of several films of the case, this one's view and day.
    """
    name = " · ".join(filter(None, (case_name(case, language), which)))
    message = ""
    if held is None:
        key = "film.none" if case.study.radiograph is None else "film.hidden"
        message = say(key, language, licence=licence_name(case.licence, language))
    return {
        "language": language,
        "film_id": held.key if held else f"none:{name}",
        "film": None if held is None else held.described,
        "case": case.case_id,
        "name": name,
        "text": message or say("film.alt", language, case=name),
        "mark": say("film.synthetic", language) if case.provenance.synthetic else "",
        "message": message,
        "caption": str(
            render("case_tab/film_caption.html", name=name, provenance=provenance_line(case, language))
        ),
        "layers": list(layers) if held else [],
        "marking": marking and held is not None,
    }


def layer(
    density: np.ndarray,
    scale: float,
    *,
    name: str,
    label: str,
    text: str,
    scale_text: Mapping[str, str],
    short_text: Mapping[str, str] | None = None,
    unit: str = "logits",
    signed: bool = True,
    film: np.ndarray | None = None,
) -> Value:
    """A map for the viewer.

    Args:
        density: (gh, gw) signed, over the whole film, in `unit` per 1 % of its area.
        scale: magnitude at full colour; it is stated, and shared where two maps of one unit stand together.
        name: tells it from the case's other maps; a refinement keeps the name of what it replaces.
        label: what the list of maps calls it.
        text: what a screen reader says of film and map.
        scale_text: sign -> what full colour is, `{scale}` left in it.
        short_text: sign -> what stands beside the legend; `scale_text` where it is not given.
        signed: whether the map speaks for and against; otherwise its legend has one side.
        film: (H, W) uint8 that it lies on; colour is thinned where it is bright.
    """
    assert density.ndim == 2 and np.isfinite(density).all() and set(scale_text) == set(SIGNS), density.shape
    ratio = max(1.0, max(density.shape) / GRID_SIDE)
    rows, columns = (max(1, round(side / ratio)) for side in density.shape)
    picture = Image.fromarray(density.astype(np.float32))
    grid = np.asarray(picture.resize((columns, rows), Image.Resampling.BOX) if ratio > 1 else picture)
    peak = float(np.abs(grid).max())
    tissue = np.zeros((rows, columns), np.uint8)
    if film is not None:
        tissue = np.asarray(Image.fromarray(film).resize((columns, rows), Image.Resampling.BOX))
    steps = np.rint(grid / peak * _STEPS) if peak > 0 else np.zeros_like(grid)
    return {
        "id": name,
        "label": label,
        "text": text,
        "width": columns,
        "height": rows,
        "grid": base64.b64encode(steps.astype(_STEP).tobytes()).decode(),
        "peak": peak,
        "scale": float(scale),
        "unit": unit,
        "scale_text": dict(scale_text),
        "short_text": dict(short_text or scale_text),
        "signed": signed,
        "outlined": OUTLINED,
        "outlined_from": OUTLINED_FROM,
        "tissue": base64.b64encode(tissue.tobytes()).decode(),
        "bright": BRIGHT,
        "supports": list(FOR),
        "against": list(AGAINST),
    }


def map_layer(
    image: np.ndarray,
    case: Case,
    target: Target,
    language: Language,
    *,
    method: str,
    baseline: str = "",
    read: tuple[Modality, ...],
    turn: int | str = 0,
    in_words: str = "",
    film: np.ndarray | None = None,
) -> Value:
    """A map as a layer, on the same smoothing and scale as `modeling.render.pictures.heat_map`.

    Args:
        image: (h, w) signed, over the whole film without padding, per pixel.
        baseline: of an account in logits; empty for a map in a unit of its own.
        read: the modalities that the answer was made from.
        turn: counts the changes of the study, or names another checkpoint; maps of two stand side by side.
        in_words: where the map lies, for those who do not see it.
        film: (H, W) uint8 that it lies on.
    """
    known = map_method(method)
    density = smoothed_density(image, known.grain)
    words = {
        "target": question(target, language),
        "method": word_for("method", method, language),
        "modalities": " + ".join(word_for("modality", m, language) for m in read),
    }
    if baseline:
        words["baseline"] = say(f"explain.{baseline}", language)
        keys = {"both": "film.scale", "positive": "film.scale_positive", "negative": "film.scale_negative"}
    else:
        keys = dict.fromkeys(SIGNS, "viewer.own_scale" if known.signed else "viewer.one_sided")
    alt = say("film.map_alt", language, case=case_name(case, language), target=words["target"])
    texts = {sign: say(key, language, scale="{scale}", target=words["target"]) for sign, key in keys.items()}
    brief = "viewer.brief" if known.signed else "viewer.brief_one"
    named = word_for("class", target.class_name, language)
    keys = {sign: brief if sign == "both" or not known.signed else f"{brief}_{sign}" for sign in SIGNS}
    return layer(
        density,
        full_colour(density, known.full * image.size),
        name=f"{turn}/{target.slug}/{method}/{baseline}",
        label=say("viewer.film_map_name" if baseline else "viewer.map_name", language, **words),
        text=f"{alt}. {in_words}" if in_words else alt,
        scale_text=texts,
        short_text={sign: say(key, language, target=named) for sign, key in keys.items()},
        unit="logits" if baseline else method,
        signed=known.signed,
        film=film,
    )


def viewer_value(session: Session) -> Value:
    """What a session shows: its film, with the map of its explanation where there is one."""
    assert session.case is not None, "shown before a case was put on screen"
    shown = _further_film(session, session.film_shown) if session.film_shown else _first_film(session)
    shown |= _report_address(session)
    if session.film_beside is None:
        return shown
    number, turn = session.film_beside
    beside = _further_film(session, number) if number else _alone(session)
    return {**shown, "beside": {**beside, "turn": turn}}


def _first_film(session: Session) -> Value:
    """The film that the model reads, with its map."""
    shown, layers = session.explanation.shown, []
    prediction = session.answer.prediction
    if shown is not None and shown.image is not None and prediction is not None and session.film:
        opinion, target = session.explanation.opinion, shown.target
        told = {"read": prediction[target.task].modalities, "turn": session.version}
        told["film"] = session.film.picture
        of = (session.case, target, session.language)
        told["in_words"] = map_in_words(shown.image, session.film, session.language, grain_of(shown.method))
        if opinion is None:
            told |= {"method": shown.method, "baseline": shown.baseline}
            layers.append(map_layer(shown.image, *of, **told))
        else:
            layers.append(map_layer(opinion.image, *of, method=opinion.method, **told))
    alone = _alone(session)
    tested = session.explanation.tested
    place = None if tested is None else region_value(tested.place)
    return {**alone, "layers": layers, "sheets": session.film is not None, "tested": place}


def _alone(session: Session) -> Value:
    """The same film without a map."""
    of, (known, alone) = (session.version, session.language), session.view
    if known != of:
        alone = film_value(session.case, session.film, session.language)
        if session.study.radiograph is None and session.case.study.radiograph is not None:
            told = say("film.left_out", session.language)
            alone |= {"text": told, "message": told}
        session.view = (of, alone)
    if session.wishes.change:
        marks = (say("film.made_wrong", session.language), alone["mark"])
        alone = alone | {"mark": " · ".join(filter(None, marks))}
    return alone


def _report_address(session: Session) -> Value:
    """Where the browser finds the report of the case on screen, once a reader asks for it."""
    if session.film is None or not session.case.report:
        return {}
    session.film.report = partial(case_report, session.case)
    query = urlencode({LANGUAGE: session.language})
    return {"report": f"{session.film.described['address']}/report?{query}"}


def _further_film(session: Session, number: int) -> Value:
    """A film of the study that the model did not read: it has no map, and no region of it can be tested."""
    case, language = session.case, session.language
    film = case.films[number]
    held = session.further.get(number) or HeldFilm(film.radiograph)
    session.further[number] = held
    alone = film_value(case, held, language, marking=False, which=film_words(film, language))
    marks = ("" if session.whole else say("films.not_read", language), alone["mark"])
    return {**alone, "mark": " · ".join(filter(None, marks)), "sheets": False, "tested": None}


def region_value(mask: np.ndarray) -> Value:
    """An (h, w) bool region over the whole film as the viewer and `mask_of` read it."""
    bits = base64.b64encode(np.packbits(mask.ravel(), bitorder="little").tobytes()).decode()
    return {"height": mask.shape[0], "width": mask.shape[1], "bits": bits}


def mask_of(value: object, shape: tuple[int, int]) -> np.ndarray | None:
    """The region that a reader has marked.

    Args:
        value: the viewer's value as an input, or the data of its event `marked`.
        shape: (H, W) to bring it to: the film's native size, or any size over the whole film.

    Returns:
        (H, W) bool, True where it is marked; None where nothing is.

    Raises:
        ViewboxError: the data mean no region.
    """
    bad = ViewboxError("The marked region could not be read; clear it and mark it again.")
    if isinstance(value, Mapping) and "film_id" in value:
        value = value.get("region")
        if value is None:
            return None
    if not isinstance(value, Mapping):
        raise bad
    width, height, bits = (value.get(name) for name in ("width", "height", "bits"))
    sides = (width, height)
    if not all(type(side) is int and 1 <= side <= MASK_SIDE for side in sides) or not isinstance(bits, str):
        raise bad
    try:
        packed = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        raise bad from None
    if len(packed) != -(-width * height // 8):
        raise bad
    coarse = np.unpackbits(packed, count=width * height, bitorder="little").reshape(height, width)
    rows, columns = (
        (2 * np.arange(n) + 1) * side // (2 * n) for n, side in zip(shape, coarse.shape, strict=True)
    )
    mask = coarse[rows[:, None], columns].astype(bool)
    return mask if mask.any() else None
