"""Fit a shared space in two stages, each of which goes on where it was stopped.

First the film's backbone stays as it is and everything behind it learns from kept features, in large batches;
then all of it learns together.

Shape letters: N films, B a batch of them and of texts, A versions, C channels, P places, F fields, S space.

Sources: contrast of pairs, InfoNCE (van den Oord et al., 2018) as in CLIP; several right answers in a batch,
UniCL (Yang et al., CVPR 2022); words against places, GLoRIA (Huang et al., ICCV 2021).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from modeling.model.processing import StudyProcessor, encode_table
from modeling.model.space_network import SpaceModel, matches
from training.films import Augmentation, augment, read_versions
from training.space.corpus import SpaceRow
from training.space.settings import SpaceTraining
from training.space.texts import FactTable, drawn, token_rows

logger = logging.getLogger(__name__)
_MOVES = Augmentation(rotation=4.0, scale=0.06, shift=0.03, noise=0.2)


@dataclass(frozen=True, eq=False)
class SpaceTensors:
    """Films and tables as tensors beside the rows that they are of."""

    rows: Sequence[SpaceRow]
    films: Tensor  # N h w uint8
    table: tuple[Tensor, Tensor, Tensor]  # N F each: numeric, category, known
    facts: FactTable


def space_tensors(rows: Sequence[SpaceRow], processor: StudyProcessor) -> SpaceTensors:
    """Stack phantoms; tables are read as the processor reads them."""
    table = zip(*(encode_table(row.table, processor.config.table) for row in rows), strict=True)
    films = torch.from_numpy(np.stack([row.film for row in rows]))
    return SpaceTensors(rows, films, tuple(torch.from_numpy(np.stack(p)) for p in table), FactTable(rows))


def contrast(logits: Tensor, right: Tensor) -> Tensor:
    """Mean cross-entropy of (B, N) scaled likenesses both ways; (B, N) bool `right` answers share a row."""
    share = right.float()
    there, back = (
        -(share * logits.log_softmax(dim=d)).sum(dim=d) / share.sum(dim=d).clamp(min=1) for d in (1, 0)
    )
    return (there[right.any(dim=1)].mean() + back[right.any(dim=0)].mean()) / 2


def space_loss(
    model: SpaceModel,
    processor: StudyProcessor,
    features: Tensor,
    data: SpaceTensors,
    rows: Tensor,
    settings: SpaceTraining,
    rng: np.random.Generator,
) -> Tensor:
    """Films against reports, against sentences (whole, and words against places), and against tables."""
    films, places = model.film(features)
    loss = films.new_zeros(())
    for whole in (True, False):
        own = rows[: len(rows) // 2] if whole else rows  # reports are long: half of the films bring theirs
        most = settings.report_sentences
        texts = [drawn(rng, data.rows[row], whole=whole, most=most) for row in own.tolist()]
        tokens, mask = token_rows(
            processor.tokenizer, [one.text for one in texts], processor.config.text.max_tokens
        )
        right = data.facts.hold(rows, [one.facts for one in texts])
        vectors, words = model.text(tokens, mask)
        loss = loss + contrast(model.scale("film_text") * films @ vectors.T, right)
        if not whole and settings.local:
            inner = mask.clone()
            inner[:, 0] = False  # the start mark is no word
            some = slice(len(rows) // 3)  # every word with every place of every film: a third will do
            likeness = matches(places[some], words[some], inner[some])
            loss = loss + settings.local * contrast(model.scale("local") * likeness, right[some, some])
    numeric, category, known = (part[rows] for part in data.table)
    given = known.any(dim=1)
    tables = model.table(numeric[given], category[given], known[given])
    own = torch.eye(int(given.sum()), dtype=torch.bool)
    return loss + settings.table * contrast(model.scale("film_table") * films[given] @ tables.T, own)


# --- the two stages


def features_of(model: SpaceModel, processor: StudyProcessor, films: Tensor, versions: int) -> Tensor:
    """(N, h, w) uint8 -> (1 + versions, N, C, h', w') float16: as they are, then augmented."""
    model.eval()

    def read(shown: Tensor) -> Tensor:
        square = processor.normalise(shown).contiguous(memory_format=torch.channels_last)
        return model.feature_map(square).half()

    return read_versions(films, versions, _MOVES, read)


def fit_heads(
    model: SpaceModel,
    processor: StudyProcessor,
    data: SpaceTensors,
    settings: SpaceTraining,
    state: Path,
    kept: Tensor | None = None,
) -> None:
    """Teach everything behind the backbone, on features that are `kept` already or computed now; `state` is
    where it stands."""
    if _epoch_of(state) >= settings.head_epochs:
        _resume(state, {"model": model})
        return
    if kept is None:
        kept = features_of(model, processor, data.films, settings.versions)
    learning = [p for name, p in model.named_parameters() if not name.startswith("film.encoder.backbone")]
    course = (settings.head_epochs, settings.head_batch, settings.head_rate)
    _fit(model, processor, data, settings, state, learning, _kept_features(kept), course)


def _kept_features(kept: Tensor) -> Callable[[Tensor, torch.Generator], Tensor]:
    def features(rows: Tensor, generator: torch.Generator) -> Tensor:
        return kept[torch.randint(len(kept), rows.shape, generator=generator), rows].float()

    return features


def fit_whole(
    model: SpaceModel, processor: StudyProcessor, data: SpaceTensors, settings: SpaceTraining, state: Path
) -> None:
    """Teach all of it, backbone included; `state` is where it stands."""

    def features(rows: Tensor, generator: torch.Generator) -> Tensor:
        films = data.films[rows].float() / 255.0
        films, _, _ = augment(films, torch.zeros_like(films), _MOVES, films.shape[-1], generator)
        return model.feature_map(processor.normalise(films).contiguous(memory_format=torch.channels_last))

    _fit(
        model,
        processor,
        data,
        settings,
        state,
        [*model.parameters()],
        features,
        (settings.whole_epochs, settings.whole_batch, settings.whole_rate),
    )


def _fit(
    model: SpaceModel,
    processor: StudyProcessor,
    data: SpaceTensors,
    settings: SpaceTraining,
    state: Path,
    learning: Sequence[nn.Parameter],
    features: Callable[[Tensor, torch.Generator], Tensor],
    course: tuple[int, int, float],
) -> None:
    epochs, batch, rate = course
    if not epochs:
        return
    optimizer = torch.optim.AdamW(learning, lr=rate, weight_decay=settings.weight_decay)
    steps = epochs * (len(data.rows) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.15)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    for epoch in range(_resume(state, parts), epochs):
        model.train()
        losses = []
        for rows, generator in _batches(len(data.rows), batch, settings.seed, epoch):
            rng = np.random.default_rng((settings.seed, epoch, int(rows[0])))
            loss = space_loss(model, processor, features(rows, generator), data, rows, settings, rng)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        _save(state, parts, epoch + 1)
        logger.info("%s, epoch %d of %d: loss %.3f", state.stem, epoch + 1, epochs, np.mean(losses))
    model.eval()


def _batches(count: int, size: int, seed: int, epoch: int) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Whole batches alone: a contrast is as hard as its batch is large."""
    generator = torch.Generator().manual_seed(seed * 1000 + epoch)
    order = torch.randperm(count, generator=generator)
    for rows in order[: count - count % size].split(size):
        yield rows, generator


def _save(state: Path, parts: dict, epoch: int) -> None:
    half = state.with_suffix(".part")
    torch.save({name: part.state_dict() for name, part in parts.items()} | {"epoch": epoch}, half)
    half.replace(state)


def _epoch_of(state: Path) -> int:
    return torch.load(state, weights_only=True)["epoch"] if state.is_file() else 0


def _resume(state: Path, parts: dict) -> int:
    """The epoch to go on with."""
    if not state.is_file():
        return 0
    kept = torch.load(state, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    return kept["epoch"]
