"""The plan of a phantom study: its films, what is planted where and on which days, and what shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.phantom.streams import between, chance, pick
from modeling.labels import Task
from modeling.study import ViewPosition

OPACITY, CHANGE = "opacity", "interval_change"
"""The tasks of phantom studies: is there an opacity today, and what became of it since the latest prior."""
STATES = ("absent", "present")
CHANGES = ("clear", "unchanged", "new", "cleared")
STUDY_TASKS = (
    Task(OPACITY, "softmax", STATES, ("",) * len(STATES)),
    Task(CHANGE, "softmax", CHANGES, ("",) * len(CHANGES)),
)
KINDS = ("nodule", "consolidation")
HIDDEN = ("behind the heart", "before the spine")
"""Places where heart and spine leave no air on the frontal film: only the lateral shows an opacity there."""
PLACES = ("right lung", "left lung", *HIDDEN)
DEEPER = 0.025
"""Share of the lungs' height by which a breath must be deeper to be reported."""
_WORDS = json.loads(Path(__file__).with_name("study_words.json").read_text(encoding="utf-8"))
LANGUAGES = tuple(_WORDS)
Report = Mapping[str, str]
"""Section -> text."""


@dataclass(frozen=True)
class FilmPlan:
    """One film of a study: the view, how many days before, and how much longer the lungs are than usual."""

    position: ViewPosition
    days_before: int
    breath: float = 1.0

    @property
    def lateral(self) -> bool:
        """Whether it is taken from the side."""
        return self.position is ViewPosition.LATERAL


@dataclass(frozen=True)
class StudyPlan:
    """A study before it is drawn.

    Attributes:
        films: the day's frontal film first, then its lateral, then priors.
        kind, place: of `KINDS` and `PLACES`: what there is to see on the days in `present`.
        present: days before the study, of those with films, on which the opacity is there.
    """

    films: tuple[FilmPlan, ...]
    kind: str
    place: str
    present: frozenset[int]

    @property
    def hidden(self) -> bool:
        """Whether no frontal film shows it."""
        return self.place in HIDDEN

    @property
    def prior(self) -> int | None:
        """Days before the study of its latest prior; None without one."""
        return min((film.days_before for film in self.films if film.days_before), default=None)

    def shows(self, number: int) -> bool:
        """Whether a film would show the opacity, were it there that day."""
        return self.films[number].lateral or not self.hidden

    @property
    def reference(self) -> dict[str, str]:
        """Task -> what is true; a change only where there is a prior."""
        labels = {OPACITY: STATES[0 in self.present]}
        if self.prior is not None:
            labels[CHANGE] = _change(0 in self.present, self.prior in self.present)
        return labels

    @property
    def evidence(self) -> dict[str, tuple[int, ...]]:
        """Task -> numbers of the films from which its answer can be read; none where no film shows it."""
        today = tuple(n for n, film in enumerate(self.films) if film.days_before == 0 and self.shows(n))
        prior = tuple(
            n for n, film in enumerate(self.films) if film.days_before == self.prior and self.shows(n)
        )
        held = {OPACITY: today}
        if self.prior is not None:
            held[CHANGE] = (*today, *prior) if today and prior else ()
        return held


def _change(today: bool, before: bool) -> str:
    if today:
        return "unchanged" if before else "new"
    return "cleared" if before else "clear"


def draw_study_plan(
    rng: np.random.Generator,
    *,
    place: str | None = None,
    change: str | None = None,
    films: tuple[tuple[ViewPosition, int], ...] | None = None,
    breath: float | None = None,
) -> StudyPlan:
    """Draw a plan; whatever is given is kept. `breath` is that of the day, against 1.0 on days before."""
    place, kind = place or pick(rng, PLACES), pick(rng, KINDS)
    change = change or pick(rng, CHANGES)
    taken = films or _draw_films(rng)
    days = sorted({when for _, when in taken})
    depth = {when: between(rng, 0.96, 1.05) for when in days}
    if breath is not None:
        depth = {when: 1.0 if when else breath for when in days}
    present = {0} if change in ("new", "unchanged") else set()
    before = change in ("cleared", "unchanged")
    for when in days[1:]:  # the latest prior first; older ones mostly agree with it
        present |= {when} if before else set()
        before = before if chance(rng, 0.7) else not before
    made = tuple(FilmPlan(position, when, depth[when]) for position, when in taken)
    return StudyPlan(made, kind, place, frozenset(present))


def _draw_films(rng: np.random.Generator) -> tuple[tuple[ViewPosition, int], ...]:
    """A frontal film, mostly with its lateral, and up to three priors."""
    lateral = chance(rng, 0.75)
    films = [(ViewPosition.PA, 0)] + [(ViewPosition.LATERAL, 0)] * lateral
    when = 0
    for _ in range(pick(rng, (0, 1, 2, 3), (0.2, 0.45, 0.25, 0.1))):
        when += int(between(rng, 2, 400))
        films.append((ViewPosition.PA, when))
        if lateral and chance(rng, 0.75):
            films.append((ViewPosition.LATERAL, when))
    return tuple(films)


# --- what a reader writes


def study_reports(rng: np.random.Generator, plan: StudyPlan) -> dict[str, Report]:
    """Language -> findings and impression of a reader who saw every film, the same in each language."""
    steps = [(what, int(rng.integers(0, 2))) for what in said_of(plan)]
    return {language: _report(plan, steps, words) for language, words in _WORDS.items()}


def _seen(plan: StudyPlan, when: int | None) -> bool:
    return when in plan.present and any(
        film.days_before == when and plan.shows(number) for number, film in enumerate(plan.films)
    )


def said_of(plan: StudyPlan) -> list[str]:
    """The sentences of the findings by their names in `study_words.json`."""
    today, before = _seen(plan, 0), _seen(plan, plan.prior)
    said = ["first film" if plan.prior is None else "comparison", "present" if today else "absent"]
    if today and plan.hidden:
        said.append("on the lateral alone")
    if plan.prior is None:
        return said
    said.append(_change(today, before))
    depth = {film.days_before: film.breath for film in plan.films}
    return said + ["deeper"] * (depth[0] - depth[plan.prior] > DEEPER)


def _report(plan: StudyPlan, steps: list[tuple[str, int]], words: Mapping) -> Report:
    slots = {"kind": words["kind"][plan.kind], "place": words["place"][plan.place], "days": plan.prior}
    gap = "" if words is _WORDS["zh-Hant"] else " "
    findings = gap.join(words[what][way % len(words[what])].format(**slots) for what, way in steps)
    said = [what for what, _ in steps]
    verdict = next((what for what in CHANGES if what in said), said[1])
    impression = words["impression"][verdict].format(**slots)
    return {"findings": findings, "impression": impression[0].upper() + impression[1:]}
