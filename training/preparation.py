"""The processor of a run: statistics of fields and a WordPiece vocabulary, frozen from its training films.

The vocabulary is made of the corpora's own words (Schuster and Nakajima 2012; as in BERT).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from modeling.configuration import ProcessorConfig, TableField
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.study import CLINICAL_FIELDS, ClinicalText
from training.corpora.labelled_film import Film
from training.settings import TrainingSettings

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


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


def build_tokenizer(
    texts: Iterable[ClinicalText], sections: Iterable[str], size: int, keep: Path
) -> Tokenizer:
    """Train a tokenizer, or take the one that an earlier start of the same run kept in `keep`: the same ids.

    Of the texts only `sections`, which the model reads, enter it. `size`: of pieces, special tokens included.
    """
    if keep.is_file():
        return Tokenizer.from_file(str(keep))
    wanted = tuple(sections)
    lines = [text.sections[s] for text in texts for s in wanted if s in text.sections]
    tokenizer = _tokenizer(_trained_pieces(lines, size))
    tokenizer.save(str(keep))
    return tokenizer


def _trained_pieces(lines: Sequence[str], size: int) -> list[str]:
    """Special tokens first, then the pieces in alphabetical order: the same for the same texts.

    The trainer numbers the pieces inside of words in the order of a hash map, and breaks ties by number;
    named beforehand, they have the same numbers every time.
    """
    draft = _tokenizer([])
    seen = sorted({c for line in lines for c in draft.normalizer.normalize_str(line) if not c.isspace()})
    inner = [f"##{c}" for c in seen]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL_TOKENS, *inner], show_progress=False
    )
    draft.train_from_iterator(lines, trainer)
    return [*SPECIAL_TOKENS, *sorted(set(draft.get_vocab()) - set(SPECIAL_TOKENS))]


def _tokenizer(pieces: Sequence[str]) -> Tokenizer:
    numbered = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in SPECIAL_TOKENS if token in numbered])
    return tokenizer
