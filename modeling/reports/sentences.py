"""Where a report's sentences stand: at full stops, and at lines, bullets and boxes that stand for them."""

import re
from collections.abc import Iterator
from itertools import pairwise

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
