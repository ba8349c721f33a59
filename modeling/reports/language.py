"""Doubts about a report's labels: nothing in it, nothing decided, or another language."""

import re

from modeling.reports.report import VOCABULARY
from modeling.reports.words import WORD, lower
from modeling.sentence import Sentence

_WORD = re.compile(WORD)
ENGLISH = frozenset(VOCABULARY["english"])
FEW_ENGLISH = 0.12
"""Where fewer words than this share are among `ENGLISH`, the report is taken for another language."""

OTHER_LANGUAGES = frozenset(VOCABULARY["other_languages"])
SHORTEST = 60
"""Characters: a shorter report has too few words to be told by."""

LAST_LATIN = "\u024f"
LOOKED_AT = 20_000
"""Characters from the start by which the language is told."""

EMPTY = Sentence("The report says nothing that can be read, so no label is mined from it.")
SILENT = Sentence("Nothing here says normal or abnormal; read the report yourself.")
FOREIGN = Sentence(
    "The report does not look like English, which the rules are written for: check each label."
)
MIXED = Sentence(
    "The report mixes English with another language, of which the rules know few words: check each label."
)


def doubts(text: str, silent: bool) -> tuple[str, ...]:
    """Reasons not to trust the labels of a text, `silent` where nothing in it says normal or abnormal."""
    words = [word for word in _WORD.findall(lower(text[:LOOKED_AT])) if word.strip("x0123456789")]
    plain = text.isascii() and bool(words)
    letters = [] if plain else [c for c in text[:LOOKED_AT] if c.isalpha() and c not in "Xx"]
    if not words and not letters:
        return (EMPTY,)
    language = _language(text, words, letters)
    return (*language, SILENT) if silent and not language else language


def _language(text: str, words: list[str], letters: list[str]) -> tuple[str, ...]:
    english = sum(word in ENGLISH for word in words)
    few = len(text) >= SHORTEST and english < FEW_ENGLISH * max(len(words), len(text) / 40)
    scripts = 0 if text.isascii() else sum(c > LAST_LATIN for c in letters)
    if few or scripts * 2 > len(letters):
        return (FOREIGN,)
    return (MIXED,) if scripts or not OTHER_LANGUAGES.isdisjoint(words) else ()
