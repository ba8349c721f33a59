"""Phantom studies: one digital thorax from the front and from the side, on several days."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cases.case import SYNTHETIC_LICENCE, Case, PlantedEvidence, Provenance
from cases.phantom.anatomy import Point, Thorax, ellipsoid, heart_chambers
from cases.phantom.generator import (
    ATTRIBUTION,
    DEFAULT_BITS,
    PhantomSettings,
    draw_view,
    expose,
    healthy_thorax,
    series_seed,
    stored,
)
from cases.phantom.lateral import build_lateral
from cases.phantom.patient import Patient, draw_patient
from cases.phantom.physics import transmitted
from cases.phantom.projection import View
from cases.phantom.scenario import Stance
from cases.phantom.streams import between, chance, pick, stream, texture
from cases.phantom.study_plan import (
    CHANGES,
    PLACES,
    FilmPlan,
    Report,
    StudyPlan,
    draw_study_plan,
    study_reports,
)
from cases.phantom.words import draw_indication, draw_table
from modeling.errors import ViewboxError
from modeling.sentence import Names
from modeling.study import (
    MOST_FILMS,
    ClinicalTable,
    ClinicalText,
    DatedFilm,
    Modality,
    Radiograph,
    Study,
    ViewPosition,
)

_BALLS = {"nodule": (1, 1.0), "consolidation": (4, 0.8)}
"""Kind -> ellipsoids that it is made of, and how much water stands for a millimetre of it."""
_SHADE = 0.15
"""Greatest thickness (mm of water) that an opacity behind heart or spine has on a frontal film: below the
quantum noise even of large pixels. On a patient such an opacity would be faint there, not absent."""


@dataclass(frozen=True)
class StudySettings:
    """How phantom studies are made.

    Attributes:
        size, bits, square: of each film, as in `PhantomSettings`.
        place, change: of `PLACES` and `CHANGES`, or None to draw them.
        films: (view position, days before) of each film, the day's frontal first; None to draw them.
        breath: length of the lungs on the day over that on every earlier day; None to draw each day's.
        films_alone: neither table nor indication, of which a quarter lean towards the answer.
    """

    size: int = 256
    bits: int = DEFAULT_BITS
    square: bool = False
    place: str | None = None
    change: str | None = None
    films: tuple[tuple[ViewPosition, int], ...] | None = None
    breath: float | None = None
    films_alone: bool = False

    def __post_init__(self) -> None:
        PhantomSettings(size=self.size, bits=self.bits)  # the same bounds
        if self.place is not None and self.place not in PLACES:
            no_place = "There is no place '{name}'; choose one of {names}."
            raise ViewboxError(no_place, name=self.place, names=Names("name", PLACES))
        if self.change is not None and self.change not in CHANGES:
            no_change = "There is no change '{name}'; choose one of {names}."
            raise ViewboxError(no_change, name=self.change, names=Names("name", CHANGES))
        if self.films is not None and not (
            0 < len(self.films) <= MOST_FILMS and self.films[0] == (ViewPosition.PA, 0)
        ):
            no_films = "A phantom study has 1 to {most} films, the day's frontal first; choose others."
            raise ViewboxError(no_films, most=MOST_FILMS)


@dataclass(frozen=True, eq=False)
class PhantomStudy:
    """A study with what only its maker knows.

    Attributes:
        films: in the order of `plan.films`.
        masks: (H, W) bool a film: where the opacity lies on it, or would if that day had it; where it shows.
        signals: (H, W) float64 a film: by how much it brightens the noiseless film, in log exposure.
        noises: standard deviation of each film's quantum noise in the lungs, in log exposure.
        reports: language -> section -> text, comparing with the latest prior.
    """

    study_id: str
    plan: StudyPlan
    films: tuple[DatedFilm, ...]
    masks: tuple[np.ndarray, ...]
    signals: tuple[np.ndarray, ...]
    noises: tuple[float, ...]
    table: ClinicalTable
    text: ClinicalText
    reports: Mapping[str, Report]


USUAL_STUDY = StudySettings()


def study_seed(seed: int, index: int) -> int:
    """The seed of one study of a series."""
    return series_seed(seed, index)


def study_id(seed: int) -> str:
    """The ID of a study, and of its case."""
    return f"phantom-study-{seed:012x}"


def generate_study(seed: int, *, settings: StudySettings = USUAL_STUDY) -> PhantomStudy:
    """One synthetic study; the same seed and settings give the same bytes."""
    plan = draw_study_plan(
        stream(seed, "study"),
        place=settings.place,
        change=settings.change,
        films=settings.films,
        breath=settings.breath,
    )
    patient = draw_study_patient(seed)
    balls = draw_balls(stream(seed, "opacities"), plan, patient)
    drawn = [_film(seed, number, plan, patient, balls, settings) for number in range(len(plan.films))]
    films, masks, signals, noises = zip(*drawn, strict=True)
    dated = tuple(DatedFilm(film, one.days_before) for film, one in zip(films, plan.films, strict=True))
    reports = study_reports(stream(seed, "prose"), plan)
    table, text = ClinicalTable(), ClinicalText()
    if not settings.films_alone:
        table, text = _table(seed, plan, patient), _text(seed, plan, patient)
    return PhantomStudy(study_id(seed), plan, dated, masks, signals, noises, table, text, reports)


_TITLES = {
    "en": ("Frontal film", "Frontal and lateral", ", with a prior"),
    "zh-Hant": ("正面影像", "正面與側面影像", "，附先前影像"),
}
"""Language -> without a lateral of the day, with one, and what a prior adds."""


def study_case(study: PhantomStudy) -> Case:
    """A phantom study as a case: the day's frontal film first, the comparing report as a teaching note too.

    Its mask is that of the first film, where that shows the opacity.
    """
    first, plan = study.films[0], study.plan
    seen = 0 in plan.present and plan.shows(0)
    name, lateral = study.study_id, any(film.lateral and film.days_before == 0 for film in plan.films)
    return Case(
        case_id=name,
        study=Study(first.radiograph, study.table, study.text),
        licence=SYNTHETIC_LICENCE,
        provenance=Provenance("phantom", patient=name, attribution=str(ATTRIBUTION), synthetic=True),
        report=study.reports["en"],
        reference=plan.reference,
        evidence=PlantedEvidence(
            {task: (Modality.IMAGE,) if films else () for task, films in plan.evidence.items()},
            {f"{plan.kind}, {plan.place}": study.masks[0]} if seen else {},
        ),
        title={tag: words[lateral] + words[2] * (plan.prior is not None) for tag, words in _TITLES.items()},
        teaching_note={tag: " ".join(report.values()) for tag, report in study.reports.items()},
        further=study.films[1:],
    )


def draw_study_patient(seed: int) -> Patient:
    """Who lies on every film of the study."""
    rng = stream(seed, "patient")
    age, sex = int(between(rng, 19, 91)), pick(rng, ("female", "male"))
    enlarged = chance(rng, 0.18)
    return draw_patient(rng, age=age, sex=sex, position=ViewPosition.PA, cardiomegaly=enlarged)


def _table(seed: int, plan: StudyPlan, patient: Patient) -> ClinicalTable:
    """Now and then values that go with the opacity or with its absence; mostly such as say nothing."""
    rng = stream(seed, "table")
    leaning = Stance("Indeterminate", "Mild") if 0 in plan.present else Stance("Negative")
    stance = leaning if chance(rng, 0.25) else Stance(absent=chance(rng, 0.2))
    return draw_table(rng, stance, patient, ViewPosition.PA, complete=False)[0]


def _text(seed: int, plan: StudyPlan, patient: Patient) -> ClinicalText:
    """An indication that says nothing about the opacity, and of no missing priors where there are some."""
    rng = stream(seed, "confounder")
    while True:
        text, _ = draw_indication(rng, Stance(), patient, sign="", hospital="")
        if plan.prior is None or "no previous films" not in text.lower():
            return ClinicalText({"indication": text})


# --- the opacity in three dimensions

_ATTEMPTS = 200
Ball = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Centre and half axes of an ellipsoid: x, y, z in mm, at the usual inspiration."""


def draw_balls(rng: np.random.Generator, plan: StudyPlan, patient: Patient) -> list[Ball]:
    """The ellipsoids of the opacity; of a consolidation they lie about one middle."""
    count, _ = _BALLS[plan.kind]
    radius = between(rng, 16, 22) if count == 1 else between(rng, 15, 21)
    x, y, z = _hidden_middle(rng, plan, patient) if plan.hidden else _open_middle(rng, plan, patient, radius)
    spread = 0.0 if count == 1 else 0.6 * radius
    narrow = 0.5 if plan.hidden else 1.0  # heart and spine shade a narrow strip
    longer = {"behind the heart": 1.5, "before the spine": 1.25}.get(plan.place, 1.0)
    balls = []
    for _ in range(count):
        shift = [spread * between(rng, -1, 1) for _ in range(3)]
        a, b, c = (radius * between(rng, 0.85, 1.15) for _ in range(3))
        balls.append(((x + narrow * shift[0], y + shift[1], z + narrow * shift[2]), (longer * a, b, c)))
    return balls


def _hidden_middle(rng: np.random.Generator, plan: StudyPlan, patient: Patient) -> tuple[float, float, float]:
    """Behind the left ventricle, or before the vertebrae above it: x, y, z in mm."""
    (_, floor), _, _ = heart_chambers(patient)[0]
    if plan.place == "behind the heart":
        return between(rng, 2, 22), floor + between(rng, -22, 4), between(rng, -46, -36)
    return between(rng, -8, 8), float(patient.level(between(rng, 0.5, 0.72))), between(rng, -46, -36)


def _open_middle(
    rng: np.random.Generator, plan: StudyPlan, patient: Patient, radius: float
) -> tuple[float, float, float]:
    """In one lung, clear of heart, mediastinum, diaphragm and wall: x, y, z in mm."""
    side = -1.0 if plan.place == "right lung" else 1.0
    for attempt in range(2 * _ATTEMPTS):
        # A large heart may leave less room than the opacity would like: then it comes nearer.
        clear = radius * min(1.0, 2 - attempt / _ATTEMPTS)
        y = float(patient.level(between(rng, 0.22, 0.82)))
        outer = float(patient.wall_x(np.float64(y))) - clear - 6
        x = side * between(rng, 46 + clear, max(50 + clear, outer))
        z = between(rng, -0.45, 0.45) * patient.half_depth
        edges = np.array([(x, y + way * clear, z) for way in (-1, 0, 1)])
        if patient.in_lung(edges, 4.0).all() and not _over_heart(patient, x, y, clear):
            return x, y, z
    raise AssertionError(f"no place for an opacity of {radius:.0f} mm in the {plan.place}")


def _over_heart(patient: Patient, x: float, y: float, radius: float) -> bool:
    return any(
        ellipsoid(np.float64(x), np.float64(y), centre, (axes[0] + radius, axes[1] + radius, 1.0), angle) > 0
        for centre, axes, angle in heart_chambers(patient)
    )


def chord(ball: Ball, view: View) -> np.ndarray:
    """(H, W) mm through one ellipsoid."""
    (x, y, z), (a, b, c) = ball
    if view.lateral:
        return ellipsoid(*view.plane(x), (-z, y), (c, b, a))
    return ellipsoid(*view.plane(z), (x, y), (a, b, c))


def _planted(
    balls: list[Ball], plan: StudyPlan, view: View, thorax: Thorax, grain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) mm of water that the opacity puts in the place of air, and (H, W) bool where it lies.

    Heart and spine leave a frontal film no air to lose: what they hide adds at most `_SHADE` there.
    """
    depth = np.maximum.reduce([chord(ball, view) for ball in balls])
    if plan.kind == "consolidation":
        depth = depth * np.clip(1 + 0.25 * grain, 0.4, 1.6)
    peak = float(depth.max(initial=0.0))
    mask = depth > 0.33 * max(peak, 1e-9)
    water = np.minimum(_BALLS[plan.kind][1] * depth, 0.8 * thorax.lung)
    if plan.hidden and not view.lateral:
        water = np.minimum(water, _SHADE)
    return water, mask


# --- one film


def _film(
    seed: int, number: int, plan: StudyPlan, patient: Patient, balls: list[Ball], settings: StudySettings
) -> tuple[Radiograph, np.ndarray, np.ndarray, float]:
    """The film, where the opacity lies on it, what that adds to the noiseless film, and the noise."""
    film, own = plan.films[number], (seed << 8) + number  # pose, exposure and noise are the film's own
    usual = PhantomSettings(size=settings.size, bits=settings.bits, square=settings.square)
    view = pose(film, stream(own, "patient"), patient, usual)
    thorax = (build_lateral if view.lateral else healthy_thorax)(patient, view, seed)
    grain = texture(stream(seed, "opacities"), view.shape, 96, 1.25)
    water, mask = _planted(balls, plan, view, thorax, grain)
    signal = np.zeros(view.shape)
    if film.days_before in plan.present:
        healthy = transmitted(thorax)
        thorax = replace(thorax, soft=thorax.soft + water)
        signal = np.log(healthy) - np.log(transmitted(thorax))
    brightness, noise, _ = expose(thorax, patient, view, own, usual)
    return stored(brightness, view, settings.bits, stream(own, "exposure")), mask, signal, noise


def pose(film: FilmPlan, rng: np.random.Generator, patient: Patient, settings: PhantomSettings) -> View:
    """How the patient stands before the detector, and how deep the breath is."""
    view = draw_view(rng, patient, film.position, settings)
    if film.lateral:
        view = _lateral_view(rng, patient, settings)
    return replace(view, breath=film.breath, apex=patient.apex)


def _lateral_view(rng: np.random.Generator, patient: Patient, settings: PhantomSettings) -> View:
    """A left lateral film, upright, of the height that the chest needs."""
    shape = (settings.size, settings.size if settings.square else round(0.82 * settings.size))
    enlarged = 1.12
    height = (patient.base - patient.apex + between(rng, 20, 60)) * enlarged
    width = 2 * (patient.half_depth + 0.8 * patient.wall + between(rng, 8, 26)) * enlarged
    pitch = max(height / shape[0], width / shape[1])
    middle: Point = (
        between(rng, 2, 18),
        (0.5 * (patient.apex + patient.base) + between(rng, -14, 4)) * enlarged,
    )
    surface = patient.half_width + patient.wall + 20
    return View(ViewPosition.LATERAL, shape, pitch, 1800.0, surface, between(rng, -0.05, 0.05), 0.0, middle)
