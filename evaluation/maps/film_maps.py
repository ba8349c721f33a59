"""Every map of one film: the methods, their controls, priors that never look; and a sheet of maps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cases.case import Case
from modeling.explain.occlusion import removal_account
from modeling.explain.registry import ACCOUNT, MapMethod, map_methods
from modeling.labels import APPEARANCE, Target
from modeling.model.film import brightness, resampled
from modeling.pipeline import DiagnosisPipeline
from modeling.render.pictures import film_picture, map_of_method
from modeling.results import Attribution, ImageBaseline
from modeling.study import Study
from modeling.trust.scrutiny import Scrutiny

CONTROLS = tuple(name for m in map_methods("control") for name in m.measured_as)
PRIORS = ("centre_prior", "location_prior")

_OTHERWISE: ImageBaseline = "blurred"
"""Where a map names no baseline: the film's blurred self, fewer gradients to the same delta."""
_PRIOR_GRID = (64, 64)


@dataclass(frozen=True)
class Effort:
    """Integrated Gradients go on until |delta| <= `tolerance` or for `max_evaluations` gradients."""

    tolerance: float = 0.05
    max_evaluations: int = 64


@dataclass(frozen=True, eq=False)
class FilmMap:
    """A signed map without the letterbox's padding, (h, w), and what it took in seconds."""

    values: np.ndarray
    seconds: float


class FilmMapper:
    """All methods and controls for one checkpoint; the control's weights are drawn once."""

    def __init__(self, pipeline: DiagnosisPipeline, effort: Effort, seed: int = 0) -> None:
        self.pipeline, self.effort = pipeline, effort
        self._scrutiny = Scrutiny(pipeline, seed=seed)

    @property
    def methods(self) -> tuple[str, ...]:
        """The maps that this checkpoint can give and that point, by their names in measurements."""
        return tuple(name for m in self._given if m.kind != "control" for name in m.measured_as)

    @property
    def _given(self) -> list[MapMethod]:
        return [m for m in map_methods() if m.points and m.is_given_by(self.pipeline.config)]

    def _starts(self, method: MapMethod) -> Iterator[tuple[str, ImageBaseline]]:
        """A map's names in measurements, each with the baseline that it starts from."""
        yield from zip(method.measured_as, method.starts or (_OTHERWISE,), strict=True)

    def accounts(self, study: Study, target: Target) -> dict[str, Attribution]:
        """Integrated Gradients of all modalities: from every baseline of the film, and on random weights."""
        found: dict[str, Attribution] = {}
        for method in self._given:
            asked = self._scrutiny.forgetful if method.forgetful else self.pipeline
            for name, start in self._starts(method) if method.kind == "account" or method.forgetful else ():
                *_, found[name] = asked.explain(study, target, baseline=start, **vars(self.effort))
        return found

    def removals(self, study: Study, target: Target) -> Attribution:
        """Occlusion of fields and words, beside that of the film among `maps`."""
        return removal_account(self.pipeline.paths(study, target, _OTHERWISE)[0], study)

    def maps(self, study: Study, target: Target, accounts: dict[str, Attribution]) -> dict[str, FilmMap]:
        """A map for each of `methods` and `CONTROLS`; table and text stay as given, `accounts` too.

        Raises:
            ViewboxError: the model gave no number.
        """
        maps = {name: FilmMap(account.image, account.seconds) for name, account in accounts.items()}
        for method in self._given:
            for name, start in self._starts(method):
                if name not in maps:
                    seen = self._scrutiny.film_map(method, study, target, start)
                    maps[name] = FilmMap(seen.values, seen.seconds)
        return maps


# --- priors: where one would point without looking


def centre_prior(shape: tuple[int, int]) -> np.ndarray:
    """(H, W): a Gaussian in the middle of the film, its deviation a quarter of each side."""
    rows, columns = (np.linspace(-2, 2, side) ** 2 for side in shape)
    return np.exp(-(rows[:, None] + columns[None]) / 2)


def location_priors(regions: Sequence[np.ndarray], patients: Sequence[str]) -> list[np.ndarray]:
    """For each film, how often the other patients' evidence lies at each place, 0 to 1, on a 64 x 64 grid.

    It is harder to beat than the centre: it knows where the lungs are and where opacities are common.
    """
    coverage = np.stack([resampled(region, _PRIOR_GRID) for region in regions])
    names = np.asarray(patients)
    others = [coverage[names != name] for name in names]
    return [films.mean(axis=0) if len(films) else np.zeros(_PRIOR_GRID) for films in others]


# --- side by side on one sheet


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
    answer = scrutiny.pipeline.predict(study)[APPEARANCE]
    target = Target(APPEARANCE, answer.most_probable)
    film = np.asarray(film_picture(brightness(study.radiograph), CELL), np.float32) / 255.0
    maps = [method.resized(_map(scrutiny, study, target, method), film.shape) for method in methods]
    pictures = [map_of_method(film, one, m).picture for one, m in zip(maps, methods, strict=True)]
    title = f"{case.case_id}: {target.class_name} rather than {target.against}"
    return title, [film_picture(film).convert("RGB"), *pictures]


def _map(scrutiny: Scrutiny, study: Study, target: Target, method: MapMethod) -> np.ndarray:
    if method.name != ACCOUNT:
        return scrutiny.opinion(study, target, method.name).image
    *_, account = scrutiny.explain(study, target, **EFFORT)
    assert account.image is not None, "a film was given"
    return account.image
