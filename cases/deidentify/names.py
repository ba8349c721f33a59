"""Persons in free text, found by lists of first and family names (Faker, MIT: 29 locales).

Two names side by side, in either order, with an initial or a particle between them ("Maria de la Cruz"); a
name alone with a capital letter; an initial beside a family name; a name after a title in any case; Chinese
names, which stand without spaces. In small letters a pair counts only where neither word is a common one
("long", "young", "may").
"""

import importlib
import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cases.deidentify.rules import CAPITAL
from modeling.errors import StudyError

_LISTS = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))
"""Faker's locales; particles of names; words of reports that are names too ("common", beside Faker's lists);
parts of the body, and those whose names diseases, lines and signs bear ("not persons")."""
_CHINESE = ("zh_TW", "zh_CN")
_COMMON_LISTS = ("en_US", "de_DE")
_PARTICLES = frozenset(_LISTS["particles"])
_NOT_PERSONS = frozenset(_LISTS["not persons"])
SHORTEST_ALONE = 3
"""Letters of a name that stands alone; shorter ones are found beside another name or a title only."""
_TITLES = r"(?i:dr|mr|mrs|ms|miss|prof|professor|doctor|nurse|herr|frau|señora?)"
_WORD = re.compile(r"[^\W\d_](?:[\w'’\-]*\w)?")
_CJK = r"[\u3400-\u9fff\uf900-\ufaff]"
_WITH_TITLE = re.compile(
    _CJK + r"{0,2}?(?:先生|女士|小姐|太太|夫人|醫師|医师|醫生|医生|教授|主任|護理師|护士|伯伯|阿姨|老師)"
)
Span = tuple[int, int, str]


def name_spans(text: str) -> Iterator[Span]:
    """Where persons stand in a text of composed form (NFC): start, end and "PERSON"; spans may overlap."""
    words = list(_WORD.finditer(text))
    for number, word in enumerate(words):
        other = _partner(text, words, number)
        if other is not None and _is_pair(word[0], other[0]):
            yield word.start(), other.end(), "PERSON"
    yield from _alone(words)
    yield from _beside_marks(text)
    if re.search(_CJK, text):
        yield from _chinese(text)


def _partner(text: str, words: list[re.Match[str]], number: int) -> re.Match[str] | None:
    """The word that would be the other name: the next one, or the one behind an initial or particles."""
    end, particles = words[number].end(), 0
    for word in words[number + 1 : number + 5]:
        gap = text[end : word.start()]
        small = word[0].lower() in _PARTICLES and particles < 3
        if len(word[0]) == 1 or small:
            if gap not in (" ", ", "):
                return None
            particles += 1
            end = word.end() + (text[word.end() : word.end() + 1] == ".")
            continue
        return word if gap in (" ", ", ", ",") else None
    return None


def _is_pair(one: str, other: str) -> bool:
    first, last, common = _names()
    if any(not word[0].isupper() and word.lower() in common for word in (one, other)):
        return False
    ones, others = ({folded(part) for part in word.split("-")} for word in (one, other))
    beside = (ones & first and others & last) or (ones & last and others & first)
    return bool(beside) and ones | others <= first | last


def _beside_marks(text: str) -> Iterator[Span]:
    """A name after a title in any case ("dr. abernathy"), and J. Smith, J.R. Smith and Smith, J."""
    first, last, common = _names()
    for pattern, names in (
        (rf"\b{_TITLES}\b\.? ([^\W\d_][\w'’\-]+)", first | last),
        (rf"\b(?:[A-Z]\. ?){{1,2}}({CAPITAL})", last),
        (rf"\b({CAPITAL}),? [A-Z]\.(?:[A-Z]\.)?", last),
    ):
        for found in re.finditer(pattern, text):
            if folded(found[1]) in names and found[1].lower() not in common:
                yield found.start(), found.end(), "PERSON"


def _alone(words: list[re.Match[str]]) -> Iterator[Span]:
    """A word with a capital letter that is a name and no common word, part of the body or eponym."""
    first, last, common = _names()
    for word in words:
        name = folded(re.sub(r"['’]s$", "", word[0]))
        is_name = len(name) >= SHORTEST_ALONE and (name in first or name in last)
        if is_name and word[0][0].isupper() and not {name, word[0].lower()} & (common | _NOT_PERSONS):
            yield word.start(), word.end(), "PERSON"


def _chinese(text: str) -> Iterator[Span]:
    families, given = _chinese_names()
    for found in re.finditer(_CJK, text):
        start = found.start()
        for size in (2, 1):
            family = text[start : start + size]
            if len(family) < size or family not in families:
                continue
            if text[start + size : start + size + 2] in given:
                yield start, start + size + 2, "PERSON"
            if title := _WITH_TITLE.match(text, start + size):
                yield start, title.end(), "PERSON"


def folded(word: str) -> str:
    """A name without case and accents: "Müller" and "MULLER" are one."""
    plain = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("ß", "ss").replace("ø", "o")


@cache
def _names() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """First and family names, folded, and common words, in small letters."""
    locales = _LISTS["locales"]
    first, last = (
        frozenset(folded(name) for locale in locales for name in _listed("person", locale, beginning))
        for beginning in ("first_", "last_")
    )
    common = {word.lower() for locale in _COMMON_LISTS for word in _listed("lorem", locale, "word_list")}
    return first, last, frozenset(common.union(_LISTS["common"]))


@cache
def _chinese_names() -> tuple[frozenset[str], frozenset[str]]:
    """Family names, and given names of two characters."""
    families, given = (
        frozenset(n for locale in _CHINESE for n in _listed("person", locale, beginning) if form.fullmatch(n))
        for beginning, form in (("last_", re.compile(_CJK + "{1,2}")), ("first_", re.compile(_CJK + "{2}")))
    )
    return families, given


def _listed(provider: str, locale: str, beginning: str) -> Iterator[str]:
    """The words of those lists of a provider of Faker whose names begin so."""
    try:
        found = importlib.import_module(f"faker.providers.{provider}.{locale}").Provider
    except ImportError as exc:
        raise StudyError(
            "Names cannot be found without 'faker'; run pip install 'viewbox[lake]' (in a checkout: pip"
            " install -e '.[lake]')."
        ) from exc
    for name in dir(found):
        values = getattr(found, name)
        if name.startswith(beginning) and not callable(values):
            yield from map(str, values)
