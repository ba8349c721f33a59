"""Decoded films on disk, and what they undergo in training.

Some are painted, so that what decides is known. A net that is shown one with changed surroundings as it is
labelled, and one without its opacities as a Negative film, has to read the label off the opacities; gradients
then lie there. It costs no further pass, unlike a penalty on the gradients themselves (right for the right
reasons, Ross et al., IJCAI 2017), whose second backward pass takes 20 s a step here. Painting
counterfactuals: Chang et al., Explaining image classifiers by counterfactual generation, ICLR 2019.

Shape letters: N films, B batch, h w model.
"""

import hashlib
import io
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from modeling.configuration import Configuration, ImageProcessing
from modeling.labels import TASKS, Task
from modeling.model.film import Letterbox, letterboxed
from modeling.model.processing import ModelInputs, StudyProcessor, collate, encode_table
from modeling.progress import progress
from modeling.study import Study
from training.corpora.labelled_film import Film

logger = logging.getLogger(__name__)
BATCH = 32
_READING = 64
"""Films that a net reads at once."""


def inputs_of(
    films: Sequence[Film], processor: StudyProcessor, what: str, *, film_alone: bool = False
) -> Iterator[ModelInputs]:
    """Model inputs of films as they are, in batches, decoded when asked for; `what` is done with them."""
    with progress(what=what, total=len(films)) as bar:
        for start in range(0, len(films), BATCH):
            studies = [film.study() for film in films[start : start + BATCH]]
            yield collate([processor(Study(s.radiograph) if film_alone else s) for s in studies])
            bar.update(len(studies))


def _key(films: Sequence[Film], config: ImageProcessing) -> str:
    digest = hashlib.sha256(repr(config).encode())
    for film in films:
        digest.update(
            f"{film.film_id}/{film.pixel_aspect_ratio}/".encode() + hashlib.sha256(film.encoded).digest()
        )
        if film.drawing is not None:
            digest.update(hashlib.sha256(film.drawing).digest())
    return digest.hexdigest()[:16]


def decode_all(films: Sequence[Film], config: ImageProcessing, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Letterboxed films and opacity masks, decoded once and kept on disk, both memory-mapped.

    (N, size, size) uint8 films (0 to 255 for 0 to 1) and masks: 1 inside an outline or a box, 0 outside, 255
    where nobody drew boxes.
    """
    cache.mkdir(parents=True, exist_ok=True)
    key, size = _key(films, config), config.size
    paths = [cache / f"{key}-{kind}.npy" for kind in ("films", "masks")]
    if not all(path.is_file() for path in paths):
        parts = [path.with_suffix(".part.npy") for path in paths]
        arrays = [np.lib.format.open_memmap(p, "w+", np.uint8, (len(films), size, size)) for p in parts]
        with ThreadPoolExecutor(2) as pool:
            decoded = pool.map(lambda film: _decoded(film, config), films)
            for i, pair in enumerate(progress(decoded, "decoding", total=len(films))):
                arrays[0][i], arrays[1][i] = pair
        for array, part, path in zip(arrays, parts, paths, strict=True):
            array.flush()
            part.rename(path)
    return tuple(np.load(path, mmap_mode="r") for path in paths)


def _decoded(film: Film, config: ImageProcessing) -> tuple[np.ndarray | int, np.ndarray | int]:
    if not film.encoded:
        return 0, 255
    square, box, _ = letterboxed(film.study().radiograph, config)
    return np.round(square * 255), _opacity_mask(film, box)


def _opacity_mask(film: Film, box: Letterbox) -> np.ndarray:
    mask = np.zeros((box.size, box.size), np.uint8)
    inside = box.crop(mask)
    if film.drawing is not None:
        drawn = Image.open(io.BytesIO(film.drawing)).convert("L").resize(inside.shape[::-1])
        inside[:] = np.asarray(drawn) > 127
        return mask
    if film.boxes is None:
        return mask + 255
    for x, y, w, h in film.boxes:
        rows = slice(math.floor(y * box.height), math.ceil((y + h) * box.height))
        inside[rows, math.floor(x * box.width) : math.ceil((x + w) * box.width)] = 1
    return mask


@dataclass(frozen=True, eq=False)
class TrainingTensors:
    """Everything of N studies, ready to be cut into batches."""

    films: np.ndarray  # as `decode_all` gives them; one black pixel each where no film is read
    masks: np.ndarray  # as `decode_all` gives them
    given: np.ndarray  # N bool, False for a report without a film
    numeric: np.ndarray  # N F, as `encode_table` gives them
    category: np.ndarray  # N F
    known: np.ndarray  # N F
    tokens: np.ndarray  # N T int64 token ids, padded with 0
    token_mask: np.ndarray  # N T bool
    labels: dict[Task, np.ndarray]  # as `labels_of` gives them
    label_weights: dict[Task, np.ndarray]  # multilabel task -> N K

    @classmethod
    def build(
        cls,
        films: Sequence[Film],
        processor: StudyProcessor,
        cache: Path,
        tasks: "Mapping[Task, LabelPolicy]" = MappingProxyType({}),
    ) -> "TrainingTensors":
        """Decode, encode and index a corpus, with the labels of Viewbox's own tasks and of these."""
        pixels, masks = np.zeros((len(films), 1, 1), np.uint8), np.full((len(films), 1, 1), 255, np.uint8)
        if processor.config.image is not None:
            pixels, masks = decode_all(films, processor.config.image, cache)
        columns = [encode_table(film.table, processor.config.table) for film in films]
        numeric, category, known = (np.stack(column) for column in zip(*columns, strict=True))
        texts = [processor.encode(film.text) for film in films]
        ids = [text.ids if text else () for text in texts]
        tokens = np.zeros((len(films), max(len(row) for row in ids)), np.int64)
        token_mask = np.zeros(tokens.shape, bool)
        for i, row in enumerate(ids):
            tokens[i, : len(row)], token_mask[i, : len(row)] = row, True
        every = {**dict.fromkeys(TASKS.values(), LabelPolicy()), **tasks}
        labels = {task: labels_of(films, task, policy) for task, policy in every.items()}
        several = [task for task in every if task.kind == "multilabel"]
        given = np.array([bool(film.encoded) for film in films])
        columns = (numeric, category, known, tokens, token_mask)
        return cls(pixels, masks, given, *columns, labels, {task: _weights(films, task) for task in several})


@dataclass(frozen=True)
class LabelPolicy(Configuration):
    """What labels of a multilabel task teach that say neither yes nor no (Irvin et al., AAAI 2019).

    `uncertain`: "ignore" them, or take them for "zeros" or "ones", on training films alone: nothing is
    measured on them. `blank`: a class of which nobody spoke on a film that was labelled.
    """

    uncertain: Literal["ignore", "zeros", "ones"] = "ignore"
    blank: Literal["unknown", "negative"] = "unknown"


PLAIN = LabelPolicy()
_TAUGHT = {"ignore": np.nan, "zeros": 0.0, "ones": 1.0, "unknown": np.nan, "negative": 0.0}


def labels_of(films: Sequence[Film], task: Task, policy: LabelPolicy = PLAIN) -> np.ndarray:
    """N class numbers, -1 for none; of a multilabel task N K float32 of 0, 1, and NaN for none.

    Raises:
        ViewboxError: a film's label is no class of the task.
    """
    if task.kind != "multilabel":
        return np.array([task.index(f.labels[task]) if task in f.labels else -1 for f in films], np.int64)
    told = [film.states_of(task) for film in films]
    states = np.array([[own.get(name, np.nan) for name in task.classes] for own in told], np.float32)
    states = states.reshape(-1, len(task.classes))
    labelled = np.array([film.has_label(task) for film in films], bool)[:, None]
    train = np.array([film.split == "train" for film in films], bool)[:, None]
    uncertain = np.where(train, np.float32(_TAUGHT[policy.uncertain]), np.float32(np.nan))
    labels = np.where(states < 0, uncertain, states)
    return np.where(np.isnan(states) & labelled, np.float32(_TAUGHT[policy.blank]), labels)


def _weights(films: Sequence[Film], task: Task) -> np.ndarray:
    """(N, K) float32: how much each label of a multilabel task counts."""
    rows = [[film.weights.get(task, {}).get(name, 1.0) for name in task.classes] for film in films]
    return np.array(rows, np.float32)


@dataclass(frozen=True)
class Augmentation(Configuration):
    """Ranges of what a film may undergo in training.

    `occlusion`: chance that one rectangle is painted with the film's mean (random erasing, Zhong et al., AAAI
    2020). `dimming`: chance that the whole film is shown at 15 to 100 % of its brightness, as on the way of
    an explanation from black.
    """

    rotation: float = 8.0  # degrees either way
    scale: float = 0.12  # relative either way
    shift: float = 0.05  # fraction of the side either way
    brightness: float = 0.08  # this and the next two: either way around no change
    contrast: float = 0.15
    gamma: float = 0.15
    mirror: float = 0.0  # chance that left and right are swapped
    occlusion: float = 0.0
    outside: float = 0.0  # see `paint`
    removal: float = 0.0  # see `paint`; a film whose opacities are gone becomes Negative
    dimming: float = 0.0
    noise: float = 0.0  # chance of noise, its deviation at most 0.06


def augment(
    films: Tensor, masks: Tensor, settings: Augmentation, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Move, scale, re-expose and paint each film on its own, its mask with it.

    (B, h, w) films in [0, 1] and masks, 255 where unknown -> the same at `size`, and (B,) bool: films whose
    opacities were painted over. A `size` smaller than the processor's is faster, and suits a net that is used
    at a larger one (Touvron et al., NeurIPS 2019).
    """
    moved, moved_masks = _moved(films, masks, settings, size, generator)
    shown = _occlude(_exposed(moved, settings, generator), settings.occlusion, generator)
    shown, moved_masks, gone = paint(shown, moved_masks, settings.outside, settings.removal, generator)
    return _disturb(shown, settings, generator), moved_masks, gone


def read_versions(
    films: Tensor, versions: int, moves: Augmentation, read: Callable[[Tensor], Tensor], seed: int = 0
) -> Tensor:
    """What a net makes of films as they are, then augmented; nothing learns.

    (N, h, w) uint8 films -> (1 + versions, N, ...); `read` is given some at once, (B, h, w) in [0, 1].
    """
    generator, found = torch.Generator().manual_seed(seed), []
    with torch.inference_mode():
        for version in range(1 + versions):
            parts = []
            for part in films.split(_READING):
                shown = part.float() / 255.0
                if version:
                    shown, _, _ = augment(shown, torch.zeros_like(shown), moves, shown.shape[-1], generator)
                parts.append(read(shown))
            found.append(torch.cat(parts))
            logger.info("films read, version %d of %d", version, versions)
    return torch.stack(found).clone()


def _around_zero(limit: float, batch: int, generator: torch.Generator) -> Tensor:
    return (torch.rand(batch, generator=generator) * 2 - 1) * limit


def _moved(
    films: Tensor, masks: Tensor, settings: Augmentation, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    batch = len(films)
    angle = torch.deg2rad(_around_zero(settings.rotation, batch, generator))
    zoom = 1 / (1 + _around_zero(settings.scale, batch, generator))
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift_x, shift_y = (_around_zero(2 * settings.shift, batch, generator) for _ in range(2))
    side = 1.0 - 2.0 * _chosen(batch, settings.mirror, generator).float()
    theta = torch.stack(
        [torch.stack([cos * side, -sin, shift_x], 1), torch.stack([sin * side, cos, shift_y], 1)], 1
    )
    grid = functional.affine_grid(theta, [batch, 1, size, size], align_corners=False)
    moved = functional.grid_sample(films[:, None], grid, align_corners=False)[:, 0]
    moved_masks = functional.grid_sample(masks[:, None], grid, mode="nearest", align_corners=False)[:, 0]
    return moved, moved_masks


def _exposed(films: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    limits = (settings.gamma, settings.contrast, settings.brightness)
    drawn = (_around_zero(limit, len(films), generator)[:, None, None] for limit in limits)
    gamma, contrast, brightness = drawn
    exposed = (films.clamp(0, 1) ** torch.exp(gamma) - 0.5) * (1 + contrast) + 0.5 + brightness
    return torch.where(films > 0, exposed, films).clamp(0, 1)  # black borders stay black


def _chosen(batch: int, chance: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, generator=generator) < chance


def _disturb(films: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    chosen = _chosen(len(films), settings.dimming, generator)
    share = 0.15 + 0.85 * torch.rand(len(films), generator=generator)
    films = films * torch.where(chosen, share, 1.0)[:, None, None]
    if settings.noise:
        chosen = _chosen(len(films), settings.noise, generator)
        deviation = torch.rand(len(films), generator=generator) * 0.06 * chosen
        films = (films + noise(films.shape, generator) * deviation[:, None, None]).clamp(0, 1)
    return films


def _occlude(films: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    batch, size, _ = films.shape
    picked = torch.rand(batch, generator=generator) < chance
    sides = (torch.rand(batch, 2, generator=generator) * 0.25 + 0.1) * size
    corner = torch.rand(batch, 2, generator=generator) * (size - sides)
    axis = torch.arange(size)
    rows = (axis >= corner[:, :1]) & (axis < corner[:, :1] + sides[:, :1])
    columns = (axis >= corner[:, 1:]) & (axis < corner[:, 1:] + sides[:, 1:])
    hole = rows[:, :, None] & columns[:, None, :] & picked[:, None, None]
    return torch.where(hole, films.mean(dim=(1, 2), keepdim=True), films)


# --- painted films: all but the opacities changed, or the opacities gone -----------------------------------

_EDGE = 9
"""Pixels over which paint fades into the film, so that no seam gives it away."""


def paint(
    films: Tensor, masks: Tensor, outside: float, removal: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Paint some of the films on which opacities are drawn, so that what decides is known.

    (B, h, w) films in [0, 1] and masks (1 inside an opacity, 0 outside, 255 where unknown) -> films; masks,
    empty where the opacities are gone; (B,) bool, True for those films. `outside`: chance that all but the
    opacities is dimmed, blurred or made noisy. `removal`: chance that the opacities are blurred away.
    """
    drawn = masks.amax(dim=(1, 2)) == 1
    draw = torch.rand(len(films), generator=generator)
    around, gone = drawn & (draw < outside), drawn & (draw > 1 - removal)
    rows = torch.nonzero(around | gone)[:, 0]
    if not len(rows):
        return films, masks, gone
    film, inside = films[rows], _soft(masks[rows])
    changed = torch.where(
        around[rows][:, None, None],
        inside * film + (1 - inside) * _disturbed(film, generator),
        (1 - inside) * film + inside * _smoothed(film, generator),
    )
    painted, emptied = films.clone(), masks.clone()
    painted[rows] = changed
    emptied[gone] = 0
    return painted, emptied, gone


def _soft(masks: Tensor) -> Tensor:
    """(N, h, w) 1 in and just around the opacities, falling to 0."""
    wider = functional.max_pool2d((masks[:, None] == 1).float(), _EDGE, 1, _EDGE // 2)
    return functional.avg_pool2d(wider, _EDGE, 1, _EDGE // 2)[:, 0]


def _disturbed(films: Tensor, generator: torch.Generator) -> Tensor:
    """Each film dimmed, blurred or under noise."""
    which = torch.randint(0, 3, (len(films), 1, 1), generator=generator)
    share, strength = (torch.rand(len(films), 1, 1, generator=generator) for _ in range(2))
    noisy = films + noise(films.shape, generator) * (0.05 + 0.15 * strength)
    dimmed, blurred = films * (0.8 * share), _blurred(films, films.shape[-1] // 10)
    return torch.where(which == 0, dimmed, torch.where(which == 1, blurred, noisy)).clamp(0, 1)


def _smoothed(films: Tensor, generator: torch.Generator) -> Tensor:
    """Nothing but coarse shades, with a little grain."""
    return (_blurred(films, films.shape[-1] // 5) + 0.03 * noise(films.shape, generator)).clamp(0, 1)


def _blurred(films: Tensor, cell: int) -> Tensor:
    coarse = functional.avg_pool2d(films[:, None], max(cell, 1))
    return functional.interpolate(coarse, films.shape[1:], mode="bilinear")[:, 0]


def noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """(B, h, w) standard normal numbers, as fine as the pixels or two or four times as coarse."""
    batch, height, width = shape
    cell = (1, 2, 4)[int(torch.randint(0, 3, (), generator=generator))]
    grain = torch.randn(batch, 1, -(-height // cell), -(-width // cell), generator=generator)
    return functional.interpolate(grain, (height, width), mode="bilinear")[:, 0]
