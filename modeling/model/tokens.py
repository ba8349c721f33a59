"""From words to tokens and back, whatever a text encoder's tokenizer is.

WordPiece (BERT's family) is given one word after the other; byte-level BPE (RoBERTa's) and sentencepiece
(XLM-RoBERTa's, DeBERTa's) read a space as part of the token behind it, so they are given a whole section, and
their offsets say which letters each token stands for.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer, models

_WORD = re.compile(r"\w+(?:[-'./]\w+)*|[^\w\s]")
MARKS = {
    "start": ("[CLS]", "<s>"),
    "end": ("[SEP]", "</s>"),
    "padding": ("[PAD]", "<pad>"),
    "unknown": ("[UNK]", "<unk>"),
    "mask": ("[MASK]", "<mask>"),
}
"""What a mark is for -> what it is called in BERT's family, and in RoBERTa's."""
PROBE = "Fever, and 38.5 degrees (dry cough)."
"""A text whose words a tokenizer must give back."""


@dataclass(frozen=True)
class Marks:
    """The ids of a tokenizer's marks; None for one that it lacks."""

    start: int | None
    end: int | None
    padding: int | None
    unknown: int | None
    mask: int | None

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Marks":
        """Those that a tokenizer has, by the names in `MARKS`."""
        ids = {use: [tokenizer.token_to_id(name) for name in names] for use, names in MARKS.items()}
        return cls(**{use: next((i for i in own if i is not None), None) for use, own in ids.items()})

    @property
    def all(self) -> tuple[int, ...]:
        """The ids of the marks that are there."""
        return tuple(i for i in vars(self).values() if i is not None)

    def lacking(self, *uses: str) -> str:
        """What the first of these marks that is not there is called; empty where all are."""
        return next((MARKS[use][0] for use in uses if getattr(self, use) is None), "")


@dataclass(frozen=True)
class WordSpan:
    """A word of the text as given."""

    section: str
    start: int
    end: int
    word: str


def words_of(
    tokenizer: Tokenizer, section: str, text: str, lowercase: bool = False
) -> list[tuple[WordSpan, list[int]]]:
    """The words of a section, each with the ids of its tokens, none of which is of two words.

    `lowercase`: the tokenizer, not the words, in small letters.
    """
    spans = [WordSpan(section, m.start(), m.end(), m.group()) for m in _WORD.finditer(text)]
    if not spans:
        return []
    if isinstance(tokenizer.model, models.WordPiece):
        seen = [span.word.lower() if lowercase else span.word for span in spans]
        pieces = tokenizer.encode_batch(seen, add_special_tokens=False)
        return [(span, encoding.ids) for span, encoding in zip(spans, pieces, strict=True)]
    whole = "".join(c.lower() if len(c.lower()) == 1 else c for c in text) if lowercase else text
    encoding = tokenizer.encode(whole, add_special_tokens=False)
    return list(_by_offsets(spans, encoding.ids, encoding.offsets, text))


def _by_offsets(
    spans: Sequence[WordSpan], ids: Sequence[int], offsets: Sequence[tuple[int, int]], text: str
) -> Iterator[tuple[WordSpan, list[int]]]:
    """Each token with the word whose letters it holds; words that share a token are one word.

    A token of no letters, such as a space, belongs to the word behind it, the last ones to the last word.
    """
    starts, ends = [span.start for span in spans], [span.end for span in spans]
    first_of, owners = list(range(len(spans))), list[int | None]()
    for start, end in offsets:
        first, behind = bisect_right(ends, start), bisect_left(starts, end)
        owners.append(first if first < behind else None)
        first_of[first + 1 : behind] = first_of[first : first + 1] * (behind - first - 1)
    tokens: dict[int, list[int]] = {first: [] for first in first_of}
    owner = len(spans) - 1
    for token, own in zip(reversed(ids), reversed(owners), strict=True):
        owner = owner if own is None else own
        tokens[first_of[owner]].append(token)
    for first, last in zip(tokens, [*list(tokens)[1:], len(spans)], strict=True):
        start, end = starts[first], ends[last - 1]
        yield WordSpan(spans[first].section, start, end, text[start:end]), tokens[first][::-1]


def gives_words(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer's offsets say which words its tokens stand for."""
    found = [span.word for span, ids in words_of(tokenizer, "", PROBE) if ids]
    return "".join(found).replace(" ", "") == PROBE.replace(" ", "") and len(found) > PROBE.count(" ")
