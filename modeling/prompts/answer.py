"""A film's place between two to five sentences, and how far that place hangs on how they are worded.

Zero-shot classification by prompts as in CLIP (Radford et al., ICML 2021) and BioViL (Boecking et al., ECCV
2022). An answer is a share among the sentences given, and no more: so each one comes with what other wordings
of the same sentences give, and with what the winner's own denial gives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np
from torch import Tensor

from modeling.configuration import only_synthetic
from modeling.errors import StudyError
from modeling.model.shared_space import SharedSpace
from modeling.prompts.sentences import SYNTHETIC_ONLY, checked, denial, other_ways
from modeling.sentence import Sentence
from modeling.study import Radiograph

MOST_WORDINGS = 256
"""Choices of one way for each sentence that are compared at most; of more, a draw."""
STEADY = 0.2
"""By how much the winner's share may move with the wording and still be called steady."""

_STEADY = (
    "Worded in {count} other ways, the same sentence wins in {kept}, with {low} to {high}: wording moves this"
    " answer little."
)
_MOVED = (
    "Worded in {count} other ways, the same sentence wins in {kept}, with {low} to {high}: wording moves this"
    " answer, so read no number from it."
)
_HEARD = "The winner's denial, '{denial}', gets {share} against it, so it is heard."
_UNHEARD = (
    "The winner's denial, '{denial}', gets {share} against it: the model does not hear the denial, or does"
    " not hold this sentence."
)


@dataclass(frozen=True)
class WordingCheck:
    """The same sentences said in other ways.

    Attributes:
        count: choices of one way for each sentence, the reader's own left out; 0 where none is known.
        kept: share of them, 0 to 1, in which the same sentence wins.
        low, high: the least and the largest share of that sentence, its own wording among them.
        furthest: the wording in which its share differs most from the reader's.
        unseen: ways that were left out for words that the text encoder has never seen.
    """

    count: int
    kept: float
    low: float
    high: float
    furthest: tuple[str, ...]
    unseen: int

    @property
    def steady(self) -> bool:
        """Whether the winner stays, and its share too."""
        return self.kept == 1.0 and self.high - self.low <= STEADY

    @property
    def sentence(self) -> Sentence:
        """What it comes to."""
        if not self.count:
            return Sentence("No other wording of these sentences is known here, so wording was not checked.")
        kept, low, high = map(_percent, (self.kept, self.low, self.high))
        wording = _STEADY if self.steady else _MOVED
        return Sentence(wording, count=self.count, kept=kept, low=low, high=high)


@dataclass(frozen=True)
class DenialCheck:
    """The winner against its own denial, of which exactly one is true of a film.

    Attributes:
        denial: in words.
        share: of the denial, 0 to 1, when the film is placed between the two.
        likeness: cosine of the two sentences; near 1 the text encoder hardly tells them apart.
    """

    denial: str
    share: float
    likeness: float

    @property
    def understood(self) -> bool:
        """Whether the winner beats its denial by two to one, as a model must to be said to hold an answer."""
        return self.share <= 1 / 3

    @property
    def sentence(self) -> Sentence:
        """What it comes to."""
        denied = _HEARD if self.understood else _UNHEARD
        return Sentence(denied, denial=self.denial, share=_percent(self.share))


@dataclass(frozen=True)
class PromptAnswer:
    """A film's place between sentences.

    Attributes:
        probabilities: a share for each sentence; they add up to 1 even where none fits.
        similarities: cosine of the film with each.
        warnings: what stands against the answer, the gravest first.
    """

    sentences: tuple[str, ...]
    probabilities: tuple[float, ...]
    similarities: tuple[float, ...]
    wording: WordingCheck
    denial: DenialCheck
    warnings: tuple[Sentence, ...]

    @property
    def winner(self) -> int:
        """Position of the sentence with the largest share, the first of equals."""
        return int(np.argmax(self.probabilities))

    def as_json(self) -> dict[str, Any]:
        """As JSON types, what stands against it first."""
        worded, heard = self.wording, self.denial
        return {
            "not_for_diagnosis": True,
            "warnings": [str(one) for one in self.warnings],
            "sentences": [
                {"sentence": s, "share": round(p, 4), "similarity": round(c, 4)}
                for s, p, c in zip(self.sentences, self.probabilities, self.similarities, strict=True)
            ],
            "winner": self.sentences[self.winner],
            "wording": {
                "sentence": str(worded.sentence),
                "steady": worded.steady,
                "ways": worded.count,
                "same_winner": round(worded.kept, 4),
                "lowest": round(worded.low, 4),
                "highest": round(worded.high, 4),
                "furthest": list(worded.furthest),
                "left_out": worded.unseen,
            },
            "denial": {
                "sentence": str(heard.sentence),
                "denial": heard.denial,
                "share": round(heard.share, 4),
                "understood": heard.understood,
                "likeness": round(heard.likeness, 4),
            },
        }

    def __str__(self) -> str:
        """As lines to read, what stands against it first."""
        ranked = sorted(zip(self.probabilities, self.sentences, strict=True), key=lambda one: -one[0])
        lines = [*map(str, self.warnings), *(f"{_percent(p):>6}  {s}" for p, s in ranked)]
        return "\n".join([*lines, str(self.wording.sentence), str(self.denial.sentence)])


def ask_in_words(
    space: SharedSpace, film: Radiograph | None, sentences: Sequence[str], *, synthetic: bool = False
) -> PromptAnswer:
    """Place a film between two to five sentences, and check the wording.

    Args:
        synthetic: whether the film is a computed one.

    Raises ViewboxError: there is no film; see also `modeling.prompts.sentences.checked`.
    """
    if film is None:
        raise StudyError("There is no film here to ask of; open a case that has one.")
    asked = checked(sentences, space.unknown_words)
    image = space.embed_films([film])[0]
    scale = float(space.model.scale("film_text"))
    ways = [other_ways(one, space.unknown_words) for one in asked]
    said = [(one, *way.said) for one, way in zip(asked, ways, strict=True)]
    texts = list(dict.fromkeys(text for row in said for text in row))
    cosine = dict(zip(texts, (space.embed_texts(texts) @ image).tolist(), strict=True))
    shares = _shares([cosine[one] for one in asked], scale)
    winner = int(np.argmax(shares))
    return PromptAnswer(
        sentences=asked,
        probabilities=tuple(shares.tolist()),
        similarities=tuple(cosine[one] for one in asked),
        wording=_wording_check(said, cosine, scale, winner, sum(way.unseen for way in ways)),
        denial=_denial_check(space, image, asked[winner], scale),
        warnings=_warnings(space, synthetic),
    )


def _warnings(space: SharedSpace, synthetic: bool) -> tuple[Sentence, ...]:
    among = Sentence("Shares are among these sentences alone: they add up to 100 % even where none fits.")
    if synthetic or not only_synthetic(space.model.config.sources):
        return (among,)
    return SYNTHETIC_ONLY, among


def _shares(cosines: Sequence[float] | np.ndarray, scale: float) -> np.ndarray:
    """(..., K) cosines -> (..., K) shares, each row adding up to 1."""
    scaled = scale * np.asarray(cosines, np.float64)
    lifted = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return lifted / lifted.sum(axis=-1, keepdims=True)


def _wording_check(
    said: Sequence[tuple[str, ...]], cosine: dict[str, float], scale: float, winner: int, unseen: int
) -> WordingCheck:
    """`said`: for each sentence its own wording, then the others."""
    total = math.prod(len(row) for row in said)
    if total <= MOST_WORDINGS + 1:
        choices = list(product(*said))
    else:
        rng = np.random.default_rng(0)
        drawn = (tuple(row[rng.integers(len(row))] for row in said) for _ in range(8 * MOST_WORDINGS))
        own = tuple(row[0] for row in said)
        choices = [own, *islice(dict.fromkeys(one for one in drawn if one != own), MOST_WORDINGS)]
    shares = _shares([[cosine[text] for text in choice] for choice in choices], scale)
    others = shares[1:]
    kept = float((others.argmax(axis=1) == winner).mean()) if len(others) else 1.0
    own_share = shares[:, winner]
    furthest = choices[int(np.abs(own_share - own_share[0]).argmax())]
    return WordingCheck(
        len(others), kept, float(own_share.min()), float(own_share.max()), tuple(furthest), unseen
    )


def _denial_check(space: SharedSpace, image: Tensor, sentence: str, scale: float) -> DenialCheck:
    other = denial(sentence)
    rows = space.embed_texts([sentence, other])
    share = float(_shares((rows @ image).tolist(), scale)[1])
    return DenialCheck(other, share, float(rows[0] @ rows[1]))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
