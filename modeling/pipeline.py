"""DiagnosisPipeline: the one object that holds model, processor and calibration."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Generic, Self, TypeVar
from weakref import ref

import numpy as np
import torch

from modeling.configuration import FusionConfig, TaskConfig, only_synthetic
from modeling.errors import CheckpointError, StudyError, ViewboxError
from modeling.explain.baselines import StoredBaselines, load_baselines
from modeling.explain.integrated_gradients import averaged, integrated_gradients
from modeling.explain.study_path import IMAGE_BASELINES, StudyPath
from modeling.labels import Target
from modeling.model.batch_norm_folding import folded
from modeling.model.checkpoint import Origin
from modeling.model.encoders import Encoded
from modeling.model.familiarity import FamiliarityGate
from modeling.model.film import brightness
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration
from modeling.model.processing import EncodedText, ModelInputs, ProcessedStudy, StudyProcessor
from modeling.model.temperature import probabilities
from modeling.results import Attribution, Familiarity, ImageBaseline, Prediction, TaskPrediction
from modeling.sentence import Names, Sentence
from modeling.study import CLINICAL_FIELDS, ClinicalField, Modality, Radiograph, Study, ViewPosition

Known = TypeVar("Known")
NOT_FRONTAL = (ViewPosition.LATERAL, ViewPosition.OBLIQUE, ViewPosition.DECUBITUS)


class DiagnosisPipeline:
    """Study in; prediction and attributions out. Knows no screen, no store and no environment."""

    def __init__(
        self, model: FusionModel, processor: StudyProcessor, origin: Origin, device: str = "cpu"
    ) -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        if device == "cpu":
            self.model = self.model.to(memory_format=torch.channels_last)
        self.processor, self.origin, self.device = processor, origin, device
        self._problems: list[Sentence] = []  # of the optional files beside the weights
        self._processed, self._answered = _OfTheLast[ProcessedStudy](), _OfTheLast[_Answer]()

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        device: str = "cpu",
    ) -> Self:
        """Load a checkpoint from a folder or a Hub repo; refused as by `FusionModel.from_pretrained`."""
        return cls(*FusionModel.from_pretrained(path_or_repo, revision=revision, token=token), device=device)

    # --- what the checkpoint can do

    @property
    def config(self) -> FusionConfig:
        """The checkpoint's configuration."""
        return self.model.config

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every logit that can be explained, in the order of tasks and classes."""
        return tuple(Target(t.spec, c) for t in self.config.tasks for c in t.spec.classes)

    @property
    def fields(self) -> tuple[ClinicalField, ...]:
        """The clinical fields that the checkpoint reads, in order."""
        return tuple(CLINICAL_FIELDS[f.name] for f in self.processor.config.table)

    @property
    def text_sections(self) -> tuple[str, ...]:
        """The text sections that the checkpoint reads; empty without a text branch."""
        text = self.processor.config.text
        return text.sections if text else ()

    @property
    def baselines(self) -> tuple[ImageBaseline, ...]:
        """The starts of a film's explanation; mean and normals only where they are stored beside it."""
        stored = self.stored_baselines
        mean: tuple[ImageBaseline, ...] = () if stored.mean is None else ("mean",)
        return (*IMAGE_BASELINES, *mean, *(("normals",) if len(stored.normals) else ()))

    @cached_property
    def stored_baselines(self) -> StoredBaselines:
        """The baseline films beside the checkpoint. Raises CheckpointError: their file is damaged."""
        return load_baselines(self.origin.folder)

    @cached_property
    def gate(self) -> FamiliarityGate | None:
        """The gate for films unlike those of the training; None where none of these weights is there."""
        try:
            return FamiliarityGate.load(self.origin.folder, self.model, self.processor)
        except CheckpointError as exc:
            self._problems.append(exc.sentence)  # an answer without a gate is one with a note
            return None

    @cached_property
    def calibration(self) -> Calibration | None:
        """Sets and operating points measured with these weights; None where none can be read."""
        try:
            return Calibration.load(self.origin.folder)
        except CheckpointError as exc:
            self._problems.append(exc.sentence)
            return None

    @cached_property
    def light_model(self) -> FusionModel:
        """The same function as `model`, cheaper to differentiate by the film (batch norm folded)."""
        image = self.processor.config.image
        return self.model if image is None else folded(self.model, image.size)

    def model_features(self, films: torch.Tensor) -> torch.Tensor:
        """(B, 3, h, w) -> the last feature map, without a gradient."""
        return self.light_model.encoders["image"].feature_map(films)

    # --- prediction

    def process(self, study: Study) -> ProcessedStudy:
        """A study as the model reads it. Raises StudyError: the film's values are no numbers."""
        return self._processed.known(study, lambda: self._process(study))

    def _process(self, study: Study) -> ProcessedStudy:
        processed = self.processor(study)
        if not bool(torch.isfinite(processed.inputs.image[:, 0]).all()):  # its three channels are one film
            raise StudyError("The film's values are no numbers; check its rescale and window values.")
        return processed

    def predict(self, study: Study, *, source: str | None = None) -> Prediction:
        """All tasks that the study allows, with what stands against the answer; see `Prediction.warnings`.

        `source` is the collection that the study is from, None for a film of one's own.

        Raises:
            StudyError: the study holds nothing that any task reads.
            CheckpointError: the weights give no finite numbers.
        """
        return self.prediction(study, self.process(study), *self._answers(study), source=source)

    def _answers(self, study: Study) -> "_Answer":
        def compute() -> _Answer:
            logits, _, familiarity = self.forward(self.process(study).inputs)
            return {name: rows[0] for name, rows in logits.items()}, familiarity[0]

        return self._answered.known(study, compute)

    @torch.inference_mode()
    def forward(
        self, batch: ModelInputs
    ) -> tuple[dict[str, np.ndarray], dict[str, Encoded], list[Familiarity | None]]:
        """Task -> (B, K) logits, every modality after its encoder, and how familiar each film is."""
        inputs, features = batch.to(self.device), None
        embedded = self.model.embed(inputs)
        if embedded.image is not None and bool(inputs.image_given.any()):
            features = self.model.encoders["image"].feature_map(embedded.image)
        encoded = self.model.encode(embedded, inputs, features)
        logits = {name: rows.float().cpu().numpy() for name, rows in self.model.decide(encoded).items()}
        familiarity: list[Familiarity | None] = [None] * len(inputs.image_given)
        if features is not None and self.gate is not None:
            judged = zip(self.gate.judge(inputs.image, features), inputs.image_given.tolist(), strict=True)
            familiarity = [one if there else None for one, there in judged]
        return logits, encoded, familiarity

    def prediction(
        self,
        study: Study,
        processed: ProcessedStudy,
        logits: Mapping[str, np.ndarray],
        familiarity: Familiarity | None = None,
        *,
        source: str | None = None,
    ) -> Prediction:
        """Logits (K,) of every task, calibrated and with what is to be said of them; refuses as `predict`."""
        answers, sets, left_out = [], {}, []
        for task in self.config.tasks:
            read = self._read(task, processed)
            if read:
                answers.append(self._answer(task, logits[str(task.name)], read))
                measured = self.calibration[task.name] if task.name in (self.calibration or ()) else None
                if measured is not None and measured.has_set:
                    sets[task.spec] = measured.prediction_set(task.spec.classes, answers[-1].probabilities)
            else:
                needs, modalities = Names("task", task.spec), Names("modality", task.modalities, " or ")
                needed = "{task} needs the {modalities}; it was left out."
                left_out.append(Sentence(needed, task=needs, modalities=modalities))
        if not answers:
            wanted = [m for m in Modality if any(m in task.modalities for task in self.config.tasks)]
            nothing = "There is nothing that this checkpoint reads; give the {modalities}."
            raise StudyError(nothing, modalities=Names("modality", wanted, " or the "))
        return Prediction(
            tuple(answers),
            study.modalities,
            (*self._notes(study, processed), *left_out),
            familiarity,
            self.mismatch(source),
            sets,
            self.origin.name,
            self.origin.revision,
        )

    def mismatch(self, source: str | None) -> tuple[Sentence, ...]:
        """Why answers on cases of a source, None for a film of one's own, need not hold."""
        told = []
        if self.config.role == "shortcut_twin":
            twin = (
                "This model is a shortcut twin: it was trained on purpose on films where a lead arrow in the"
                " corner gives the answer away. Compare it with the other model, and do not believe it."
            )
            told.append(Sentence(twin))
        return (*told, *unlike_sources(self.config.sources, source))

    def _answer(self, task: TaskConfig, logits: np.ndarray, read: tuple[Modality, ...]) -> TaskPrediction:
        if not np.isfinite(logits).all():
            not_finite = "The checkpoint's weights give no finite numbers; fetch the checkpoint again."
            raise CheckpointError(not_finite)
        spec, temperature = task.spec, self.config.temperatures.get(task.name, 1.0)
        calibrated = probabilities(spec.kind, logits, temperature)
        return TaskPrediction(spec, spec.classes, logits, calibrated, read)

    def _read(self, task: TaskConfig, processed: ProcessedStudy) -> tuple[Modality, ...]:
        inputs = processed.inputs
        given = zip(Modality, (inputs.image_given, inputs.table_given, inputs.text_given), strict=True)
        return tuple(m for m, there in given if m in task.modalities and bool(there[0]))

    def _notes(self, study: Study, processed: ProcessedStudy) -> Iterator[str]:
        film, text = study.radiograph, processed.text
        if film is not None and film.view_position in NOT_FRONTAL:
            not_frontal = "This is a {view} view by its file; this checkpoint reads frontal films."
            yield Sentence(not_frontal, view=Names("name", film.view_position))
        yield from (*(film.notes if film is not None else ()), *processed.notes, *study.table.notes)
        yield from self._problems if film is not None else ()
        for modality in study.modalities:
            if modality not in self.config.modalities:
                aside = "This checkpoint does not read the {modality}; it was left aside."
                yield Sentence(aside, modality=Names("modality", modality))
        unread = sorted(set(study.table.values) - {f.name for f in self.fields})
        if unread and self.fields:
            yield Sentence("Not read by this checkpoint: {fields}.", fields=Names("field", unread))
        yield from text_notes(study, text, self.text_sections)
        if film is not None and film.pixels.min() == film.pixels.max():
            yield Sentence("The film is one even gray; it carries nothing to look at.")

    # --- explanation

    def brightness(self, radiograph: Radiograph) -> np.ndarray:
        """(H, W) float32 in [0, 1]: the film as the model's processor windows it, at native size."""
        image = self.processor.config.image
        return brightness(radiograph, image.percentiles) if image else brightness(radiograph)

    def explain(
        self,
        study: Study,
        target: Target,
        *,
        baseline: ImageBaseline = "black",
        tolerance: float = 0.01,
        max_evaluations: int = 256,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Attribution]:
        """Integrated Gradients over pixels, fields and words in one path; every refinement betters the last.

        Args:
            baseline: what the film starts from. Fields start from unknown, words from [MASK].
            tolerance: stop where |delta| falls below this share of F(x) - F(baseline).
            max_evaluations: stop after so many gradients.

        Raises:
            ViewboxError: the checkpoint has no such target, the study lacks what its task reads, or the
                model answers with no number.
            ExplanationCancelled: `cancelled` said so.
        """
        paths = self.paths(study, target, baseline)
        bounds = {"tolerance": tolerance, "max_evaluations": max(2, max_evaluations // len(paths))}
        refinements = [
            integrated_gradients(
                path.logit,
                path.inputs,
                path.baselines,
                progress=progress if path is paths[0] else None,
                cancelled=cancelled,
                **bounds,
            )
            for path in paths
        ]
        familiarity = self._answers(study)[1]
        refusal = () if familiarity is None or familiarity.familiar else (familiarity.warning,)
        for refinement in averaged(refinements):
            account = paths[0].account(study, refinement)
            yield replace(account, notes=(*refusal, *account.notes)) if refusal else account

    def paths(self, study: Study, target: Target, baseline: ImageBaseline) -> tuple[StudyPath, ...]:
        """The straight lines that an explanation walks along: one, or one from each stored normal film.

        Raises ViewboxError: the checkpoint has no such target or baseline, or the study lacks what is read.
        """
        task = self._task(target)
        processed = self.process(study)
        read = self._read(task, processed)
        if not read:
            modalities = Names("modality", task.modalities, " or ")
            give_one = "{task} reads the {modalities}; give one of them first."
            raise StudyError(give_one, task=Names("task", target.task), modalities=modalities)
        stored = self.stored_baselines
        count = max(1, len(stored.normals)) if baseline == "normals" and Modality.IMAGE in read else 1
        asked = (self.light_model, self.processor, processed, read, target, baseline, self.device, stored)
        return tuple(StudyPath(*asked, normal) for normal in range(count))

    def _task(self, target: Target) -> TaskConfig:
        for task in self.config.tasks:
            if task.name == target.task:
                task.spec.index(target.class_name)
                return task
        tasks = Names("task", [task.spec for task in self.config.tasks])
        no_target = "This checkpoint does not predict {task}; choose a target of {tasks}."
        raise ViewboxError(no_target, task=Names("task", target.task), tasks=tasks)


def text_notes(study: Study, text: EncodedText | None, sections: Sequence[str]) -> Iterator[Sentence]:
    """What of a study's text a model that reads these sections has not read; `text`: what it has."""
    if text is None and study.text and sections:
        no_word = "No word of the text could be read; this checkpoint reads the {sections}."
        yield Sentence(no_word, sections=Names("section", sections, " and the "))
    if text is not None and text.words_cut:
        too_long = "The text is too long for the model; its last {count} words were cut."
        yield Sentence(too_long, count=text.words_cut)


def unlike_sources(sources: tuple[str, ...], source: str | None) -> tuple[Sentence, ...]:
    """Why what was learnt on some sources need not hold for a case of another, or for a film of one's own."""
    learnt = Names("source", sources)
    if source and sources and source not in sources:
        foreign = (
            "This model learnt from other films ({sources}) and has seen none like this one ({source});"
            " do not rely on its answer here."
        )
        return (Sentence(foreign, sources=learnt, source=Names("source", source)),)
    if not source and only_synthetic(sources):
        unreal = (
            "This model learnt from {sources} only and has seen none like your own;"
            " do not rely on its answer here."
        )
        return (Sentence(unreal, sources=learnt),)
    return ()


_Answer = tuple[dict[str, np.ndarray], Familiarity | None]
"""Task -> (K,) logits of one study, and how familiar its film is."""


class _OfTheLast(Generic[Known]):
    """What was worked out of the last study, for as long as there is that study."""

    def __init__(self) -> None:
        self._known: tuple[ref[Study], Known] | None = None

    def known(self, study: Study, compute: Callable[[], Known]) -> Known:
        """Of this very study, computed where it is another one."""
        last = self._known
        if last is None or last[0]() is not study:
            last = self._known = (ref(study, self._forget), compute())
        return last[1]

    def _forget(self, gone: "ref[Study]") -> None:
        if self._known is not None and self._known[0] is gone:
            self._known = None
