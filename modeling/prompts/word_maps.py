"""Where on a film each word of a sentence lies, held to the checks that every map is held to.

A word's map is how like each place of the film is to the word (word-region alignment, GLoRIA, Huang et al.,
ICCV 2021), less its mean over the film: what stands out for this word here. It explains nothing by itself. So
each map is asked what any map is asked: does hiding its places move the answer more than hiding random ones;
is it another one where the model has forgotten its training; and is it another one on another film and for
another word, or would it stand there whatever was asked?
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from modeling.errors import ViewboxError
from modeling.explain.controls import with_random_weights
from modeling.explain.maps import Cancelled
from modeling.model.film import Letterbox, letterboxed, resampled
from modeling.model.shared_space import SharedSpace
from modeling.prompts.chinese import chinese_words
from modeling.sentence import Names, Sentence
from modeling.study import Radiograph
from modeling.trust.metrics import ALIKE, cell_sums, map_agreement, rank_correlation
from modeling.trust.perturbation import PerturbationCurve, perturbation

CELL = 8
"""Side, in pixels, of the places that are hidden: a sixteenth of a film of 128."""
SAME_MAP = 0.9
"""Rank correlation from which two words', or two films', maps are one and the same."""
BLUR = 0.08
"""Deviation, as a share of the film's side, of the blur that hides a place."""

CheckName = Literal["hiding", "showing", "random_weights", "other_film", "other_word"]
CHECKS: tuple[CheckName, ...] = get_args(CheckName)
Level = Literal["passes", "doubtful", "do_not_trust"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, eq=False)
class WordMap:
    """A word and its map.

    Attributes:
        start, end: of the word in its sentence.
        values: (h, w) float32 without padding: cosine of word and place, less its mean over the film.
        strongest: the largest cosine of the word with any place.
    """

    word: str
    start: int
    end: int
    values: np.ndarray
    strongest: float


@dataclass(frozen=True)
class WordMapCheck:
    """One check of a word's map: whether it passed, what was measured, and where random orders lie.

    Of hiding and showing, `value` is how far the map is ahead of random places on average, in log-odds, and
    95 % of random orders lie between `low` and `high` on that scale; else it is how alike two maps are.
    """

    name: CheckName
    passed: bool
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def sentence(self) -> Sentence:
        """What it comes to."""
        return Sentence(_SAID[self.name][0 if self.passed else 1])


_SAID: dict[CheckName, tuple[Sentence, Sentence]] = {
    "hiding": (
        Sentence("Hiding its places moves the answer more than hiding random places."),
        Sentence("Hiding its places moves the answer no more than hiding random places."),
    ),
    "showing": (
        Sentence(
            "Showing its places alone brings the answer back sooner than random places do (does not count)."
        ),
        Sentence(
            "Showing its places alone brings the answer back no sooner than random places do"
            " (does not count)."
        ),
    ),
    "random_weights": (
        Sentence("A model that has forgotten its training gives another map."),
        Sentence("A model that has forgotten its training gives much the same map."),
    ),
    "other_film": (
        Sentence("On another film the word lies elsewhere."),
        Sentence("On another film the word lies in the same places, so the map does not show this film."),
    ),
    "other_word": (
        Sentence("Other words of the sentence have other maps."),
        Sentence("Another word of the sentence has the same map, so it does not answer what was asked."),
    ),
}
_VERDICTS: dict[Level, Sentence] = {
    "passes": Sentence(
        "This word's map passes every check that counts; that does not say that the word is true of the film."
    ),
    "doubtful": Sentence("Doubtful: this word's map fails a check that counts."),
    "do_not_trust": Sentence("Do not trust this word's map: it fails several checks that count."),
}


@dataclass(frozen=True)
class CheckedWord:
    """A word's map with all its checks."""

    map: WordMap
    checks: tuple[WordMapCheck, ...]

    @property
    def level(self) -> Level:
        """How far it deserves to be believed; showing decides nothing, as for every other map."""
        failed = sum(not check.passed for check in self.checks if check.name != "showing")
        return "passes" if not failed else "doubtful" if failed == 1 else "do_not_trust"

    @property
    def sentence(self) -> Sentence:
        """The verdict in one sentence."""
        return _VERDICTS[self.level]

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""
        rows = [
            {
                "check": check.name,
                "passed": check.passed,
                "value": round(check.value, 4) if np.isfinite(check.value) else None,
                "random": None if check.low is None else [round(check.low, 4), round(check.high, 4)],
                "sentence": str(check.sentence),
            }
            for check in self.checks
        ]
        verdict = {"level": self.level, "sentence": str(self.sentence)}
        return {"word": self.map.word, "start": self.map.start, "end": self.map.end} | {
            "verdict": verdict,
            "checks": rows,
        }


def word_maps(space: SharedSpace, film: Radiograph, sentence: str) -> tuple[WordMap, ...]:
    """A map for every word of a sentence that has letters or digits; of Chinese see `chinese_words`."""
    square, box, _ = letterboxed(film, space.image)
    return _maps(space, square, box, sentence)


def _maps(space: SharedSpace, square: np.ndarray, box: Letterbox, sentence: str) -> tuple[WordMap, ...]:
    found = space.regions(torch.from_numpy(square)[None], sentence, box)
    word_at = {place: word for word in chinese_words(sentence) for place in range(*word)}
    words: dict[tuple[int, int], list[np.ndarray]] = {}
    for one in found:  # of a Chinese word all characters together, as of an English one all tokens
        word = word_at.get(one.start, (one.start, one.end))
        if any(sign.isalnum() for sign in one.word):
            words.setdefault((word[0], max(word[1], one.end)), []).append(one.places)
    maps = []
    for (start, end), parts in words.items():
        places = np.mean(parts, axis=0)
        own = np.asarray(places - places.mean(), np.float32)
        maps.append(WordMap(sentence[start:end], start, end, own, float(places.max())))
    return tuple(maps)


def named_word(maps: Sequence[Sequence[WordMap]], word: object) -> tuple[int, int]:
    """Where the first word of that name stands: the position of its sentence, and its start there.

    Args:
        maps: of each sentence.

    Raises ViewboxError: no word is called so.
    """
    wanted = str(word).strip().casefold()
    for number, row in enumerate(maps):
        for one in row:
            if one.word.casefold() == wanted:
                return number, one.start
    words = Names("name", dict.fromkeys(one.word for row in maps for one in row))
    absent = "There is no word '{word}' in these sentences; choose one of theirs: {words}."
    raise ViewboxError(absent, word=wanted[:60], words=words)


def checked_word(
    space: SharedSpace,
    film: Radiograph,
    sentences: Sequence[str],
    number: int,
    start: int,
    other: Radiograph,
    cancelled: Cancelled = None,
) -> CheckedWord:
    """The map of a word with its checks.

    Args:
        sentences: as they were asked; number: position of the one that holds the word, from 0.
        start: of the word in its sentence.
        other: another film.

    Raises ViewboxError: there is no such word. Raises ExplanationCancelled: it was stopped.
    """
    square, box, _ = letterboxed(film, space.image)
    sentence = sentences[number] if 0 <= number < len(sentences) else ""
    maps = _maps(space, square, box, sentence) if sentence else ()
    own = next((one for one in maps if one.start == start), None)
    if own is None:
        raise ViewboxError("There is no such word in these sentences; choose one that is shown.")
    inside = (slice(box.top, box.top + box.height), slice(box.left, box.left + box.width))
    ask = _log_odds(space, sentences, number, square, inside)
    image = square[inside][None]
    fill = gaussian_filter(image, (0, BLUR * max(image.shape), BLUR * max(image.shape)))
    checks = []
    for name, kind in (("hiding", "deletion"), ("showing", "insertion")):
        rng = np.random.default_rng(0)
        how = {"cell": CELL, "batch_size": 32, "cancelled": cancelled}
        checks.append(_against_random(name, perturbation(kind, ask, image, fill, own.values, rng, **how)))
    forgetful = type(space)(with_random_weights(space.model), space.processor)
    control = _same_word(_maps(forgetful, square, box, sentence), start)
    agreement = map_agreement(own.values, control.values, cell=CELL)
    alike = max(agreement.rank_correlation, agreement.absolute_rank_correlation)
    checks.append(WordMapCheck("random_weights", not alike >= ALIKE, alike))
    elsewhere = _same_word(word_maps(space, other, sentence), start).values
    checks.append(_unlike("other_film", own, resampled(elsewhere, own.values.shape)))
    rest = [one.values for one in maps if one.start != start]
    if rest:
        checks.append(max((_unlike("other_word", own, one) for one in rest), key=lambda one: one.value))
    return CheckedWord(own, tuple(checks))


def _same_word(maps: Sequence[WordMap], start: int) -> WordMap:
    return next(one for one in maps if one.start == start)


def _unlike(name: CheckName, own: WordMap, other: np.ndarray) -> WordMapCheck:
    alike = rank_correlation(cell_sums(own.values, CELL), cell_sums(np.asarray(other), CELL))
    return WordMapCheck(name, not alike >= SAME_MAP, alike)


def _against_random(name: CheckName, curve: PerturbationCurve) -> WordMapCheck:
    """Against the mean of random orders: their range is so wide that hardly any map leaves it."""
    ahead = -1 if curve.kind == "deletion" else 1  # hidden first, the smaller area is the better one
    low, high = sorted(ahead * (area - curve.random_area) for area in curve.random_interval)
    gain = ahead * (curve.area - curve.random_area)
    return WordMapCheck(name, gain > 1e-6, gain, low, high)


def _log_odds(
    space: SharedSpace,
    sentences: Sequence[str],
    number: int,
    square: np.ndarray,
    inside: tuple[slice, slice],
) -> Callable[[np.ndarray], np.ndarray]:
    """Films (B, 1, h', w') without padding -> (B,) log-odds of a sentence against the others."""
    texts, scale = space.embed_texts(sentences), float(space.model.scale("film_text"))
    others = [n for n in range(len(sentences)) if n != number]

    def ask(films: np.ndarray) -> np.ndarray:
        squares = np.repeat(square[None], len(films), axis=0)
        squares[:, inside[0], inside[1]] = films[:, 0]
        logits = scale * (space.embed_squares(torch.from_numpy(squares)) @ texts.T)  # B K
        return (logits[:, number] - logits[:, others].logsumexp(dim=1)).numpy()

    return ask
