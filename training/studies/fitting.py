"""Fit a case-level model in two stages, each of which goes on where it was stopped.

The film encoder learns from films alone (is an opacity shown, and where); then it stays, its vectors are kept
and what joins the films of a study learns from those. So every pooling stands on the same film encoder.

Shape letters: N films, S studies, V films of a study, D width, A augmented versions.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.labels import Task
from modeling.model.processing import StudyProcessor, encode_table
from modeling.model.study_fusion import VIEWS, EncodedStudies, StudyInputs, StudyModel
from training.films import Augmentation, augment, read_versions
from training.studies.corpus import StudyRow
from training.studies.settings import StudyTraining

logger = logging.getLogger(__name__)
_MOVES = Augmentation(rotation=5.0, scale=0.08, shift=0.04, noise=0.2)


@dataclass(frozen=True, eq=False)
class StudyTensors:
    """Studies as tensors; a film stands once, and each study says by number which are its own."""

    films: Tensor  # N h w uint8
    shown: Tensor  # N h w bool, the opacity where the film shows it
    member: Tensor  # S V numbers of films, 0 where there is none
    inputs: StudyInputs  # S studies without pixels
    labels: dict[str, Tensor]  # task -> S class numbers, -1 for none
    places: np.ndarray  # S str


def study_tensors(rows: Sequence[StudyRow], processor: StudyProcessor, tasks: Sequence[Task]) -> StudyTensors:
    """Stack studies; table and words are read as the processor reads them."""
    most, first = max(len(row.views) for row in rows), 0
    member, given = (
        torch.zeros(len(rows), most, dtype=torch.long),
        torch.zeros(len(rows), most, dtype=torch.bool),
    )
    view, days = torch.zeros_like(member), torch.zeros(len(rows), most)
    for i, row in enumerate(rows):
        count = len(row.views)
        member[i, :count], given[i, :count] = torch.arange(first, first + count), True
        view[i, :count] = torch.tensor([VIEWS.index(one) for one in row.views])
        days[i, :count] = torch.tensor(row.days, dtype=torch.float32)
        first += count
    table = zip(*(encode_table(row.table, processor.config.table) for row in rows), strict=True)
    numeric, category, known = (torch.from_numpy(np.stack(part)) for part in table)
    encoded = [processor.encode(row.text) for row in rows]
    ids = [torch.tensor(one.ids if one else (), dtype=torch.long) for one in encoded]
    tokens = nn.utils.rnn.pad_sequence(ids, batch_first=True)
    token_mask = torch.arange(tokens.shape[1]) < torch.tensor([[len(one)] for one in ids])
    no_pixels, pick = torch.zeros(len(rows), most, 3, 0, 0), torch.zeros(len(rows), dtype=torch.long)
    inputs = StudyInputs(no_pixels, given, view, days, pick, numeric, category, known, tokens, token_mask)
    labels = {
        str(task): torch.tensor([task.index(r.reference[task]) if task in r.reference else -1 for r in rows])
        for task in tasks
    }
    films = torch.from_numpy(np.concatenate([row.films for row in rows]))
    shown = torch.from_numpy(np.concatenate([row.shown for row in rows]))
    return StudyTensors(films, shown, member, inputs, labels, np.array([row.place for row in rows]))


def rows_of(inputs: StudyInputs, rows: Tensor) -> StudyInputs:
    """Some of the studies."""
    return StudyInputs(**{name: tensor[rows] for name, tensor in vars(inputs).items()})


def fit_films(
    model: StudyModel, processor: StudyProcessor, data: StudyTensors, settings: StudyTraining, state: Path
) -> None:
    """Teach the film encoder whether a film shows an opacity, and where; `state` is where it stands."""
    torch.manual_seed(settings.seed)
    image, judge = model.image, nn.Linear(settings.model.width, 1)
    parameters = [*image.parameters(), *judge.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.film_rate, weight_decay=settings.weight_decay)
    steps = settings.film_epochs * -(-len(data.films) // settings.film_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.film_rate, total_steps=steps, pct_start=0.15
    )
    parts = {"image": image, "judge": judge, "optimizer": optimizer, "schedule": schedule}
    for epoch in range(_resumed(state, parts), settings.film_epochs):
        losses = []
        image.train()
        for rows, generator in _batches(len(data.films), settings.film_batch, settings.seed, epoch):
            loss = _film_loss(image, judge, processor, data, rows, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        _save(state, parts, epoch + 1)
        logger.info("films, epoch %d of %d: loss %.3f", epoch + 1, settings.film_epochs, np.mean(losses))
    image.eval().requires_grad_(requires_grad=False)


def _film_loss(
    image: nn.Module,
    judge: nn.Module,
    processor: StudyProcessor,
    data: StudyTensors,
    rows: Tensor,
    generator: torch.Generator,
) -> Tensor:
    films, masks = data.films[rows].float() / 255.0, data.shown[rows].float()
    films, masks, _ = augment(films, masks, _MOVES, films.shape[-1], generator)
    features = image.feature_map(processor.normalise(films).contiguous(memory_format=torch.channels_last))
    vector = image.encode(features, torch.ones(len(rows), dtype=torch.bool)).vector
    there = functional.adaptive_avg_pool2d(masks[:, None], features.shape[2:])[:, 0]  # B h' w', share covered
    loss = functional.binary_cross_entropy_with_logits(judge(vector)[:, 0], masks.amax(dim=(1, 2)))
    if image.evidence is None:
        return loss
    dense = functional.binary_cross_entropy_with_logits(
        image.evidence(features)[:, 0], (there > 0.25).float(), pos_weight=torch.tensor(8.0)
    )
    return loss + dense


def _batches(count: int, size: int, seed: int, epoch: int) -> Iterator[tuple[Tensor, torch.Generator]]:
    generator = torch.Generator().manual_seed(seed * 1000 + epoch)
    for rows in torch.randperm(count, generator=generator).split(size):
        yield rows, generator


def _save(state: Path, parts: dict, epoch: int) -> None:
    half = state.with_suffix(".part")
    torch.save({name: part.state_dict() for name, part in parts.items()} | {"epoch": epoch}, half)
    half.replace(state)


def _resumed(state: Path, parts: dict) -> int:
    """The epoch to go on with."""
    if not state.is_file():
        return 0
    kept = torch.load(state, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    return kept["epoch"]


def film_vectors(
    model: StudyModel, processor: StudyProcessor, films: Tensor, versions: int = 0, seed: int = 0
) -> Tensor:
    """(N, h, w) films -> (1 + versions, N, D): as they are, then augmented."""
    model.eval()

    def read(shown: Tensor) -> Tensor:
        square = processor.normalise(shown).contiguous(memory_format=torch.channels_last)
        return model.film_vectors(square[None], torch.ones(1, len(shown), dtype=torch.bool))[0]

    return read_versions(films, versions, _MOVES, read, seed)


def fit_fusion(model: StudyModel, data: StudyTensors, vectors: Tensor, settings: StudyTraining) -> None:
    """Teach what joins the films, on kept vectors (A, N, D); films of a study go missing now and then."""
    torch.manual_seed(settings.seed)
    learning = [p for name, p in model.named_parameters() if not name.startswith("image.")]
    optimizer = torch.optim.AdamW(learning, lr=settings.fusion_rate, weight_decay=settings.weight_decay)
    studies = len(data.member)
    steps = settings.fusion_epochs * -(-studies // settings.fusion_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.fusion_rate, total_steps=steps, pct_start=0.2
    )
    for epoch in range(settings.fusion_epochs):
        model.train()
        model.image.eval()
        losses = []
        for rows, generator in _batches(studies, settings.fusion_batch, settings.seed, epoch):
            inputs = _thinned(rows_of(data.inputs, rows), settings.film_dropout, generator)
            version = torch.randint(len(vectors), data.member[rows].shape, generator=generator)
            logits = model.decide(encoded(model, vectors[version, data.member[rows]], inputs), inputs)
            loss = sum(
                functional.cross_entropy(logits[task], labels[rows], ignore_index=-1)
                for task, labels in data.labels.items()
                if (labels[rows] >= 0).any()
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        if epoch % 10 == 9:
            logger.info("%s, epoch %d: loss %.3f", model.config.pooling, epoch + 1, np.mean(losses))
    model.eval()


def encoded(model: StudyModel, vectors: Tensor, inputs: StudyInputs) -> EncodedStudies:
    """Studies from their films' kept vectors (B, V, D)."""
    fields, tokens = model.embed(inputs)
    return model.encode(vectors, fields, tokens, inputs)


def _thinned(inputs: StudyInputs, share: float, generator: torch.Generator) -> StudyInputs:
    """Leave films out, never all of a study but for one in fifty; and pick one of the others for "random"."""
    kept = torch.rand(inputs.film_given.shape, generator=generator) >= share
    none = ~(kept & inputs.film_given).any(dim=1) & (torch.rand(len(kept), generator=generator) > 0.02)
    kept[none] = True
    return with_pick(replace(inputs, film_given=kept & inputs.film_given), generator)


def with_pick(inputs: StudyInputs, generator: torch.Generator) -> StudyInputs:
    """The film that "random" reads, drawn anew from those that are given."""
    chance = torch.rand(inputs.film_given.shape, generator=generator) * inputs.film_given
    return replace(inputs, pick=chance.argmax(dim=1))


def answers(
    model: StudyModel, vectors: Tensor, data: StudyTensors, inputs: StudyInputs
) -> dict[str, np.ndarray]:
    """Task -> (S, K) probabilities of all studies, of which `inputs` says what is given."""
    with torch.inference_mode():
        logits = model.decide(encoded(model, vectors[data.member], inputs), inputs)
    return {task: one.softmax(dim=1).double().numpy() for task, one in logits.items()}
