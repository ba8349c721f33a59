"""The maps of several methods side by side on the same films, as a reader first sees them, on one sheet."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cases.case import Case
from modeling.explain.registry import ACCOUNT, MapMethod, map_methods
from modeling.labels import Target, TaskName
from modeling.model.film import brightness, to_native
from modeling.pipeline import DiagnosisPipeline
from modeling.render.pictures import film_picture, map_of_method
from modeling.study import Study
from modeling.trust.scrutiny import Scrutiny

SHIPPED = ("case-01", "case-02", "case-03", "case-04", "case-05", "case-06")
"""Real films that ship with Viewbox, of patients no bundled checkpoint learnt from."""
CELL = 260
_TITLE, _GAP = 34, 6
INK = {"light": ("white", "black"), "dark": ("#14171b", "white")}
"""Ground and ink of a sheet."""
EFFORT = {"tolerance": 0.05, "max_evaluations": 48}


def sheet_methods(pipeline: DiagnosisPipeline) -> list[MapMethod]:
    """The maps that a sheet shows: all that this checkpoint gives but what needs more than a film."""
    return [m for m in map_methods() if m.points and m.is_given_by(pipeline.config)]


def contact_sheet(
    pipeline: DiagnosisPipeline, cases: Iterable[Case], count: int, methods: Sequence[MapMethod], theme: str
) -> Image.Image:
    """A row for each of `count` films: the film alone, then each map of its most probable appearance."""
    scrutiny, (ground, ink) = Scrutiny(pipeline), INK[theme]
    width, height = (len(methods) + 1) * (CELL + _GAP), count * (CELL + _TITLE)
    sheet = Image.new("RGB", (width, _TITLE + height), ground)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for column, name in enumerate(["film", *(m.title for m in methods)]):
        draw.text((column * (CELL + _GAP) + 4, 8), name[:34], fill=ink, font=font)
    for row, case in enumerate(cases):
        top = _TITLE + row * (CELL + _TITLE)
        title, pictures = _row(scrutiny, case, methods)
        draw.text((4, top + 6), title, fill=ink, font=font)
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * (CELL + _GAP), top + _TITLE - 6))
    return sheet


def _row(scrutiny: Scrutiny, case: Case, methods: Sequence[MapMethod]) -> tuple[str, list[Image.Image]]:
    study = case.study
    answer = scrutiny.pipeline.predict(study)[TaskName.APPEARANCE]
    target = Target(TaskName.APPEARANCE, answer.most_probable)
    film = np.asarray(film_picture(brightness(study.radiograph), CELL), np.float32) / 255.0
    maps = [to_native(_map(scrutiny, study, target, method), film.shape) for method in methods]
    pictures = [map_of_method(film, one, m).picture for one, m in zip(maps, methods, strict=True)]
    title = f"{case.case_id}: {target.class_name} rather than {target.against}"
    return title, [film_picture(film).convert("RGB"), *pictures]


def _map(scrutiny: Scrutiny, study: Study, target: Target, method: MapMethod) -> np.ndarray:
    if method.name != ACCOUNT:
        return scrutiny.opinion(study, target, method.name).image
    *_, account = scrutiny.explain(study, target, **EFFORT)
    assert account.image is not None, "a film was given"
    return account.image
