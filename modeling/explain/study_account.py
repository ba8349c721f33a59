"""What each film of a study, each field and each word contributed: one account for all of them.

Integrated Gradients walk one path from black films, unknown fields and [MASK] to the study as it is, so that
films of any view and day stand on one scale with fields and words, and the sum is F(study) - F(baseline).
Beside it stand exact Shapley values of the films: their vectors are computed once, and every one of the 2^n
choices of films (n <= 8) is answered from them.

Sources: Sundararajan et al., ICML 2017; Shapley, A value for n-person games (1953).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from modeling.explain.integrated_gradients import PathAttribution, integrated_gradients
from modeling.explain.study_path import log_odds
from modeling.labels import Target
from modeling.model.processing import StudyProcessor
from modeling.model.study_fusion import StudyInputs, StudyModel
from modeling.results import relative_delta


@dataclass(frozen=True, eq=False)
class StudyAccount:
    """F(study) - F(baseline) taken apart, in logits.

    Attributes:
        films: (V, h, w) float64, each film's map with its padding.
        fields, tokens: (F,) and (T,) float64; empty where the model reads none.
        output, baseline_output: F at both ends.
        evaluations: gradients taken.
    """

    target: Target
    films: np.ndarray
    fields: np.ndarray
    tokens: np.ndarray
    output: float
    baseline_output: float
    evaluations: int

    @property
    def film_logits(self) -> np.ndarray:
        """(V,) what each film contributed."""
        return self.films.sum(axis=(1, 2))

    @property
    def convergence_delta(self) -> float:
        """Sum of all contributions - (F(study) - F(baseline))."""
        total = math.fsum((*self.film_logits, *self.fields, *self.tokens))
        return total - (self.output - self.baseline_output)

    @property
    def relative_delta(self) -> float:
        """|convergence delta| over |F(study) - F(baseline)|; 0 where both are negligible."""
        return relative_delta(self.convergence_delta, self.output - self.baseline_output)


def explain_study(
    model: StudyModel,
    processor: StudyProcessor,
    inputs: StudyInputs,
    target: Target,
    *,
    tolerance: float = 0.05,
    max_evaluations: int = 128,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[StudyAccount]:
    """The account of one study (B = 1), the first early, each later one finer; the last is the answer.

    Raises as `integrated_gradients` does.
    """
    model.eval()
    ends, starts = _path(model, processor, inputs)

    def logit(*moving: Tensor) -> Tensor:
        films, fields, tokens = _parted(model, moving)
        masks = inputs.expanded(films.shape[0])
        return log_odds(model.forward_embedded(films, fields, tokens, masks)[target.task], target)

    bounds = {"tolerance": tolerance, "max_evaluations": max_evaluations}
    for path in integrated_gradients(logit, ends, starts, progress=progress, cancelled=cancelled, **bounds):
        yield _account(model, path, target)


def _path(
    model: StudyModel, processor: StudyProcessor, inputs: StudyInputs
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Films, fields and tokens as given, and from where each starts."""
    image = processor.config.image
    with torch.no_grad():
        fields, tokens = model.embed(inputs)
        ends, starts = [inputs.films], [torch.full_like(inputs.films, -image.mean / image.std)]
        if fields is not None:
            ends.append(fields)
            starts.append(model.table.unknown.detach()[None])
        if tokens is not None and inputs.token_mask.any():
            special = torch.tensor([processor.tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]")])
            mask_id = processor.tokenizer.token_to_id("[MASK]")
            empty_id = mask_id if mask_id is not None else processor.tokenizer.token_to_id("[PAD]")
            kept = torch.isin(inputs.tokens, special)
            masked = torch.where(kept, inputs.tokens, torch.full_like(inputs.tokens, empty_id))
            ends.append(tokens)
            starts.append(model.text.embed(masked))
    return tuple(ends), tuple(starts)


def _parted(model: StudyModel, moving: tuple[Tensor, ...]) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The tensors on a path as films, fields and tokens."""
    films, *rest = moving
    fields = rest.pop(0) if model.table is not None else None
    return films, fields, rest.pop(0) if rest else None


def _account(model: StudyModel, path: PathAttribution, target: Target) -> StudyAccount:
    films, fields, tokens = _parted(model, path.attributions)

    def summed(part: Tensor | None) -> np.ndarray:
        return np.zeros(0) if part is None else part[0].double().sum(dim=-1).numpy()

    per_pixel = films[0].double().sum(dim=1).numpy()  # V h w
    ends = path.output, path.baseline_output
    return StudyAccount(target, per_pixel, summed(fields), summed(tokens), *ends, path.evaluations)


@dataclass(frozen=True, eq=False)
class FilmShapley:
    """How F(all films) - F(no film) is shared among the films, in logits, with table and words as given.

    Attributes:
        values: (V,) each film's Shapley value; they sum to the change.
        left_out: (V,) F(all films) - F(all but this one).
        everything, nothing: F with all films and with none.
    """

    target: Target
    values: np.ndarray
    left_out: np.ndarray
    everything: float
    nothing: float


def film_choices(model: StudyModel, inputs: StudyInputs) -> dict[str, np.ndarray]:
    """Task -> (2^V, K) float64 logits of one study (B = 1) with every choice of its V films.

    The first choice is no film and the last one all of them; the first film's bit is the highest. The films'
    vectors are computed once.
    """
    model.eval()
    count = inputs.film_given.shape[1]
    choices = torch.tensor(list(product((False, True), repeat=count)))  # 2^V V
    with torch.inference_mode():
        vectors = model.film_vectors(inputs.films, inputs.film_given)
        many = inputs.expanded(len(choices)).with_films(choices)
        encoded = model.encode(vectors, *model.embed(inputs), inputs)
        logits = model.decide(encoded.expanded(len(choices)), many)
    return {task: rows.double().numpy() for task, rows in logits.items()}


def film_shapley(model: StudyModel, inputs: StudyInputs, target: Target) -> FilmShapley:
    """Exact Shapley values of one study's films (B = 1), from 2^V answers on vectors computed once."""
    return shared_among_films(film_choices(model, inputs)[target.task], target)


def shared_among_films(choices: np.ndarray, target: Target) -> FilmShapley:
    """(2^V, K) logits of a target's task by `film_choices` -> what each film adds to the target."""
    worth = log_odds(torch.from_numpy(choices), target).numpy()
    everything, films = worth[-1], range(int(np.log2(len(worth))))
    left_out = np.array([everything - worth[without(film, len(films))] for film in films])
    return FilmShapley(target, shapley_values(worth), left_out, float(everything), float(worth[0]))


def without(film: int, count: int) -> int:
    """Which of the choices of so many films lacks this one alone (the first film is 0)."""
    return (1 << count) - 1 - _bit(film, count)


def _bit(film: int, count: int) -> int:
    return 1 << (count - 1 - film)


def shapley_values(worth: np.ndarray) -> np.ndarray:
    """(2^V,) worth of every choice of V players, the first player's bit highest -> (V,) Shapley values."""
    count = int(np.log2(len(worth)))
    assert len(worth) == 1 << count, worth.shape
    choices = np.arange(len(worth))
    sizes = np.array([int(c).bit_count() for c in choices])
    weight = [math.factorial(s) * math.factorial(count - 1 - s) / math.factorial(count) for s in range(count)]
    values = np.zeros(count)
    for film in range(count):
        bit = _bit(film, count)
        without = choices[(choices & bit) == 0]
        gains = worth[without | bit] - worth[without]
        values[film] = math.fsum(gains * np.array(weight)[sizes[without]])
    return values
