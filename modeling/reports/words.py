"""A sentence as the rules see it: words in lower case, and the few signs that mean something in a report.

Signs become words of their own: a field's `:` (also `=`, `|`, a tab and dots), `-` between blanks, `;`, `.`
and `?` (a leading one is the word `query`); `[x]` and `[ ]` for boxes ticked and not; `(+)` and `(-)`. Every
Chinese, Japanese or Korean character is a word. A slip of the pen in a long word is read as the word that was
meant.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

WORD = r"[a-z0-9\u00df-\u024f\u0370-\u052f]+(?:'[a-z]+)?"
CHINESE = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_TOKEN = re.compile(
    r"(?P<ticked>\[ ?[x✓✔v] ?\]|\(x\)|[☒☑✓✔])|(?P<open>\[[ _]?\]|\( ?\)|[☐□])"
    r"|(?P<plus>\((?:\+|yes|positive|present)\)|\+{1,3}(?:ve\b)?)|(?P<minus>\((?:[-−–]|no|none|negative|absent)\)|[-−–]ve\b|(?:(?<=[\w:=]\s)|(?<=[:=]))[-−–](?=\s*(?:[,;.]|$)))"
    rf"|(?P<word>\d+[.,]\d+|{WORD}|{CHINESE})"
    r"|(?P<bar>\||(?<=\s)/(?=\s))|(?P<field>[:：=\t]|\.{3,}(?=\s*[^\s.])|…)|(?P<dash>(?<=\s)[-–—]+(?=\s))|(?P<stop>[;；]+)"
    r"|(?P<end>[.。!！]+)|(?P<query>(?<![^\s(])[?？]+(?=\s*\w))|(?P<asked>[?？]+)"
)
_SIGNS = {
    "ticked": "[x]", "open": "[ ]", "plus": "(+)", "minus": "(-)", "field": ":", "bar": ":", "dash": "-",
    "stop": ";", "end": ".", "query": "query", "asked": "?",
}  # fmt: skip
STOPS = frozenset(".;:?")
"""No gap of a phrase skips these."""
MISSPELT = range(7, 21)
"""Letters of a word that may be a slip: shorter words have too many neighbours ("module", "nodule")."""
LIKENESS = 0.87
"""Share of letters in common, in order, above which a word is taken for the usual one (difflib's ratio)."""


def lower(text: str) -> str:
    """The text in lower case with every character kept in its place (some letters grow when lowered)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


class Spelling:
    """Long words that are often misspelt, and what they are taken for."""

    def __init__(self, usual: Sequence[str] = (), known: Iterable[str] = ()) -> None:
        """Take the right spellings, and words that are no slip though they look like one."""
        self._usual = frozenset((*usual, *known))
        self._by_letter: dict[str, list[str]] = {}
        for word in usual:
            self._by_letter.setdefault(word[0], []).append(word)
        self.meant = lru_cache(maxsize=20_000)(self._meant)

    def _meant(self, word: str) -> str:
        """The usual word that this one is a slip of, else the word itself."""
        if len(word) not in MISSPELT or word in self._usual or not word.isalpha():
            return word
        likely = [w for w in self._by_letter.get(word[0], ()) if abs(len(w) - len(word)) <= 2]
        return next(iter(difflib.get_close_matches(word, likely, n=1, cutoff=LIKENESS)), word)


@dataclass(frozen=True)
class Words:
    """A sentence's words and signs, as the rules see them."""

    text: str  # the sentence in lower case
    words: tuple[str, ...]
    starts: tuple[int, ...]  # where each word stands, [start, end) in the text
    ends: tuple[int, ...]
    joined: str = field(repr=False, default="")  # the words with one blank before, between and after
    places: dict[int, int] = field(repr=False, default_factory=dict)  # a word's blank in `joined` -> the word

    @classmethod
    def of(cls, text: str, spelling: Spelling | None = None) -> "Words":
        """Cut a text into words and signs."""
        lowered = lower(text.replace("\u2019", "'"))
        meant = spelling.meant if spelling else str
        words, starts, ends, places, at = [], [], [], {}, 0
        for found in _TOKEN.finditer(lowered):
            kind = found.lastgroup
            if kind == "bar" and (":" in lowered[: found.start()] or "?" in lowered[: found.start()]):
                kind = "stop"  # between fields that have signs of their own
            elif kind == "bar" and found.group() == "/":
                kind = "dash"
            word = meant(found.group()) if kind == "word" else _SIGNS[kind]
            places[at] = len(words)
            at += len(word) + 1
            words.append(word)
            starts.append(found.start())
            ends.append(found.end())
        return cls(lowered, tuple(words), tuple(starts), tuple(ends), f" {' '.join(words)} ", places)

    def between(self, place: int) -> str:
        """The text between a word and the one before it."""
        return self.text[self.ends[place - 1] if place else 0 : self.starts[place]]


# --- where a report's sentences stand: at full stops, and at lines, bullets and boxes that stand for them


LONGEST_SENTENCE = 1000
"""Characters: what has no full stop for longer is cut at a space, so that no rule reaches across a page."""
NARROWEST = 40
"""Characters: text in lines shorter than that is a list, not prose that was wrapped."""
_SHORTENED = re.compile(
    r"(?:\b(?:vs|dr|lt|rt|prob|poss|approx|incl|bilat|e\.g|i\.e|ca|cf|min|mod)|\.\.)\.$", re.IGNORECASE
)
_BULLET = r"(?:\d{1,2}[.)]|[-*•‣◦·–—>])\s"
_BOX = r"(?:\[[ _xX✓✔]?\]|\([ xX]?\)|[☐☒☑□])"
_ANSWER = (
    r"(?:a(?:nswer)?: *)?(?:no|yes|none|nil|not|absent|present|negative|positive|seen|left|right|bilateral"
    r"|both|small|tiny|trace|minimal|mild|moderate|large|severe)\b"
)
_IT_IS_GONE = r"(?:It|They|This|These)\b[^.;]{0,40}\b(?:resolved|cleared|gone|disappeared|no longer)\b"
_END = re.compile(
    rf"(?<=[.!])\s+(?!{_IT_IS_GONE})|(?<=\w\?)\s+(?!(?i:{_ANSWER}))|(?<=[a-z)])\.(?=[A-Z])|(?<=[。！？])\s*"
    rf"|\n\s*\n|\n(?=\s*(?:{_BULLET}|{_BOX}))|\s(?=\d{{1,2}}(?:\)\s|-\s?[A-Z]))|(?<=[a-z)]\.)(?=\d{{1,2}}\.\s?[A-Z])"
)
_NEXT_BOX = re.compile(rf"\s+(?={_BOX})")
_GOES_ON = re.compile(
    r"(?:,|/|-|\b(?:a|an|the|and|or|nor|no|not|without|with|of|in|on|at|to|for|from|is|are|was|were|has|have|may|be"
    r"|by|as|than|that|which|there|this|right|left|upper|lower|small|mild))$",
    re.IGNORECASE,
)
_ANSWERED = re.compile(r"[:=?)\]☐☒☑✓-]\s*no$", re.IGNORECASE)
_BOXED = re.compile(rf"\s*{_BOX}")
_LETTER = re.compile(r"[^\W\d_]")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence stands: [start, end) in the text, blanks at its ends left out."""
    found = ((end.start(), end.end()) for end in _END.finditer(text))
    stops = [(start, end) for start, end in found if not _SHORTENED.search(text[max(0, start - 8) : start])]
    ends = sorted([*stops, *_line_ends(text)])
    for start, end in _between(ends, 0, len(text)):
        boxes = _NEXT_BOX.finditer(text, start, end) if _BOXED.match(text, start) else ()
        for first, last in _between([(box.start(), box.end()) for box in boxes], start, end):
            for begin, stop in _cut(text, first, last):
                piece = text[begin:stop]
                stripped = piece.strip()
                if stripped and _LETTER.search(stripped):
                    begin += len(piece) - len(piece.lstrip())
                    yield begin, begin + len(stripped)


def _between(ends: list[tuple[int, int]], start: int, last: int) -> Iterator[tuple[int, int]]:
    for stop, following in [*ends, (last, last)]:
        if stop > start:
            yield start, stop
        start = max(start, following)


def _line_ends(text: str) -> Iterator[tuple[int, int]]:
    """The ends of lines that end a sentence too: all but those where prose was wrapped.

    A line was wrapped where it breaks off in mid-sentence ("There is no"), or where the next line's first
    word would not have fitted and does not begin like a sentence.
    """
    lines = text.split("\n")
    width = max(len(line.rstrip()) for line in lines)
    at = 0
    for line, following in pairwise(lines):
        at += len(line) + 1
        if not _wrapped(line.rstrip(), following, width):
            yield at - 1, at


def _wrapped(line: str, following: str, width: int) -> bool:
    if not line or not following or line[-1] in ".:;!?" or _ANSWERED.search(line):
        return False
    if _GOES_ON.search(line):
        return True
    first_word = following.split(maxsplit=1)[0] if following.strip() else ""
    full = width >= NARROWEST and len(line) + 1 + len(first_word) > width
    return full and (first_word[:1].islower() or first_word[:1].isdigit() or line.isupper())


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST_SENTENCE:
        space = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
        middle = space if space > 0 else start + LONGEST_SENTENCE
        yield start, middle
        start = middle
    yield start, end
