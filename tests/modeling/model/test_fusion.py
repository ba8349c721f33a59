"""FusionModel: every fusion with every subset of modalities, heads by hand, strict loading."""

import json
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modeling.errors import CheckpointError
from modeling.labels import APPEARANCE, FINDINGS, GRADING
from modeling.model.fusion import FusionModel, Head
from modeling.model.processing import StudyProcessor, collate
from modeling.model.temperature import probabilities
from modeling.study import ClinicalTable, Modality, Study
from tests.doubles.toys import ALL, FUSIONS, toy_checkpoint, toy_config, toy_model, toy_processor, toy_study

SUBSETS = list(chain.from_iterable(combinations(ALL, n) for n in (1, 2, 3)))
THREE = (APPEARANCE, GRADING, FINDINGS)


@pytest.fixture(scope="module", params=FUSIONS)
def model(request: pytest.FixtureRequest) -> FusionModel:
    return toy_model(toy_config(request.param, THREE))


@pytest.fixture(scope="module")
def processor() -> StudyProcessor:
    return toy_processor()


@torch.no_grad()
def answer(model: FusionModel, processor: StudyProcessor, *studies: Study) -> dict[str, torch.Tensor]:
    return model(collate([processor(study) for study in studies]))


# --- any subset of modalities


def test_every_subset_gives_finite_logits_of_its_own(model: FusionModel, processor: StudyProcessor) -> None:
    seen = []
    for subset in SUBSETS:
        logits = answer(model, processor, toy_study(subset))
        assert {n: tuple(row.shape) for n, row in logits.items()} == {
            "appearance": (1, 4), "grading": (1, 3), "findings": (1, 14)
        }  # fmt: skip
        assert all(torch.isfinite(row).all() for row in logits.values()), subset
        seen.append(logits["findings"][0])
    distances = torch.pdist(torch.stack(seen))
    assert distances.min() > 1e-4, "two subsets of modalities give one answer"


def test_a_study_with_nothing_is_finite_too(model: FusionModel, processor: StudyProcessor) -> None:
    assert all(torch.isfinite(row).all() for row in answer(model, processor, Study()).values())


def test_a_mixed_batch_equals_one_by_one(model: FusionModel, processor: StudyProcessor) -> None:
    studies = [
        toy_study(s, seed=i, text="fever" if i % 2 else "fell from a ladder") for i, s in enumerate(SUBSETS)
    ]
    studies.append(Study())
    together = answer(model, processor, *studies)
    for i, study in enumerate(studies):
        alone = answer(model, processor, study)
        for name, row in alone.items():
            assert torch.allclose(together[name][i], row[0], atol=2e-5), (name, i)


def test_an_unknown_table_is_no_table(model: FusionModel, processor: StudyProcessor) -> None:
    film = toy_study().radiograph
    without = answer(model, processor, Study(film))
    unknown = answer(model, processor, Study(film, ClinicalTable.from_raw({"age": "unknown", "sex": ""})))
    unread = answer(model, processor, Study(film, ClinicalTable({"ldh": 300.0})))
    for name, row in without.items():
        assert torch.equal(row, unknown[name]) and torch.equal(row, unread[name])


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_a_model_of_fewer_encoders_works(fusion: str, subset: tuple[Modality, ...]) -> None:
    processor = toy_processor(subset)
    model = toy_model(toy_config(fusion, modalities=subset), processor)
    logits = answer(model, processor, toy_study(subset), toy_study(ALL, seed=1))
    assert all(torch.isfinite(row).all() for row in logits.values())


def test_encoders_and_processor_must_read_the_same() -> None:
    with pytest.raises(CheckpointError, match="same modalities"):
        FusionModel(toy_config(), toy_processor([Modality.IMAGE, Modality.TABLE]).config)


def test_in_a_product_a_missing_modality_is_exactly_the_identity(processor: StudyProcessor) -> None:
    model = toy_model(toy_config("product"))
    inputs = collate([processor(toy_study([Modality.IMAGE]))])
    with torch.no_grad():
        encoded = model.encode(model.embed(inputs), inputs)
        fused = model.fusions["appearance"]([encoded[m] for m in ALL])
        only = 1.0 + encoded["image"].vector
    assert torch.equal(fused, only)
    whole = collate([processor(toy_study())])
    with torch.no_grad():
        encoded = model.encode(model.embed(whole), whole)
        fused = model.fusions["appearance"]([encoded[m] for m in ALL])
        by_hand = torch.stack([1.0 + encoded[m].vector for m in ALL]).prod(0)
    assert torch.allclose(fused, by_hand, rtol=1e-6)


def test_gates_share_one_among_the_given(processor: StudyProcessor) -> None:
    model = toy_model(toy_config("gated"))
    inputs = collate([processor(toy_study([Modality.IMAGE]))])
    with torch.no_grad():
        encoded = model.encode(model.embed(inputs), inputs)
        fused = model.fusions["appearance"]([encoded[m] for m in ALL])
    assert torch.allclose(fused, torch.tanh(encoded["image"].vector))  # the only one has the whole gate


# --- heads


def test_softmax_and_ordinal_logits_are_centred(model: FusionModel, processor: StudyProcessor) -> None:
    logits = answer(model, processor, toy_study(), toy_study(seed=1))
    for name in ("appearance", "grading"):
        assert logits[name].sum(dim=1).abs().max() < 1e-4
    assert logits["findings"].sum(dim=1).abs().min() > 1e-3  # classes that do not exclude each other are not


def proportional_odds(score: np.ndarray, raw_thresholds: np.ndarray) -> np.ndarray:
    """McCullagh's model in float64: P(class > k) = sigmoid(score - threshold_k)."""
    thresholds = np.cumsum([raw_thresholds[0], *np.log1p(np.exp(raw_thresholds[1:]))])
    above = 1 / (1 + np.exp(-(score[:, None] - thresholds)))
    ends = np.ones((len(score), 1)), np.zeros((len(score), 1))
    return -np.diff(np.concatenate([ends[0], above, ends[1]], axis=1), axis=1)


@torch.no_grad()
def test_the_ordinal_head_is_proportional_odds() -> None:
    head = Head(GRADING, 1)
    head.linear.weight.fill_(1.0)
    head.threshold.copy_(torch.tensor([-0.7, 0.9]))
    scores = np.linspace(-6, 6, 49)
    logits = head(torch.tensor(scores, dtype=torch.float32)[:, None]).double().numpy()
    got = probabilities("ordinal", logits)
    assert got == pytest.approx(proportional_odds(scores, np.array([-0.7, 0.9])), abs=2e-6)
    assert got.sum(axis=1) == pytest.approx(np.ones(49))
    assert (np.diff(got[:, 0]) < 0).all() and (np.diff(got[:, 2]) > 0).all()  # mild falls, severe rises
    middle = np.diff(got[:, 1])
    assert (np.diff(np.sign(middle)) != 0).sum() == 1  # moderate rises, then falls
    assert ((got @ np.arange(3))[1:] > (got @ np.arange(3))[:-1]).all()


@torch.no_grad()
@pytest.mark.parametrize("score", [-200.0, 200.0])
def test_the_ordinal_head_stays_finite_far_out(score: float) -> None:
    head = Head(GRADING, 1)
    head.linear.weight.fill_(1.0)
    logits = head(torch.tensor([[score]]))
    assert torch.isfinite(logits).all()
    assert logits.argmax().item() == (0 if score < 0 else 2)


@pytest.mark.parametrize(("task", "biased"), [(APPEARANCE, True), (FINDINGS, True), (GRADING, False)])
def test_an_ordinal_head_has_thresholds_instead_of_a_bias(task, biased: bool) -> None:
    head = Head(task, 8)
    assert (head.linear.bias is not None) == biased
    assert hasattr(head, "threshold") != biased


# --- persistence


@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_checkpoint_comes_back_the_same(tmp_path: Path, processor: StudyProcessor, fusion: str) -> None:
    folder = toy_checkpoint(tmp_path / "toy", fusion, temperatures={"grading": 1.5})
    model, loaded, origin = FusionModel.from_pretrained(folder)
    written = toy_model(toy_config(fusion), processor)
    for name, row in answer(written, processor, toy_study()).items():
        assert torch.equal(row, answer(model, loaded, toy_study())[name])
    assert not model.training
    assert model.config.temperatures == {"grading": 1.5}
    assert model.config.processor_sha256 == loaded.config.sha256
    assert origin.name == "toy" and origin.revision.startswith("sha256:") and not origin.pinned
    assert {p.suffix for p in folder.iterdir()} == {".json", ".safetensors", ".md"}, "safetensors only"


def test_half_precision_weights_are_widened(tmp_path: Path) -> None:
    folder = toy_checkpoint(tmp_path / "toy")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {n: t.half() if t.is_floating_point() else t for n, t in weights.items()},
        folder / "model.safetensors",
    )
    model, _, _ = FusionModel.from_pretrained(folder)
    assert {t.dtype for t in model.state_dict().values() if t.is_floating_point()} == {torch.float32}


def change_json(file: str, **changes: object):
    def damage(folder: Path) -> None:
        raw = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(raw | changes))

    return damage


def change_weights(change):
    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        weights = load_file(path)
        change(weights)
        save_file(weights, path)

    return damage


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


HEAD = "heads.appearance.linear.weight"
DAMAGE = {
    "missing weight": (change_weights(lambda w: w.pop(HEAD)), f"lacks tensor '{HEAD}'"),
    "no weight at all": (change_weights(lambda w: w.clear()), "lacks tensor"),
    "extra weight": (change_weights(lambda w: w.update(more=torch.ones(2))), "has an extra tensor 'more'"),
    "mis-shaped weight": (
        change_weights(lambda w: w.update({HEAD: torch.ones(5, 16)})),
        r"shape \(5, 16\), not \(4, 16\)",
    ),
    "truncated weights": (truncate, "model.safetensors of toy is damaged"),
    "garbage weights": (lambda f: (f / "model.safetensors").write_bytes(b"garbage" * 99), "is damaged"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "is damaged"),
    "no weights file": (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    "pickle only": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        "has no model.safetensors",
    ),
    "unknown key": (change_json("config.json", flavour="mint"), "no key 'flavour'"),
    "other fusion": (change_json("config.json", fusion="concat"), "lacks tensor 'fusions"),
    "unknown backbone": (change_json("config.json", image={"name": "resnet_of_mine"}), "timm has no model"),
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "garbage config": (
        lambda f: (f / "config.json").write_text("{]"),
        "config.json is not valid JSON",
    ),
    "binary config": (
        lambda f: (f / "config.json").write_bytes(b"\xff\xfe"),
        "config.json is not valid JSON",
    ),
    "100,000 brackets": (
        lambda f: (f / "config.json").write_text("[" * 100_000),
        "config.json is not valid JSON",
    ),
    "other processor": (
        change_json("preprocessor_config.json", image={"size": 96}),
        "not the one of its weights",
    ),
    "no processor hash": (change_json("config.json", processor_sha256=""), "not the one of its weights"),
    "no processor": (lambda f: (f / "preprocessor_config.json").unlink(), "no preprocessor_config.json"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path: Path, damage, said: str) -> None:
    folder = toy_checkpoint(tmp_path / "toy")
    damage(folder)
    with pytest.raises(CheckpointError, match=said) as caught:
        FusionModel.from_pretrained(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    assert str(tmp_path) not in str(caught.value), "a path of this machine is shown to the reader"


@pytest.mark.parametrize("name", ["nowhere", "./a/b", "/a/b", "a/b/c", ""])
def test_a_folder_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint folder|has no model"):
        FusionModel.from_pretrained(name)


@pytest.mark.parametrize("pooling", ["mean", "evidence"])
def test_the_answer_is_the_sum_of_what_the_places_say(pooling: str) -> None:
    config = toy_config(tasks=(APPEARANCE,), modalities=(Modality.IMAGE,), backbone="resnet10t")
    config = replace(config, image=replace(config.image, pooling=pooling))
    processor = toy_processor([Modality.IMAGE])
    model = toy_model(config, processor)
    inputs = collate([processor(toy_study()) for _ in range(2)])
    features = torch.randn(2, 512, 2, 2, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits = model.forward_embedded(model.embed(inputs), inputs, features)["appearance"]
        said = model.class_evidence(APPEARANCE, features).sum(dim=(2, 3))
    assert said.shape == (2, 4) and (said[0] - said[1]).abs().max() > 0.01
    assert torch.allclose(said[0] - said[1], logits[0] - logits[1], atol=1e-4)


def test_an_answer_that_is_no_sum_over_places_is_refused(model: FusionModel) -> None:
    with pytest.raises(CheckpointError, match="no sum over the places"):
        model.class_evidence(APPEARANCE, torch.zeros(1, 512, 2, 2))
