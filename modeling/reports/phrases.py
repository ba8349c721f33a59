"""The phrase language of the rules, and a matcher for many phrases at once.

A phrase is written as it stands in a report, in lower case, with four signs:

    effusion*                 any ending: effusion, effusions
    heart|cardiac size        either word
    heart ... enlarged        up to three words in between; `...5` up to five
    no change in              words one after the other

and with the signs of `words` ("effusion : none"). Between its gaps a phrase is plain text: one Aho-Corasick
automaton (pyahocorasick) finds these pieces of all phrases in one pass, and pieces are joined from left to
right, so that nothing is ever tried twice and no rule that a reader types can run away.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Generic, TypeVar

import ahocorasick

from modeling.errors import ViewboxError
from modeling.reports.words import CHINESE, STOPS, WORD, Words

Owner = TypeVar("Owner")
_LETTERS = rf"(?:{WORD}\*?|{CHINESE}+)"
TOKEN = re.compile(rf"{_LETTERS}(?:\|{_LETTERS})*|[-:;.?]|\[x\]|\[\]|\(\+\)|\(-\)")
GAP = re.compile(r"\.\.\.(\d?)")
KEY_LETTERS = 3
LONGEST_GAP = 6
MOST_GAPS = 3
MOST_WORDINGS = 300
"""Ways to word one piece of a phrase: the product of its alternatives."""
LONGEST_PHRASE = 160
MOST_HITS = 100
"""Pieces of phrases found for each word of a sentence: the rules that ship find one or two."""


class RuleError(ViewboxError):
    """A rule file cannot be used as written."""


@dataclass(frozen=True)
class Piece:
    """A part of a phrase without a gap.

    Its `wordings` are as they stand in `Words.joined`; `gap` words may stand between the piece before and it.
    """

    wordings: tuple[str, ...]
    words: int
    gap: int = 0


@dataclass(frozen=True)
class Phrase:
    """One phrase as the rule file has it, checked and cut into its pieces."""

    text: str
    pieces: tuple[Piece, ...]

    @classmethod
    def parse(cls, text: str) -> "Phrase":
        """Read a phrase. Raises RuleError: its length, gaps or alternatives, or a sign without meaning."""
        tokens = text.replace("[ ]", "[]").split() if isinstance(text, str) else []
        if not tokens or len(text) > LONGEST_PHRASE:
            length = "Write each phrase as 1 to {most} letters, not '{text}'."
            raise RuleError(length, most=LONGEST_PHRASE, text=str(text)[:90])
        if sum(GAP.fullmatch(token) is not None for token in tokens) > MOST_GAPS:
            gaps = "Leave at most {most} gaps (...) in a phrase, not as many as '{text}'."
            raise RuleError(gaps, most=MOST_GAPS, text=text[:90])
        pieces: list[Piece] = []
        waiting: list[tuple[str, ...]] = []
        gap = 0
        for place, token in enumerate(tokens):
            skipped = _gap(token)
            if skipped is None:
                waiting.append(_alternatives(token, text))
            elif place in (0, len(tokens) - 1) or GAP.fullmatch(tokens[place - 1]):
                at_an_end = "Put a word before and after the '{token}' of '{text}'."
                raise RuleError(at_an_end, token=token, text=text)
            # What follows a gap, or a word of any ending, is looked for as a piece of its own.
            any_ending = bool(waiting) and any(word.endswith("*") for word in waiting[-1])
            if waiting and (skipped is not None or place == len(tokens) - 1 or any_ending):
                pieces.append(_piece(waiting, gap, text))
                waiting, gap = [], 0
            gap = skipped or gap
        return cls(text, tuple(pieces))


def _gap(token: str) -> int | None:
    """How many words `...` or `...N` may skip; None where the token is no gap."""
    found = GAP.fullmatch(token)
    if found is None:
        return None
    words = int(found.group(1) or 3)
    if not 1 <= words <= LONGEST_GAP:
        raise RuleError("Let '{token}' skip 1 to {most} words.", token=token, most=LONGEST_GAP)
    return words


def _alternatives(token: str, text: str) -> tuple[str, ...]:
    if TOKEN.fullmatch(token) is None:
        raise RuleError(
            "In '{text}', write '{token}' with lower-case letters, digits, ..., or * and | at a word's end.",
            text=text,
            token=token,
        )
    words = [" ".join(word) if re.match(CHINESE, word) else word for word in token.split("|")]
    short = [word for word in words if word.endswith("*") and len(word) <= KEY_LETTERS]
    if short:
        too_short = "Write at least {letters} letters before the * in '{short}'."
        raise RuleError(too_short, letters=KEY_LETTERS, short=short[0])
    if len({word.count(" ") for word in words}) > 1:
        unequal = "In '{text}', write words of one length on both sides of the | in '{token}'."
        raise RuleError(unequal, text=text, token=token)
    return tuple(words)


def _piece(words: list[tuple[str, ...]], gap: int, text: str) -> Piece:
    if prod(map(len, words)) > MOST_WORDINGS:
        too_many = "Write '{text}' as several phrases; it has more than {most} wordings."
        raise RuleError(too_many, text=text[:90], most=MOST_WORDINGS)
    ways = (" ".join(way).replace("[]", "[ ]") for way in product(*words))
    wordings = tuple(f" {way[:-1]}" if way.endswith("*") else f" {way} " for way in ways)
    return Piece(wordings, sum(way[0].count(" ") + 1 for way in words), gap)


@dataclass(slots=True)
class Hit(Generic[Owner]):
    """A phrase found: [start, end) in the text, and whose phrase it is."""

    start: int
    end: int
    owner: Owner

    def overlaps(self, other: "Hit") -> bool:
        """Whether two hits share a character."""
        return self.start < other.end and other.start < self.end


class PhraseIndex(Generic[Owner]):
    """Many phrases, each with an owner, found in one pass over a sentence."""

    def __init__(self, phrases: Iterable[tuple[Phrase, Owner]]) -> None:
        """Build the automaton of all pieces."""
        phrases = list(phrases)
        self._owners = [owner for _, owner in phrases]
        self._last = [len(phrase.pieces) - 1 for phrase, _ in phrases]
        users: dict[str, dict[tuple[int, int], Piece]] = {}
        for number, (phrase, _) in enumerate(phrases):
            for place, piece in enumerate(phrase.pieces):
                for wording in piece.wordings:
                    users.setdefault(wording, {})[number, place] = piece
        self._automaton = ahocorasick.Automaton()
        for wording, pieces in users.items():
            found = tuple((*key, piece.words, piece.gap) for key, piece in pieces.items())
            self._automaton.add_word(wording, (len(wording), found))
        self._automaton.make_automaton()

    def find(self, sentence: Words) -> list[Hit[Owner]]:
        """Where phrases stand (of one from one word on, the shortest). Raises RuleError: too many pieces."""
        if not self._owners:
            return []
        hits: dict[tuple[int, int], Hit[Owner]] = {}
        reached: dict[tuple[int, int, int], int] = {}
        places, starts, ends = sentence.places, sentence.starts, sentence.ends
        left = MOST_HITS * (len(starts) + 10)
        for end, (length, found) in self._automaton.iter(sentence.joined):
            first = places[end - length + 1]
            left -= len(found)
            if left < 0:
                too_much = "These rules find too much in one sentence; remove those that repeat each other."
                raise RuleError(too_much)
            for number, place, words, gap in found:
                start = first if place == 0 else _joined(sentence, reached, (number, place), gap, first)
                if start is None:
                    continue
                last = first + words - 1
                if place < self._last[number]:
                    reached[number, place, last] = start
                elif (number, start) not in hits:
                    hits[number, start] = Hit(starts[start], ends[last], self._owners[number])
        return list(hits.values())


def _joined(
    sentence: Words, reached: dict[tuple[int, int, int], int], piece: tuple[int, int], gap: int, first: int
) -> int | None:
    """The first word of the phrase that a piece goes on with; None where the piece before is not near."""
    number, place = piece
    for before in range(first - 1, max(-1, first - 2 - gap), -1):
        start = reached.get((number, place - 1, before))
        if start is not None:
            return start
        if sentence.words[before] in STOPS:
            return None
    return None


def longest_first(hits: Iterable[Hit[Owner]]) -> list[Hit[Owner]]:
    """The hits that no longer one overlaps ("no change in", not its "no"); of two owners' same words both."""
    kept: list[Hit[Owner]] = []
    spans: set[tuple[int, int]] = set()
    ordered = sorted(hits, key=lambda h: (h.start - h.end, h.start))
    taken = bytearray(max((hit.end for hit in ordered), default=0))
    for hit in ordered:
        span = (hit.start, hit.end)
        if span not in spans and taken.find(1, hit.start, hit.end) >= 0:
            continue
        if span in spans and any((k.start, k.end) == span and k.owner == hit.owner for k in kept):
            continue
        spans.add(span)
        taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
        kept.append(hit)
    return sorted(kept, key=lambda h: h.start)
