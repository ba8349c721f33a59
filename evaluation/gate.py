"""The gate of a checkpoint, fitted on its own films and measured on films that it should stop."""

import importlib.util
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from evaluation.summary import rounded
from modeling.model.familiarity import FALSE_ALARMS, FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import patient_folds
from modeling.study import Photometric, Radiograph
from training.corpora.labelled_film import Film

TRAINING_FILMS = 800
VALIDATION_FILMS = 500
MADE_FROM = 80
OTHERS = 1000
TAUGHT = {"made": 260, "noise": 60, "photographs": 120, "cuts": 360}
"""How many pictures of a kind the gate is taught to stop; those that measure it are others."""
SYNTHETIC = ("phantom",)


def fit_gate(
    model: FusionModel, processor: StudyProcessor, films: Sequence[Film], data: Path
) -> tuple[FamiliarityGate, dict[str, Any]]:
    """The gate from all films of a checkpoint's corpora, and what it flags of each kind of films.

    Lateral films and those of another hospital come from `data`, the folder with the corpora.
    """
    training = [film.study().radiograph for film in _some(films, "train", TRAINING_FILMS)]
    held = _some(films, "validation", VALIDATION_FILMS)
    validation = [film.study().radiograph for film in held]
    gate = FamiliarityGate.fit(model, processor, training, validation, taught(training))
    own = gate.scores(validation)
    kinds = {"validation films": _row(_cross_fitted(own, held), expected=True)}
    synthetic = (sources := {film.source for film in films}) <= set(SYNTHETIC)
    others = [] if "nih" in sources else other_hospital(data, OTHERS)
    if others and not synthetic:
        kinds["other hospital"] = _row(gate.scores(others) > gate.threshold, expected=True)
    strange = _strange(validation, data) | (
        {"chest films": others} if synthetic else {"phantoms": _phantoms()}
    )
    for kind, shown in strange.items():
        if shown:
            kinds[kind] = _row(gate.scores(shown) > gate.threshold, expected=False)
    about = {
        "threshold": rounded(gate.threshold),
        "false_alarms_allowed": FALSE_ALARMS,
        "training_films": len(training),
        "by_source": _by_source(own > gate.threshold, held),
        "kinds": kinds,
    }
    return gate, about


def _strange(validation: Sequence[Radiograph], data: Path) -> dict[str, list[Radiograph]]:
    """Pictures to stop, by kind; none of them taught the gate."""
    step = max(1, len(validation) // MADE_FROM)
    made = {**made_from(validation[::step][:MADE_FROM]), "lateral": laterals(data)}
    made |= {"noise": noise(40, seed=1), "photographs": photographs(40, seed=1), "cuts": cuts(60, seed=1)}
    return made | {"CT, MR, ultrasound": other_pictures()}


def taught(training: Sequence[Radiograph]) -> list[list[Radiograph]]:
    """The pictures that a gate is taught to stop, by kind: made from its training films, or of nothing."""
    step = -(-len(training) // TAUGHT["made"])
    made = made_from(training[::step])
    return [*made.values(), noise(TAUGHT["noise"]), photographs(TAUGHT["photographs"]), cuts(TAUGHT["cuts"])]


def _some(films: Sequence[Film], split: str, count: int) -> list[Film]:
    """At most `count` films of a side, spread over it; a small corpus is not drowned by a large one."""
    by_source: dict[str, list[Film]] = {}
    for film in films:
        if film.split == split:
            by_source.setdefault(film.source, []).append(film)
    chosen: list[Film] = []
    for k, rows in enumerate(sorted(by_source.values(), key=len)):
        share = min(len(rows), (count - len(chosen)) // (len(by_source) - k))
        chosen += [rows[i] for i in sorted(np.random.default_rng(0).permutation(len(rows))[:share])]
    return chosen


def _cross_fitted(scores: np.ndarray, films: Sequence[Film]) -> np.ndarray:
    """(N,) bool: flagged by the threshold of other patients."""
    fold = patient_folds(np.array([film.patient for film in films]))
    flagged = np.zeros(len(scores), bool)
    for held in (fold == one for one in np.unique(fold)):
        if not held.all():
            flagged[held] = scores[held] > np.quantile(scores[~held], 1 - FALSE_ALARMS)
    return flagged


def _row(flagged: np.ndarray, expected: bool) -> dict[str, Any]:
    return {"films": len(flagged), "flagged": rounded(flagged.mean()), "expected": expected}


def _by_source(flagged: np.ndarray, films: Sequence[Film]) -> dict[str, Any]:
    source = np.array([film.source for film in films])
    return {str(name): _row(flagged[source == name], expected=True) for name in np.unique(source)}


def _phantoms() -> list[Radiograph]:
    """The synthetic films of the cases that ship with Viewbox."""
    store = EmbeddedCaseStore.open(None)
    rows = store.page(CaseFilter(), limit=100).rows
    films = [store.get(row.case_id).study.radiograph for row in rows if row.synthetic]
    return [film for film in films if film is not None]


# --- films that it should stop


LATERAL_VIEW = "L"
OTHER_HOSPITAL = ("nih_sample.parquet", "image")
SIDE = 256


def inverted(film: Radiograph) -> Radiograph:
    """The film as a loader shows it that forgets its polarity."""
    first, second = Photometric.MONOCHROME1, Photometric.MONOCHROME2
    return replace(film, photometric={first: second, second: first}[film.photometric])


def turned(film: Radiograph, quarters: int) -> Radiograph:
    """The film turned by so many quarters of a circle."""
    ratio = 1 / film.pixel_aspect_ratio if quarters % 2 else film.pixel_aspect_ratio
    return replace(film, pixels=np.rot90(film.pixels, quarters).copy(), pixel_aspect_ratio=ratio)


def part(film: Radiograph) -> Radiograph:
    """The lower middle quarter of the film: no lung apex, hardly a lung."""
    rows, columns = film.shape
    return replace(film, pixels=film.pixels[rows // 2 :, columns // 4 : 3 * columns // 4].copy())


def photographed(film: Radiograph) -> Radiograph:
    """The film on a light box or in a screen's window, off the straight and with a reflection."""
    generator = np.random.default_rng(int(film.sha256[:8], 16))
    shown = Image.fromarray(_shown(film)).resize((SIDE, SIDE))
    ground = int(generator.choice([generator.integers(0, 60), generator.integers(190, 256)]))
    room = SIDE * generator.uniform(0.06, 0.3, 4)
    corners = np.array([[0, 0], [0, SIDE], [SIDE, SIDE], [SIDE, 0]]) + generator.normal(
        0, 0.015 * SIDE, (4, 2)
    )
    corners += [[-room[0], -room[1]], [-room[0], room[2]], [room[3], room[2]], [room[3], -room[1]]]
    picture = shown.transform((SIDE, SIDE), Image.Transform.QUAD, corners.ravel().tolist(), fillcolor=ground)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - generator.uniform(0.2, 0.8, 2)[:, None, None]
    reflection = generator.uniform(0, 90) * np.exp(-(x**2 + y**2) / generator.uniform(0.005, 0.05))
    contrast = generator.uniform(0.5, 1)
    return Radiograph(
        np.clip(contrast * np.asarray(picture) + 255 * (1 - contrast) / 2 + reflection, 0, 255).astype(
            np.uint8
        )
    )


def two_in_one(film: Radiograph) -> Radiograph:
    """The film twice in one picture, side by side."""
    return replace(film, pixels=np.concatenate([film.pixels, film.pixels], axis=1))


def _shown(film: Radiograph) -> np.ndarray:
    """(h, w) uint8 over the film's whole range, white for bone."""
    low, high = np.percentile(film.pixels, (0.5, 99.5))
    gray = np.clip((film.pixels - low) / max(high - low, 1e-6), 0, 1)
    return (255 * (1 - gray if film.photometric == Photometric.MONOCHROME1 else gray)).astype(np.uint8)


MADE: dict[str, Callable[[Radiograph], Radiograph]] = {
    "inverted": inverted,
    "rotated 90": lambda film: turned(film, 1),
    "rotated 180": lambda film: turned(film, 2),
    "part of a film": part,
    "photographed": photographed,
    "two in one": two_in_one,
}
"""Kind -> how it is made from a film."""


def noise(count: int, seed: int = 0) -> list[Radiograph]:
    """Noise of every grain, from single pixels to clouds."""
    generator = np.random.default_rng(seed)
    films = []
    for grain in np.geomspace(0.1, 40, count):
        field = gaussian_filter(generator.normal(size=(SIDE, SIDE)), grain)
        field = (field - field.min()) / (field.max() - field.min())
        films.append(Radiograph((255 * field).astype(np.uint8)))
    return films


def photographs(count: int, seed: int = 0) -> list[Radiograph]:
    """Random squares of the two photographs that scikit-learn carries (a temple and a flower), in gray."""
    from sklearn.datasets import load_sample_images

    generator = np.random.default_rng(seed)
    pictures = [np.asarray(Image.fromarray(image).convert("L")) for image in load_sample_images().images]
    films = []
    for i in range(count):
        picture = pictures[i % len(pictures)]
        side = int(generator.integers(150, min(picture.shape) + 1))
        top, left = (int(generator.integers(0, n - side + 1)) for n in picture.shape)
        films.append(Radiograph(picture[top : top + side, left : left + side].copy()))
    return films


def cuts(count: int, seed: int = 0) -> list[Radiograph]:
    """Made-up cuts through bodies and heads, and angiograms, in turn: like CT, MR and fluoroscopy."""
    generator = np.random.default_rng(seed)
    makers = (_body, _head, _angiogram)
    return [Radiograph(makers[i % len(makers)](generator)) for i in range(count)]


_Ellipse = Callable[..., None]


def _slice(generator: np.random.Generator, size: tuple[float, float]) -> tuple[Image.Image, _Ellipse, int]:
    """An empty picture, what draws ellipses around its middle, and the gray of its air."""
    air = int(generator.choice([0, 0, 0, 60, 90]))
    picture = Image.new("L", (SIDE, SIDE), int(air * generator.integers(0, 2)))
    draw, middle = ImageDraw.Draw(picture), SIDE / 2 + generator.normal(0, 6, 2)

    def ellipse(x: float, y: float, width: float, height: float, gray: float) -> None:
        """Centre and half axes as shares of the cut's own half axes."""
        centre, half = middle + np.multiply((x, y), size), np.multiply((width, height), size)
        draw.ellipse((*(centre - half), *(centre + half)), fill=int(np.clip(gray, 0, 255)))

    if air:  # the scanner's round field of view
        draw.ellipse((1, 1, SIDE - 2, SIDE - 2), fill=air)
    if generator.random() < 0.4:  # the table, or a head rest
        draw.arc((40, 60, SIDE - 40, SIDE - 10), 30, 150, fill=180, width=3)
    return picture, ellipse, air


def _body(generator: np.random.Generator) -> np.ndarray:
    """Fat, flesh, lungs in every second, organs, spine and ribs."""
    uniform = generator.uniform
    picture, ellipse, air = _slice(generator, (uniform(85, 122), uniform(60, 95)))
    bone, rim = generator.choice([uniform(200, 255), uniform(0, 60)]), uniform(0.04, 0.18)
    ellipse(0, 0, 1, 1, uniform(60, 200))
    ellipse(0, 0, 1 - rim, 1 - rim, uniform(60, 200))
    if generator.random() < 0.5:
        for side in (-1, 1):
            ellipse(0.42 * side, -0.05, uniform(0.25, 0.36), uniform(0.4, 0.62), uniform(air, air + 40))
        ellipse(0.1, -0.15, 0.2, 0.3, uniform(100, 230))
    for _ in range(generator.integers(3, 12)):
        x, y = generator.normal(0, (0.35, 0.3))
        ellipse(x, y, uniform(0.04, 0.28), uniform(0.05, 0.28), uniform(40, 255))
    ellipse(0, 0.55, uniform(0.08, 0.15), uniform(0.1, 0.17), bone)
    for angle in np.linspace(0, 2 * np.pi, generator.integers(0, 16), endpoint=False):
        ellipse(np.cos(angle) * (1 - rim), np.sin(angle) * (1 - rim), 0.05, 0.04, bone)
    return np.rot90(_scanned(generator, picture), int(generator.choice([0, 0, 2]))).copy()


def _head(generator: np.random.Generator) -> np.ndarray:
    """Skin, skull, brain with folds, and ventricles, in any direction."""
    uniform = generator.uniform
    picture, ellipse, _ = _slice(generator, (uniform(60, 95), uniform(75, 115)))
    skin, flesh = uniform(0.04, 0.18), uniform(60, 200)
    skull = 1 - skin - uniform(0.03, 0.1)
    ellipse(0, 0, 1, 1, uniform(60, 200))
    ellipse(0, 0, 1 - skin, 1 - skin, generator.choice([uniform(200, 255), uniform(0, 60)]))
    ellipse(0, 0, skull, skull, flesh)
    for _ in range(generator.integers(10, 60)):
        x, y = generator.normal(0, 0.4, 2)
        ellipse(x, y, uniform(0.03, 0.17), uniform(0.03, 0.14), flesh + generator.normal(0, 35))
    for side in (-1, 1):
        gray = generator.choice([0, 255, flesh / 2])
        ellipse(side * uniform(0.06, 0.18), 0, uniform(0.04, 0.12), uniform(0.1, 0.27), gray)
    return np.rot90(_scanned(generator, picture), int(generator.integers(0, 4))).copy()


def _scanned(generator: np.random.Generator, picture: Image.Image) -> np.ndarray:
    """A drawn cut with a scanner's sharpness, noise and window: (SIDE, SIDE) uint8."""
    drawn = gaussian_filter(np.asarray(picture, float), generator.uniform(0.5, 1.6))
    grain = gaussian_filter(generator.normal(size=drawn.shape), generator.uniform(0.3, 2))
    noisy = (drawn + generator.uniform(0, 30) * grain) * generator.uniform(0.6, 1.2)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _angiogram(generator: np.random.Generator) -> np.ndarray:
    """Branching vessels before a soft ground, in most with the corners of the image intensifier."""
    uniform = generator.uniform
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    clouds = gaussian_filter(generator.normal(size=(SIDE, SIDE)), 30)
    ground = uniform(90, 200) + uniform(-80, 80) * x + uniform(-80, 80) * y + 900 * clouds
    picture = Image.new("L", (SIDE, SIDE), 0)
    for _ in range(generator.integers(1, 4)):
        start, steps = uniform((40, 10), (210, 120)), int(generator.integers(15, 40))
        _vessel(generator, ImageDraw.Draw(picture), start, uniform(0.5, 2.6), uniform(3, 9), steps)
    vessels = gaussian_filter(np.asarray(picture, float), 1.2)
    film = ground - uniform(0.25, 0.7) * vessels + generator.normal(0, 4, ground.shape)
    if generator.random() < 0.8:
        film[((x - 0.5) ** 4 + (y - 0.5) ** 4) ** 0.25 > uniform(0.46, 0.62)] = 0
    film = np.clip(film, 0, 255).astype(np.uint8)
    return 255 - film if generator.random() < 0.3 else film


def _vessel(
    generator: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    at: np.ndarray,
    angle: float,
    width: float,
    steps: int,
) -> None:
    for _ in range(steps):
        angle += generator.normal(0, 0.25)
        onward = at + 7 * np.array([np.cos(angle), np.sin(angle)])
        draw.line((*at, *onward), fill=255, width=max(1, int(width)))
        at, width = onward, width * 0.97
        if generator.random() < 0.12 and width > 1.2:
            aside = angle + generator.choice([-1, 1]) * generator.uniform(0.4, 1)
            _vessel(generator, draw, at, aside, 0.7 * width, steps // 2)


OTHER_MODALITIES = ("CT", "MR", "US", "XA", "NM", "PT", "RF", "MG")
_FRAMES = 4
_CT_WINDOWS = ((-160, 240), (-1350, 150), (-500, 1300))


def other_pictures() -> list[Radiograph]:
    """CT, MR, ultrasound and nuclear medicine saved as pictures; they teach no gate.

    From pydicom's test files, and those of pydicom-data where it is installed.
    """
    import pydicom

    pictures: dict[str, Radiograph] = {}
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # some are broken on purpose: no news
    for path in _test_files():
        try:
            dataset = pydicom.dcmread(path, force=True)
            if dataset.get("Modality") not in OTHER_MODALITIES or "PixelData" not in dataset:
                continue
            values = dataset.pixel_array
        except (AttributeError, NotImplementedError, OSError, RuntimeError, ValueError):
            continue  # a test file that is broken on purpose, or a codec that is not installed
        for picture in _as_pictures(dataset, values):
            pictures.setdefault(picture.sha256, picture)
    logging.getLogger("pydicom").setLevel(logging.WARNING)
    return list(pictures.values())


def _test_files() -> list[Path]:
    """The test files on this machine; pydicom's own search would go and fetch the rest."""
    found = (importlib.util.find_spec(name) for name in ("pydicom.data", "data_store"))
    roots = [Path(spec.origin).parent for spec in found if spec and spec.origin]
    return [path for root in roots for path in sorted(root.glob("*/*.dcm"))]


def _as_pictures(dataset: Any, values: np.ndarray) -> Iterator[Radiograph]:
    """At most `_FRAMES` frames, each over its whole range; a CT also through three usual windows."""
    gray = values.mean(axis=-1) if dataset.get("SamplesPerPixel", 1) > 1 else values
    frames = gray if gray.ndim == 3 else gray[None]
    for frame in frames[:: -(-len(frames) // _FRAMES)].astype(float):
        if min(frame.shape) < 64:
            continue
        units = frame * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
        windows = _CT_WINDOWS if dataset.Modality == "CT" else ()
        for low, high in (tuple(np.percentile(units, (0.5, 99.5))), *windows):
            shown = np.clip((units - low) / max(high - low, 1e-6), 0, 1)
            if shown.std() > 0.02:
                yield Radiograph((255 * shown).astype(np.uint8))


def _stored(path: Path, column: str, count: int | None = None, **read: Any) -> list[Radiograph]:
    """The pictures of a Parquet file, the first `count`; none where there is no such file."""
    if not path.is_file():
        return []
    encoded = pq.read_table(path, columns=[column], **read)[column].slice(0, count).to_pylist()
    return [Radiograph(np.asarray(Image.open(io.BytesIO(one)).convert("L"))) for one in encoded]


def laterals(folder: Path) -> list[Radiograph]:
    """The lateral films of the Cohen set; none where it is not in the folder."""
    return _stored(folder / "cohen.parquet", "image", filters=[("view", "=", LATERAL_VIEW)])


def other_hospital(folder: Path, count: int) -> list[Radiograph]:
    """Frontal films of NIH, which the gate of a checkpoint that learnt from other sets should let pass."""
    file, column = OTHER_HOSPITAL
    return _stored(folder / file, column, count)


def made_from(films: Sequence[Radiograph]) -> dict[str, list[Radiograph]]:
    """Every kind of `MADE`, from each film."""
    return {kind: [make(film) for film in films] for kind, make in MADE.items()}
