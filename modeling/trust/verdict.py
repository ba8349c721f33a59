"""A verdict on a map: decisive checks decide, and what is passed without effort counts for nothing.

Four questions carry the ten numbers. A map is trustworthy when no decisive check fails; one failure makes it
doubtful; two, an account that does not add up, places that mislead, or a film unlike those learnt from, and
it is not to be trusted. Every reason is data, so that each language can word it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from modeling.results import TrustMeasure
from modeling.sentence import Sentence

Level = Literal["trustworthy", "doubtful", "do_not_trust", "open"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""`open` while decisive checks are missing."""
Question = Literal["adds_up", "follows_model", "matters", "in_place"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
Answer = Literal["yes", "no", "unknown"]
ReasonName = Literal[
    "refused", "not_converged", "empty", "denied", "misleads", "weakly_held", "as_random_places",
    "outside_lungs", "as_random_weights", "same_for_all",
]  # fmt: skip
REASONS: tuple[ReasonName, ...] = get_args(ReasonName)

_HELPERS: Mapping[Question, str] = {
    "adds_up": "completeness map_change",
    "follows_model": "class_discrimination random_weights_rank random_weights_ssim",
    "matters": "support deletion insertion",
    "in_place": "lungs border burned_in",
}
QUESTION_OF: Mapping[str, Question] = {name: q for q, names in _HELPERS.items() for name in names.split()}
"""Trust measure -> the question that it helps to answer."""

INSIDE = 0.5
"""Share of what speaks for the target that must lie in the lungs."""

_FAILS: Mapping[tuple[str, str], ReasonName] = {
    ("completeness", "completeness.not_converged"): "not_converged",
    ("completeness", "completeness.no_change"): "empty",
    ("support", "support.denied"): "denied",
    ("support", "support.weak"): "weakly_held",
    ("deletion", "perturbation.worse"): "misleads",
    ("class_discrimination", "discrimination.same_map"): "same_for_all",
    ("random_weights_rank", "agreement.alike"): "as_random_weights",
}
"""(measure, its meaning) -> why the map fails, beside the share in the lungs and the test by hiding."""

_FATAL = frozenset({"refused", "not_converged", "empty", "denied", "misleads"})


@dataclass(frozen=True)
class Reason:
    """One decisive check that a map failed."""

    name: ReasonName
    measure: str
    value: float | None  # as measured; None where it is no number
    low: float | None = None  # what random places give, for those checks
    high: float | None = None

    @property
    def sentence(self) -> Sentence:
        """Why the map failed."""
        value = 0.0 if self.value is None else self.value
        share = f"{100 * value:.1f} %" if value < 10 else "> 1000 %"
        outside, odds = f"{100 * (1 - value):.0f} %", as_odds(value)
        sentences: Mapping[ReasonName, Sentence] = {
            "refused": Sentence("The film is unlike those that the model learnt from."),
            "not_converged": Sentence("{share} of what moved the answer is left unexplained.", share=share),
            "empty": Sentence("The answer is the same as for the baseline, so there is nothing to explain."),
            "denied": Sentence(
                "The model itself leans the other way ({odds}), so there is little for this map to show.",
                odds=odds,
            ),
            "misleads": Sentence("Hiding random places moves the answer more than hiding this map's places."),
            "weakly_held": Sentence("The model hardly holds this answer itself ({odds}).", odds=odds),
            "as_random_places": Sentence(
                "Hiding its places moves the answer no more than hiding random places."
            ),
            "outside_lungs": Sentence(
                "{outside} of what speaks for the answer lies outside the lungs.", outside=outside
            ),
            "as_random_weights": Sentence("A model that has forgotten its training gives much the same map."),
            "same_for_all": Sentence(
                "Another class gives the same map, so it does not answer what was asked."
            ),
        }
        return sentences[self.name]


def as_odds(log_odds: float) -> str:
    """As one says it: 2.7 : 1."""
    odds = math.exp(min(abs(log_odds), 9.0))
    told = f"{odds:.1f}" if odds < 10 else f"{odds:.0f}"
    return f"{told} : 1" if log_odds >= 0 else f"1 : {told}"


@dataclass(frozen=True)
class Verdict:
    """What the checks of one map come to: how far it deserves to be believed, and why."""

    level: Level
    reasons: tuple[Reason, ...] = ()  # the checks that it failed, the gravest first
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    odds: float = 0.0  # log-odds that the model itself gives the answer

    @property
    def sentence(self) -> Sentence:
        """How far the map deserves to be believed; its reasons follow."""
        sentences: Mapping[Level, Sentence] = {
            "trustworthy": Sentence("Trustworthy: this map passes every decisive check."),
            "doubtful": Sentence("Doubtful:"),
            "do_not_trust": Sentence("Do not trust this map:"),
            "open": Sentence("Not judged yet: decisive checks are missing."),
        }
        return sentences[self.level]

    @property
    def score(self) -> float:
        """Orders maps: by checks failed, a fatal one counts twice, then by how firmly the answer is held."""
        failed = sum(2 if reason.name in _FATAL else 1 for reason in self.reasons)
        return 1 / (1 + math.exp(-self.odds)) - failed


def verdict_of(
    measures: Sequence[TrustMeasure], *, is_map: bool = True, is_account: bool = True, refused: bool = False
) -> Verdict:
    """The verdict on a map from the trust measures that there are so far.

    Without `is_map`, an account of table and words alone, it is asked only to add up; without `is_account`,
    another method's map, it is not asked that. No map of a `refused` film is to be trusted.
    """
    found = {m.name: m for m in measures if is_account or QUESTION_OF[m.name] != "adds_up"}
    reasons = [reason for measure in found.values() if (reason := _failed(measure)) is not None]
    reasons.sort(key=lambda reason: REASONS.index(reason.name))
    failed = {QUESTION_OF[reason.measure] for reason in reasons}
    reasons = [Reason("refused", "familiarity", None), *reasons] if refused else reasons
    answers = {q: "no" if q in failed else _passed(q, found) for q in QUESTIONS}
    needed = {"support", "deletion", "lungs", "random_weights_rank"} if is_map else {"completeness"}
    if any(reason.name in _FATAL for reason in reasons) or len(reasons) > 1:
        level: Level = "do_not_trust"
    elif not needed <= set(found):
        level = "open"
    else:
        level = "doubtful" if reasons else "trustworthy"
    support = found.get("support")
    return Verdict(level, tuple(reasons), answers, 0.0 if support is None else support.value or 0.0)


def _failed(measure: TrustMeasure) -> Reason | None:
    name = _FAILS.get((measure.name, measure.meaning))
    if measure.name == "lungs" and measure.value is not None and measure.value < INSIDE:
        name = "outside_lungs"
    if measure.name == "deletion" and name is None and not _beats_chance(measure):
        name = "as_random_places"
    return None if name is None else Reason(name, measure.name, measure.value, measure.low, measure.high)


def _beats_chance(deletion: TrustMeasure) -> bool:
    """Whether hiding the map's places moves the answer more than random places do on average.

    Five random orders differ so much that hardly any map leaves their 95 % range (13 of 86 films): that bar
    said nothing of hits, the mean does.
    """
    if deletion.value is None or deletion.low is None or deletion.high is None:
        return True  # not measured: nothing failed
    return deletion.value < (deletion.low + deletion.high) / 2


_DECIDES: Mapping[Question, tuple[str, ...]] = {
    "adds_up": ("completeness",),
    "follows_model": ("random_weights_rank",),
    "matters": ("support", "deletion"),
    "in_place": ("lungs",),
}


def _passed(question: Question, found: Mapping[str, TrustMeasure]) -> Answer:
    measured = all(name in found and found[name].value is not None for name in _DECIDES[question])
    return "yes" if measured else "unknown"
