"""Free text without names, numbers, dates and places: Presidio's recognisers, and rules for what they miss.

Presidio (Microsoft, MIT) finds persons with a language model of spaCy, which cannot be had without a download
of its own. So it runs here on an empty pipeline: its patterns find mail addresses, telephone and insurance
numbers and numeric dates. Rules of Viewbox's own (`rules.toml`), run by the same engine, add dates in
words, record numbers, ages above 89, addresses, and names after a title or a label; `names.py` adds persons.
Names known from the file's own tags are looked for first, in any case, with and without accents. What is
found of what, and what is not, is measured in docs/deidentification.md.
"""

import contextlib
import logging
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cases.deidentify.names import Span, name_spans
from cases.deidentify.rules import LEFT, ORDER, PHONE_REGIONS, PLACEHOLDERS, RIGHT, RULES, UNSPACED
from modeling.errors import StudyError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer

SHORTEST_NAME = 3
"""Letters of a known name below which it counts only as written or in capitals: "Li" is not in "lives"."""
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
"""A name as a keyboard without its letters writes it: "Müller" as "mueller"."""
SHORTEST_NUMBER = 5
"""Digits of a known number below which it is looked for nowhere: 120 is a blood pressure too."""
_PLAIN_WIDTH = {0x3000: " ", 0x2010: "-", 0x2011: "-", 0x2013: "-"}
_PLAIN_WIDTH |= {0xFF01 + n: chr(0x21 + n) for n in range(94)}
_PLAIN_WIDTH |= {zero + n: str(n) for zero in (0x0660, 0x06F0) for n in range(10)}
"""Full-width letters, digits and signs, and Arabic digits, as the rules know them: one for one."""


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
    plain = text.translate(_PLAIN_WIDTH)
    spans = [*_known_spans(plain, known_names), *name_spans(plain)]
    found = _engine().analyze(text=plain, language="en", score_threshold=0.4)
    spans += [(one.start, one.end, one.entity_type) for one in found]
    counts: Counter[str] = Counter()
    pieces, end = [], 0
    for start, stop, kind in _united(spans):
        # Placeholders of sets that their publishers cleaned: XXXX (Open-i) and ___ (MIMIC).
        if not re.sub(r"X{3,}|_+|[\W]", "", text[start:stop]):
            continue
        word = move_date(plain[start:stop]) if move_date and kind == "DATE_TIME" else ""
        pieces += [text[end:start], word or PLACEHOLDERS[kind]]
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
        if re.fullmatch(UNSPACED + "{2,}", known):
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
    if re.match(UNSPACED, character):  # a Korean syllable would come apart
        return character
    base = unicodedata.normalize("NFD", character.lower())[:1]
    return {"ł": "l", "ø": "o", "đ": "d"}.get(base, base) or character


def _united(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap become one, of the longest one's kind: no end of a name stays behind."""
    united: list[Span] = []
    longest = 0
    for start, stop, kind in sorted(spans, key=lambda s: (s[0], -s[1], ORDER.index(s[2]))):
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
    phone = known.PhoneRecognizer(supported_regions=PHONE_REGIONS)
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
