"""The straight path from a baseline to a study: what an attribution walks along, and its account."""

from collections.abc import Collection
from functools import cached_property

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from modeling.errors import ViewboxError
from modeling.explain.baselines import StoredBaselines, placed
from modeling.explain.integrated_gradients import PathAttribution
from modeling.labels import NOTHING, REST, Target
from modeling.model.encoders import Encoded
from modeling.model.fusion import Embedded, FusionModel
from modeling.model.processing import EncodedText, ModelInputs, ProcessedStudy, StudyProcessor
from modeling.model.tokens import Marks
from modeling.results import BASELINES, Attribution, FieldAttribution, ImageBaseline, WordAttribution
from modeling.sentence import Names, Sentence
from modeling.study import Modality, Study

IMAGE_BASELINES: tuple[ImageBaseline, ...] = ("black", "blurred")
"""Those that every checkpoint has; the others are films stored beside it."""


def log_odds(logits: Tensor, target: Target) -> Tensor:
    """The number that is explained: logits (B, K) before calibration -> (B,) log-odds, in logits.

    Accounts, deltas, Shapley values, occlusion and removals all speak of it.

    Against a class: log p(class) - log p(alternative). Against the rest: log p(class) - log(1 - p(class)).
    Against nothing: the logit itself.
    """
    task = target.task
    column = task.index(target.class_name)
    own = logits[:, column]
    if target.against == NOTHING:
        return own
    if target.against == REST:
        others = torch.cat([logits[:, :column], logits[:, column + 1 :]], dim=1)
        return own - torch.logsumexp(others, dim=1)
    return own - logits[:, task.index(target.against)]


class StudyPath:
    """Both ends of the path, the target's logit along it, and the way back to pixels, fields and words.

    `inputs` and `baselines` hold one tensor (1, ...) for each modality in `read`, in their one order.
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
        stored: StoredBaselines | None = None,
        normal: int = 0,
    ) -> None:
        """The path of the modalities in `read`, which the study has and the target's task reads.

        `baseline` is what the film starts from, from `stored` films of the checkpoint where it names one of
        them (of the normal ones number `normal`). Fields start from unknown, words from [MASK].
        Raises ViewboxError: there is no such baseline, or this checkpoint stores none.
        """
        self.model, self.processor, self.processed = model, processor, processed
        self.read, self.target, self.baseline = read, target, baseline
        self._stored, self._normal = stored, normal
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
        """(1, 3, h, w): black, the film blurred inside its borders, or a stored film; padding stays black."""
        image, box = self.processor.config.image, self.processed.letterbox
        square = np.zeros((image.size, image.size), np.float32)
        if self.baseline == "blurred":
            film = self.processed.inputs.image[0, 0].numpy() * image.std + image.mean
            # PIL blurs 8-bit pictures only; a blur's rounding to 1/255 does not matter to a baseline.
            gray = Image.fromarray((box.crop(film).clip(0, 1) * 255).round().astype(np.uint8))
            blurred = gray.filter(ImageFilter.GaussianBlur(image.size / 12))
            box.crop(square)[:] = np.asarray(blurred, np.float32) / 255.0
        elif self.baseline in ("mean", "normals"):
            box.crop(square)[:] = placed(self._stored_film(), (box.height, box.width))
        elif self.baseline != "black":
            none = "There is no baseline '{name}'; choose one of {names}."
            raise ViewboxError(none, name=self.baseline, names=Names("name", BASELINES))
        return self.processor.normalise(torch.from_numpy(square)[None])

    def _stored_film(self) -> np.ndarray:
        stored = self._stored
        if stored is not None and self.baseline == "mean" and stored.mean is not None:
            return stored.mean
        if stored is not None and self.baseline == "normals" and len(stored.normals):
            return stored.normals[self._normal]
        none = "This checkpoint stores no film for the baseline '{name}'; choose {names}."
        raise ViewboxError(none, name=self.baseline, names=Names("name", IMAGE_BASELINES, " or "))

    def _text_baseline(self) -> Tensor:
        """(1, T, E'): every word piece becomes [MASK]; [CLS] and [SEP] stay."""
        with torch.no_grad():
            return self.model.encoders["text"].embed(self.masked(range(len(self.processed.text.words))))

    def masked(self, words: Collection[int]) -> Tensor:
        """(1, T) token ids in which every piece of some words, by their positions, is [MASK]."""
        marks, tokens = Marks.of(self.processor.tokenizer), self._batch.tokens
        empty_id = marks.mask if marks.mask is not None else marks.padding
        taken = [owner in words for owner in self.processed.text.word_of_token]
        is_taken = torch.tensor(taken, device=tokens.device)[None]
        return torch.where(is_taken, torch.full_like(tokens, empty_id), tokens)

    def logit(self, *tensors: Tensor, features: Tensor | None = None) -> Tensor:
        """Points on the path, one tensor (B, ...) a modality in `read` -> (B,) log-odds of the target.

        `features` (B, C, h', w') are those of the films, where the caller has them already.
        """
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
        return log_odds(self.model.forward_embedded(point, masks, features)[self.target.task], self.target)

    # --- the film alone: table and words stay as given

    @property
    def film(self) -> Tensor:
        """(1, 3, h, w): the film as the model reads it; raises as `film_place`."""
        return self.inputs[self.film_place]

    @property
    def brightness(self) -> np.ndarray:
        """(h, w) float32 in [0, 1]: the film as it is read, without padding; raises as `film_place`."""
        image = self.processor.config.image
        return self.processed.letterbox.crop(self.film[0, 0].cpu().numpy() * image.std + image.mean)

    @property
    def film_baseline(self) -> Tensor:
        """(1, 3, h, w): what the film starts from; raises as `film_place`."""
        return self.baselines[self.film_place]

    @property
    def film_place(self) -> int:
        """Which of the inputs is the film. Raises ViewboxError: there is none on this path."""
        if Modality.IMAGE not in self.read:
            no_film = "There is no film here that {task} reads; choose a case and a target with one."
            raise ViewboxError(no_film, task=Names("task", self.target.task))
        return self.read.index(Modality.IMAGE)

    def features(self, films: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, C, h', w'): the last feature map."""
        return self.model.encoders["image"].feature_map(films)

    @cached_property
    def encoded(self) -> dict[str, Encoded]:
        """Every modality of the study as given, after its encoder (B = 1)."""
        with torch.no_grad():
            return self.model.encode(self._embedded, self._batch)

    def logit_of_features(self, features: Tensor) -> Tensor:
        """Feature maps of films (B, C, h', w') -> (B,) logits of the target; the words are encoded once."""
        batch = features.shape[0]
        given = torch.ones(batch, dtype=torch.bool, device=features.device)
        film = self.model.encoders["image"].encode(features, given)

        def repeated(one: Encoded) -> Encoded:
            return Encoded(*(t.expand(batch, *t.shape[1:]) for t in vars(one).values()))

        task = next(t for t in self.model.config.tasks if t.name == self.target.task)
        encoded = [film if m == Modality.IMAGE else repeated(self.encoded[m]) for m in task.modalities]
        fused = self.model.fusions[task.name](encoded)
        return log_odds(self.model.heads[task.name](self.model.dropout(fused)), self.target)

    def account(self, study: Study, path: PathAttribution) -> Attribution:
        """What was found on the path, as pixels of the film, clinical fields and whole words."""
        arrays = (a[0].detach().float().cpu().numpy() for a in path.attributions)
        parts = dict(zip(self.read, arrays, strict=True))
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
            padding=padding,
            special_tokens=special_tokens,
            notes=self._notes(),
            **{name: getattr(path, name) for name in ("evaluations", "seconds", "map_change")},
        )

    def _notes(self) -> tuple[Sentence, ...]:
        text = self.processed.text
        if Modality.TEXT not in self.read or text is None or not text.words_cut:
            return ()
        cut = (
            "The last {count} words of the text were cut before the model read it: they have no part in this."
        )
        return (Sentence(cut, count=text.words_cut),)

    def _fields(self, study: Study, table: np.ndarray | None) -> tuple[FieldAttribution, ...]:
        names = [field.name for field in self.processor.config.table]
        sums = np.zeros(len(names)) if table is None else table.sum(axis=-1, dtype=np.float64)
        values = study.table.values
        return tuple(FieldAttribution(n, values.get(n), float(s)) for n, s in zip(names, sums, strict=True))

    def _words(self, text: np.ndarray | None) -> tuple[tuple[WordAttribution, ...], float]:
        """Token sums gathered by word (never word pieces), and what fell on tokens that are no words."""
        if text is None or self.processed.text is None:
            return (), 0.0
        return attributed_words(text.sum(axis=-1, dtype=np.float64), self.processed.text)


def attributed_words(tokens: np.ndarray, text: EncodedText) -> tuple[tuple[WordAttribution, ...], float]:
    """(T,) logits of a text's tokens, gathered by word, and the sum of those that are no words."""
    owner = np.asarray(text.word_of_token)
    words = tuple(
        WordAttribution(w.section, w.start, w.end, w.word, float(tokens[owner == i].sum()))
        for i, w in enumerate(text.words)
    )
    return words, float(tokens[owner < 0].sum())
