"""Train a shared space and write its checkpoint: what `viewbox train-space` does."""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cases.phantom.description import LANGUAGES
from modeling.labels import APPEARANCE
from modeling.model.processing import StudyProcessor
from modeling.model.shared_space import SharedSpace
from modeling.model.space_network import SpaceModel
from training.space.corpus import SpaceRow, space_rows
from training.space.fitting import fit_heads, fit_whole, space_tensors
from training.space.settings import SpaceTraining

logger = logging.getLogger(__name__)


def train_space(settings: SpaceTraining, out: Path) -> Path:
    """Draw phantoms, train, and export the checkpoint; returns its folder. The same `out` resumes a run.

    Raises:
        ViewboxError: the checkpoint to begin with is not there, or of another build.
    """
    rows = phantoms(settings, out, "train")
    torch.manual_seed(settings.seed)
    model, processor = settings.begin(rows, out)
    data = space_tensors(rows, processor)
    fit_heads(model, processor, data, settings, out / "heads.pt")
    fit_whole(model, processor, data, settings, out / "whole.pt")
    settle(model, processor, phantoms(settings, out, "validation"))
    return export(model, processor, settings, out / "checkpoint")


def phantoms(settings: SpaceTraining, out: Path, side: str) -> list[SpaceRow]:
    """The films of one side: "train", "validation" or "test"."""
    count, series = getattr(settings, f"{side}_films"), getattr(settings, f"{side}_series")
    rows = space_rows(out / "phantoms", count, series, settings.size)
    if settings.impressions:
        return rows
    silent = (tuple(one for one in row.statements if one.key not in APPEARANCE.classes) for row in rows)
    return [replace(row, statements=statements) for row, statements in zip(rows, silent, strict=True)]


@torch.inference_mode()
def settle(model: SpaceModel, processor: StudyProcessor, rows: Sequence[SpaceRow]) -> None:
    """Take the mean of its kind off every vector and fit the temperature anew, on films held out for it."""
    space = SharedSpace(model, processor)
    films = space.embed_squares(torch.from_numpy(np.stack([row.film for row in rows])).float() / 255)
    texts = torch.stack([space.embed_texts([r.report(lang)[0] for r in rows]) for lang in LANGUAGES])
    tables = space.embed_tables([row.table for row in rows if row.table])
    for tower, vectors in ((model.film, films), (model.text, texts), (model.table, tables)):
        tower.centre.copy_(vectors.flatten(0, -2).mean(dim=0))
    centred = (functional.normalize(one - one.flatten(0, -2).mean(0), dim=-1) for one in (films, texts[0]))
    films, texts = centred
    own = torch.arange(len(rows))
    losses = {scale: functional.cross_entropy(scale * films @ texts.T, own) for scale in range(2, 41)}
    model.log_scale["film_text"].fill_(math.log(min(losses, key=losses.get)))


def export(model: SpaceModel, processor: StudyProcessor, settings: SpaceTraining, folder: Path) -> Path:
    """Write the checkpoint in half precision, with the settings that made it."""
    told = json.dumps(settings.to_json(), indent=1) + "\n"
    model.half().save_pretrained(folder, processor, {"training.json": told})
    logger.info("wrote %s", folder)
    return folder
