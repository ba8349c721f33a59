"""Phrases that expand at random, and keep track of which of their words are evidence."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from cases.phantom.streams import pick

Span = tuple[str, int, int]

_SLOT = re.compile(r"\{(\w+)\}")


def expand(rng: np.random.Generator, template: str, rules: Mapping[str, Sequence[str]]) -> str:
    """Replace every `{slot}` by one of its phrases, again and again until none is left.

    Args:
        template: may mark evidence with `<` and `>`; the marks stay in the result.
        rules: slot -> phrases, that may hold slots themselves.
    """
    while match := _SLOT.search(template):
        phrase = pick(rng, rules[match.group(1)])
        template = template[: match.start()] + phrase + template[match.end() :]
    return template


def lift_marks(section: str, marked: str) -> tuple[str, tuple[Span, ...]]:
    """Take the evidence marks out of a text.

    Args:
        section: of `TEXT_SECTIONS`.
        marked: text with `<evidence>` marks, not nested.

    Returns:
        The plain text, and (section, start, end) of every marked stretch in it.
    """
    plain, spans, start = "", [], 0
    for piece in re.split(r"([<>])", marked):
        if piece == "<":
            start = len(plain)
        elif piece == ">":
            spans.append((section, start, len(plain)))
        else:
            plain += piece
    return plain, tuple(spans)


def sentence(text: str) -> str:
    """With a capital at its start (behind a mark, if there is one)."""
    at = 1 if text.startswith("<") else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]
