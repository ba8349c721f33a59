"""Seed and settings in, case out: the whole phantom from plan to stored values; and the cases that ship."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cases.case import SYNTHETIC_LICENCE, Case, PlantedEvidence, Provenance
from cases.phantom import lateral, overlays
from cases.phantom.anatomy import Thorax, build_soft_tissue, build_vessels, heart_chords
from cases.phantom.opacities import plant
from cases.phantom.patient import Patient, draw_patient
from cases.phantom.physics import detected, developed, draw_exposure, transmitted
from cases.phantom.projection import View
from cases.phantom.scenario import (
    ATYPICAL_KINDS,
    COMBINATIONS,
    SITUATIONS,
    Masks,
    Plan,
    appearance_from_masks,
    draw_plan,
    grading_from_masks,
    zone_masks,
)
from cases.phantom.skeleton import build_skeleton
from cases.phantom.streams import between, chance, pick, shuffled, stream, texture
from cases.phantom.words import Span, draw_indication, draw_report, draw_table
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING
from modeling.sentence import Names, Sentence
from modeling.study import ClinicalText, Photometric, Radiograph, Study, ViewPosition, Window

ATTRIBUTION = Sentence("Synthetic film computed by Viewbox: no patient, not for diagnosis.")

_HOSPITAL = "Saint Harbour Hospital"
_OTHER_HOSPITALS = ("Northfield Clinic", "Riverside General", "the county hospital", "Eastgate Infirmary")
_ATTEMPTS = 12
DEFAULT_SIZE = 504
DEFAULT_BITS = 10
"""Two bits less than a detector's twelve: they hold noise alone, and would add 5 MB to the folder."""
_SEED = 20_000


@dataclass(frozen=True)
class Confounder:
    """A shortcut to plant: something that goes with a label without being its cause.

    Attributes:
        kind: a lead arrow in the film's corner, a hospital's name in the indication, or the view position.
        class_name: the appearance that it goes with.
        correlation: how often it tells the truth: 1.0 always, 0.5 never better than a coin.
    """

    kind: Literal["marker", "hospital", "view"]
    class_name: str = "Typical"
    correlation: float = 0.95

    def __post_init__(self) -> None:
        if self.kind not in ("marker", "hospital", "view"):
            no_kind = "A confounder cannot be '{kind}'; choose marker, hospital or view."
            raise ViewboxError(no_kind, kind=self.kind)
        if not 0.5 <= self.correlation <= 1.0:
            outside = "A confounder's correlation of {value} is outside 0.5 to 1; choose another."
            raise ViewboxError(outside, value=self.correlation)
        APPEARANCE.index(self.class_name)

    def planted(self, rng: np.random.Generator, appearance: str) -> bool:
        """Whether a case of this appearance carries it."""
        return chance(rng, self.correlation if appearance == self.class_name else 1 - self.correlation)


@dataclass(frozen=True)
class PhantomSettings:
    """How phantoms are made.

    Attributes:
        size: pixels along the film's longer side, 64 to 3072.
        bits: bits stored a pixel, 8 to 12.
        square: True for square films only; False also for portrait and landscape ones.
        labels: (appearance, grading) to make, or None to draw them.
        situation: of `scenario.SITUATIONS`, or None to draw one.
        confounder: a shortcut to plant, or None.
        devices: whether leads, lines and tubes may lie on the patient.
    """

    size: int = 1024
    bits: int = 12
    square: bool = False
    labels: tuple[str, str | None] | None = None
    situation: str | None = None
    confounder: Confounder | None = None
    devices: bool = True

    def __post_init__(self) -> None:
        if not 64 <= self.size <= 3072:
            no_size = "A phantom of {size} pixels cannot be made; choose a size from 64 to 3072."
            raise ViewboxError(no_size, size=self.size)
        if not 8 <= self.bits <= 12:
            no_depth = "A phantom of {bits} bits cannot be made; choose 8 to 12 bits."
            raise ViewboxError(no_depth, bits=self.bits)
        if self.labels is not None and self.labels not in COMBINATIONS:
            no_pair = "No film is {one} and {other}; choose labels that go together."
            raise ViewboxError(no_pair, one=self.labels[0], other=self.labels[1])
        if self.situation is not None and self.situation not in SITUATIONS:
            no_situation = "There is no situation '{name}'; choose one of {names}."
            raise ViewboxError(no_situation, name=self.situation, names=Names("name", SITUATIONS))


USUAL = PhantomSettings()
Recipe = tuple[int, PhantomSettings]
"""The seed of a phantom, and its settings."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A case with what only its maker knows.

    Attributes:
        plan, zones: what was to be planted; lung zone -> (H, W) bool on the film.
        signal: (H, W) float64, how much the opacities brighten the noiseless film, in log exposure.
        noise: standard deviation of the quantum noise in the lungs, in log exposure.
        confounder_mask: (H, W) bool, where a planted marker lies, or None.
        devices: what lies on the patient, with its side, such as "central line, right".
    """

    case: Case
    plan: Plan
    zones: Masks
    signal: np.ndarray
    noise: float
    confounder_mask: np.ndarray | None
    patient: Patient
    devices: tuple[str, ...]


def generate_case(seed: int, *, settings: PhantomSettings = USUAL) -> Case:
    """One synthetic case with its planted evidence; the same seed and settings give the same bytes."""
    return generate_phantom(seed, settings=settings).case


def generate_cases(count: int, seed: int = 0, *, settings: PhantomSettings = USUAL) -> Iterator[Case]:
    """A series with its appearances, and gradings within each, equally frequent; `count` changes no case."""
    for index in range(count):
        yield generate_case(series_seed(seed, index), settings=balanced(settings, seed, index))


def series_seed(seed: int, index: int) -> int:
    """The seed of one case of a series; series with seeds up to 4 billion do not meet."""
    return (seed << 32) + index


def case_id(seed: int) -> str:
    """The ID of the case that a seed gives."""
    return f"phantom-{seed:012x}"


def balanced(settings: PhantomSettings, seed: int, index: int) -> PhantomSettings:
    """The settings with the labels that keep a series in balance at this place, unless they name some."""
    if settings.labels is not None:
        return settings
    appearances = shuffled(stream(seed * 1_000_003 + index // 4, "label"), APPEARANCE.classes)
    appearance = appearances[index % 4]
    options = [labels for labels in COMBINATIONS if labels[0] == appearance]
    return replace(settings, labels=options[(index // 4 + seed) % len(options)])


def default_recipes() -> list[Recipe]:
    """The 48 cases that ship with Viewbox, in the order of their IDs.

    Every combination of labels four times: all in agreement, then film alone or words alone, then the table
    alone, then in conflict; two conflicts more; and two cases that carry a shortcut (a lead arrow, a
    hospital's name) that a model may have learnt for another label.
    """
    wanted: list[tuple[tuple[str, str | None], str, Confounder | None]] = []
    for place, labels in enumerate(COMBINATIONS):
        conflict = "film against words" if place % 2 else "words against table"
        alone = "silent" if place % 2 else "words hold"
        wanted += [(labels, situation, None) for situation in ("agrees", alone, "table holds", conflict)]
    wanted.append((("Typical", "Severe"), "film against words", None))
    wanted.append((("Negative", None), "words against table", None))
    wanted.append((("Negative", None), "agrees", Confounder("marker", "Negative", 1.0)))
    wanted.append((("Indeterminate", "Mild"), "agrees", Confounder("hospital", "Indeterminate", 1.0)))
    return [
        (_SEED + place, PhantomSettings(DEFAULT_SIZE, DEFAULT_BITS, False, labels, situation, shortcut))
        for place, (labels, situation, shortcut) in enumerate(wanted)
    ]


def generate_phantom(seed: int, *, settings: PhantomSettings = USUAL) -> Phantom:
    """Like `generate_case`, with the zones and the plan beside the case."""
    plan = draw_plan(stream(seed, "plan"), settings.labels, settings.situation)
    shortcut = settings.confounder
    planted = shortcut is not None and shortcut.planted(stream(seed, "confounder"), plan.appearance)
    kind = shortcut.kind if shortcut is not None else ""
    rng = stream(seed, "patient")
    bedside = planted if kind == "view" else chance(rng, 0.5)
    position = ViewPosition.AP if bedside else ViewPosition.PA
    age, sex = int(between(rng, 19, 91)), pick(rng, ("female", "male"))
    patient = draw_patient(rng, age=age, sex=sex, position=position, cardiomegaly=plan.cardiomegaly)
    view = draw_view(rng, patient, position, settings)
    thorax, masks, zones, signal = _diseased_thorax(plan, patient, view, seed)
    brightness, noise, devices = expose(thorax, patient, view, seed, settings)
    arrow = planted and kind == "marker"
    marker = overlays.add_arrow(brightness, stream(seed, "confounder")) if arrow else None
    radiograph = stored(brightness, view, settings.bits, stream(seed, "exposure"))
    case = _case(seed, plan, patient, radiograph, masks, kind if planted else "", kind == "hospital")
    return Phantom(case, plan, zones, signal, noise, marker, patient, devices)


def draw_view(
    rng: np.random.Generator, patient: Patient, position: ViewPosition, settings: PhantomSettings
) -> View:
    """Film size and format, focus distance, and how the patient stands before it."""
    kinds = ("square", "portrait", "landscape")
    kind = "square" if settings.square else pick(rng, kinds, (0.6, 0.15, 0.25))
    size = settings.size
    short = size if kind == "square" else round(size * between(rng, 0.80, 0.88))
    shape = (short if kind == "landscape" else size, short if kind == "portrait" else size)
    bedside = position is ViewPosition.AP
    enlarged = 1.12 if bedside else 1.06
    height = (patient.base - patient.apex + between(rng, 15, 75)) * enlarged
    width = 2 * (patient.half_width + patient.wall + between(rng, -24, 22)) * enlarged
    pitch = max(height / shape[0], width / shape[1])
    middle = 0.5 * (patient.apex + patient.base) + between(rng, -24, 4)
    surface = patient.half_depth + patient.wall + 20
    distance = between(rng, 1000, 1200) if bedside else 1800.0
    rotation, tilt = between(rng, -0.06, 0.06), between(rng, -0.045, 0.045) * (1.6 if bedside else 1.0)
    shift = (between(rng, -14, 14), middle * enlarged)
    return View(position, shape, pitch, distance, surface, rotation, tilt, shift)


def healthy_thorax(patient: Patient, view: View, seed: int) -> Thorax:
    """A patient without any opacity, from the front."""
    grain = stream(seed, "texture")
    healthy = build_soft_tissue(patient, view, grain)
    healthy.cortical, healthy.trabecular = build_skeleton(patient, view.unbreathed, stream(seed, "patient"))
    healthy.vessels = np.minimum(build_vessels(patient, view, stream(seed, "vessels")), 0.6 * healthy.lung)
    interstitium = 0.85 * texture(grain, view.shape, 224, 0.45) + 0.45 * texture(grain, view.shape, 96, 1.2)
    healthy.density = healthy.density * (1 + 0.09 * interstitium)
    return healthy


def _diseased_thorax(
    plan: Plan, patient: Patient, view: View, seed: int
) -> tuple[Thorax, Masks, Masks, np.ndarray]:
    """The thorax with its opacities; places are drawn again until the labels are exactly the planned ones."""
    healthy = healthy_thorax(patient, view, seed)
    zones = zone_masks(patient, healthy.x, healthy.y, healthy.lung)
    for attempt in range(_ATTEMPTS):
        thorax = replace(healthy)
        masks = plant(plan, patient, view, thorax, zones, seed, attempt)
        labels = appearance_from_masks(masks, zones), grading_from_masks(masks, zones)
        if labels == (plan.appearance, plan.grading):
            break
    else:
        raise AssertionError(f"seed {seed}: no place found for {plan.opacities}")
    signal = np.zeros(view.shape)
    if plan.opacities:
        signal = -np.log(transmitted(thorax)) + np.log(transmitted(healthy))
    if plan.cardiomegaly:
        masks["cardiomegaly"] = np.logical_or.reduce([chord > 0 for chord in heart_chords(patient, view)])
    return thorax, masks, zones, signal


def expose(
    thorax: Thorax, patient: Patient, view: View, seed: int, settings: PhantomSettings
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """(H, W) brightness, 0 to 1, of the developed film, the quantum noise in its lungs, and its devices."""
    rng, devices = stream(seed, "overlays"), ()
    if settings.devices:
        thorax.metal, devices = overlays.draw_devices(patient, view, rng)
    exposure = draw_exposure(stream(seed, "exposure"), view.position)
    signal = detected(transmitted(thorax), exposure, view.pitch, stream(seed, "noise"))
    quanta = exposure.photons * (view.pitch / 0.8) ** 2
    noise = float(1 / np.sqrt(np.median(signal[thorax.lung > 40]) * quanta))
    lungs, dense = thorax.lung > 80, (np.abs(thorax.x) < 25) & (np.abs(thorax.y) < 110)
    if view.lateral:  # both lungs lie behind each other, and the densest soft tissue is the abdomen's
        lungs, dense = thorax.lung > 0.6 * thorax.lung.max(), lateral.abdomen(patient, thorax)
    brightness = developed(signal, exposure, view.pitch, lungs, dense)
    overlays.collimate(brightness, rng)
    overlays.add_markers(brightness, view, rng)
    return brightness, noise, devices


def stored(brightness: np.ndarray, view: View, bits: int, rng: np.random.Generator) -> Radiograph:
    """Stored values with the window that shows them as they were developed."""
    inverted = chance(rng, 0.12)
    low, high = int(rng.integers(0, 240)) >> (12 - bits), int(rng.integers(3600, 4096)) >> (12 - bits)
    shown = 1 - brightness if inverted else brightness
    pixels = np.rint(low + (high - low) * np.clip(shown, 0.0, 1.0)).astype(np.uint16)
    spacing = round(view.pitch, 4)
    return Radiograph(
        pixels,
        bits_stored=bits,
        photometric=Photometric.MONOCHROME1 if inverted else Photometric.MONOCHROME2,
        window=Window(center=(low + high + 1) / 2, width=float(high - low + 1)),
        view_position=view.position,
        pixel_spacing=(spacing, spacing),
    )


def _case(
    seed: int, plan: Plan, patient: Patient, film: Radiograph, masks: Masks, confounder: str, hospitals: bool
) -> Case:
    """Table and words around the film, and the record of what holds the evidence."""
    complete = plan.situation == "table holds"
    rng = stream(seed, "table")
    table, fields = draw_table(rng, plan.table, patient, film.view_position, complete=complete)
    rng = stream(seed, "prose")
    indication, stated = _indication(rng, plan, patient, confounder == "hospital", hospitals)
    report, spans = draw_report(rng, plan)
    evidence = PlantedEvidence(
        modality=plan.modality,
        masks=masks,
        words=(*stated, *spans),
        fields=fields if plan.table.appearance == plan.appearance else (),
        agreement=plan.agreement,
        confounder=confounder,
    )
    labels = {APPEARANCE: plan.appearance, GRADING: plan.grading}
    name = case_id(seed)
    return Case(
        case_id=name,
        study=Study(film, table, ClinicalText({"indication": indication} if indication else {})),
        licence=SYNTHETIC_LICENCE,
        provenance=Provenance("phantom", patient=name, attribution=str(ATTRIBUTION), synthetic=True),
        report=report,
        reference={task: label for task, label in labels.items() if label is not None},
        evidence=evidence,
    )


def _indication(
    rng: np.random.Generator, plan: Plan, patient: Patient, ours: bool, name_hospitals: bool
) -> tuple[str, tuple[Span, ...]]:
    """The indication, and the spans of it that state the labels as they were planted."""
    true = plan.words.appearance == plan.appearance
    sign = next((o.kind for o in plan.opacities if o.kind in ATYPICAL_KINDS), "")
    hospital = _HOSPITAL if ours else pick(rng, _OTHER_HOSPITALS) if name_hospitals else ""
    words = replace(plan.words, absent=False) if hospital else plan.words
    text, spans = draw_indication(rng, words, patient, sign=sign if true else "", hospital=hospital)
    return text, spans if true else ()
