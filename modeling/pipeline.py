"""DiagnosisPipeline: the one object that holds model, processor and calibration."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from modeling.configuration import FusionConfig, TaskConfig
from modeling.errors import CheckpointError, StudyError, ViewboxError
from modeling.explain.averaged import averaged
from modeling.explain.baselines import StoredBaselines, load_baselines
from modeling.explain.integrated_gradients import integrated_gradients
from modeling.explain.study_path import IMAGE_BASELINES, ImageBaseline, StudyPath
from modeling.labels import TASKS, Target
from modeling.model.batch_norm_folding import folded
from modeling.model.checkpoint import Origin
from modeling.model.familiarity import FamiliarityGate
from modeling.model.fusion import Embedded, FusionModel
from modeling.model.processing import ModelInputs, ProcessedStudy, StudyProcessor, brightness
from modeling.model.temperature import probabilities
from modeling.results import Attribution, Familiarity, Prediction, TaskPrediction
from modeling.sentence import Names, Sentence
from modeling.study import CLINICAL_FIELDS, ClinicalField, Modality, Radiograph, Study, ViewPosition


def _finite(logits: np.ndarray) -> np.ndarray:
    if not np.isfinite(logits).all():
        raise CheckpointError("The checkpoint's weights give no finite numbers; fetch the checkpoint again.")
    return logits


NOT_FRONTAL = (ViewPosition.LATERAL, ViewPosition.OBLIQUE, ViewPosition.DECUBITUS)


def _of_film(radiograph: Radiograph | None) -> list[Sentence]:
    """What a film's file says that a reader of the answer must know."""
    if radiograph is None:
        return []
    said = "This is a {view} view by its file; this checkpoint reads frontal films."
    view = [Sentence(said, view=Names("name", radiograph.view_position))]
    return [*(view if radiograph.view_position in NOT_FRONTAL else ()), *radiograph.notes]


class DiagnosisPipeline:
    """Study in; prediction and attributions out. Knows no screen, no store and no environment."""

    def __init__(
        self, model: FusionModel, processor: StudyProcessor, origin: Origin, device: str = "cpu"
    ) -> None:
        self.model = model.to(device).eval().requires_grad_(False)
        if device == "cpu":
            self.model = self.model.to(memory_format=torch.channels_last)
        self.processor = processor
        self.origin = origin
        self.device = device
        self._gate_problem: Sentence | None = None

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        device: str = "cpu",
    ) -> "DiagnosisPipeline":
        """Load a checkpoint from a folder or a Hub repo.

        Raises:
            CheckpointError: see `FusionModel.from_pretrained`.
        """
        return cls(*FusionModel.from_pretrained(path_or_repo, revision=revision, token=token), device=device)

    # --- what the checkpoint can do

    @property
    def config(self) -> FusionConfig:
        """The checkpoint's configuration."""
        return self.model.config

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every logit that can be explained, in the order of tasks and classes."""
        return tuple(Target(t.name, c) for t in self.config.tasks for c in TASKS[t.name].classes)

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
        """What a film's explanation may start from; mean and normals only where they are stored beside it."""
        stored = self.stored_baselines
        more: tuple[tuple[ImageBaseline, bool], ...] = (
            ("mean", stored.mean is not None),
            ("normals", bool(len(stored.normals))),
        )
        return (*IMAGE_BASELINES, *(name for name, there in more if there))

    @cached_property
    def stored_baselines(self) -> StoredBaselines:
        """The baseline films beside the checkpoint.

        Raises:
            CheckpointError: their file is damaged.
        """
        return load_baselines(self.origin.folder)

    @cached_property
    def gate(self) -> FamiliarityGate | None:
        """What tells films unlike those of the training; None where none of these weights is there."""
        try:
            return FamiliarityGate.load(self.origin.folder, self.model, self.processor)
        except CheckpointError as exc:
            self._gate_problem = exc.sentence  # an answer without a gate is one with a note
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
        """A study as the model reads it.

        Raises:
            StudyError: the film's values are no numbers.
        """
        processed = self.processor(study)
        if not bool(torch.isfinite(processed.inputs.image[:, 0]).all()):  # its three channels are one film
            raise StudyError("The film's values are no numbers; check its rescale and window values.")
        return processed

    def predict(self, study: Study, *, source: str | None = None) -> Prediction:
        """All tasks that the study allows.

        Args:
            source: where the case comes from; a source that the checkpoint was not trained on is noted.

        Raises:
            StudyError: the study holds nothing that any task reads.
            CheckpointError: the weights give no finite numbers.
        """
        processed = self.process(study)
        with torch.inference_mode():
            inputs = processed.inputs.to(self.device)
            embedded = self.model.embed(inputs)
            features = self.film_features(embedded, inputs)
            answers = self.model.forward_embedded(embedded, inputs, features)
            logits = {name: row[0].float().cpu().numpy() for name, row in answers.items()}
        return self.prediction(study, processed, logits, self.familiarity(inputs, features)[0], source=source)

    def film_features(self, embedded: Embedded, inputs: ModelInputs) -> torch.Tensor | None:
        """(B, C, h', w') what the backbone makes of the films; None where no study of the batch has one."""
        if embedded.image is None or not bool(inputs.image_given.any()):
            return None
        return self.model.encoders["image"].feature_map(embedded.image)

    def familiarity(self, inputs: ModelInputs, features: torch.Tensor | None) -> list[Familiarity | None]:
        """How familiar the film of each study of a batch is, from what the backbone made of it anyway."""
        given = inputs.image_given.tolist()
        if features is None or self.gate is None:
            return [None] * len(given)
        judged = self.gate.judge(inputs.image, features)
        return [one if there else None for one, there in zip(judged, given, strict=True)]

    def prediction(
        self,
        study: Study,
        processed: ProcessedStudy,
        logits: Mapping[str, np.ndarray],
        familiarity: Familiarity | None = None,
        *,
        source: str | None = None,
    ) -> Prediction:
        """Logits (K,) of every task, calibrated and with what is to be said of them.

        Raises:
            StudyError: the study holds nothing that any task reads.
            CheckpointError: the logits are no finite numbers.
        """
        answers, notes = [], self._notes(study, processed, source)
        for task in self.config.tasks:
            read = self._read(task, processed)
            if not read:
                notes.append(
                    Sentence(
                        "{task} needs the {modalities}; it was left out.",
                        task=Names("task", task.name),
                        modalities=Names("modality", task.modalities, " or "),
                    )
                )
                continue
            spec, row = TASKS[task.name], _finite(logits[str(task.name)])
            calibrated = probabilities(spec.kind, row, self.config.temperatures.get(task.name, 1.0))
            answers.append(TaskPrediction(task.name, spec.classes, row, calibrated, read))
        if not answers:
            wanted = sorted({m for t in self.config.tasks for m in t.modalities}, key=list(Modality).index)
            raise StudyError(
                "There is nothing that this checkpoint reads; give the {modalities}.",
                modalities=Names("modality", wanted, " or the "),
            )
        if familiarity is not None and not familiarity.familiar:
            notes.insert(0, familiarity.warning)
        return Prediction(tuple(answers), study.modalities, tuple(notes), familiarity)

    def _read(self, task: TaskConfig, processed: ProcessedStudy) -> tuple[Modality, ...]:
        inputs = processed.inputs
        given = {
            Modality.IMAGE: bool(inputs.image_given[0]),
            Modality.TABLE: bool(inputs.table_given[0]),
            Modality.TEXT: bool(inputs.text_given[0]),
        }
        return tuple(m for m in Modality if m in task.modalities and given[m])

    def _notes(self, study: Study, processed: ProcessedStudy, source: str | None) -> list[str]:
        notes = [*_of_film(study.radiograph), *processed.notes, *study.table.notes]
        if study.radiograph is not None and self._gate_problem:
            notes.append(self._gate_problem)
        if source is not None and self.config.sources and source not in self.config.sources:
            notes.append(
                Sentence(
                    "This checkpoint was trained on {sources}, not on {source}; expect worse answers.",
                    sources=Names("name", self.config.sources),
                    source=source,
                )
            )
        for modality in study.modalities:
            if modality not in self.config.modalities:
                notes.append(
                    Sentence(
                        "This checkpoint does not read the {modality}; it was left aside.",
                        modality=Names("modality", modality),
                    )
                )
        unread = sorted(set(study.table.values) - {f.name for f in self.fields})
        if unread and self.fields:
            notes.append(Sentence("Not read by this checkpoint: {fields}.", fields=Names("field", unread)))
        if processed.text is None and study.text and self.text_sections:
            notes.append(
                Sentence(
                    "No word of the text could be read; this checkpoint reads the {sections}.",
                    sections=Names("section", self.text_sections, " and the "),
                )
            )
        if processed.text is not None and processed.text.words_cut:
            notes.append(
                Sentence(
                    "The text is too long for the model; its last {count} words were cut.",
                    count=processed.text.words_cut,
                )
            )
        if study.radiograph is not None and study.radiograph.pixels.min() == study.radiograph.pixels.max():
            notes.append(Sentence("The film is one even gray; it carries nothing to look at."))
        return notes

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
        """Integrated Gradients over pixels, clinical fields and words in one path, refined as it goes.

        Args:
            baseline: what the film starts from. Fields start from unknown, words from [MASK].
            tolerance: stop where |delta| falls below this share of F(x) - F(baseline).
            max_evaluations: stop after so many gradients.

        Yields:
            Better and better attributions; the last one is the answer.

        Raises:
            ViewboxError: the checkpoint has no such target, the study lacks what its task reads, or the
                model answers with no number.
            ExplanationCancelled: `cancelled` said so.
        """
        paths = self.paths(study, target, baseline)
        share = max(2, max_evaluations // len(paths))
        refinements = [
            integrated_gradients(
                path.logit,
                path.inputs,
                path.baselines,
                tolerance=tolerance,
                max_evaluations=share,
                progress=progress if number == 0 else None,
                cancelled=cancelled,
            )
            for number, path in enumerate(paths)
        ]
        for refinement in averaged(refinements):
            yield paths[0].account(study, refinement)

    def paths(self, study: Study, target: Target, baseline: ImageBaseline) -> tuple[StudyPath, ...]:
        """The straight lines that an explanation walks along: one, or one from each stored normal film.

        Raises:
            ViewboxError: the checkpoint has no such target or baseline, or the study lacks what is read.
        """
        task = self._task(target)
        processed = self.process(study)
        read = self._read(task, processed)
        if not read:
            raise StudyError(
                "{task} reads the {modalities}; give one of them first.",
                task=Names("task", target.task),
                modalities=Names("modality", task.modalities, " or "),
            )
        stored = self.stored_baselines
        count = max(1, len(stored.normals)) if baseline == "normals" and Modality.IMAGE in read else 1
        return tuple(
            StudyPath(
                self.light_model,
                self.processor,
                processed,
                read,
                target,
                baseline,
                self.device,
                stored,
                normal,
            )
            for normal in range(count)
        )

    def _task(self, target: Target) -> TaskConfig:
        for task in self.config.tasks:
            if task.name == target.task:
                TASKS[task.name].index(target.class_name)
                return task
        raise ViewboxError(
            "This checkpoint does not predict {task}; choose a target of {tasks}.",
            task=Names("task", target.task),
            tasks=Names("task", [t.name for t in self.config.tasks]),
        )
