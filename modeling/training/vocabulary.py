"""A WordPiece vocabulary from the corpora's own words (Schuster and Nakajima 2012; as in BERT)."""

from collections.abc import Iterable
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
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )
    wanted = tuple(sections)
    tokenizer.train_from_iterator((t.sections[s] for t in texts for s in wanted if s in t.sections), trainer)
    tokenizer.save(str(keep))
    return tokenizer
