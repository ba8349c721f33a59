"""What changed between two films of one view: the difference of their maps, the earlier laid on today's.

Each film's map says where the model sees opacities: the weights, from 0 to 1, with which it pools the film
(`modeling.explain.evidence_map`). The earlier map is laid on today's film (`modeling.explain.registration`)
and subtracted: what is left over is new, what is missing has cleared. Integrated Gradients of each film
alone, subtracted in the same way, told changed films from others worse (docs/studies.md).

Source: subtraction of registered chest films, Kano et al., Medical Physics 21 (1994); here of maps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from modeling.errors import ViewboxError
from modeling.explain.evidence_map import evidence_map
from modeling.explain.registration import Registration, register
from modeling.model.film import Letterbox
from modeling.model.processing import ProcessedStudy, StudyProcessor
from modeling.model.study_fusion import StudyModel
from modeling.study import DatedFilm, Study, ViewPosition

GRAIN = 0.02
"""Deviation, as a share of a side, of the Gaussian under which the two maps are compared."""


USUAL: Mapping[ViewPosition, float] = {ViewPosition.PA: 0.39, ViewPosition.LATERAL: 0.45}
"""The magnitude of `strength` that 95 % of phantom pairs without a change stay below, by view, for the
bundled checkpoint (`viewbox film-changes --studies 60 --seed 6000`)."""


@dataclass(frozen=True, eq=False)
class FilmChange:
    """Two films' maps, and how the earlier is laid on today's.

    Attributes:
        today, earlier: their places among the films of the study, from 0.
        maps: (h, h) each, today's and the earlier one's, weights from 0 to 1 on the model's square.
        boxes: where the two films lie in their squares.
    """

    today: int
    earlier: int
    maps: tuple[np.ndarray, np.ndarray]
    boxes: tuple[Letterbox, Letterbox]
    registration: Registration

    @cached_property
    def values(self) -> np.ndarray:
        """(h, w) float64 on today's film without padding: its map less the earlier one, -1 to 1, smoothed.

        + where the model sees more of an opacity today; 0 where the earlier film does not reach.
        """
        today, earlier = self.maps
        laid, _ = self.registration.lay(earlier)
        reaches = self.registration.lay(shown_in(self.boxes[1]).astype(np.float64))[0] >= 0.5
        change = self.boxes[0].crop(np.where(reaches, today - laid, 0.0))
        return gaussian_filter(change, GRAIN * max(change.shape))

    @property
    def strength(self) -> float:
        """The largest magnitude of `values`, signed: + for new, - for cleared."""
        return float(self.values.flat[np.abs(self.values).argmax()])

    @property
    def opposite(self) -> float:
        """The strongest value of the other sign, where something cleared beside what is new; 0 for none."""
        return min(float(self.values.min()), 0.0) if self.strength > 0 else max(float(self.values.max()), 0.0)


def pairs_of_views(films: Sequence[DatedFilm]) -> list[tuple[int, int]]:
    """(today's, earlier) places of films to compare: for each known view the latest earlier film."""
    pairs = []
    for today, film in enumerate(films):
        view = film.radiograph.view_position
        if film.days_before or view is ViewPosition.UNKNOWN:
            continue
        before = [n for n, f in enumerate(films) if f.days_before and f.radiograph.view_position is view]
        if before:
            pairs.append((today, min(before, key=lambda n: films[n].days_before)))
    return pairs


def film_change(
    model: StudyModel, processor: StudyProcessor, films: Sequence[DatedFilm], pair: tuple[int, int]
) -> FilmChange:
    """What changed between two films of `pairs_of_views`.

    Raises:
        StudyError: the earlier film cannot be laid on today's.
        ViewboxError: the checkpoint weighs every place of a film the same.
    """
    read = [processor(Study(radiograph=films[place].radiograph)) for place in pair]
    boxes = read[0].letterbox, read[1].letterbox
    image = processor.config.image
    squares = [one.inputs.image[0, 0].numpy() * image.std + image.mean for one in read]
    registration = register(*squares, (shown_in(boxes[0]), shown_in(boxes[1])))
    today, earlier = (_seen(model, one) for one in read)
    return FilmChange(*pair, (today, earlier), boxes, registration)


def _seen(model: StudyModel, film: ProcessedStudy) -> np.ndarray:
    """(h, h) weights from 0 to 1: where the model sees opacities on a film and on its mirror image."""
    weigh, pixels = model.image.evidence, film.inputs.image
    if weigh is None:
        raise ViewboxError("This checkpoint weighs every place of the film the same; choose another method.")
    with torch.inference_mode():
        features = model.image.feature_map(torch.cat([pixels, pixels.flip(-1)]))
    return evidence_map(weigh, features, tuple(pixels.shape[-2:])).values


def shown_in(box: Letterbox) -> np.ndarray:
    """(size, size) bool: where the square holds film and no padding."""
    mask = np.zeros((box.size, box.size), bool)
    box.crop(mask)[:] = True
    return mask
