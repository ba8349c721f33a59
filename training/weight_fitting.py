"""Weights and an encoder side by side: which modules of the one fit the other, and how each is filled."""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from modeling.configuration import FusionConfig, ImageEncoderConfig
from modeling.errors import ViewboxError
from modeling.model.batch_norm_folding import fold
from modeling.model.encoders import ImageEncoder
from training.weight_sources import Source

_NO_WEIGHTS = ("num_batches_tracked", "position_ids")
NOTHING_FITS = "Nothing in {name} fits this model's {branch}; name weights of the same encoder."


@dataclass
class Taken:
    """What was taken over from one source: modules by name that begin anew, and those left behind there."""

    count: int = 0
    of: int = 0
    fresh: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: "Taken") -> None:
        """Another part of the same source."""
        self.count, self.of = self.count + other.count, self.of + other.of
        self.fresh += other.fresh
        self.left += other.left


def fitting(
    own: Mapping[str, Tensor], theirs: Mapping[str, Tensor], prefix: str = ""
) -> tuple[dict[str, Tensor], Taken]:
    """The tensors of those modules whose names and shapes are the same on both sides, and an account.

    A module is taken whole or not at all. `prefix`: put before the names of the account.
    """
    sides = []
    for tensors in (own, theirs):
        modules: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for name, tensor in tensors.items():
            if not name.endswith(_NO_WEIGHTS):
                modules[name.rpartition(".")[0]][name] = tensor
        sides.append(modules)
    mine, other = sides
    taken: dict[str, Tensor] = {}
    account = Taken(of=sum(map(len, mine.values())))
    for module, parts in mine.items():
        given = other.get(module, {})
        if {n: t.shape for n, t in parts.items()} == {n: t.shape for n, t in given.items()}:
            taken |= {name: tensor.to(parts[name].dtype) for name, tensor in given.items()}
            other.pop(module)
        else:
            account.fresh.append(prefix + module)
    account.left, account.count = [prefix + module for module in other], len(taken)
    return taken, account


# --- film encoders


def as_timm_names(
    config: ImageEncoderConfig, source: Source, tensors: Mapping[str, Tensor], size: int
) -> dict[str, Tensor]:
    """A source's tensors under the names that an `ImageEncoder` has for its backbone.

    timm's own filters rename older files, and stretch position tables to another size of film.
    """
    told = str(source.config.get("architecture", config.name))
    if told.split(".")[0] != config.name.split(".")[0]:
        template = "{name} is a {theirs}, and the settings build {own}; set 'model.image.name' to {theirs}."
        raise ViewboxError(template, name=source.name, theirs=told.split(".")[0], own=config.name)
    plain = ImageEncoder(ImageEncoderConfig(name=config.name), 8, size).backbone
    if source.by_order:
        names = [*plain.state_dict(), *list(tensors)[len(plain.state_dict()) :]]
        return {f"backbone.{name}": t for name, t in zip(names, tensors.values(), strict=True)}
    rename = getattr(sys.modules[type(plain).__module__], "checkpoint_filter_fn", None)
    if rename is not None:
        try:
            tensors = rename(dict(tensors), plain)
        except (KeyError, RuntimeError, ValueError, AttributeError) as exc:
            raise ViewboxError(NOTHING_FITS, name=source.name, branch="image") from exc
    return {f"backbone.{name}": tensor for name, tensor in tensors.items()}


def _unwrapped(name: str) -> str:
    """A backbone cut into stages is wrapped once more."""
    return name.replace("backbone.model.", "backbone.", 1)


def fill_image(
    encoder: ImageEncoder,
    config: FusionConfig,
    tensors: Mapping[str, Tensor],
    films: Sequence[Tensor],
    size: int,
) -> Taken:
    """Fill a film encoder; a folded one by way of one that has batch norm, if the weights have it."""
    normed = any(name.endswith("running_mean") for name in tensors)
    whole = encoder
    if config.image.norm == "folded" and normed:
        whole = ImageEncoder(replace(config.image, norm="batch"), config.width, size)
    own = {_unwrapped(name): (name, tensor) for name, tensor in whole.state_dict().items()}
    given = {_unwrapped(name): tensor for name, tensor in tensors.items()}
    taken, account = fitting({name: tensor for name, (_, tensor) in own.items()}, given)
    whole.load_state_dict({own[name][0]: tensor for name, tensor in taken.items()}, strict=False)
    if whole is not encoder:
        _settle(whole, films)
        backbone = fold(whole.backbone.eval(), lambda: whole.backbone(torch.zeros(1, 3, size, size)))
        folded = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
        rest = {n: t for n, t in taken.items() if not n.startswith("backbone.")}
        encoder.load_state_dict({**folded, **rest}, strict=False)
    return account


@torch.no_grad()
def _settle(encoder: ImageEncoder, films: Sequence[Tensor]) -> None:
    """Batch norm's statistics from these films instead of from photographs."""
    if not films:
        return
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
    encoder.train()
    for batch in films:
        encoder.backbone(batch)


# --- text encoders


def as_transformers_names(transformer: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of a `TextEncoder`: without the model's own prefix, and norms as they are called today."""
    prefix = f"{transformer.base_model_prefix}."
    older = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
    found = {}
    for name, tensor in tensors.items():
        for before, after in older.items():
            name = name.replace(before, after)
        found[f"transformer.{name.removeprefix(prefix)}"] = tensor
    return found
