"""Free text without names, numbers, dates and places: Presidio's recognisers, and rules for what they miss.

Presidio (Microsoft, MIT) finds persons with a language model of spaCy, which cannot be had without a download
of its own. So it runs here on an empty pipeline: its patterns find mail addresses, telephone and insurance
numbers and numeric dates. Rules of Viewbox's own (`rules.toml`), run by the same engine, add dates in
words, record numbers, ages above 89, addresses, and names after a title or a label; lists of first and family
names (Faker, MIT: 29 locales) add persons. Names known from the file's own tags are looked for first, in any
case, with and without accents. A name that stands alone in a sentence, in no list and no tag, is not found.
"""

import contextlib
import importlib
import json
import logging
import re
import sys
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from modeling.errors import StudyError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer

Span = tuple[int, int, str]
_DATA = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
_FRAGMENTS: dict[str, str] = {}


def _whole(pattern: str) -> str:
    return re.sub("<([A-Z_]+)>", lambda name: _FRAGMENTS[name[1]], pattern)


for _name, _pattern in _DATA["fragments"].items():
    _FRAGMENTS[_name] = _whole(_pattern)
LEFT, RIGHT = _FRAGMENTS["LEFT"], _FRAGMENTS["RIGHT"]
"""The edges of a word, where Chinese characters, which stand without spaces, count as its outside."""
RULES = {kind: tuple(map(_whole, patterns)) for kind, patterns in _DATA["rules"].items()}
"""Kind -> patterns; a rule names what it finds by its kind."""
_LISTS = json.loads(Path(__file__).with_name("names.json").read_text(encoding="utf-8"))
"""Faker's locales; particles of names; words of reports that are names too ("common", beside Faker's lists);
parts of the body, and those whose names diseases, lines and signs bear ("not persons")."""
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
SHORTEST_NAME = 3
"""Letters of a known name below which it counts only as written or in capitals: "Li" is not in "lives"."""
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
"""A name as a keyboard without its letters writes it: "Müller" as "mueller"."""
SHORTEST_NUMBER = 5
"""Digits of a known number below which it is looked for nowhere: 120 is a blood pressure too."""


@dataclass(frozen=True)
class CleanText:
    """A text with placeholders, and how many of each kind of personal data it held."""

    text: str
    found: Counter[str]


def clean_text(
    text: str, known_names: Iterable[str] = (), move_date: Callable[[str], str] | None = None
) -> CleanText:
    """One section whose names, numbers and dates are replaced by "[name]", "[number]" and "[date]".

    Args:
        known_names: words that a tag or column of the same case names: found wherever they stand.
        move_date: gives the shifted form of a date as written, or "" where it cannot be read.
    """
    text = unicodedata.normalize("NFC", text)
    spans = [*_known_spans(text, known_names), *_name_spans(text)]
    found = _engine().analyze(text=text, language="en", score_threshold=0.4)
    spans += [(one.start, one.end, one.entity_type) for one in found]
    counts: Counter[str] = Counter()
    pieces, end = [], 0
    for start, stop, kind in _united(spans):
        # Placeholders of sets that their publishers cleaned: XXXX (Open-i) and ___ (MIMIC).
        if not re.sub(r"X{3,}|_+|[\W]", "", text[start:stop]):
            continue
        word = move_date(text[start:stop]) if move_date and kind == "DATE_TIME" else ""
        pieces += [text[end:start], word or _DATA["placeholders"][kind]]
        counts[kind.lower()] += 1
        end = stop
    return CleanText("".join([*pieces, text[end:]]), counts)


def _known_spans(text: str, names: Iterable[str]) -> Iterable[Span]:
    """Names and numbers of the same case, whatever their case and accents."""
    plain = "".join(map(_plain, text))
    for word in sorted({name.strip() for name in names}):
        known = _folded(word)
        if len(known) < (SHORTEST_NUMBER if known.isdecimal() else 2):
            continue
        kind = "NUMBER" if any(c.isdigit() for c in known) else "PERSON"
        if re.fullmatch(_CJK + "{2,}", known):  # Chinese stands without spaces
            found = re.finditer(re.escape(known), plain)
        else:
            short = len(known) < SHORTEST_NAME
            transcribed = unicodedata.normalize("NFC", word.lower()).translate(_TRANSCRIBED)
            spellings = (word.title(), word.upper()) if short else {known, _folded(transcribed)}
            pattern = "|".join(map(re.escape, spellings))
            found = re.finditer(rf"{LEFT}(?:{pattern}){RIGHT}", text if short else plain)
        for one in found:
            yield one.start(), one.end(), kind


def _folded(word: str) -> str:
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", word))


def _plain(character: str) -> str:
    """One character without case, accent and stroke; still one."""
    base = unicodedata.normalize("NFD", character.lower())[:1]
    return {"ł": "l", "ø": "o", "đ": "d"}.get(base, base) or character


def _united(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap become one, of the longest one's kind: no end of a name stays behind."""
    united: list[Span] = []
    longest = 0
    order = _DATA["order"]  # of two finds of one length, the earlier kind counts
    for start, stop, kind in sorted(spans, key=lambda s: (s[0], -s[1], order.index(s[2]))):
        if not united or start >= united[-1][1]:
            united.append((start, stop, kind))
            longest = stop - start
            continue
        first, last, known = united[-1]
        if stop - start > longest:
            known, longest = kind, stop - start
        united[-1] = (first, max(last, stop), known)
    return united


@cache
def _engine() -> "AnalyzerEngine":
    try:
        with _unloaded("torch", "transformers", "tensorflow", "stanza"):
            import spacy
            import tldextract
            from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
            from presidio_analyzer import predefined_recognizers as known
            from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as exc:
        raise StudyError(
            "Free text cannot be cleaned without '{package}'; run pip install 'viewbox[lake]' (in a checkout:"
            " pip install -e '.[lake]').",
            package=exc.name,
        ) from exc
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    # Without this, the check of a mail address would fetch a list of domains from the net.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    # spaCy's tokeniser alone: no model, no download.
    pipeline = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    pipeline.nlp = {"en": spacy.blank("en")}
    phone = known.PhoneRecognizer(supported_regions=_DATA["phone_regions"])
    theirs = (known.EmailRecognizer(), phone, known.UsSsnRecognizer())
    registry = RecognizerRegistry(supported_languages=["en"])
    for recogniser in (*theirs, *_own_recognisers()):
        registry.add_recognizer(recogniser)
    return AnalyzerEngine(registry=registry, nlp_engine=pipeline, supported_languages=["en"])


@contextlib.contextmanager
def _unloaded(*packages: str) -> Iterator[None]:
    """Keep packages from being loaded: spaCy and Presidio load whole frameworks, 250 MB for each process."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: importing it fails
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def _own_recognisers() -> "Iterable[PatternRecognizer]":
    from presidio_analyzer import Pattern, PatternRecognizer

    for entity, patterns in RULES.items():
        yield PatternRecognizer(
            supported_entity=entity,
            name=f"viewbox {entity}",
            patterns=[Pattern(f"{entity} {n}", pattern, 0.8) for n, pattern in enumerate(patterns)],
            global_regex_flags=re.MULTILINE,
        )


# --- persons, by lists of names ----------------------------------------------------------------------------


def _name_spans(text: str) -> Iterator[Span]:
    """Where persons stand in a text of composed form (NFC): start, end and "PERSON"; spans may overlap.

    Two names side by side, in either order, with an initial or a particle between them ("Maria de la Cruz");
    a name alone with a capital letter; an initial beside a family name; a name after a title in any case;
    Chinese names, which stand without spaces. In small letters a pair counts only where neither word is a
    common one ("long", "young", "may").
    """
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
    (first, last, common), capital = _names(), _FRAGMENTS["CAPITAL"]
    for pattern, names in (
        (rf"\b{_TITLES}\b\.? ([^\W\d_][\w'’\-]+)", first | last),
        (rf"\b(?:[A-Z]\. ?){{1,2}}({capital})", last),
        (rf"\b({capital}),? [A-Z]\.(?:[A-Z]\.)?", last),
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
    common = {word.lower() for locale in ("en_US", "de_DE") for word in _listed("lorem", locale, "word_list")}
    return first, last, frozenset(common.union(_LISTS["common"]))


@cache
def _chinese_names() -> tuple[frozenset[str], frozenset[str]]:
    """Family names, and given names of two characters."""
    families, given = (
        frozenset(
            n
            for locale in ("zh_TW", "zh_CN")
            for n in _listed("person", locale, beginning)
            if form.fullmatch(n)
        )
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
