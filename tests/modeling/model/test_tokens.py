"""Words and tokens: byte-level BPE and sentencepiece tokenizers give whole words back, as WordPiece does."""

from itertools import pairwise

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from modeling.model.processing import encode_text
from modeling.model.tokens import PROBE, Marks, gives_words, words_of
from modeling.study import ClinicalText
from tests.doubles.toys import byte_level_tokenizer, sentencepiece_tokenizer, toy_tokenizer

KINDS = {
    "wordpiece": toy_tokenizer,
    "byte-level": byte_level_tokenizer,
    "sentencepiece": sentencepiece_tokenizer,
}
TEXTS = (
    "Fever and dry cough for 3 days.",
    "x-ray 38.5 and/or  two spaces\n\na paragraph (in brackets), the end...",
    "Verdacht auf Pneumonie? 37\u00b0C, \u80ba\u708e, caf\u00e9 \u2603",
    " \u00a0 a space before and behind ",
    "\U0001f9a0 in four bytes",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_words_are_those_of_the_text_and_share_out_all_tokens(kind: str, text: str) -> None:
    tokenizer = KINDS[kind]()
    found = words_of(tokenizer, "findings", text)
    assert all(text[span.start : span.end] == span.word for span, _ in found)
    ends = [(span.start, span.end) for span, _ in found]
    assert all(before[1] <= after[0] for before, after in pairwise(ends))
    assert "".join("".join(span.word.split()) for span, _ in found) == "".join(text.split())
    if kind != "wordpiece":
        whole = tokenizer.encode(text, add_special_tokens=False).ids
        assert [token for _, ids in found for token in ids] == whole, "as its own encoder was taught"


def test_the_words_of_a_sentence_are_the_same_whatever_the_tokenizer() -> None:
    expected = ["Fever", "and", "dry", "cough", "for", "3", "days", "."]
    for make in KINDS.values():
        found = words_of(make(), "findings", TEXTS[0])
        assert [span.word for span, _ in found] == expected and all(ids for _, ids in found)


def test_words_that_share_a_token_are_one_word() -> None:
    """Byte-level BPE that has learnt "..." and ")," as one token each."""
    tokenizer = byte_level_tokenizer(["it ... (so), " * 9])
    found = {span.word for span, _ in words_of(tokenizer, "findings", "it ... (so), it")}
    assert {"...", "),"} <= found and "so" in found


@pytest.mark.parametrize("kind", ["byte-level", "sentencepiece"])
def test_a_text_begins_and_ends_with_the_tokenizer_s_own_marks(kind: str) -> None:
    tokenizer = KINDS[kind]()
    text = ClinicalText({"findings": TEXTS[0], "impression": "Dry cough."})
    encoded = encode_text(text, tokenizer, ("findings", "impression"), 64)
    pieces = [tokenizer.id_to_token(i) for i in encoded.ids]
    assert pieces[0] == "<s>" and pieces.count("</s>") == 2 and pieces[-1] == "</s>"
    marked = [piece for piece, word in zip(pieces, encoded.word_of_token, strict=True) if word < 0]
    assert marked == ["<s>", "</s>", "</s>"] and encoded.words_cut == 0
    short = encode_text(text, tokenizer, ("findings", "impression"), 6)
    assert len(short.ids) <= 6 and len(short.words) + short.words_cut == len(encoded.words)
    assert short.words == encoded.words[: len(short.words)]


def test_small_letters_are_for_the_tokenizer_alone() -> None:
    tokenizer = byte_level_tokenizer()
    text, small = "FEVER at \u0130zmir", words_of(tokenizer, "findings", "fever")
    found = words_of(tokenizer, "findings", text, lowercase=True)
    assert [span.word for span, _ in found] == text.split() and found[0][1] == small[0][1]


def test_marks_go_by_their_names() -> None:
    bert, roberta = Marks.of(toy_tokenizer()), Marks.of(byte_level_tokenizer())
    assert (bert.padding, bert.start) == (0, 2) and (roberta.start, roberta.padding) == (0, 1)
    assert len(roberta.all) == 5 and roberta.lacking("start", "mask") == ""
    bare = Tokenizer(models.BPE())
    assert Marks.of(bare).all == () and Marks.of(bare).lacking("end") == "[SEP]"


def test_a_tokenizer_that_keeps_no_words_apart_gives_none() -> None:
    assert all(gives_words(make()) for make in KINDS.values())
    assert not gives_words(Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))), "one token for all"
    words = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    assert gives_words(words) and len(words_of(words, "", PROBE)) == PROBE.count(" ") + 1
