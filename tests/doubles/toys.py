"""Toy checkpoints and studies: small, seeded, built without any download."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from modeling.configuration import (
    FusionConfig,
    FusionKind,
    ImageEncoderConfig,
    ImageProcessing,
    ProcessorConfig,
    TableEncoderConfig,
    TableField,
    TaskConfig,
    TextEncoderConfig,
    TextProcessing,
)
from modeling.labels import APPEARANCE, GRADING, TaskName
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.model.study_fusion import StudyFusionConfig, StudyModel
from modeling.study import (
    ClinicalTable,
    ClinicalText,
    DatedFilm,
    Modality,
    Radiograph,
    Study,
    ViewPosition,
)

ALL = tuple(Modality)
FUSIONS: tuple[FusionKind, ...] = ("product", "concat", "gated", "cross_attention")
TASKS = (APPEARANCE, GRADING)
SIZE = 64
WORDS = ("fever", "cough", "fell", "from", "ladder", "dry", "and", "for", "days", "pain", ",", ".")
SENTENCE = "Fever and dry cough for 3 days"


def toy_tokenizer() -> Tokenizer:
    """WordPiece over a few words and every letter and digit, so that other words fall into pieces."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


TAUGHT = ("Fever and dry cough for 3 days.", "fever, no cough", "There is an effusion at 37.5.")
ROBERTAS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
"""The marks of RoBERTa's family in their order."""


def byte_level_tokenizer(lines: Sequence[str] = TAUGHT) -> Tokenizer:
    """Byte-level BPE as RoBERTa's: a space belongs to the token behind it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    how = {"special_tokens": ROBERTAS, "initial_alphabet": alphabet, "show_progress": False}
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=330, **how))
    ends = (("</s>", 2), ("<s>", 0))
    tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False)
    return tokenizer


def sentencepiece_tokenizer(lines: Sequence[str] = TAUGHT) -> Tokenizer:
    """Unigram pieces as XLM-RoBERTa's: a word begins with a mark for the space before it."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    how = {"special_tokens": ROBERTAS, "unk_token": "<unk>", "show_progress": False}
    tokenizer.train_from_iterator(lines, trainers.UnigramTrainer(vocab_size=60, **how))
    return tokenizer


def toy_processor(
    modalities: Sequence[Modality] = ALL, max_tokens: int = 24, size: int = SIZE
) -> StudyProcessor:
    """A processor for some modalities: `size` px films, four clinical fields, the indication."""
    tokenizer = toy_tokenizer() if Modality.TEXT in modalities else None
    table = (
        TableField("age", mean=60.0, std=15.0, known=100),
        TableField("sex", known=100),
        TableField("temperature", mean=37.5, std=1.0, known=80),
        TableField("crp", transform="log1p", mean=3.0, std=1.5, known=60),
    )
    config = ProcessorConfig(
        image=ImageProcessing(size=size) if Modality.IMAGE in modalities else None,
        table=table if Modality.TABLE in modalities else (),
        text=TextProcessing(max_tokens=max_tokens) if tokenizer else None,
        tokenizer_sha256=tokenizer_sha256(tokenizer) if tokenizer else "",
    )
    return StudyProcessor(config, tokenizer)


def toy_text_encoder() -> TextEncoderConfig:
    """A BERT of one layer, width 16."""
    return TextEncoderConfig(
        {
            "model_type": "bert",
            "vocab_size": toy_tokenizer().get_vocab_size(),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 64,
        }
    )


def toy_config(
    fusion: FusionKind = "product",
    tasks: Sequence[TaskName] = TASKS,
    modalities: Sequence[Modality] = ALL,
    backbone: str = "test_vit",
    **options: object,
) -> FusionConfig:
    """A fusion configuration whose tasks read every modality."""
    return FusionConfig(
        tasks=tuple(TaskConfig(name, tuple(modalities)) for name in tasks),
        image=ImageEncoderConfig(name=backbone) if Modality.IMAGE in modalities else None,
        table=TableEncoderConfig(field_width=4, hidden=8) if Modality.TABLE in modalities else None,
        text=toy_text_encoder() if Modality.TEXT in modalities else None,
        fusion=fusion,
        width=16,
        attention_heads=2,
        **options,
    )


def toy_model(
    config: FusionConfig | None = None, processor: StudyProcessor | None = None, seed: int = 0
) -> FusionModel:
    """Random weights from a seed, in evaluation mode; every parameter differs from its neutral start."""
    torch.manual_seed(seed)
    model = FusionModel(config or toy_config(), (processor or toy_processor()).config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return model.eval()


def toy_checkpoint(
    folder: Path,
    fusion: FusionKind = "product",
    tasks: Sequence[TaskName] = TASKS,
    modalities: Sequence[Modality] = ALL,
    seed: int = 0,
    **options: object,
) -> Path:
    """Write a checkpoint with seeded random weights, as a Hub repo would hold it."""
    processor = toy_processor(modalities)
    model = toy_model(toy_config(fusion, tasks, modalities, **options), processor, seed)
    model.save_pretrained(folder, processor, {"README.md": "---\nlicense: apache-2.0\n---\nA toy.\n"})
    return folder


def toy_radiograph(seed: int = 0, shape: tuple[int, int] = (91, 70), **options: object) -> Radiograph:
    """(H, W) uint8: a bright spine between two dark lungs, and noise from the seed."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] / np.array(shape)[:, None, None]
    lungs = sum(np.exp(-(((columns - x) / 0.15) ** 2 + ((rows - 0.5) / 0.3) ** 2)) for x in (0.25, 0.75))
    film = 190 - 120 * lungs + generator.normal(0, 12, shape)
    return Radiograph(film.clip(0, 255).astype(np.uint8), **options)


def toy_study(modalities: Sequence[Modality] = ALL, seed: int = 0, text: str = SENTENCE) -> Study:
    """A study with some modalities; one clinical field (CRP) stays unknown."""
    values = {"age": 41.0 + seed, "sex": "female" if seed % 2 else "male", "temperature": 38.4}
    return Study(
        radiograph=toy_radiograph(seed) if Modality.IMAGE in modalities else None,
        table=ClinicalTable(values if Modality.TABLE in modalities else {}),
        text=ClinicalText({"indication": text} if Modality.TEXT in modalities else {}),
    )


def toy_study_model(pooling: str = "attention", seed: int = 0) -> tuple[StudyModel, StudyProcessor]:
    """A model of studies with seeded random weights, in evaluation mode, and its processor."""
    processor, torch_seed = toy_processor(), torch.manual_seed(seed)
    config = StudyFusionConfig(
        tasks=(TaskConfig(APPEARANCE, ALL), TaskConfig(GRADING, ALL)),
        image=ImageEncoderConfig(name="test_vit"),
        table=TableEncoderConfig(field_width=4, hidden=8),
        text=toy_text_encoder(),
        pooling=pooling,
        width=16,
        attention_heads=2,
    )
    model = StudyModel(config, processor.config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch_seed) * 0.05)
    return model.eval(), processor


def toy_films(count: int) -> list[DatedFilm]:
    """Frontal and lateral in turn, two a day, each day a month before the last."""
    views = (ViewPosition.PA, ViewPosition.LATERAL)
    return [DatedFilm(toy_radiograph(n, view_position=views[n % 2]), 30 * (n // 2)) for n in range(count)]
