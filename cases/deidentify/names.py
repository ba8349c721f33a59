"""Where persons stand in a text: lists of first and family names, and the words that stand beside a name.

The lists are Faker's (MIT); `names.json` says which of its locales, and what else is known of names.
"""

import importlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cases.deidentify.rules import FRAGMENTS, UNSPACED
from modeling.errors import StudyError

Span = tuple[int, int, str]
_LISTS = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))
"""Faker's locales; particles of names; words of reports that are names too ("common", beside Faker's lists);
parts of the body, and those whose names diseases, lines and signs bear ("not persons"); and for languages
without spaces ("unspaced") their locales, the roles before and the titles behind a name, more characters of
given names than the lists hold, and words that look like a family name and a title ("not names")."""
_PARTICLES = frozenset(_LISTS["particles"])
SHORTEST_ALONE = 3
"""Letters of a name that stands alone; shorter ones are found beside another name or a title only."""
_TITLES = r"(?i:dr|mr|mrs|ms|miss|prof|professor|doctor|nurse|herr|frau|señora?)"
_BEFORE_UNCASED = "|".join(_LISTS["roles without capitals"])
_LETTER = rf"[^\W{FRAGMENTS['CJK']}]"
_WORD = re.compile(rf"(?!\d|_){_LETTER}(?:(?:{_LETTER}|['’\-])*{_LETTER})?")
_BEGINS = re.compile(r"(?:^|[.!?:;\n])\s*$")
"""What stands before a word that opens a sentence, whose capital letter says nothing."""


def name_spans(text: str) -> Iterator[Span]:
    """Where persons stand in a text of composed form (NFC): start, end and "PERSON"; spans may overlap.

    Two names side by side, in either order, with an initial or a particle between them ("Maria de la Cruz");
    a name alone with a capital letter; an initial beside a family name; a name after a title in any case;
    Chinese names, which stand without spaces. In small letters a pair counts only where neither word is a
    common one ("long", "young", "may").
    """
    words = list(_WORD.finditer(text))
    for number, word in enumerate(words):
        other = _partner(text, words, number)
        if other is None:
            continue
        opens = bool(_BEGINS.search(text[max(0, word.start() - 3) : word.start()]))
        one, next_one = word[0], other[0]
        if "," in text[word.end() : other.start()]:
            one, next_one, opens = next_one, one, False
        listing = one != word[0] and one.isupper()  # "COPD, AKI"
        if _is_pair(word[0], other[0]) or (not listing and _is_half_known(one, next_one, opens)):
            yield word.start(), other.end(), "PERSON"
    yield from _alone(words)
    yield from _beside_marks(text)
    if re.search(UNSPACED, text):
        for language in _LISTS["unspaced"]:
            yield from _unspaced(text, language)


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
    names = _names()
    if any(not word[0].isupper() and word.lower() in names.common for word in (one, other)):
        return False
    if one.isupper() and {one.lower(), other.lower()} <= names.kept:  # "EARLY SIDE"
        return False
    parts = [[_forms(part) for part in word.split("-")] for word in (one, other)]
    if not all(forms & names.either for word in parts for forms in word):
        return False
    ones, others = (set().union(*word) for word in parts)
    # In scripts without capitals a father's first name often stands for the family's.
    chain = one.lower() == one.upper() and ones & names.first and others & names.first
    return bool(
        (ones & names.first and others & names.last) or (ones & names.last and others & names.first) or chain
    )


def _is_half_known(one: str, other: str, opens: bool) -> bool:
    """A first name of the lists before a word of no list ("Priya Raghunathan"), or such a word before a
    family name ("Kshitij Sharma", where no sentence opens with it); both with a capital letter. In Arabic, a
    first name before a word with the article that begins families."""
    names = _names()
    if other.startswith("ال") and len(other) > 4:
        return folded(one) in names.first
    shortest = SHORTEST_ALONE + one.isupper()
    if min(len(one), len(other)) < shortest or {one.lower(), other.lower()} & names.kept:
        return False
    if not (one[0].isupper() and other[0].isupper()) or one.isupper() != other.isupper():
        return False
    return bool(_forms(one) & names.first) or bool(_forms(other) & names.last and not opens)


def _beside_marks(text: str) -> Iterator[Span]:
    """A name after a title in any case ("dr. abernathy"), and J. Smith, J.R. Smith and Smith, J."""
    names, capital, initial = _names(), FRAGMENTS["CAPITAL"], FRAGMENTS["INITIAL"]
    for pattern, known in (
        (rf"\b{_TITLES}\b\.? ([^\W\d_][\w'’\-]+)", names.either),
        (rf"\b(?:{initial}\. ?){{1,2}}({capital})", names.last),
        (rf"(?:^|[.:;]\s|\b(?:by|to|with|from) )(?:{initial}\. ?){{1,2}}({capital})", None),
        (rf"\b({capital}),? {initial}\.(?: ?{initial}\.)?", None),
        (rf"{FRAGMENTS['LEFT']}(?:{_BEFORE_UNCASED}) ?([^\W\d_]+)", names.either),
    ):
        for found in re.finditer(pattern, text):
            name = folded(found[1])
            if name in (known or names.last):
                is_name = not {name, found[1].lower()} & names.common
            else:  # behind or before an initial, a word with a capital letter that is in no list
                is_name = known is None and not found[1].isupper() and name not in names.kept
            if is_name:
                yield found.start(), found.end(), "PERSON"


def _alone(words: list[re.Match[str]]) -> Iterator[Span]:
    """A word with a capital letter that is a name and no common word, part of the body or eponym."""
    names = _names()
    for word in words:
        if not word[0][0].isupper():
            continue
        name = re.sub(r"['’]s$", "", word[0])
        # In capitals, three letters are an abbreviation (COP, AKI) more often than a name.
        if len(name) < SHORTEST_ALONE + name.isupper() or {folded(name), word[0].lower()} & names.kept:
            continue
        if _forms(name) & names.either:
            yield word.start(), word.end(), "PERSON"


def _unspaced(text: str, language: str) -> Iterator[Span]:
    """Names of a language whose words no space parts: with a given name of the lists, before a title, behind
    a role ("病患王小明"), and a family name and two characters of given names where a sentence opens or
    behind a word like "with"."""
    known = _unspaced_names(language)
    for word in re.finditer(UNSPACED + "+", text):
        for at in range(word.start(), word.end()):
            if known.not_names.match(text, at):
                continue
            for family in known.families_at(text, at):
                if given := known.full.match(text, family):
                    yield at, given.end(), "PERSON"
                if title := known.titles.match(text, family):
                    yield at, title.end(), "PERSON"
    for role in known.roles.finditer(text):
        sure = bool(role["mark"] or role["naming"])
        if end := _behind_role(text, role.end(), known, sure):
            yield role.end(), end, "PERSON"
        elif role["naming"] and (name := re.compile(UNSPACED + "{2,4}").match(text, role.end())):
            yield role.end(), name.end(), "PERSON"
    for opening in known.openings.finditer(text):
        at = opening.end()
        for family in known.families_at(text, at):
            if not known.not_names.match(text, at) and known.two.match(text, family):
                yield at, family + 2, "PERSON"


def _behind_role(text: str, at: int, known: "_Unspaced", sure: bool) -> int | None:
    """The end of the name that stands here, or None; where a colon or "name" says so, of a short word too."""
    for family in known.families_at(text, at):
        if known.not_names.match(text, at):
            continue
        rest = re.compile(rf"[ 　・·]?({UNSPACED}*)").match(text, family)
        assert rest is not None, "it may be empty"
        given = len(known.given.match(rest[1])[0])  # type: ignore[index]  # it may be empty too
        if 1 <= len(rest[1]) <= known.longest and (sure or given):
            return rest.end()
        if given >= 2 or (given and sure):
            return rest.start(1) + given
    return None


@dataclass(frozen=True)
class _Unspaced:
    """What is known of a language's names: `given` takes as many characters of given names as stand there."""

    families: frozenset[str]
    full: re.Pattern[str]
    given: re.Pattern[str]
    two: re.Pattern[str]
    titles: re.Pattern[str]
    roles: re.Pattern[str]
    openings: re.Pattern[str]
    not_names: re.Pattern[str]
    longest: int

    def families_at(self, text: str, at: int) -> Iterator[int]:
        """Where the family names end that stand here, the longest first."""
        return (at + size for size in (4, 3, 2, 1) if text[at : at + size] in self.families)


@cache
def _unspaced_names(language: str) -> _Unspaced:
    about = _LISTS["unspaced"][language]
    families, given = (
        frozenset(
            name
            for locale in about["locales"]
            for name in _listed("person", locale, beginning)
            if re.fullmatch(UNSPACED + "+", name)
        )
        for beginning in ("last_", "first_")
    )
    families = (families | set(about["more families"])) - set(about["no families"])
    longest = about["longest given"]
    characters = "".join(sorted({c for name in given for c in name} | set(about["more given"])))
    whole = "|".join(sorted((name for name in given if len(name) > 1), key=len, reverse=True))
    roles, naming, titles, not_names, openings = (
        "|".join(sorted(about[kind], key=len, reverse=True)) or "(?!)"
        for kind in ("roles", "naming", "titles", "not names", "openings")
    )
    return _Unspaced(
        families,
        re.compile(rf"[ 　・·]?(?:{whole})"),
        re.compile(rf"[{characters}]{{0,{longest}}}"),
        re.compile(rf"[{characters}]{{2}}"),
        re.compile(rf"[ 　]?{UNSPACED}{{0,{longest}}}?[ 　]?(?:{titles})"),
        re.compile(rf"(?:(?P<naming>{naming})|{roles})[ 　]*(?P<mark>[:：])?[ 　]*(?=\w)"),
        re.compile(rf"(?:^|[\s，。；、：,;:（(「]|{openings})(?=\S)"),
        re.compile(rf"(?:{not_names})"),
        longest,
    )


def folded(word: str) -> str:
    """A name without case and accents: "Müller" and "MULLER" are one."""
    plain = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("ß", "ss").replace("ø", "o")


def _forms(word: str) -> set[str]:
    """A name folded; in Cyrillic letters also without the ending of its case ("Сергеем Петровым")."""
    name = folded(word)
    ending = re.search(r"(?:[аеиоуыюя]|[еоы]и|[еиоы]м|[ое]ю)$", name) if re.search("[а-я]", name) else None
    if ending is None or len(name) < 5:
        return {name}
    stem = name[: ending.start()]
    return {name, *(stem + nominative for nominative in ("", "а", "я", "и", "ь", "ия"))}


class _Names(NamedTuple):
    """First and family names, folded; words that in small letters are no names, and those that never are."""

    first: frozenset[str]
    last: frozenset[str]
    either: frozenset[str]
    common: frozenset[str]
    kept: frozenset[str]


@cache
def _names() -> _Names:
    locales = _LISTS["locales"]
    first, last = (
        frozenset(folded(name) for locale in locales for name in _listed("person", locale, beginning))
        for beginning in ("first_", "last_")
    )
    lorem = {word.lower() for locale in ("en_US", "de_DE") for word in _listed("lorem", locale, "word_list")}
    common = frozenset(lorem.union(_LISTS["common"]))
    return _Names(first, last, first | last, common, common.union(_LISTS["not persons"]))


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
        if name.startswith(beginning) and isinstance(values, Collection):
            yield from (value for value in values if isinstance(value, str))
