"""Free text without names, numbers and dates: Presidio's recognisers, and rules for what they miss offline.

Presidio (Microsoft, MIT) finds persons with a language model of spaCy, which cannot be had without a download
of its own. So it runs here on an empty pipeline: its patterns find mail addresses, telephone and insurance
numbers, addresses on the net and numeric dates. Rules of Viewbox's own, run by the same engine, add dates
with a month's name, record numbers, ages above 89 (HIPAA 45 CFR 164.514(b)), names after a title or a label,
and pairs of a first and a family name from Faker's lists of 19 countries. Names known from the file's own
tags are looked for first. A name that stands alone in a sentence, in no list and no tag, is not found.
"""

import contextlib
import importlib
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from modeling.errors import StudyError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer

LOCALES = (
    "cs_CZ", "da_DK", "de_DE", "en_GB", "en_IE", "en_IN", "en_US", "es_ES", "es_MX", "fr_FR", "it_IT",
    "nl_NL", "no_NO", "pl_PL", "pt_BR", "sv_SE", "tr_TR", "vi_VN", "zh_TW",
)  # fmt: skip
SHORTEST_NAME = 3
"""Letters of a known name below which it is looked for nowhere: "Li" would be found in "Lives"."""
SHORTEST_NUMBER = 5
"""Digits of a known number below which it is looked for nowhere: 120 is a blood pressure too."""

_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’\-]+"
_FULL_NAME = rf"{_CAPITAL}(?:,? (?:[A-Z]\.? ?)?{_CAPITAL}){{0,2}}"
_MONTH = (
    r"(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|"
    r"[Aa]ug(?:ust)?|[Ss]ept?(?:ember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_RULES: dict[str, tuple[str, ...]] = {
    "PERSON": (
        rf"\b(?:Dr|Drs|Mr|Mrs|Ms|Miss|Prof|Professor|Doctor|Nurse|Sister)\b\.? {_FULL_NAME}",
        rf"\b(?i:patient(?:'s)? name|pt name|name|referr(?:ing|ed by)(?: physician)?|dictated by|signed by|"
        rf"read by|attending|physician|radiologist|surname)(?: ?: ?| is | ){_FULL_NAME}",
        rf"\b{_CAPITAL}(?: {_CAPITAL})?, (?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?)(?=\W|$)",
    ),
    "DATE_TIME": (
        rf"\b{_MONTH}\.? {_DAY}(?:,? ?(?:19|20)\d\d)?\b",
        rf"\b{_DAY}[ \-](?:of )?{_MONTH}\.?(?:[ ,\-]+(?:(?:19|20)\d\d|\d\d))?\b",
        rf"\b{_MONTH}\.?,? (?:19|20)\d\d\b",
        r"\b(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])\b",
        r"(?<![\d.])(?:0?[1-9]|[12]\d|3[01])([./\-])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)\d\d|\d\d)\b(?!\.\d)",
        r"\b(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b",
    ),
    "NUMBER": (
        r"(?i)\b(?:mrn|acc(?:ession)?|medical record|record|case|patient|chart|visit|exam|id|ssn|nhs)"
        r"(?: (?:no|number|num|id))?\b\.?[ :#\-]*(?=[\w\-]*\d{3})[\w\-]{4,}",
        r"\b\d{3}-\d{2}-\d{4}\b",
        r"\b\d[\d \-]{5,}\d\b(?=\W|$)",
        r"\b[A-Z]{1,4}\d{5,}\b",
    ),
    "AGE": (r"\b(?:9\d|1[01]\d)[ \-]*(?:y\.?/?o\.?\b|years?[ \-]old|year[ \-]old|yrs?\b)",),
    "URL": (r"\bhttps?://\S+", r"\bwww\.\S+"),
}
_WORDS = {
    "PERSON": "[name]", "DATE_TIME": "[date]", "NUMBER": "[number]", "AGE": "[over 89 years old]",
    "URL": "[address]", "EMAIL_ADDRESS": "[address]", "PHONE_NUMBER": "[number]", "US_SSN": "[number]",
}  # fmt: skip
_ORDER = ("PERSON", "EMAIL_ADDRESS", "URL", "DATE_TIME", "AGE", "US_SSN", "NUMBER", "PHONE_NUMBER")


@dataclass(frozen=True)
class CleanText:
    """A text with placeholders, and how many of each kind of personal data it held."""

    text: str
    found: Counter[str]


def clean_text(
    text: str, known_names: Iterable[str] = (), move_date: Callable[[str], str] | None = None
) -> CleanText:
    """A text whose names, numbers and dates are replaced by "[name]", "[number]" and "[date]".

    Args:
        text: one section.
        known_names: words that a tag or column of the same case names: found wherever they stand.
        move_date: gives the shifted form of a date as written, or "" where it cannot be read.

    Raises:
        StudyError: the libraries that find names and numbers are not installed.
    """
    spans = list(_known_spans(text, known_names))
    for found in _engine().analyze(text=text, language="en", score_threshold=0.4):
        spans.append((found.start, found.end, found.entity_type))
    counts: Counter[str] = Counter()
    pieces, end = [], 0
    for start, stop, kind in _without_overlaps(spans):
        if _is_blank(text[start:stop]):
            continue
        word = move_date(text[start:stop]) if move_date and kind == "DATE_TIME" else ""
        pieces += [text[end:start], word or _WORDS[kind]]
        counts[kind.lower()] += 1
        end = stop
    return CleanText("".join([*pieces, text[end:]]), counts)


def _known_spans(text: str, names: Iterable[str]) -> Iterable[tuple[int, int, str]]:
    for word in sorted({name.strip() for name in names}):
        if len(word) < (SHORTEST_NUMBER if word.isdecimal() else SHORTEST_NAME):
            continue
        kind = "NUMBER" if any(c.isdigit() for c in word) else "PERSON"
        for found in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
            yield found.start(), found.end(), kind


def _without_overlaps(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Longer spans go before shorter ones, and names before numbers; what is left does not overlap."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda s: (s[0] - s[1], _ORDER.index(s[2]), s[0])):
        if all(span[1] <= other[0] or span[0] >= other[1] for other in kept):
            kept.append(span)
    return sorted(kept)


def _is_blank(text: str) -> bool:
    """Placeholders of sets that were cleaned by their publishers: XXXX (Open-i) and ___ (MIMIC)."""
    return not re.sub(r"X{3,}|_+|[\W]", "", text)


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
            f"Free text cannot be cleaned without '{exc.name}'; run pip install -r requirements-lake.txt."
        ) from exc
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    # Without this, the check of a mail address would fetch a list of domains from the net.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class EmptyPipeline(SpacyNlpEngine):
        """spaCy's tokeniser alone: no model, no download."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

    registry = RecognizerRegistry(supported_languages=["en"])
    for recogniser in (known.EmailRecognizer(), known.PhoneRecognizer(), known.UsSsnRecognizer()):
        registry.add_recognizer(recogniser)
    for recogniser in _own_recognisers():
        registry.add_recognizer(recogniser)
    return AnalyzerEngine(registry=registry, nlp_engine=EmptyPipeline(), supported_languages=["en"])


@contextlib.contextmanager
def _unloaded(*packages: str) -> Iterator[None]:
    """Keep packages that are not loaded yet from being loaded.

    spaCy and Presidio load whole frameworks where they find them: 250 MB and seconds for each process that
    decodes films, of which nothing is used here.
    """
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: importing it fails
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def _own_recognisers() -> "Iterable[PatternRecognizer]":
    from presidio_analyzer import Pattern, PatternRecognizer

    for entity, patterns in _RULES.items():
        yield PatternRecognizer(
            supported_entity=entity,
            name=f"viewbox {entity}",
            patterns=[Pattern(f"{entity} {n}", pattern, 0.8) for n, pattern in enumerate(patterns)],
            global_regex_flags=re.MULTILINE,
        )
    first, last = _names()

    class NamePair(PatternRecognizer):
        """A first and a family name side by side, in either order."""

        def validate_result(self, pattern_text: str) -> bool:
            """True where both words are names."""
            words = re.findall(r"[^\W\d_][\w'’\-]+", pattern_text)
            one, two = ({word, *word.split("-")} for word in (words[0].lower(), words[-1].lower()))
            return bool((one & first and two & last) or (one & last and two & first))

    word = r"[A-ZÀ-ÖØ-Þ][\w'’\-]+"
    pair = rf"\b{word}(?:,? | [A-Z]\.? ){word}\b"
    yield NamePair(
        supported_entity="PERSON",
        name="viewbox name pairs",
        patterns=[Pattern("pair", pair, 0.5)],
        global_regex_flags=re.MULTILINE,
    )


@cache
def _names() -> tuple[frozenset[str], frozenset[str]]:
    """First and family names of `LOCALES`, in lower case; words of a report are not taken for names."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in LOCALES:
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError as exc:
            raise StudyError(
                "Names cannot be found without 'faker'; run pip install -r requirements-lake.txt."
            ) from exc
        for field in dir(provider):
            values = getattr(provider, field)
            if field.startswith(("first_name", "last_name")) and not callable(values):
                words = {str(value).lower() for value in values}
                (first if field.startswith("first") else last).update(words)
    return frozenset(first), frozenset(last)
