"""A phantom's indication taken apart into its phrases, so that any language can word it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from modeling.sentence import Sentence

STATED, STATED_WITH_EXTENT, TRANSFER = "{ct} {found}", "{ct} {found}, {extent}", "transfer from {hospital}"
SEXES = ("female", "male", "woman", "man")
_ENDED = re.compile(r"(?<=[.?]) (?=[A-Z?\d])")


@cache
def _words() -> dict[str, list[str]]:
    """Kind of phrase -> the phrases."""
    raw = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return raw["indication"] | {kind: [*chain(*raw[kind].values())] for kind in ("stated", "extent")}


def phrases() -> Iterator[str]:
    """Every template of `read_indication`."""
    yield from chain(*_words().values(), SEXES, (STATED, STATED_WITH_EXTENT, TRANSFER))


def read_indication(text: str) -> tuple[Sentence, ...]:
    """The phrases of a phantom's indication in their order; empty for any text that is none."""
    found = [_phrase(part.removesuffix(".")) for part in _ENDED.split(text.strip())]
    return tuple(filter(None, found)) if all(found) else ()


def _phrase(part: str) -> Sentence | None:
    for pattern, template in _forms():
        if match := pattern.fullmatch(part):
            return Sentence(
                template, **{name: Sentence(_listed(of)) for name, of in match.groupdict().items()}
            )
    return None


@cache
def _forms() -> list[tuple[re.Pattern[str], str]]:
    """What a sentence can be, and its template."""
    words = _words()
    blanks = {"ct": words["ct"], "found": words["stated"], "extent": words["extent"], "sex": SEXES}
    inside = {name: "|".join(map(re.escape, of)) for name, of in blanks.items()}
    inside |= {"age": r"\d+", "hospital": r"[\w ]+"}
    plain = (words[kind] for kind in ("reason", "query", "history", "who"))
    return [
        (
            re.compile(
                re.sub(
                    r"\\\{(\w+)\\\}", lambda blank: f"(?P<{blank[1]}>{inside[blank[1]]})", re.escape(form)
                ),
                re.IGNORECASE,
            ),
            form,
        )
        for form in chain(*plain, (STATED_WITH_EXTENT, STATED, TRANSFER))
    ]


def _listed(value: str) -> str:
    """A phrase as it is listed: it may have got a capital at the start of its sentence."""
    return next((phrase for phrase in phrases() if phrase.lower() == value.lower()), value)
