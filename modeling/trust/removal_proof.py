"""Prove it: take something away from a study and let the model answer again.

What is taken becomes what the attribution's own baseline has there: a region the baseline film, a clinical
field unknown, a word [MASK]. So the change can be held against what the attribution had claimed for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import label

from modeling.errors import StudyError
from modeling.explain.maps import Features, gathered
from modeling.explain.study_path import StudyPath
from modeling.model.film import resampled
from modeling.model.processing import ProcessedStudy, StudyProcessor, collate, encode_table
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Attribution, Prediction
from modeling.sentence import Names
from modeling.study import ClinicalTable, Modality, Study


@dataclass(frozen=True, eq=False)
class Removal:
    """What the reader brushes out."""

    region: np.ndarray | None = None  # (H, W) bool at the film's native size
    fields: tuple[str, ...] = ()  # names of clinical fields
    words: tuple[int, ...] = ()  # positions in the attribution's words


def strongest_place(values: np.ndarray, grain: float) -> np.ndarray | None:
    """(h, w) bool: around the maximum of an (h, w) map, gathered by `grain`, where it reaches half of it."""
    evidence = gathered(values, grain)
    peak = float(evidence.max())
    if not peak > 0:
        return None
    places, _ = label(evidence >= peak / 2)
    return places == places.ravel()[int(evidence.argmax())]


def check(removal: Removal, study: Study, attribution: Attribution) -> None:
    """Everything to be taken must be there. Raises StudyError: it is not, or nothing is taken."""
    region = removal.region
    if region is not None:
        if study.radiograph is None or attribution.image is None:
            raise StudyError("There is no film here to take a region from; take a value or a word away.")
        if region.shape != study.radiograph.shape or region.dtype != np.bool_:
            raise StudyError("The region does not have the film's size; mark it again on this film.")
    for name in removal.fields:
        if name not in study.table.values or all(f.name != name for f in attribution.fields):
            unknown = "There is no known value of '{field}' to take away; choose one that is there."
            raise StudyError(unknown, field=Names("field", name))
    if any(not 0 <= word < len(attribution.words) for word in removal.words):
        raise StudyError("That word is not one the model read; choose one of the words with a number.")
    if not (removal.fields or removal.words or (region is not None and region.any())):
        raise StudyError("Nothing is marked; brush over the film, or choose a value or a word.")


def without(study: Study, fields: Sequence[str]) -> Study:
    """The study with some clinical fields unknown."""
    kept = {name: value for name, value in study.table.values.items() if name not in fields}
    return replace(study, table=ClinicalTable(kept))


def taken_away(
    removal: Removal, study: Study, processor: StudyProcessor, paths: Sequence[StudyPath]
) -> ProcessedStudy:
    """The study as the model reads it without what is taken away; the paths lead from the baseline to it."""
    processed = paths[0].processed
    inputs = processed.inputs
    if removal.fields:
        numeric, category, known = encode_table(without(study, removal.fields).table, processor.config.table)
        values = {"numeric": numeric, "category": category, "known": known}
        inputs = replace(inputs, **{name: torch.from_numpy(v)[None] for name, v in values.items()})
    if removal.region is not None:
        mask = torch.zeros(inputs.image.shape[-2:])
        processed.letterbox.crop(mask)[:] = torch.from_numpy(covered(removal.region, paths[0]))
        fill = torch.stack([p.film_baseline[0].float().cpu() for p in paths]).mean(dim=0)
        inputs = replace(inputs, image=torch.lerp(inputs.image, fill[None], mask))
    if removal.words:
        inputs = replace(inputs, tokens=paths[0].masked(removal.words).cpu())
    return replace(processed, inputs=inputs)


def covered(region: np.ndarray, path: StudyPath) -> np.ndarray:
    """(h, w) float32, 0 to 1: how much of each pixel of the film on the path a native region covers."""
    box = path.processed.letterbox
    return resampled(region, (box.height, box.width)).astype(np.float32)


def claimed(removal: Removal, attribution: Attribution, path: StudyPath) -> float:
    """What the attribution said that the removed part had added, in logits."""
    fields = sum(f.attribution for f in attribution.fields if f.name in removal.fields)
    words = sum(attribution.words[i].attribution for i in set(removal.words))
    film = 0.0
    if removal.region is not None and Modality.IMAGE in path.read:
        film = float((attribution.image * covered(removal.region, path)).sum(dtype=np.float64))
    return float(film + fields + words)


def answers(
    pipeline: DiagnosisPipeline, features: Features, *pairs: tuple[Study, ProcessedStudy]
) -> list[Prediction]:
    """Several studies' predictions, each with what the model is to read of it, in one forward pass.

    Raises ViewboxError: see `DiagnosisPipeline.prediction`.
    """
    model = pipeline.light_model
    inputs = collate([processed for _, processed in pairs]).to(pipeline.device)
    with torch.inference_mode():
        has_film = "image" in model.encoders and bool(inputs.image_given.any())
        maps = features(inputs.image) if has_film else None
        logits = model.forward_embedded(model.embed(inputs), inputs, maps)
    rows = {name: values.float().cpu().numpy() for name, values in logits.items()}
    return [
        pipeline.prediction(study, processed, {name: row[i] for name, row in rows.items()})
        for i, (study, processed) in enumerate(pairs)
    ]
