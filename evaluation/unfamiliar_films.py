"""Films that the gate should stop: made from real films, or nothing like one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from modeling.study import Photometric, Radiograph

LATERAL_VIEW = "L"
OTHER_HOSPITAL = ("nih_sample.parquet", "image")
SIDE = 256


def inverted(film: Radiograph) -> Radiograph:
    """The film as a loader shows it that forgets its polarity."""
    other = {
        Photometric.MONOCHROME1: Photometric.MONOCHROME2,
        Photometric.MONOCHROME2: Photometric.MONOCHROME1,
    }
    return replace(film, photometric=other[film.photometric])


def turned(film: Radiograph, quarters: int) -> Radiograph:
    """The film turned by so many quarters of a circle."""
    ratio = 1 / film.pixel_aspect_ratio if quarters % 2 else film.pixel_aspect_ratio
    return replace(film, pixels=np.rot90(film.pixels, quarters).copy(), pixel_aspect_ratio=ratio)


def part(film: Radiograph) -> Radiograph:
    """The lower middle quarter of the film: no lung apex, hardly a lung."""
    rows, columns = film.shape
    return replace(film, pixels=film.pixels[rows // 2 :, columns // 4 : 3 * columns // 4].copy())


MADE: dict[str, Callable[[Radiograph], Radiograph]] = {
    "inverted": inverted,
    "rotated 90": lambda film: turned(film, 1),
    "rotated 180": lambda film: turned(film, 2),
    "part of a film": part,
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


def _decoded(films: Iterable[bytes]) -> list[Radiograph]:
    import io

    return [Radiograph(np.asarray(Image.open(io.BytesIO(encoded)).convert("L"))) for encoded in films]


def laterals(folder: Path) -> list[Radiograph]:
    """The lateral films of the Cohen set; none where it is not in the folder."""
    import pyarrow.parquet as pq

    path = folder / "cohen.parquet"
    if not path.is_file():
        return []
    table = pq.read_table(path, columns=["image", "view"], filters=[("view", "=", LATERAL_VIEW)])
    return _decoded(table["image"].to_pylist())


def other_hospital(folder: Path, count: int) -> list[Radiograph]:
    """Frontal chest films of a set that no checkpoint here was trained on (NIH), which the gate should"
    " let pass."""
    import pyarrow.parquet as pq

    path = folder / OTHER_HOSPITAL[0]
    if not path.is_file():
        return []
    return _decoded(pq.read_table(path, columns=[OTHER_HOSPITAL[1]]).slice(0, count)[0].to_pylist())


def made_from(films: Sequence[Radiograph]) -> dict[str, list[Radiograph]]:
    """Every kind of `MADE`, from each film."""
    return {kind: [make(film) for film in films] for kind, make in MADE.items()}
