"""How far an answer goes: the classes that cannot be ruled out, and films on which it is better not given."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from interface.language.texts import Language, listed, say, translated, word_for
from modeling.errors import ViewboxError
from modeling.results import Familiarity, Prediction

if TYPE_CHECKING:
    from interface.models.model_host import ModelHost

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskSet:
    """The classes of one task that cannot be ruled out.

    Attributes:
        coverage: the share of films whose label such sets are made to hold.
        measured: the share in which they did, on other validation films.
    """

    classes: tuple[str, ...]
    coverage: float
    measured: float


@dataclass(frozen=True)
class Limits:
    """What was measured about an answer beyond its probabilities; empty where nothing was.

    Attributes:
        sets: task -> its set.
        familiarity: how like the training films the film is; None where that was not measured.
    """

    sets: Mapping[str, TaskSet] = field(default_factory=dict)
    familiarity: Familiarity | None = None

    @property
    def unfamiliar(self) -> bool:
        """Whether it is better not to answer."""
        return self.familiarity is not None and not self.familiarity.familiar


def limits_of(host: "ModelHost", prediction: Prediction) -> Limits:
    """Ask what lies beside the checkpoint's weights; files that are damaged say so in the log."""
    sets: dict[str, TaskSet] = {}
    try:
        calibration = host.calibration
    except ViewboxError as exc:
        logger.warning("checkpoint %s: %s", host.name, exc)
        calibration = None
    for task in prediction.tasks:
        measured = calibration is not None and task.task in calibration
        if measured and calibration[task.task].set_threshold is not None:
            found = calibration[task.task].prediction_set(task.probabilities)
            sets[str(task.task)] = TaskSet(found.classes, found.coverage, found.measured)
    return Limits(sets, prediction.familiarity)


def gate_line(limits: Limits, language: Language) -> str:
    """The refusal of an unfamiliar film, in front of its numbers; empty for others."""
    if limits.familiarity is None or limits.familiarity.familiar:
        return ""
    told = translated(limits.familiarity.warning, language)
    return f'<p class="vb-refuses" role="status"><span aria-hidden="true">✋</span> {escape(told)}</p>'


def set_lines(limits: Limits, language: Language) -> str:
    """The sets as a differential, most of all where they hold several classes."""
    lines = []
    for task, found in limits.sets.items():
        names = [word_for("class", name, language) for name in found.classes]
        key = "set.one" if len(names) == 1 else "set.several"
        values = {"task": word_for("task", task, language), "count": len(names)}
        told = say(key, language, classes=listed(names, language), **values)
        measured = "–" if found.measured != found.measured else f"{100 * found.measured:.0f} %"
        promise = say("set.promise", language, coverage=f"{100 * found.coverage:.0f} %", measured=measured)
        lines.append(f"<li>{escape(told)} <small>{escape(promise)}</small></li>")
    if limits.familiarity is not None and limits.familiarity.familiar:
        score, threshold = limits.familiarity.score, limits.familiarity.threshold
        values = {"score": f"{score:.2f}", "threshold": f"{threshold:.2f}"}
        lines.append(f"<li><small>{escape(say('gate.familiar', language, **values))}</small></li>")
    if not lines:
        return ""
    title = f'<h3 class="vb-subheading">{escape(say("set.title", language))}</h3>'
    return f'{title}<ul class="vb-differential">{"".join(lines)}</ul>'


def set_and_gate(limits: Limits, language: Language) -> tuple[str, str]:
    """What stands in front of the probabilities, and what stands behind them."""
    return gate_line(limits, language), set_lines(limits, language)
