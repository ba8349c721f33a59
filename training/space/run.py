"""Train a shared space and write its checkpoint: what `viewbox train-space` does."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import torch

from modeling.labels import APPEARANCE
from modeling.model.processing import StudyProcessor
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
    return export(model, processor, settings, out / "checkpoint")


def phantoms(settings: SpaceTraining, out: Path, side: str) -> list[SpaceRow]:
    """The films of one side: "train", "validation" or "test"."""
    count, series = getattr(settings, f"{side}_films"), getattr(settings, f"{side}_series")
    rows = space_rows(out / "phantoms", count, series, settings.size)
    if settings.impressions:
        return rows
    silent = (tuple(one for one in row.statements if one.key not in APPEARANCE.classes) for row in rows)
    return [replace(row, statements=statements) for row, statements in zip(rows, silent, strict=True)]


def export(model: SpaceModel, processor: StudyProcessor, settings: SpaceTraining, folder: Path) -> Path:
    """Write the checkpoint in half precision, with the settings that made it."""
    told = json.dumps(settings.to_json(), indent=1) + "\n"
    model.half().save_pretrained(folder, processor, {"training.json": told})
    logger.info("wrote %s", folder)
    return folder
