"""StudyPipeline: the films of a study, its table and words in; answers, and what each film adds, out.

The films' vectors are computed once and every choice of films is answered from them, so an answer also knows
what it would be without any of its films, and each film's exact Shapley value for any class.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch

from modeling.answers import Json, plain, prediction_json, taken
from modeling.configuration import TaskConfig
from modeling.errors import CheckpointError, ViewboxError
from modeling.explain.study_account import (
    FilmShapley,
    StudyAccount,
    explain_study,
    film_choices,
    shared_among_films,
    without,
)
from modeling.explain.study_path import attributed_words
from modeling.labels import Target, Task
from modeling.model import checkpoint
from modeling.model.checkpoint import Origin
from modeling.model.processing import StudyProcessor
from modeling.model.study_fusion import ProcessedFilms, StudyModel, processed_films
from modeling.model.temperature import probabilities
from modeling.pipeline import text_notes, unlike_sources
from modeling.results import USABLE, FieldAttribution, Prediction, TaskPrediction, WordAttribution
from modeling.sentence import Names, Sentence
from modeling.study import DatedFilm, Modality, RefusedFilm, Study, ViewPosition

CHANGE = "interval_change"
"""The task that a study without an earlier film says nothing of."""
NO_EARLIER = Sentence("No film is of an earlier day; do not read what is said of a change as an answer.")
_FILMS_ALONE = Study()


@dataclass(frozen=True, eq=False)
class FilmPart:
    """What one film of a study is to the answer.

    Attributes:
        number: its place among the films given, from 1.
        shapley: its exact Shapley value for the target, in logits.
        lost_without: how many logits less the target has without it.
        without: all tasks as they are answered without it.
        contribution: its part, in logits, in the account of the target; None before there is one.
        map: (h, w) float32, the account's logits per pixel of the model's film, without padding; likewise.
    """

    number: int
    film: DatedFilm
    shapley: float
    lost_without: float
    without: tuple[TaskPrediction, ...]
    contribution: float | None = None
    map: np.ndarray | None = None


@dataclass(frozen=True, eq=False, repr=False)
class StudyAnswer:
    """The answer to a study of several films, what stands against it, and what each film adds to one target.

    Attributes:
        prediction: all tasks and all warnings; those say first which films were left out.
        films: those that were read.
        choices: task -> (2^V, K) logits with every choice of films (`film_choices`).
        account: of the target, over all films, fields and words; None before it was asked for.
    """

    prediction: Prediction
    study: Study
    films: tuple[DatedFilm, ...]
    refused: tuple[RefusedFilm, ...]
    target: Target
    choices: Mapping[str, np.ndarray]
    temperatures: Mapping[str, float]
    processed: ProcessedFilms
    account: StudyAccount | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The places, from 1, of `films` among all that were given."""
        return numbers_of(len(self.films), self.refused)

    def with_films(self, given: Sequence[bool]) -> tuple[TaskPrediction, ...]:
        """All tasks as they are answered with only those of the films; computed already."""
        assert len(given) == len(self.films), (len(given), len(self.films))
        return self._row(int("".join("1" if one else "0" for one in given), 2))

    def _row(self, choice: int) -> tuple[TaskPrediction, ...]:
        return tuple(
            _task_prediction(task.task, self.choices[task.task][choice], self.temperatures, task.modalities)
            for task in self.prediction.tasks
        )

    def shapley(self, target: Target) -> FilmShapley:
        """What each film adds to a target of these tasks; computed already."""
        return shared_among_films(self.choices[target.task], target)

    def about(self, target: Target) -> Self:
        """The same answer with another target, without an account."""
        return replace(self, target=target, account=None)

    @property
    def parts(self) -> tuple[FilmPart, ...]:
        """What each film is to the answer and to its target, in the order of `films`."""
        added, count, parts = self.shapley(self.target), len(self.films), []
        for place, (number, film) in enumerate(zip(self.numbers, self.films, strict=True)):
            worth = float(added.values[place]), float(added.left_out[place])
            part = FilmPart(number, film, *worth, self._row(without(place, count)))
            if self.account is not None:
                own = self.processed.films[place].letterbox.crop(self.account.films[place])
                logits = float(self.account.film_logits[place])
                part = replace(part, contribution=logits, map=own.astype(np.float32))
            parts.append(part)
        return tuple(parts)

    @property
    def fields(self) -> tuple[FieldAttribution, ...]:
        """Each clinical field's part in the account; none before there is one."""
        if self.account is None:
            return ()
        names, values = self.processed.fields, self.study.table.values
        sums = zip(names, self.account.fields.tolist(), strict=True)
        return tuple(FieldAttribution(name, values.get(name), value) for name, value in sums)

    @property
    def words(self) -> tuple[WordAttribution, ...]:
        """Each word's part in the account; none before there is one."""
        return self._words[0]

    @property
    def special_tokens(self) -> float:
        """Logits of the account that fell on tokens that are no words ([CLS], [SEP])."""
        return self._words[1]

    @property
    def _words(self) -> tuple[tuple[WordAttribution, ...], float]:
        text = self.processed.rest.text
        if self.account is None or text is None or not len(self.account.tokens):
            return (), 0.0
        return attributed_words(self.account.tokens, text)

    @property
    def verdict(self) -> str:
        """Of the account: `usable` where its delta is 5 % at most, else `not converged`; "" without one."""
        if self.account is None:
            return ""
        return "usable" if self.account.relative_delta <= USABLE else "not converged"

    def __repr__(self) -> str:
        lines = [repr(self.prediction), "", f"What each film adds to {self.target.slug}, in logits:"]
        for part in self.parts:
            told = f"Shapley value {part.shapley:+.2f}, lost without it {part.lost_without:+.2f}"
            if part.contribution is not None:
                told += f", in the account {part.contribution:+.2f}"
            lines.append(f"  {part.number}. {film_words(part.film)}: {told}")
        if self.account is not None:
            added = [(f"{f.name} = {f.value}", f.attribution) for f in self.fields]
            added += [(word.word, word.attribution) for word in self.words]
            lines += [
                f"  {value:+.2f}  {name}" for name, value in sorted(added, key=lambda row: -abs(row[1]))
            ]
            delta = f"{self.account.convergence_delta:+.4f} logits: {self.verdict}"
            lines.append(f"integrated gradients from black films: convergence delta {delta}")
        return "\n".join(lines)


def numbers_of(count: int, refused: Sequence[RefusedFilm]) -> tuple[int, ...]:
    """The places, from 1, of so many films among those that were given."""
    gone = {one.number for one in refused}
    return tuple(n for n in range(1, count + len(gone) + 1) if n not in gone)


def film_words(film: DatedFilm) -> str:
    """View, day and file of a film, for a terminal: "lateral, 30 days before (b.dcm)"."""
    days = film.days_before
    when = f"{days} day{'s' * (days != 1)} before" if days else "today"
    view = film.radiograph.view_position
    named = "view unknown" if view is ViewPosition.UNKNOWN else str(view)
    return f"{named}, {when}" + (f" ({film.name})" if film.name else "")


class StudyPipeline:
    """A checkpoint of studies with its processor. Knows no screen, no store and no environment."""

    def __init__(self, model: StudyModel, processor: StudyProcessor, origin: Origin) -> None:
        self.model, self.processor, self.origin = model.eval().requires_grad_(False), processor, origin

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Load a checkpoint folder; refused as by `StudyModel.from_pretrained`."""
        return cls(*StudyModel.from_pretrained(folder), checkpoint.locate(folder, None, None))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it answers."""
        return tuple(task.spec for task in self.model.config.tasks)

    @property
    def text_sections(self) -> tuple[str, ...]:
        """The text sections that it reads; empty without a text branch."""
        text = self.processor.config.text
        return text.sections if text else ()

    def predict(
        self,
        films: Sequence[DatedFilm],
        study: Study = _FILMS_ALONE,
        target: Target | str = "",
        *,
        refused: Sequence[RefusedFilm] = (),
        source: str | None = None,
    ) -> StudyAnswer:
        """All tasks, and what each film adds to one target, by default the first task's most probable class.

        Args:
            study: its table and words; its own film is not read.
            refused: films that were given too and could not be read.
            source: the collection that the study is from, None for films of one's own.

        Raises:
            StudyError: the films make no study (`modeling.study.checked_films`), or a film's values are no
                numbers.
            ViewboxError: the checkpoint has no such target.
            CheckpointError: the weights give no finite numbers.
        """
        generator = torch.Generator().manual_seed(0)  # for the pooling "random" alone
        processed = processed_films(self.processor, films, study, generator)
        choices = film_choices(self.model, processed.inputs)
        if not all(np.isfinite(rows).all() for rows in choices.values()):
            not_finite = "The checkpoint's weights give no finite numbers; fetch the checkpoint again."
            raise CheckpointError(not_finite)
        prediction = self._prediction(films, study, processed, choices, refused, source)
        aimed, warmth = self._target(target, prediction), self.model.config.temperatures
        return StudyAnswer(prediction, study, tuple(films), tuple(refused), aimed, choices, warmth, processed)

    def explain(
        self,
        answer: StudyAnswer,
        target: Target | str = "",
        *,
        tolerance: float = USABLE,
        max_evaluations: int = 128,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[StudyAnswer]:
        """The answer with the account of a target (by default its own), each one finer; the last is the best.

        Raises as `DiagnosisPipeline.explain`.
        """
        answer = answer.about(self._target(target, answer.prediction) if target else answer.target)
        how = {"progress": progress, "cancelled": cancelled, "tolerance": tolerance}
        how["max_evaluations"] = max_evaluations
        inputs = answer.processed.inputs
        for account in explain_study(self.model, self.processor, inputs, answer.target, **how):
            yield replace(answer, account=account)

    def _target(self, target: Target | str, prediction: Prediction) -> Target:
        if not target:
            first = prediction.tasks[0]
            return Target(first.task, first.most_probable)
        aimed = Target.parse(target, self.tasks) if isinstance(target, str) else target
        if aimed.task not in self.tasks:
            tasks, asked = Names("task", self.tasks), Names("task", aimed.task)
            no_target = "This checkpoint does not predict {task}; choose a target of {tasks}."
            raise ViewboxError(no_target, task=asked, tasks=tasks)
        return aimed

    def _prediction(
        self,
        films: Sequence[DatedFilm],
        study: Study,
        processed: ProcessedFilms,
        choices: Mapping[str, np.ndarray],
        refused: Sequence[RefusedFilm],
        source: str | None,
    ) -> Prediction:
        config, rest = self.model.config, processed.rest.inputs
        given = (True, config.table is not None and bool(rest.table_given[0]), bool(rest.text_given[0]))
        read = tuple(modality for modality, there in zip(Modality, given, strict=True) if there)

        def answer(task: TaskConfig) -> TaskPrediction:
            return _task_prediction(task.spec, choices[task.name][-1], config.temperatures, read)

        return Prediction(
            tasks=tuple(map(answer, config.tasks)),
            given=(Modality.IMAGE, *(m for m in study.modalities if m is not Modality.IMAGE)),
            notes=(*(one.note for one in refused), *self._notes(films, study, processed, refused)),
            mismatch=unlike_sources(config.sources, source),
            checkpoint=self.origin.name,
            revision=self.origin.revision,
        )

    def _notes(
        self,
        films: Sequence[DatedFilm],
        study: Study,
        processed: ProcessedFilms,
        refused: Sequence[RefusedFilm],
    ) -> Iterator[str]:
        if all(film.days_before for film in films):
            yield Sentence("No film is of the day of the study; what is said of it rests on earlier ones.")
        elif not any(film.days_before for film in films) and CHANGE in self.tasks:
            yield NO_EARLIER
        for number, film, read in zip(numbers_of(len(films), refused), films, processed.films, strict=True):
            for problem in (*self._of_view(film), *film.radiograph.notes, *read.notes):
                yield Sentence("Film {number}: {problem}", number=number, problem=problem)
        yield from study.table.notes
        unread = sorted(set(study.table.values) - {f.name for f in self.processor.config.table})
        if unread:
            yield Sentence("Not read by this checkpoint: {fields}.", fields=Names("field", unread))
        yield from text_notes(study, processed.rest.text, self.text_sections)

    def _of_view(self, film: DatedFilm) -> Iterator[Sentence]:
        view, known = film.radiograph.view_position, self.model.config.views
        learnt = Names("name", known, " and ")
        if view is ViewPosition.UNKNOWN:
            yield Sentence("its view is not known; say which one it is, since the model reads films by it.")
        elif known and view not in known:
            unlike = "it is of the {view} view, and this checkpoint learnt from {views} films alone."
            yield Sentence(unlike, view=Names("name", view), views=learnt)
        if film.radiograph.pixels.min() == film.radiograph.pixels.max():
            yield Sentence("The film is one even gray; it carries nothing to look at.")


def _task_prediction(
    task: Task, logits: np.ndarray, temperatures: Mapping[str, float], read: tuple[Modality, ...]
) -> TaskPrediction:
    calibrated = probabilities(task.kind, logits, temperatures.get(task.name, 1.0))
    return TaskPrediction(task, task.classes, logits, calibrated, read)


# --- as JSON: what every door answers


def study_json(answer: StudyAnswer, reference: Mapping[str, str] | None = None) -> Json:
    """What stands against the answer, every task, what each film adds, and the account where there is one."""
    return {
        **prediction_json(answer.prediction, reference),
        "target": answer.target.slug,
        "against": answer.target.against,
        "films": [_part_json(part) for part in answer.parts],
        "left_out": [
            {"number": one.number, "name": one.name, "reason": one.reason} for one in answer.refused
        ],
        **({} if answer.account is None else _account_json(answer, answer.account)),
    }


def _part_json(part: FilmPart) -> Json:
    film = part.film
    found = {
        "number": part.number,
        "name": film.name,
        "view_position": str(film.radiograph.view_position),
        "laterality": film.radiograph.acquisition and film.radiograph.acquisition.laterality,
        "days_before": film.days_before,
        "shape": list(film.radiograph.shape),
        "shapley": part.shapley,
        "lost_without": part.lost_without,
        "without": {
            str(task.task): dict(zip(map(str, task.classes), task.probabilities.tolist(), strict=True))
            for task in part.without
        },
    }
    return found if part.contribution is None else {**found, "contribution": part.contribution}


def _account_json(answer: StudyAnswer, account: StudyAccount) -> Json:
    """Films' contributions stand with the films; these are the fields' and the words', on the same scale."""
    return {
        "method": "integrated_gradients",
        "baseline": "black",
        "verdict": answer.verdict,
        **taken(account, "output baseline_output convergence_delta relative_delta evaluations"),
        "special_tokens": answer.special_tokens,
        "fields": [
            {"name": f.name, "value": plain(f.value), "attribution": f.attribution} for f in answer.fields
        ],
        "words": [vars(word) for word in answer.words],
    }
