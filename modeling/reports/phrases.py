"""The phrase language of the rules, and a matcher for many phrases at once.

A phrase is written as it stands in a report, in lower case, with four signs:

    effusion*                 any ending: effusion, effusions
    heart|cardiac size        either word
    heart ... enlarged        up to three words in between; `...5` up to five
    no change in              words one after the other

Every phrase becomes one bounded regular expression, so that no rule a reader types can run away.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from modeling.errors import ViewboxError

Owner = TypeVar("Owner")
WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
TOKEN = re.compile(r"[a-z0-9']+\*?(?:\|[a-z0-9']+\*?)*")
GAP = re.compile(r"\.\.\.(\d?)")
KEY_LETTERS = 3
LONGEST_GAP = 6
LONGEST_PHRASE = 160


class RuleError(ViewboxError):
    """A rule file cannot be used as written."""


def lower(text: str) -> str:
    """The text in lower case with every character kept in its place (some letters grow when lowered)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _word_pattern(token: str) -> str:
    words = []
    for word in token.split("|"):
        stem = word.removesuffix("*")
        if word.endswith("*") and len(stem) < KEY_LETTERS:
            raise RuleError(f"Write at least {KEY_LETTERS} letters before the * in '{word}'.")
        words.append(re.escape(stem) + ("[a-z0-9]*" if word.endswith("*") else ""))
    return f"(?:{'|'.join(words)})(?![a-z0-9])"


def _gap(token: str) -> int | None:
    """How many words `...` or `...N` may skip; None where the token is no gap."""
    found = GAP.fullmatch(token)
    if found is None:
        return None
    words = int(found.group(1) or 3)
    if not 1 <= words <= LONGEST_GAP:
        raise RuleError(f"Let '{token}' skip 1 to {LONGEST_GAP} words.")
    return words


@dataclass(frozen=True)
class Phrase:
    """One phrase, checked and compiled.

    Attributes:
        text: as the rule file has it.
        keys: the first letters (at most three) of each word that it can start with.
        pattern: matches at the start of that word, in lower-case text.
    """

    text: str
    keys: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "Phrase":
        """Read a phrase.

        Raises:
            RuleError: empty, too long, or it holds a sign that the phrase language does not know.
        """
        tokens = text.split() if isinstance(text, str) else []
        if not tokens or len(text) > LONGEST_PHRASE:
            raise RuleError(f"Write each phrase as 1 to {LONGEST_PHRASE} letters, not '{str(text)[:90]}'.")
        parts, space = [], ""
        for place, token in enumerate(tokens):
            words = _gap(token)
            if words is not None:
                if place in (0, len(tokens) - 1) or tokens[place - 1].startswith("..."):
                    raise RuleError(f"Put a word before and after the '{token}' of '{text}'.")
                space = rf"(?:[^a-z0-9;:.]+[a-z0-9']+){{0,{words}}}?[^a-z0-9;:.]+"
                continue
            if TOKEN.fullmatch(token) is None:
                raise RuleError(
                    f"In '{text}', write '{token}' with lower-case letters, digits, ..., or * and | at"
                    " a word's end."
                )
            parts.append(space + _word_pattern(token))
            space = r"[\s/,-]+"
        keys = {word.removesuffix("*")[:KEY_LETTERS] for word in tokens[0].split("|")}
        return cls(text, tuple(sorted(keys)), re.compile("".join(parts)))


@dataclass(frozen=True)
class Hit(Generic[Owner]):
    """A phrase found: [start, end) in the text, and whose phrase it is."""

    start: int
    end: int
    owner: Owner

    def overlaps(self, other: "Hit") -> bool:
        """Whether two hits share a character."""
        return self.start < other.end and other.start < self.end


class PhraseIndex(Generic[Owner]):
    """Many phrases, each with an owner, found in one pass over a text's words."""

    def __init__(self, phrases: Iterable[tuple[Phrase, Owner]]) -> None:
        """Sort the phrases by the letters that they start with."""
        self._by_key: dict[str, list[tuple[re.Pattern[str], Owner]]] = {}
        for phrase, owner in phrases:
            for key in phrase.keys:
                self._by_key.setdefault(key, []).append((phrase.pattern, owner))

    def find(self, lowered: str) -> Iterator[Hit[Owner]]:
        """Every place where a phrase stands, by start.

        Args:
            lowered: text in lower case (`lower`).
        """
        by_key = self._by_key
        for word in WORD.finditer(lowered):
            start = word.start()
            for pattern, owner in by_key.get(lowered[start : min(start + KEY_LETTERS, word.end())], ()):
                found = pattern.match(lowered, start)
                if found is not None:
                    yield Hit(start, found.end(), owner)


def longest_first(hits: Iterable[Hit[Owner]]) -> list[Hit[Owner]]:
    """The hits that no longer one overlaps: "no change in" stands, the "no" inside it falls.

    Where two owners have the very same words, both stand.
    """
    kept: list[Hit[Owner]] = []
    for hit in sorted(hits, key=lambda h: (h.start - h.end, h.start)):
        rivals = [other for other in kept if hit.overlaps(other)]
        if all((r.start, r.end) == (hit.start, hit.end) and r.owner != hit.owner for r in rivals):
            kept.append(hit)
    return sorted(kept, key=lambda h: h.start)
