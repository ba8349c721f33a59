"""StudyProcessor: a study becomes tensors, and attributions find their way back.

Shape letters: B studies, h w model, F clinical fields, T tokens.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from modeling.configuration import ProcessorConfig, TableField
from modeling.errors import CheckpointError
from modeling.model.film import Letterbox, letterboxed
from modeling.model.tokens import Marks, WordSpan, words_of
from modeling.sentence import Sentence
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ClinicalText, Study

logger = logging.getLogger(__name__)
PROCESSOR_FILE = "preprocessor_config.json"
TOKENIZER_FILE = "tokenizer.json"


# --- the table


def encode_table(
    table: ClinicalTable, fields: Sequence[TableField]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clinical values as standard scores and category numbers.

    Returns:
        numeric (F,) float32, 0 where unknown; an infinite value (a laboratory limit) becomes the field's
        plausible end; category (F,) int64, 0 where unknown or numeric, else 1 + position; known (F,) bool.
    """
    numeric = np.zeros(len(fields), np.float32)
    category = np.zeros(len(fields), np.int64)
    known = np.zeros(len(fields), bool)
    for i, frozen in enumerate(fields):
        if frozen.name not in table.values:
            continue
        spec, value, known[i] = CLINICAL_FIELDS[frozen.name], table.values[frozen.name], True
        if spec.kind == "categorical":
            category[i] = 1 + spec.categories.index(str(value))
            continue
        number = float(np.clip(float(value), spec.low, spec.high))
        number = float(np.log1p(number)) if frozen.transform == "log1p" else number
        numeric[i] = (number - frozen.mean) / frozen.std
    return numeric, category, known


# --- the text


@dataclass(frozen=True)
class EncodedText:
    """Token ids with the word that each belongs to (-1 for special tokens)."""

    ids: tuple[int, ...]
    word_of_token: tuple[int, ...]
    words: tuple[WordSpan, ...]
    words_cut: int


def encode_text(
    text: ClinicalText,
    tokenizer: Tokenizer,
    sections: Sequence[str],
    max_tokens: int,
    lowercase: bool = False,
) -> EncodedText:
    """[CLS] section [SEP] section [SEP], or what the tokenizer calls these; every piece knows its word.

    From the first word that does not fit into `max_tokens` all are cut; the tokenizer alone sees lower case.
    """
    marks = Marks.of(tokenizer)
    ids, word_of_token, words_cut = [marks.start], [-1], 0
    words: list[WordSpan] = []
    for section in sections:
        found = words_of(tokenizer, section, text.sections.get(section, ""), lowercase)
        for span, pieces in found:
            if words_cut or len(ids) + len(pieces) + 1 > max_tokens:
                words_cut += 1
                continue
            ids += pieces
            word_of_token += [len(words)] * len(pieces)
            words.append(span)
        if found and len(ids) < max_tokens and ids[-1] != marks.end:
            ids.append(marks.end)
            word_of_token.append(-1)
    return EncodedText(tuple(ids), tuple(word_of_token), tuple(words), words_cut)


# --- the study


@dataclass(frozen=True, eq=False)
class ModelInputs:
    """A batch of studies as tensors; the `*_given` masks say what is really there."""

    image: torch.Tensor  # B 3 h w float32, normalised
    image_given: torch.Tensor  # B bool
    numeric: torch.Tensor  # B F float32
    category: torch.Tensor  # B F int64
    known: torch.Tensor  # B F bool
    tokens: torch.Tensor  # B T int64
    token_mask: torch.Tensor  # B T bool

    @property
    def table_given(self) -> torch.Tensor:
        """(B,) bool: at least one clinical field is known."""
        return self.known.any(dim=1)

    @property
    def text_given(self) -> torch.Tensor:
        """(B,) bool: there is at least one token."""
        return self.token_mask.any(dim=1)

    def to(self, device: torch.device | str) -> "ModelInputs":
        """The same batch on another device."""
        return ModelInputs(**{name: tensor.to(device) for name, tensor in vars(self).items()})


@dataclass(frozen=True, eq=False)
class ProcessedStudy:
    """One study ready for the model, the way back, and notes where the film is not as its file says."""

    inputs: ModelInputs
    letterbox: Letterbox | None
    text: EncodedText | None
    notes: tuple[Sentence, ...] = ()


class StudyProcessor:
    """The one way from a study to tensors, for training, evaluation and the app."""

    def __init__(self, config: ProcessorConfig, tokenizer: Tokenizer | None = None) -> None:
        """Raises CheckpointError: the tokenizer is missing or is not the one that the configuration names."""
        if (config.text is None) != (tokenizer is None):
            raise CheckpointError(
                "The checkpoint's text branch and its tokenizer.json do not go together; publish it whole."
            )
        if tokenizer is not None and tokenizer_sha256(tokenizer) != config.tokenizer_sha256:
            another = "tokenizer.json is not the one this checkpoint was trained with; publish both together."
            raise CheckpointError(another)
        if tokenizer is not None and (token := Marks.of(tokenizer).lacking("start", "end", "padding")):
            no_token = "tokenizer.json has no {token}; publish the checkpoint with one that has it."
            raise CheckpointError(no_token, token=token)
        self.config, self.tokenizer = config, tokenizer

    def __call__(self, study: Study) -> ProcessedStudy:
        """One study as a batch of one; a modality that the processor does not read is left out."""
        config = self.config
        size = config.image.size if config.image else 1
        square, letterbox, notes = np.zeros((size, size), np.float32), None, ()
        if study.radiograph is not None and config.image is not None:
            square, letterbox, notes = letterboxed(study.radiograph, config.image)
        numeric, category, known = encode_table(study.table, config.table)
        text = self.encode(study.text)
        inputs = ModelInputs(
            image=self.normalise(torch.from_numpy(square)[None]),
            image_given=torch.tensor([letterbox is not None]),
            numeric=torch.from_numpy(numeric)[None],
            category=torch.from_numpy(category)[None],
            known=torch.from_numpy(known)[None],
            tokens=torch.tensor([text.ids if text else ()], dtype=torch.int64),
            token_mask=torch.ones((1, len(text.ids) if text else 0), dtype=torch.bool),
        )
        return ProcessedStudy(inputs, letterbox, text, notes)

    def normalise(self, film: torch.Tensor) -> torch.Tensor:
        """(B, h, w) in [0, 1] -> (B, 3, h, w) with the configuration's mean and std."""
        if self.config.image is None:
            return film[:, None].expand(-1, 3, -1, -1)
        scaled = (film - self.config.image.mean) / self.config.image.std
        return scaled[:, None].expand(-1, 3, -1, -1).contiguous()

    def encode(self, text: ClinicalText) -> EncodedText | None:
        """The sections that the model reads as token ids; None where they hold no word."""
        config = self.config.text
        if config is None or not any(text.sections.get(s, "").strip() for s in config.sections):
            return None
        encoded = encode_text(text, self.tokenizer, config.sections, config.max_tokens, config.lowercase)
        return encoded if encoded.words else None

    def save(self, folder: Path) -> None:
        """Write `preprocessor_config.json` and, with a text branch, `tokenizer.json`."""
        self.config.write(folder / PROCESSOR_FILE)
        if self.tokenizer is not None:
            self.tokenizer.save(str(folder / TOKENIZER_FILE))

    @classmethod
    def load(cls, folder: Path) -> "StudyProcessor":
        """Read what `save` wrote. Raises CheckpointError: a file is missing, damaged, or another's."""
        path = folder / PROCESSOR_FILE
        if not path.is_file():
            raise CheckpointError("The checkpoint has no {file}; publish it again whole.", file=path.name)
        config = ProcessorConfig.read(path)
        return cls(config, _load_tokenizer(folder / TOKENIZER_FILE) if config.text else None)


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """Content hash of a tokenizer, the same before saving and after loading."""
    return hashlib.sha256(tokenizer.to_str().encode()).hexdigest()


def _load_tokenizer(path: Path) -> Tokenizer:
    if not path.is_file():
        no_tokenizer = "The checkpoint reads text but has no {file}; publish it again whole."
        raise CheckpointError(no_tokenizer, file=TOKENIZER_FILE)
    try:
        return Tokenizer.from_str(path.read_text())
    except Exception as exc:  # tokenizers raises nothing narrower
        logger.info("%s cannot be read: %s", TOKENIZER_FILE, exc)
        raise CheckpointError("{file} is damaged; fetch the checkpoint again.", file=TOKENIZER_FILE) from exc


def collate(studies: Sequence[ProcessedStudy]) -> ModelInputs:
    """Stack studies into one batch; token rows are padded to the longest."""
    batches = [s.inputs for s in studies]
    longest = max(b.tokens.shape[1] for b in batches)

    def joined(name: str) -> torch.Tensor:
        rows = [getattr(b, name) for b in batches]
        if name in ("tokens", "token_mask"):
            rows = [torch.nn.functional.pad(row, (0, longest - row.shape[1])) for row in rows]
        return torch.cat(rows)

    return ModelInputs(**{name: joined(name) for name in vars(batches[0])})
