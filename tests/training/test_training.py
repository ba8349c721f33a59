"""The trainer learns, masks missing labels, and comes back from a kill to the same weights."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from modeling.configuration import (
    FusionConfig,
    ImageEncoderConfig,
    ImageProcessing,
    ProcessorConfig,
    TableField,
    TaskConfig,
)
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING
from modeling.model.fusion import FusionModel
from modeling.model.processing import ModelInputs
from modeling.study import ClinicalTable, Modality
from training.corpora.labelled_film import Film
from training.films import Augmentation, augment, decode_all
from training.initial_weights import load_imagenet
from training.objective import class_weights, drop_modalities, opacity_loss, task_losses
from training.preparation import freeze_statistics
from training.run import Run
from training.settings import TrainingSettings
from training.space.settings import SpaceTraining
from training.studies.settings import StudyTraining

CLASSES = ("Negative", "Typical", "Indeterminate", "Atypical")


def toy_films(count: int, seed: int = 0) -> list[Film]:
    """Films on which a bright quadrant is the class: learnt within seconds."""
    generator = np.random.default_rng(seed)
    films = []
    for i in range(count):
        k = i % 4
        pixels = generator.integers(0, 90, (48, 40)).astype(np.uint8)
        rows, columns = (slice(0, 24), slice(24, 48))[k // 2], (slice(0, 20), slice(20, 40))[k % 2]
        pixels[rows, columns] += 150
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        films.append(
            Film(
                film_id=f"film-{i}",
                source="toy",
                patient=f"patient-{i // 2}",
                split="validation" if i % 5 == 0 else "train",
                encoded=buffer.getvalue(),
                table=ClinicalTable({"age": float(20 + i % 50)}) if i % 3 else ClinicalTable(),
                labels={APPEARANCE: CLASSES[k]} | ({GRADING: "Mild"} if i % 7 == 0 else {}),
                boxes=((columns.start / 40, rows.start / 48, 0.5, 0.5),) if i % 2 else None,
            )
        )
    return films


def toy_settings(**changes: object) -> TrainingSettings:
    processor = ProcessorConfig(image=ImageProcessing(size=32), table=(TableField("age"),))
    model = {
        "tasks": [
            {"name": "appearance", "modalities": ["image"]},
            {"name": "grading", "modalities": ["image", "table"]},
        ],
        "image": {"name": "test_vit", "dropout": 0.0},
        "table": {"field_width": 4, "hidden": 8},
        "width": 16,
    }
    settings = TrainingSettings(
        name="toy", corpora=("siim",), model=FusionConfig.from_json(model), processor=processor,
        epochs=3, batch_size=8, learning_rate=3e-3, averaging=0.8, patience=9, opacity_weight=0.0,
    )  # fmt: skip
    return replace(settings, **changes)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_a_killed_run_ends_with_the_same_weights(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.run.SAVE_EVERY", 2)
    films = toy_films(40)
    whole = Run(toy_settings(epochs=2), films, tmp_path / "whole", cache)
    whole.train()

    class Killed(Exception):
        pass

    broken = Run(toy_settings(epochs=2), films, tmp_path / "broken", cache)
    optimise, steps = broken._optimise, []

    def dies_in_the_second_epoch(batch: object) -> dict[str, float]:
        if len(steps) == 7:
            raise Killed
        steps.append(1)
        return optimise(batch)

    broken._optimise = dies_in_the_second_epoch
    with pytest.raises(Killed):
        broken.train()
    resumed = Run(toy_settings(epochs=2), films, tmp_path / "broken", cache)
    resumed.train()
    assert repr(resumed.history) == repr(whole.history)  # a NaN is not equal to itself
    for a, b in zip(whole.average.state_dict().values(), resumed.average.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
def test_training_learns_and_exports_a_checkpoint_that_loads(tmp_path: Path, cache: Path) -> None:
    run = Run(
        toy_settings(epochs=12, opacity_weight=0.3, half_precision=True),
        toy_films(120),
        tmp_path / "run",
        cache,
    )
    run.train()
    run.export()
    assert run.best > 0.9, run.history
    model, processor, _ = FusionModel.from_pretrained(tmp_path / "run" / "checkpoint")
    stored = load_file(tmp_path / "run" / "checkpoint" / "model.safetensors")
    assert {t.dtype for t in stored.values() if t.is_floating_point()} == {torch.float16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not [name for name in model.state_dict() if "opacity" in name]
    assert processor.config.table[0].known == sum(bool(f.table) for f in toy_films(120) if f.split == "train")
    assert model.config.temperatures["appearance"] > 0
    split = (tmp_path / "run" / "checkpoint" / "split.csv").read_text().splitlines()
    assert len(split) == 121
    assert split[1] == "toy,film-0,patient-0,validation"


def test_early_stopping_keeps_the_best_epoch(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter((0.6, 0.8, 0.7, 0.75, 0.9))
    monkeypatch.setattr("training.run.macro_auroc", lambda *_: next(scores))
    settings = toy_settings(epochs=9, patience=2)
    one_task = replace(settings, model=replace(settings.model, tasks=settings.model.tasks[:1]))
    run = Run(one_task, toy_films(24), tmp_path / "run", cache)
    run.train()
    assert (run.epoch, run.best, run.best_epoch) == (4, 0.8, 2)


def test_a_missing_label_is_masked_and_never_negative() -> None:
    logits = {"appearance": torch.tensor([[2.0, 0, 0, 0], [0, 0, 0, 9.0]], requires_grad=True)}
    labels = {"appearance": torch.tensor([0, -1])}
    losses = task_losses(logits, labels, {"appearance": torch.ones(4)}, 0.0)
    expected = torch.nn.functional.cross_entropy(logits["appearance"][:1], torch.tensor([0]))
    torch.testing.assert_close(losses["appearance"], expected)
    losses["appearance"].backward()
    assert logits["appearance"].grad[1].abs().sum() == 0
    assert (
        task_losses(logits, {"appearance": torch.tensor([-1, -1])}, {"appearance": torch.ones(4)}, 0.0) == {}
    )
    findings = {"findings": torch.zeros(1, 14, requires_grad=True)}
    label = torch.full((1, 14), float("nan"))
    label[0, 3] = 1.0
    loss = task_losses(findings, {"findings": label}, {}, 0.0)["findings"]
    torch.testing.assert_close(loss, torch.tensor(2.0).log())


def test_class_weights_balance_and_keep_the_mean() -> None:
    counts = torch.tensor([100, 25, 0])
    weights = class_weights(counts, 0.5)
    torch.testing.assert_close(weights[1] / weights[0], torch.tensor(2.0))
    torch.testing.assert_close((weights * counts).sum() / counts.sum(), torch.tensor(1.0))
    torch.testing.assert_close(class_weights(counts, 0.0), torch.ones(3))


def test_films_without_boxes_do_not_enter_the_dense_loss() -> None:
    masks = torch.zeros(2, 4, 4)
    masks[0, :2, :2] = 1.0
    masks[1] = 255.0
    logits = torch.zeros(2, 2, 2, requires_grad=True)
    opacity_loss(logits, masks).backward()
    assert logits.grad[0, 0, 0] < 0 < logits.grad[0, 1, 1]
    assert logits.grad[1].abs().sum() == 0
    assert opacity_loss(logits, masks[1:].repeat(2, 1, 1)) == 0


def test_box_masks_lie_on_the_film_and_not_on_the_padding(tmp_path: Path) -> None:
    film = replace(toy_films(2)[1], boxes=((0.0, 0.0, 1.0, 1.0),))
    films, masks = decode_all([film], ImageProcessing(size=48), tmp_path)
    assert masks[0].sum() == 48 * 40
    assert masks[0][:, :4].sum() == masks[0][:, -4:].sum() == 0
    assert films[0][:, :4].max() == 0


def test_an_outline_goes_before_its_box(tmp_path: Path) -> None:
    film = replace(toy_films(2)[1], boxes=((0.0, 0.0, 1.0, 1.0),))
    outline, buffer = np.zeros((48, 40), bool), io.BytesIO()
    outline[:24, :20] = True
    Image.fromarray(outline).save(buffer, "PNG")
    _, masks = decode_all([replace(film, drawing=buffer.getvalue())], ImageProcessing(size=48), tmp_path)
    assert masks[0].sum() == 24 * 20 and masks[0][:24, 4:24].all()


def test_augmentation_never_mirrors_and_keeps_range() -> None:
    films = torch.zeros(64, 32, 32)
    films[:, :, :10] = 0.9  # one bright side
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(64, 32, 32)
    moved, _, _ = augment(films, masks, Augmentation(), 32, generator)
    assert moved.min() >= 0 and moved.max() <= 1
    assert (moved[:, :, :16].sum((1, 2)) > moved[:, :, 16:].sum((1, 2))).all()
    again, _, _ = augment(films, masks, Augmentation(), 32, torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved, again)


def test_modality_dropout_leaves_every_study_something() -> None:
    batch = 400
    inputs = ModelInputs(
        image=torch.zeros(batch, 3, 2, 2),
        image_given=torch.ones(batch, dtype=torch.bool),
        numeric=torch.ones(batch, 3),
        category=torch.zeros(batch, 3, dtype=torch.int64),
        known=torch.ones(batch, 3, dtype=torch.bool),
        tokens=torch.zeros(batch, 0, dtype=torch.int64),
        token_mask=torch.zeros(batch, 0, dtype=torch.bool),
    )
    dropped = drop_modalities(inputs, 0.5, 0.2, 0.5, torch.Generator().manual_seed(0))
    assert (dropped.image_given | dropped.table_given).all()
    assert 0.4 < 1 - dropped.table_given.float().mean() < 0.6
    assert not dropped.image_given.all()
    assert (dropped.numeric[~dropped.known] == 0).all()


def test_statistics_come_from_known_finite_training_values() -> None:
    films = [
        replace(f, table=ClinicalTable({"age": v} if v is not None else {}))
        for f, v in zip(toy_films(4), (10.0, 20.0, float("inf"), None), strict=True)
    ]
    (column,) = freeze_statistics(ProcessorConfig(table=(TableField("age"),)), films).table
    assert (column.mean, column.std, column.known) == (15.0, 5.0, 3)


def changed(**keys: object) -> str:
    """A settings file that is as it should be but for some keys."""
    return json.dumps(toy_settings().to_json() | keys)


def test_a_misspelt_module_is_refused_before_it_trains_unfrozen(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(ViewboxError, match="'frozen' names blocs\\.0, which the film's backbone lacks"):
        Run(toy_settings(frozen=("blocs.0",)), toy_films(16), tmp_path / "out", cache)


def test_settings_files_in_the_repository_are_valid(root: Path) -> None:
    files = sorted((root / "training" / "configs").glob("*.json"))
    assert files
    for path in files:
        of_another = {"studies": StudyTraining, "space": SpaceTraining}
        kind = of_another.get(path.stem.partition("_")[0], TrainingSettings)
        settings = kind.load(path)
        assert kind.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not valid JSON"),
        (json.dumps({"name": "x", "colour": 1}), "bad.json has the unknown key 'colour'; leave it out."),
        (json.dumps({"name": "x", "epoch": 1}), "unknown key 'epoch'; did you mean 'epochs'"),
        ("{}", "lacks the key"),
        ("[]", "not a JSON object"),
        (changed(epochs="many"), "'many' cannot stand at 'epochs'; write a valid integer."),
        (changed(initial_weights={"imgae": "imagenet"}), "'imgae'.*write .*'image', 'table' or 'text'"),
        (changed(learning={"image": {"way": "probd"}}), "write 'fine_tuned', 'probed' or 'frozen'"),
    ],
)
def test_a_bad_settings_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ViewboxError, match=sentence):
        TrainingSettings.load(tmp_path / "bad.json")


@pytest.mark.parametrize("weights", [{"findings": 1.0}, {"grading": 0.0}, {"mars": 1.0}])
def test_labels_are_weighed_for_a_models_own_tasks_alone(weights: dict[str, float]) -> None:
    with pytest.raises(ViewboxError, match="positive weight for any of appearance, grading"):
        toy_settings(label_weights=weights)


def test_films_are_painted_over_as_often_as_the_settings_say(tmp_path: Path, cache: Path) -> None:
    def shown(chance: float) -> torch.Tensor:
        run = Run(
            toy_settings(augmentation=Augmentation(occlusion=chance)),
            toy_films(16),
            tmp_path / str(chance),
            cache,
        )
        return run.batches.training(list(range(8)), 0).inputs.image

    holes = (shown(0.0) != shown(1.0)).flatten(1).float().mean(dim=1)
    assert (holes > 0).all() and (holes < 0.2).all(), "one rectangle each, and nothing else differs"


def test_a_folded_backbone_starts_from_the_same_weights_and_settles_on_films() -> None:
    """Folded as published it answers like the whole net; settled on films it does not."""
    processor = ProcessorConfig(image=ImageProcessing(size=32), table=(TableField("age"),))
    films = [torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    answers = {}
    for norm in ("batch", "folded"):
        image = ImageEncoderConfig(norm=norm)
        config = FusionConfig((TaskConfig(APPEARANCE, (Modality.IMAGE,)),), image=image)
        model = FusionModel(config, replace(processor, table=())).eval()
        load_imagenet(model)
        with torch.no_grad():
            answers[norm] = model.encoders["image"].feature_map(films[0])
    close = 1e-3 * float(answers["batch"].abs().max())
    assert torch.allclose(answers["batch"], answers["folded"], atol=close)
    load_imagenet(model, films)
    with torch.no_grad():
        settled = model.encoders["image"].feature_map(films[0])
    assert not torch.allclose(settled, answers["folded"], atol=0.1)


def test_frozen_modules_stay_as_they_are(tmp_path: Path, cache: Path) -> None:
    image = {"name": "test_efficientnet", "norm": "folded", "pyramid": 16, "pooling": "evidence"}
    settings = toy_settings(frozen=["conv_stem"], opacity_weight=1.0, claim_weight=0.5)
    encoder = ImageEncoderConfig(**image)
    settings = replace(settings, model=replace(settings.model, image=encoder, fusion="product"))
    run = Run(settings, toy_films(24), tmp_path, cache)
    before = {name: weights.clone() for name, weights in run.model.named_parameters()}
    run.train_epoch()
    after = dict(run.model.named_parameters())
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    assert not [name for name in changed if ".conv_stem." in name]
    assert {"blocks" in name for name in changed} == {True, False}
