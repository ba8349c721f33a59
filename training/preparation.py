"""What a run prepares before it starts: the processor with everything in it frozen from training films."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modeling.configuration import ProcessorConfig, TableField
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.study import CLINICAL_FIELDS
from training.corpora.labelled_film import Film
from training.settings import TrainingSettings
from training.vocabulary import build_tokenizer


def freeze_statistics(config: ProcessorConfig, films: Sequence[Film]) -> ProcessorConfig:
    """The processor with mean and std of each numeric field over the training films' known values."""
    frozen = []
    for column in config.table:
        values = [f.table.values[column.name] for f in films if column.name in f.table.values]
        numbers = np.array([v for v in values if isinstance(v, float) and np.isfinite(v)])
        if column.transform == "log1p":
            numbers = np.log1p(numbers)
        if CLINICAL_FIELDS[column.name].kind == "categorical" or len(numbers) < 2:
            frozen.append(replace(column, known=len(values)))
            continue
        mean, std = round(float(numbers.mean()), 6), round(float(numbers.std()), 6)
        frozen.append(TableField(column.name, column.transform, mean, max(std, 1e-6), len(values)))
    return replace(config, table=tuple(frozen))


def build_processor(settings: TrainingSettings, films: Sequence[Film], out: Path) -> StudyProcessor:
    """The processor of a run: statistics and vocabulary from its training films alone."""
    config, tokenizer = freeze_statistics(settings.processor, films), None
    if config.text is not None:
        size = settings.model.text.transformers["vocab_size"]
        texts = (film.text for film in films)
        tokenizer = build_tokenizer(texts, config.text.sections, size, out / "tokenizer.json")
        config = replace(config, tokenizer_sha256=tokenizer_sha256(tokenizer))
    return StudyProcessor(config, tokenizer)
