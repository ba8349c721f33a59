"""The processor of a run: statistics of fields, and a tokenizer.

Both are frozen from the training films, the vocabulary from the corpora's own words (WordPiece, Schuster and
Nakajima 2012; as in BERT), unless they come with the weights that the run begins with.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from modeling.configuration import ProcessorConfig, TableField, read_json
from modeling.errors import ViewboxError
from modeling.model.processing import TOKENIZER_FILE, StudyProcessor, tokenizer_sha256
from modeling.model.tokens import MARKS, Marks, gives_words
from modeling.study import CLINICAL_FIELDS, ClinicalText
from training.corpora.labelled_film import Film
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)
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


def build_processor(
    settings: TrainingSettings,
    films: Sequence[Film],
    out: Path,
    tokenizer: Tokenizer | None = None,
    table: Sequence[TableField] = (),
) -> StudyProcessor:
    """The processor of a run: statistics and vocabulary from its training films alone.

    `tokenizer` and the statistics of `table` come with the weights of an encoder, where they are given.
    """
    config = freeze_statistics(settings.processor, films)
    if table:
        taken = {f.name: f for f in table if f.known}
        kept = [replace(taken.get(f.name, f), known=f.known) for f in config.table]
        config = replace(config, table=tuple(kept))
    if config.text is not None:
        keep = out / TOKENIZER_FILE
        if tokenizer is not None:
            tokenizer.save(str(keep))
        else:
            size = settings.model.text.transformers["vocab_size"]
            tokenizer = build_tokenizer((film.text for film in films), config.text.sections, size, keep)
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


def _tokenizer(pieces: Sequence[str], lowercase: bool = True) -> Tokenizer:
    numbered = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in SPECIAL_TOKENS if token in numbered])
    return tokenizer


def foreign_tokenizer(folder: Path, name: str) -> Tokenizer:
    """The tokenizer that came with an encoder: `tokenizer.json`, or made of BERT's `vocab.txt`, or of
    RoBERTa's `vocab.json` and `merges.txt`.

    Raises:
        ViewboxError: it has none, a damaged one, one without the marks that a study's text is read with, or
            one that does not say which words its tokens stand for.
    """
    whole, pieces = folder / "tokenizer.json", folder / "vocab.txt"
    pairs = (folder / "vocab.json", folder / "merges.txt")
    if not whole.is_file() and not pieces.is_file() and not all(path.is_file() for path in pairs):
        template = "{name} has no tokenizer.json or vocab.txt; name an encoder that brings its tokenizer."
        raise ViewboxError(template, name=name)
    try:
        if whole.is_file():
            tokenizer = Tokenizer.from_str(whole.read_text(encoding="utf-8"))
        elif not pieces.is_file():
            tokenizer = _byte_level(*pairs)
        else:
            vocabulary = pieces.read_text(encoding="utf-8").splitlines()
            tokenizer = _tokenizer(vocabulary, lowercase=_lowers(folder, vocabulary))
    except Exception as exc:  # tokenizers raises nothing narrower
        logger.info("the tokenizer of %s cannot be read: %s", name, exc)
        raise ViewboxError("The tokenizer of {name} is damaged; fetch it again.", name=name) from exc
    tokenizer.no_truncation()
    tokenizer.no_padding()  # a study's text is read word by word
    if lacking := Marks.of(tokenizer).lacking(*MARKS):
        template = "The tokenizer of {name} has no {token}; name an encoder of BERT's or RoBERTa's family."
        called = " or ".join(next(names for names in MARKS.values() if lacking in names))
        raise ViewboxError(template, name=name, token=called)
    if not gives_words(tokenizer):
        template = (
            "The tokenizer of {name} does not say which words its tokens stand for; name an encoder with a"
            " WordPiece, byte-level BPE or sentencepiece tokenizer.json."
        )
        raise ViewboxError(template, name=name)
    return tokenizer


def _byte_level(vocabulary: Path, merges: Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    named = [name for names in MARKS.values() for name in names if tokenizer.token_to_id(name) is not None]
    tokenizer.add_special_tokens(named)
    return tokenizer


def _lowers(folder: Path, vocabulary: Sequence[str]) -> bool:
    """Whether an encoder that has only `vocab.txt` reads small letters alone."""
    told = folder / "tokenizer_config.json"
    settings = read_json(told) if told.is_file() else {}
    if "do_lower_case" in settings:
        return bool(settings["do_lower_case"])
    return not any(piece != piece.lower() for piece in vocabulary if piece not in SPECIAL_TOKENS)
