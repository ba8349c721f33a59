"""Encoders: any timm name at a small size without a download, and "unknown" as a value of its own."""

import socket
from dataclasses import replace

import pytest
import torch

from modeling.configuration import (
    FusionConfig,
    ImageEncoderConfig,
    TableEncoderConfig,
    TaskConfig,
    TextEncoderConfig,
)
from modeling.errors import CheckpointError
from modeling.labels import FINDINGS
from modeling.model.encoders import ImageEncoder, TableEncoder, TextEncoder
from modeling.study import ClinicalTable, Modality, Study
from tests.doubles.toys import toy_processor, toy_study, toy_text_encoder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building an encoder never downloads: any connection is an error."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an encoder opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize(
    ("name", "size", "side"),
    [
        ("resnet10t", 64, 2),  # a CNN
        ("tf_efficientnet_lite0", 96, 3),
        ("test_vit", 64, 4),  # a ViT: patches of 16 and a class token
        ("vit_tiny_patch16_224", 48, 3),
        ("swin_tiny_patch4_window7_224", 64, 2),  # channels last
    ],
)
def test_a_timm_name_gives_a_map_and_a_vector(name: str, size: int, side: int) -> None:
    encoder = ImageEncoder(ImageEncoderConfig(name=name), 16, size).eval()
    with torch.no_grad():
        features = encoder.feature_map(torch.randn(2, 3, size, size))
        encoded = encoder.encode(features, torch.tensor([True, False]))
    assert features.shape == (2, encoder.backbone.num_features, side, side)
    assert encoded.vector.shape == (2, 16) and encoded.sequence.shape == (2, side * side, 16)
    assert encoded.mask.tolist() == [[True] * side**2, [False] * side**2]
    assert torch.isfinite(encoded.vector).all()
    # Without dropout the vector is the mean of the patches: what the map shows is what the head reads.
    assert torch.allclose(encoded.sequence.mean(1), encoded.vector, atol=1e-4)


def test_the_map_keeps_rows_and_columns() -> None:
    """A bright corner changes the map most in that corner, in every layout of the backbone's output."""
    for name in ("resnet10t", "test_vit", "swin_tiny_patch4_window7_224"):
        torch.manual_seed(0)
        encoder = ImageEncoder(ImageEncoderConfig(name=name), 16, 128).eval()
        film = torch.zeros(1, 3, 128, 128)
        bright = film.clone()
        bright[..., :32, 96:] = 3.0  # top right
        with torch.no_grad():
            change = (encoder.feature_map(bright) - encoder.feature_map(film)).square().sum(1)[0]
        row, column = divmod(int(change.argmax()), change.shape[1])
        assert row < change.shape[0] / 2 and column >= change.shape[1] / 2, name


def test_an_unknown_timm_name_is_refused_in_a_sentence() -> None:
    with pytest.raises(CheckpointError, match="timm has no model 'resnet10x'; choose"):
        ImageEncoder(ImageEncoderConfig(name="resnet10x"), 16, 64)


def table_inputs(**values: float | str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    inputs = toy_processor()(Study(table=ClinicalTable(values))).inputs
    return inputs.numeric, inputs.category, inputs.known


def test_a_table_s_vector_is_what_it_says_beyond_an_unknown_one() -> None:
    torch.manual_seed(0)
    encoder = TableEncoder(TableEncoderConfig(), ["age", "sex", "temperature", "crp"], 16).eval()
    torch.nn.init.normal_(encoder.unknown)
    outputs = {}
    for name, values in {
        "none": {},
        "age": {"age": 30.0},
        "mean": {"age": 60.0},
        "sex": {"sex": "male"},
    }.items():
        numeric, category, known = table_inputs(**values)
        outputs[name] = encoder.encode(encoder.embed(numeric, category, known), known)
    assert torch.equal(outputs["none"].vector, torch.zeros(1, 16)) and not outputs["none"].given.item()
    assert outputs["age"].mask.tolist() == [[True, False, False, False]]
    # The mean of a field is not the same as not knowing it.
    assert outputs["mean"].vector.abs().max() > 1e-3
    assert not torch.allclose(outputs["mean"].vector, outputs["age"].vector)
    assert outputs["sex"].given.item()


def test_a_text_row_without_tokens_stays_finite_and_does_not_disturb_the_others() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(toy_text_encoder(), 16).eval()
    tokens = toy_processor()(toy_study()).inputs.tokens
    mask = torch.ones_like(tokens, dtype=torch.bool)
    both = torch.cat([tokens, torch.zeros_like(tokens)])
    with torch.no_grad():
        alone = encoder.encode(encoder.embed(tokens), mask)
        mixed = encoder.encode(encoder.embed(both), torch.cat([mask, ~mask]))
    assert mixed.given.tolist() == [True, False]
    assert torch.isfinite(mixed.vector).all()
    assert torch.allclose(mixed.vector[:1], alone.vector, atol=1e-6)


def test_questions_and_phrases_read_no_token_that_is_not_there() -> None:
    torch.manual_seed(0)
    config = replace(toy_text_encoder(), pooling="attention", questions=4, phrase=3)
    encoder = TextEncoder(config, 16).eval()
    tokens = toy_processor()(toy_study()).inputs.tokens
    longer = torch.cat([tokens, torch.full_like(tokens[:, :3], 5)], dim=1)
    mask = torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        alone = encoder.encode(encoder.embed(tokens), mask)
        padded = encoder.encode(encoder.embed(longer), torch.nn.functional.pad(mask, (0, 3)))
        everything = encoder.encode(encoder.embed(longer), torch.ones_like(longer, dtype=torch.bool))
    assert alone.vector.shape == (1, 16) and alone.sequence.shape == (1, tokens.shape[1], 16)
    assert torch.allclose(padded.vector, alone.vector, atol=1e-6)
    assert not torch.allclose(everything.vector, alone.vector, atol=1e-3)


def test_each_question_weighs_the_tokens_for_features_of_its_own() -> None:
    config = replace(toy_text_encoder(), pooling="attention", questions=2)
    encoder = TextEncoder(config, 4).eval()
    with torch.no_grad():
        encoder.questions.weight.zero_()
        encoder.questions.bias.zero_()
        encoder.questions.weight[0, 0], encoder.questions.weight[1, 0] = 100.0, -100.0
        sequence = torch.tensor([[[9.0, 1.0, 2.0, 3.0], [-9.0, 4.0, 5.0, 6.0]]])
        pooled = encoder._pooled(sequence, torch.ones(1, 2, dtype=torch.bool))
    assert pooled.tolist() == [[9.0, 1.0, 5.0, 6.0]]  # each asked for another token


@pytest.mark.parametrize("phrase", [2, -1, 17])
def test_a_phrase_without_a_middle_is_refused(phrase: int) -> None:
    with pytest.raises(CheckpointError, match="odd number of tokens"):
        replace(toy_text_encoder(), phrase=phrase)


def test_questions_must_share_the_width() -> None:
    text = replace(toy_text_encoder(), pooling="attention", questions=5)
    with pytest.raises(CheckpointError, match="multiple of the text encoder's questions"):
        FusionConfig((TaskConfig(FINDINGS, (Modality.TEXT,)),), text=text, width=16)


@pytest.mark.parametrize(
    "transformers",
    [{"model_type": "no_such_model"}, {"model_type": "bert", "hidden_size": 17, "num_attention_heads": 4}],
)
def test_a_text_encoder_that_cannot_be_built_is_refused(transformers: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="cannot build this text encoder"):
        TextEncoder(TextEncoderConfig(transformers), 16)


def test_a_smaller_stride_leaves_the_later_stages_out() -> None:
    whole = ImageEncoder(ImageEncoderConfig(), 16, 96)
    cut = ImageEncoder(ImageEncoderConfig(stride=16), 16, 96).eval()
    with torch.no_grad():
        assert cut.feature_map(torch.randn(1, 3, 96, 96)).shape == (1, 112, 6, 6)
    weights = [sum(p.numel() for p in e.backbone.parameters()) for e in (whole, cut)]
    assert weights[1] < weights[0] / 4
    # The tensors that stay come first and in the same order: ImageNet weights still fit.
    tensors = (e.backbone.state_dict().values() for e in (whole, cut))
    assert all(full.shape == kept.shape for full, kept in zip(*tensors, strict=False))


def test_a_stride_that_the_backbone_lacks_is_refused() -> None:
    with pytest.raises(CheckpointError, match="stride 8; set 'stride' to 0"):
        ImageEncoder(ImageEncoderConfig(name="test_vit", stride=8), 16, 64)
    with pytest.raises(CheckpointError, match="8, 16, 32, or 0"):
        ImageEncoderConfig(stride=5)


def test_pooled_by_evidence_only_the_places_that_look_like_opacities_speak() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(ImageEncoderConfig(name="resnet10t", pooling="evidence"), 16, 64).eval()
    given = torch.tensor([True])
    features = torch.randn(1, encoder.channels, 2, 2, requires_grad=True)
    with torch.no_grad():
        encoder.evidence.weight.zero_()
        encoder.evidence.weight[0, 0] = 30.0
        features[0, 0] = torch.tensor([[-1.0, -1.0], [-1.0, 1.0]])  # an opacity at the bottom right
    encoder.encode(features, given).vector.sum().backward()
    (moved,) = features.grad.abs().sum(1)
    assert moved[1, 1] > 100 * max(moved[0, 0], moved[0, 1], moved[1, 0])


def test_a_pyramid_is_as_fine_as_the_last_map_but_one() -> None:
    config = ImageEncoderConfig(name="test_efficientnet", pyramid=24, pooling="evidence")
    encoder = ImageEncoder(config, 16, 64).eval()
    with torch.no_grad():
        features = encoder.feature_map(torch.randn(2, 3, 64, 64))
        encoded = encoder.encode(features, torch.tensor([True, True]))
    assert features.shape == (2, 24, 4, 4) and encoded.vector.shape == (2, 16)
    with pytest.raises(CheckpointError, match="a stride or a pyramid"):
        ImageEncoderConfig(stride=16, pyramid=24)


def test_a_folded_backbone_has_no_batch_norm_and_a_film_never_hangs_on_its_batch() -> None:
    encoder = ImageEncoder(ImageEncoderConfig(name="test_efficientnet", norm="folded"), 16, 64).train()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in encoder.modules())
    assert all(p.requires_grad for p in encoder.parameters())
    films = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    alone, together = encoder.feature_map(films[:1]), encoder.feature_map(films)
    assert torch.allclose(alone, together[:1], atol=1e-5)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_text_encoder_that_names_code_on_the_hub_is_refused(key: str) -> None:
    small = toy_text_encoder().transformers
    with pytest.raises(CheckpointError, match=f"'{key}' of the text encoder names code on the Hub"):
        TextEncoder(TextEncoderConfig({**small, key: "owner/kernel"}), 16)
    assert TextEncoder(TextEncoderConfig({**small, key: "eager"}), 16).pooling == "mean"
