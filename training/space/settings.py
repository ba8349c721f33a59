"""What a run of the shared space draws, builds and trains, as a file (`training/configs/space.json`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cases.phantom.description import LANGUAGES
from modeling.configuration import Configuration, ImageProcessing, ProcessorConfig, TextProcessing
from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel
from modeling.model.processing import TOKENIZER_FILE, StudyProcessor, tokenizer_sha256
from modeling.model.space_network import SpaceConfig, SpaceModel
from modeling.study import ClinicalText
from training.initial_weights import load_imagenet
from training.preparation import build_tokenizer
from training.space.corpus import SpaceRow
from training.space.texts import drawn

_READ = "findings"
_MOST_TOKENS = 224
_DRAWS = 3
"""Reports on each film and in each language from which the vocabulary is made."""


@dataclass(frozen=True)
class SpaceTraining(Configuration):
    """Everything that decides a run.

    Attributes:
        start: folder of the single-film checkpoint whose film encoder and table statistics it begins with.
        backbone: "start": that encoder's weights, which labels taught; "imagenet": those that no film taught.
        impressions: whether reports name the appearance.
        size: pixels along a film's side.
        train_films, validation_films, test_films: how many are drawn, of three series that never meet.
        head_epochs: in which the film's backbone stays as it is, on kept features of `versions` versions of
            every film; whole_epochs: in which everything learns.
        report_sentences: at most so many of a report are drawn, which is faster; 0 for all of it.
        local, table: weights of the words' and of the table's part of the loss.
    """

    start: str
    model: SpaceConfig
    backbone: Literal["start", "imagenet"] = "start"
    impressions: bool = True
    size: int = 128
    train_films: int = 3200
    validation_films: int = 400
    test_films: int = 500
    train_series: int = 7101
    validation_series: int = 7102
    test_series: int = 7103
    vocabulary: int = 1600
    report_sentences: int = 0
    head_epochs: int = 20
    versions: int = 3
    whole_epochs: int = 4
    head_rate: float = 2e-3
    whole_rate: float = 5e-4
    head_batch: int = 128
    whole_batch: int = 64
    local: float = 0.5
    table: float = 0.5
    weight_decay: float = 0.02
    seed: int = 7

    @classmethod
    def load(cls, path: Path) -> "SpaceTraining":
        """Read a settings file. Raises ViewboxError: there is none; CheckpointError: as always."""
        if not path.is_file():
            raise ViewboxError(
                "There is no settings file {path}; give one from training/configs/.", path=path
            )
        return cls.read(path)

    def begin(self, rows: Sequence[SpaceRow], out: Path) -> tuple[SpaceModel, StudyProcessor]:
        """A model before training with the start's film encoder, and its processor; the vocabulary is made
        of reports on `rows`, and kept in `out`."""
        start, reader, _ = FusionModel.from_pretrained(self.start)
        image = replace(reader.config.image or ImageProcessing(), size=self.size)
        rng = np.random.default_rng(self.seed)
        texts = (
            ClinicalText({_READ: drawn(rng, row, whole=True, languages=(language,)).text})
            for row in rows
            for language in LANGUAGES
            for _ in range(_DRAWS)
        )
        tokenizer = build_tokenizer(texts, (_READ,), self.vocabulary, out / TOKENIZER_FILE)
        config: ProcessorConfig = replace(
            reader.config,
            image=image,
            text=TextProcessing((_READ,), _MOST_TOKENS),
            tokenizer_sha256=tokenizer_sha256(tokenizer),
        )
        shape = dict(self.model.text.transformers) | {"vocab_size": tokenizer.get_vocab_size()}
        shape["max_position_embeddings"] = _MOST_TOKENS
        text = replace(self.model.text, transformers=shape)
        model = SpaceModel(replace(self.model, text=text), config)
        if self.backbone == "imagenet":
            load_imagenet(start)
        model.initialised_from(start.encoders["image"], backbone_alone=self.backbone == "imagenet")
        return model, StudyProcessor(config, tokenizer)
