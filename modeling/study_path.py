"""The straight path from a baseline to a study: what an attribution walks along, and its account."""

from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from modeling.errors import ViewboxError
from modeling.explain.integrated_gradients import PathAttribution
from modeling.fusion import Embedded, FusionModel
from modeling.labels import TASKS, Target
from modeling.processing import ModelInputs, ProcessedStudy, StudyProcessor
from modeling.results import Attribution, FieldAttribution, WordAttribution
from modeling.study import Modality, Study

ImageBaseline = Literal["black", "blurred"]
IMAGE_BASELINES: tuple[ImageBaseline, ...] = ("black", "blurred")


class StudyPath:
    """Both ends of the path, the target's logit along it, and the way back to pixels, fields and words.

    Attributes:
        inputs, baselines: one tensor (1, ...) for each modality in `read`, in their one order.
    """

    def __init__(
        self,
        model: FusionModel,
        processor: StudyProcessor,
        processed: ProcessedStudy,
        read: tuple[Modality, ...],
        target: Target,
        baseline: ImageBaseline,
        device: str,
    ) -> None:
        """
        Args:
            read: the modalities that the study has and the target's task reads.
            baseline: what the film starts from. Fields start from unknown, words from [MASK].

        Raises:
            ViewboxError: there is no such baseline.
        """
        self.model, self.processor, self.processed = model, processor, processed
        self.read, self.target, self.baseline = read, target, baseline
        self._batch = processed.inputs.to(device)
        with torch.no_grad():
            self._embedded = model.embed(self._batch)
        ends = {
            Modality.IMAGE: lambda: (self._embedded.image, self._image_baseline().to(device)),
            Modality.TABLE: lambda: (self._embedded.fields, model.encoders["table"].unknown.detach()[None]),
            Modality.TEXT: lambda: (self._embedded.tokens, self._text_baseline()),
        }
        pairs = [ends[modality]() for modality in read]
        self.inputs: tuple[Tensor, ...] = tuple(end for end, _ in pairs)
        self.baselines: tuple[Tensor, ...] = tuple(start.to(end.dtype) for end, start in pairs)

    def _image_baseline(self) -> Tensor:
        """(1, 3, h, w): a black film, or the film blurred inside its own borders (padding stays black)."""
        image = self.processor.config.image
        square = np.zeros((image.size, image.size), np.float32)
        if self.baseline == "blurred":
            box = self.processed.letterbox
            film = self.processed.inputs.image[0, 0].numpy() * image.std + image.mean
            # PIL blurs 8-bit pictures only; a blur's rounding to 1/255 does not matter to a baseline.
            gray = Image.fromarray((box.crop(film).clip(0, 1) * 255).round().astype(np.uint8))
            blurred = gray.filter(ImageFilter.GaussianBlur(image.size / 12))
            box.crop(square)[:] = np.asarray(blurred, np.float32) / 255.0
        elif self.baseline != "black":
            raise ViewboxError(
                f"There is no baseline '{self.baseline}'; choose one of {', '.join(IMAGE_BASELINES)}."
            )
        return self.processor.normalise(torch.from_numpy(square)[None])

    def _text_baseline(self) -> Tensor:
        """(1, T, E'): every word piece becomes [MASK]; [CLS] and [SEP] stay."""
        tokenizer, tokens = self.processor.tokenizer, self._batch.tokens
        mask_id = tokenizer.token_to_id("[MASK]")
        empty_id = mask_id if mask_id is not None else tokenizer.token_to_id("[PAD]")
        is_word = torch.tensor(self.processed.text.word_of_token, device=tokens.device)[None] >= 0
        replaced = torch.where(is_word, torch.full_like(tokens, empty_id), tokens)
        with torch.no_grad():
            return self.model.encoders["text"].embed(replaced)

    def logit(self, *tensors: Tensor) -> Tensor:
        """Points on the path, one tensor (B, ...) a modality in `read` -> (B,) logits of the target."""
        moving = dict(zip(self.read, tensors, strict=True))
        batch = tensors[0].shape[0]

        def along(modality: Modality, still: Tensor | None) -> Tensor | None:
            if still is None or modality in moving:
                return moving.get(modality)
            return still.expand(batch, *still.shape[1:])

        point = Embedded(
            along(Modality.IMAGE, self._embedded.image),
            along(Modality.TABLE, self._embedded.fields),
            along(Modality.TEXT, self._embedded.tokens),
        )
        masks = ModelInputs(**{n: t.expand(batch, *t.shape[1:]) for n, t in vars(self._batch).items()})
        column = TASKS[self.target.task].index(self.target.class_name)
        return self.model.forward_embedded(point, masks)[str(self.target.task)][:, column]

    def account(self, study: Study, path: PathAttribution) -> Attribution:
        """What was found on the path, as pixels of the film, clinical fields and whole words."""
        parts = {
            m: a[0].detach().float().cpu().numpy() for m, a in zip(self.read, path.attributions, strict=True)
        }
        image, padding = None, 0.0
        if Modality.IMAGE in parts:
            square = parts[Modality.IMAGE].sum(axis=0, dtype=np.float64)
            image = self.processed.letterbox.crop(square)
            padding = float(square.sum() - image.sum())
        words, special_tokens = self._words(parts.get(Modality.TEXT))
        return Attribution(
            target=self.target,
            method="integrated_gradients",
            baseline=self.baseline,
            image=None if image is None else image.astype(np.float32),
            fields=self._fields(study, parts.get(Modality.TABLE)),
            words=words,
            output=path.output,
            baseline_output=path.baseline_output,
            evaluations=path.evaluations,
            seconds=path.seconds,
            padding=padding,
            special_tokens=special_tokens,
        )

    def _fields(self, study: Study, table: np.ndarray | None) -> tuple[FieldAttribution, ...]:
        names = [field.name for field in self.processor.config.table]
        sums = np.zeros(len(names)) if table is None else table.sum(axis=-1, dtype=np.float64)
        values = study.table.values
        return tuple(FieldAttribution(n, values.get(n), float(s)) for n, s in zip(names, sums, strict=True))

    def _words(self, text: np.ndarray | None) -> tuple[tuple[WordAttribution, ...], float]:
        """Token sums gathered by word (never word pieces), and what fell on tokens that are no words."""
        if text is None or self.processed.text is None:
            return (), 0.0
        tokens = text.sum(axis=-1, dtype=np.float64)
        owner = np.asarray(self.processed.text.word_of_token)
        words = tuple(
            WordAttribution(w.section, w.start, w.end, w.word, float(tokens[owner == i].sum()))
            for i, w in enumerate(self.processed.text.words)
        )
        return words, float(tokens[owner < 0].sum())
