"""Words as a reader counts them: punctuation belongs to the word that it stands by."""

from collections.abc import Sequence
from dataclasses import replace

from modeling.results import WordAttribution


def whole_words(words: Sequence[WordAttribution]) -> list[tuple[WordAttribution, tuple[int, ...]]]:
    """Each word of an attribution with the punctuation beside it, and the positions that it is made of.

    A full stop is no word that a reader could take away; what the model gave it is not hidden, it is added to
    the word before it (after it, where it opens its section), so the sum of all attributions stays the same.
    """
    found: list[tuple[WordAttribution, tuple[int, ...]]] = []
    for place, word in enumerate(words):
        last, places = found[-1] if found else (None, ())
        other = last is None or last.section != word.section
        alone = other or (_spoken(word) and _spoken(last) and not _one_number(last, word))
        if alone:
            found.append((word, (place,)))
        else:
            found[-1] = (_joined(last, word), (*places, place))
    return found


def _spoken(word: WordAttribution) -> bool:
    return any(character.isalnum() for character in word.word)


def _one_number(first: WordAttribution, second: WordAttribution) -> bool:
    """Whether 38. and 5 are one number."""
    near = first.end == second.start and first.word[-1] in ".,"
    return near and first.word[-2:-1].isdecimal() and second.word[:1].isdecimal()


def _joined(first: WordAttribution, second: WordAttribution) -> WordAttribution:
    between = " " if second.start > first.end else ""
    text, amount = first.word + between + second.word, first.attribution + second.attribution
    return replace(first, end=second.end, word=text, attribution=amount)


def sayable(words: Sequence[WordAttribution]) -> list[tuple[WordAttribution, tuple[int, ...]]]:
    """The same without a section that is nothing but punctuation."""
    return [(word, places) for word, places in whole_words(words) if _spoken(word)]
