"""A WordPiece vocabulary from the corpora's own words (Schuster and Nakajima 2012; as in BERT)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from modeling.study import ClinicalText

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def build_tokenizer(
    texts: Iterable[ClinicalText], sections: Iterable[str], size: int, keep: Path
) -> Tokenizer:
    """Train a tokenizer, or take the one that an earlier start of the same run kept.

    Args:
        sections: the text sections that the model reads; no other text may enter its vocabulary.
        size: number of pieces, special tokens included.
        keep: the file it is kept in, so that a resumed run has the same ids.
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
