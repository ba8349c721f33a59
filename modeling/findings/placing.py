"""A finding that no label names, placed by its words: which known findings they are like.

By the classifier of findings that ships, which knows meanings and everyday words, together with letters
(TF-IDF of pieces of words over names and synonyms in English and Traditional Chinese); by letters alone where
there is no classifier, and for Chinese. `encode` takes a sentence encoder instead.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modeling.errors import ViewboxError
from modeling.findings.knowledge import Finding, coded, knowledge

if TYPE_CHECKING:
    from modeling.findings.reader import FindingReader
    from modeling.reports.mining import ReportLabels

logger = logging.getLogger(__name__)

LONGEST = 300
"""Characters of one finding; a report has more, and is mined."""
LONGEST_FINDING = 60
"""Characters of what is taken for a finding where reports are written too."""
SHOWN = 5
LEAST_LETTERS, LEAST_COSINE = 0.4, 0.55
"""Likeness below which words are like no finding: by letters, and by the cosine of MiniLM. Set on some 40
phrases, half of them about anything else; by letters "the printer is broken" still passes for a fracture."""
LEAST_SHOWN, LEAST_CERTAIN = 0.4, 0.68
"""By the classifier: the least likeness that is shown, and the least mean of its two cosines with which words
are a finding at all. Set on half of `tests/data/placed_words.jsonl`, measured on the other half."""
DENIES = re.compile(r"(?i)^\s*(?:no|not|without|absence of|negative for)\b|^\s*(?:無|沒有|未見|沒)")
Encode = Callable[[Sequence[str]], np.ndarray]
"""N texts -> (N, D), each of length 1."""


@dataclass(frozen=True)
class Placement:
    """A known finding that words are like, and how much (0 to 1)."""

    finding: Finding
    likeness: float


def placed(
    words: str,
    encode: Encode | None = None,
    number: int = SHOWN,
    *,
    reader: "FindingReader | None" = None,
) -> list[Placement]:
    """The known findings that words are most like, the nearest first, by `encode` or else `reader`.

    Raises ViewboxError: no words or too many, a denial, or like no finding at all.
    """
    asked = " ".join(words.split())
    if not re.search(r"\w", asked):
        raise ViewboxError("Write a finding in a few words, such as 'air under the diaphragm'.")
    if len(asked) > LONGEST:
        too_long = "Write a finding in at most {most} characters, not {length}; a whole report is mined."
        raise ViewboxError(too_long, most=LONGEST, length=len(asked))
    if DENIES.search(asked):
        raise ViewboxError("'{words}' denies something; write the finding alone.", words=asked)
    if not re.search("[a-zA-Z]", asked):  # no encoder here knows Chinese: all of it is one to them
        likeness, least = _by_letters(asked), LEAST_LETTERS
    elif encode is not None:
        likeness, least = _by(encode, asked)
    elif reader is not None:
        likeness, least = _by_reader(reader, asked), LEAST_SHOWN
    else:
        likeness, least = _by_letters(asked), LEAST_LETTERS
    found = [Placement(f, float(v)) for f, v in zip(knowledge().findings.values(), likeness, strict=True)]
    found.sort(key=lambda one: -one.likeness)
    if found[0].likeness < least:
        unlike = (
            "Nothing known here is like '{words}'; say what a film shows of it, such as 'round mass in a"
            " cavity', in English or Traditional Chinese."
        )
        raise ViewboxError(unlike, words=asked if len(asked) <= 60 else f"{asked[:60]}…")
    return [one for one in found[:number] if one.likeness >= least]


def placed_each(
    words: Sequence[str], encode: Encode | None = None, reader: "FindingReader | None" = None
) -> dict[str, list[Placement] | ViewboxError]:
    """Several findings, each as `placed`, or why it is refused: none takes the others' answers.

    Raises ViewboxError: one is written twice, or all are refused.
    """
    plain = [" ".join(one.casefold().split()) for one in words]
    twice = next((one for n, one in enumerate(words) if plain[n] in plain[:n]), None)
    if twice is not None:
        double = "'{words}' stands there twice; write two different findings."
        raise ViewboxError(double, words=twice[:60])
    found = {one: _placed_or_refused(one, encode, reader) for one in words}
    refused = [answer for answer in found.values() if isinstance(answer, ViewboxError)]
    if refused and len(refused) == len(found):
        raise refused[0]
    return found


def _placed_or_refused(
    words: str, encode: Encode | None, reader: "FindingReader | None"
) -> list[Placement] | ViewboxError:
    try:
        return placed(words, encode, reader=reader)
    except ViewboxError as exc:
        return exc


def placed_unless_named(
    text: str, labels: "ReportLabels", reader: "FindingReader | None" = None
) -> list[Placement] | ViewboxError:
    """What a few words are like that name none of the 14 mined findings; nothing for any other text.

    Of so few that they are a finding and no report, also why they are placed nowhere.
    """
    named = any(label.mentions for label in labels.findings.values())
    if named or labels.normal or len(text.strip()) > LONGEST:
        return []
    found = _placed_or_refused(text, None, reader)
    few = len(text.strip()) <= LONGEST_FINDING and not DENIES.search(text)
    return [] if isinstance(found, ViewboxError) and not few else found


def reader_or_none(classifier: Path | None) -> "FindingReader | None":
    """The classifier in a folder; None without one, or where it cannot be opened: letters remain."""
    if classifier is None:
        return None
    from modeling.findings.reader import reader_at

    try:
        return reader_at(classifier)
    except ViewboxError as exc:
        logger.warning("words are placed by their letters: %s", exc)
        return None


def placement_json(found: Sequence[Placement] | ViewboxError) -> list[dict[str, Any]] | dict[str, str]:
    """As JSON, for every door; a refusal as its sentence."""
    if isinstance(found, ViewboxError):
        return {"refused": str(found)}
    return [
        {
            "finding": str(one.finding.name),
            "likeness": round(one.likeness, 3),
            "definition": one.finding.definition,
            **coded(one.finding),
        }
        for one in found
    ]


def _phrases() -> tuple[list[str], np.ndarray]:
    every = [
        (phrase.casefold(), k)
        for k, finding in enumerate(knowledge().findings.values())
        for phrase in (*finding.phrases, finding.name.words["zh-Hant"])
    ]
    return [phrase for phrase, _ in every], np.array([k for _, k in every])


@lru_cache(maxsize=1)
def _letters() -> tuple[Any, Any, np.ndarray]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    phrases, owner = _phrases()
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    return pieces, pieces.fit_transform(phrases), owner


def _by_letters(asked: str) -> np.ndarray:
    pieces, known, owner = _letters()
    alike = (known @ pieces.transform([asked.casefold()]).T).toarray()[:, 0]
    return _best(alike, owner)


def _by_reader(reader: "FindingReader", asked: str) -> np.ndarray:
    """(K,) mean likeness by letters and by meaning; all 0 where the words are no finding."""
    plain, tuned = reader.likeness(asked.casefold())
    if (plain.max() + tuned.max()) / 2 < LEAST_CERTAIN:
        return np.zeros(len(plain))
    return (_by_letters(asked) + plain + tuned) / 3


def _by(encode: Encode, asked: str) -> tuple[np.ndarray, float]:
    phrases, owner = _phrases()
    vectors = encode([*phrases, asked.casefold()])
    return _best(vectors[:-1] @ vectors[-1], owner), LEAST_COSINE


def _best(alike: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """(P,) likeness of phrases -> (K,) the most of each finding."""
    best = np.zeros(owner.max() + 1)
    np.maximum.at(best, owner, alike)
    return best
