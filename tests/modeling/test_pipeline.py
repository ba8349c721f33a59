"""DiagnosisPipeline: what is predicted and said, and accounts that add up for every kind of model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.configuration import FusionConfig, TaskConfig
from modeling.errors import ExplanationCancelled, StudyError, ViewboxError
from modeling.explain.study_path import IMAGE_BASELINES
from modeling.labels import APPEARANCE, FINDINGS, GRADING, Target
from modeling.model.checkpoint import Origin
from modeling.model.film import to_native
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import probabilities
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Attribution
from modeling.study import ClinicalTable, ClinicalText, Modality, Radiograph, Study
from tests.doubles.toys import (
    ALL,
    FUSIONS,
    SENTENCE,
    toy_config,
    toy_model,
    toy_processor,
    toy_radiograph,
    toy_study,
)

TYPICAL = Target(APPEARANCE, "Typical")
SEVERE = Target(GRADING, "Severe")


def pipeline_of(
    config: FusionConfig, processor: StudyProcessor | None = None, seed: int = 0
) -> DiagnosisPipeline:
    processor = processor or toy_processor(config.modalities)
    origin = Origin("toy", "sha256:0", Path("toy"), pinned=False)
    return DiagnosisPipeline(toy_model(config, processor, seed), processor, origin)


@pytest.fixture(scope="module")
def pipeline() -> DiagnosisPipeline:
    return pipeline_of(toy_config(sources=("siim", "ricord"), temperatures={"appearance": 2.0}))


def explained(
    pipeline: DiagnosisPipeline, study: Study, target: Target = TYPICAL, **options: object
) -> Attribution:
    return list(pipeline.explain(study, target, **options))[-1]


# --- what is predicted


def test_a_prediction_is_the_model_s_answer_calibrated(pipeline: DiagnosisPipeline) -> None:
    study = toy_study()
    prediction = pipeline.predict(study)
    with torch.no_grad():
        logits = {n: row[0].numpy() for n, row in pipeline.model(pipeline.processor(study).inputs).items()}
    appearance, grading = prediction["appearance"], prediction["grading"]
    assert appearance.logits == pytest.approx(logits["appearance"], abs=1e-5)
    assert appearance.probabilities == pytest.approx(
        probabilities("softmax", logits["appearance"], 2.0), abs=1e-6
    )
    assert grading.probabilities == pytest.approx(probabilities("ordinal", logits["grading"]), abs=1e-6)
    for task in prediction.tasks:
        assert task.probabilities.sum() == pytest.approx(1.0) and task.logits.sum() == pytest.approx(
            0.0, abs=1e-5
        )
        assert task.modalities == ALL
    assert prediction.given == ALL and prediction.notes == ()


def test_a_prediction_is_the_same_twice_and_differs_between_films(pipeline: DiagnosisPipeline) -> None:
    first, again, other = (pipeline.predict(toy_study(seed=s)) for s in (0, 0, 1))
    assert np.array_equal(first["appearance"].logits, again["appearance"].logits)
    assert not np.allclose(first["appearance"].logits, other["appearance"].logits, atol=1e-4)


@pytest.mark.parametrize("modality", ALL)
def test_an_answer_names_the_modalities_that_it_was_made_from(
    pipeline: DiagnosisPipeline, modality: Modality
) -> None:
    prediction = pipeline.predict(toy_study([modality]))
    assert prediction.given == (modality,)
    assert all(task.modalities == (modality,) for task in prediction.tasks)


def test_a_task_without_its_modality_is_left_out_and_said() -> None:
    config = toy_config()
    image_only = TaskConfig(GRADING, (Modality.IMAGE,))
    pipeline = pipeline_of(replace(config, tasks=(config.tasks[0], image_only)))
    prediction = pipeline.predict(toy_study([Modality.TABLE]))
    assert [t.task for t in prediction.tasks] == [APPEARANCE]
    assert prediction.notes == ("grading needs the image; it was left out.",)
    with pytest.raises(StudyError, match="grading reads the image; give"):
        explained(pipeline, toy_study([Modality.TABLE]), SEVERE)
    with pytest.raises(ViewboxError, match="no prediction for grading"):
        prediction["grading"]


def test_a_task_may_name_its_modalities_in_any_order() -> None:
    config = toy_config()
    reversed_task = TaskConfig(APPEARANCE, ALL[::-1])
    pipeline = pipeline_of(replace(config, tasks=(reversed_task,)))
    study = toy_study()
    assert pipeline.predict(study)["appearance"].modalities == ALL
    account = explained(pipeline, study)
    assert account.relative_delta <= 0.05 and account.image is not None and account.words


@pytest.mark.parametrize(
    "study",
    [Study(), Study(table=ClinicalTable({"ldh": 300.0})), Study(text=ClinicalText({"impression": "clear"}))],
)
def test_nothing_to_read_is_a_sentence(pipeline: DiagnosisPipeline, study: Study) -> None:
    for ask in (pipeline.predict, lambda s: explained(pipeline, s)):
        with pytest.raises(StudyError, match="give") as caught:
            ask(study)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


NOTES: dict[str, tuple[Callable[[], Study], str | None, str]] = {
    "field": (
        lambda: replace(toy_study(), table=ClinicalTable({"age": 3.0, "ldh": 300.0, "spo2": 90.0})),
        None,
        "Not read by this checkpoint: ldh, spo2.",
    ),
    "long text": (lambda: toy_study(text="cough " * 100), None, "its last 78 words were cut"),
    "other section": (
        lambda: replace(toy_study(), text=ClinicalText({"impression": "clear"})),
        None,
        "No word of the text could be read; this checkpoint reads the indication.",
    ),
    "even film": (
        lambda: replace(toy_study(), radiograph=Radiograph(np.full((90, 70), 9, np.uint8))),
        None,
        "one even gray",
    ),
}


@pytest.mark.parametrize(("study", "source", "said"), NOTES.values(), ids=NOTES.keys())
def test_what_was_left_aside_is_said(
    pipeline: DiagnosisPipeline, study: Callable[[], Study], source: str | None, said: str
) -> None:
    (note,) = pipeline.predict(study(), source=source).notes
    assert said in note and note.endswith(".")


@pytest.mark.parametrize(
    ("trained", "source", "said"),
    [
        (("siim", "ricord"), "siim", ""),
        (("siim", "ricord"), "cohen", "other films (SIIM, RICORD) and has seen none like this one (Cohen)"),
        (("siim", "ricord"), None, ""),
        (("phantom",), "phantom", ""),
        (("phantom",), None, "learnt from synthetic films only and has seen none like your own"),
        ((), "phantom", ""),
    ],
)
def test_a_source_that_the_checkpoint_does_not_suit_is_said(
    trained: tuple[str, ...], source: str | None, said: str
) -> None:
    told = pipeline_of(replace(toy_config(), sources=trained)).predict(toy_study(), source=source)
    assert told.warnings == told.mismatch and bool(told.mismatch) == bool(said)
    assert all(said in one for one in told.mismatch)


def test_a_shortcut_twin_says_what_it_is() -> None:
    (said,) = pipeline_of(replace(toy_config(), role="shortcut_twin")).mismatch("siim")
    assert "shortcut twin" in said


def test_a_modality_without_encoder_is_said() -> None:
    pipeline = pipeline_of(toy_config(modalities=[Modality.IMAGE]))
    prediction = pipeline.predict(toy_study())
    assert prediction.given == ALL and prediction["appearance"].modalities == (Modality.IMAGE,)
    assert [n.split(";")[0] for n in prediction.notes] == [
        "This checkpoint does not read the table",
        "This checkpoint does not read the text",
    ]


def test_the_pipeline_says_what_the_checkpoint_can_do(pipeline: DiagnosisPipeline, checkpoint: Path) -> None:
    assert [t.slug for t in pipeline.targets][:5] == [
        "appearance/Negative",
        "appearance/Typical",
        "appearance/Indeterminate",
        "appearance/Atypical",
        "grading/Mild",
    ]
    assert [f.name for f in pipeline.fields] == ["age", "sex", "temperature", "crp"]
    assert pipeline.text_sections == ("indication",)
    loaded = DiagnosisPipeline.from_pretrained(checkpoint)
    assert loaded.origin.name == "toy"
    study = toy_study()
    unscaled = pipeline_of(toy_config()).predict(study)["appearance"]
    assert np.allclose(loaded.predict(study)["appearance"].logits, unscaled.logits, atol=1e-5)
    assert pipeline.brightness(study.radiograph).shape == study.radiograph.shape


@pytest.mark.parametrize("ask", ["predict", "explain"])
def test_weights_without_finite_numbers_are_a_sentence(ask: str) -> None:
    pipeline = pipeline_of(toy_config())
    with torch.no_grad():
        pipeline.model.heads["appearance"].linear.weight[0, 0] = float("nan")
    with pytest.raises(ViewboxError, match=r"no finite numbers; fetch|answers with no number"):
        pipeline.predict(toy_study()) if ask == "predict" else explained(pipeline, toy_study())


# --- accounts that add up


@pytest.fixture(scope="module", params=FUSIONS)
def any_kind(request: pytest.FixtureRequest) -> DiagnosisPipeline:
    return pipeline_of(toy_config(request.param))


@pytest.mark.parametrize("baseline", IMAGE_BASELINES)
def test_an_account_is_complete(any_kind: DiagnosisPipeline, baseline: str) -> None:
    study = toy_study()
    for target in (TYPICAL, SEVERE):
        account = explained(any_kind, study, target, baseline=baseline)
        prediction = any_kind.predict(study)[target.task]
        own, other = (prediction.classes.index(name) for name in (target.class_name, target.against))
        assert account.output == pytest.approx(prediction.logits[own] - prediction.logits[other], abs=1e-4)
        assert abs(account.output - account.baseline_output) > 1e-3, "nothing to explain: the test is empty"
        assert account.relative_delta <= 0.02
        assert (account.target, account.baseline) == (target, baseline)
        shares = account.modality_share.logits
        assert all(abs(shares[m]) > 1e-6 for m in ALL), "every modality took part"
        assert sum(shares.values()) == pytest.approx(account.total)


def test_what_was_not_given_gets_exactly_nothing(any_kind: DiagnosisPipeline) -> None:
    account = explained(any_kind, toy_study())
    values = {f.name: (f.value, f.attribution) for f in account.fields}
    assert values["crp"] == (None, 0.0)
    assert values["age"][0] == 41.0 and values["age"][1] != 0.0
    assert account.padding == 0.0
    assert account.special_tokens == 0.0, "[CLS] and [SEP] stand in the baseline too"
    for alone in ALL:
        shares = explained(any_kind, toy_study([alone])).modality_share.logits
        assert [m for m in ALL if shares[m] != 0.0] == [alone]


def test_an_unknown_table_is_explained_as_no_table(pipeline: DiagnosisPipeline) -> None:
    study = replace(toy_study(), table=ClinicalTable.from_raw({"age": "unknown"}))
    account = explained(pipeline, study)
    assert [(f.value, f.attribution) for f in account.fields] == [(None, 0.0)] * 4
    assert account.relative_delta <= 0.02


def test_a_film_s_map_has_the_film_s_aspect(pipeline: DiagnosisPipeline) -> None:
    for shape in ((91, 70), (70, 91), (64, 64), (1, 200), (200, 3)):
        study = Study(toy_radiograph(shape=shape))
        account = explained(pipeline, study, max_evaluations=16)
        box = pipeline.processor(study).letterbox
        assert account.image.shape == (box.height, box.width) and account.image.dtype == np.float32
        assert account.padding == 0.0


def test_words_not_pieces_are_explained(pipeline: DiagnosisPipeline) -> None:
    text = "Fever, xylophone pain"
    account = explained(pipeline, toy_study(text=text))
    assert [w.word for w in account.words] == ["Fever", ",", "xylophone", "pain"]
    assert all(text[w.start : w.end] == w.word and w.section == "indication" for w in account.words)
    assert all(w.attribution != 0.0 for w in account.words)


def test_words_that_were_cut_are_not_explained(pipeline: DiagnosisPipeline) -> None:
    account = explained(pipeline, toy_study(text="cough " * 100))
    assert len(account.words) == 22 and account.relative_delta <= 0.02


def test_a_constant_film_gets_no_attribution_and_the_rest_adds_up(pipeline: DiagnosisPipeline) -> None:
    study = replace(toy_study(), radiograph=Radiograph(np.full((90, 70), 9, np.uint8)))
    account = explained(pipeline, study)
    assert not account.image.any() and account.relative_delta <= 0.02
    alone = explained(pipeline, Study(study.radiograph))
    assert (alone.total, alone.relative_delta) == (0.0, 0.0) and alone.verdict == "nothing to explain"


def correlation(one: Attribution, other: Attribution) -> float:
    return float(np.corrcoef(one.image.ravel(), other.image.ravel())[0, 1])


def test_maps_of_other_films_and_other_targets_differ(any_kind: DiagnosisPipeline) -> None:
    """A map whose hot spot stays where it is between two films explains something else than the film."""
    spots = (slice(10, 30), slice(5, 25)), (slice(55, 80), slice(35, 60))  # rows, columns of a 91 x 70 film
    studies = []
    for spot in spots:
        pixels = np.zeros((91, 70), np.uint8)
        pixels[spot] = 200 + np.random.default_rng(0).integers(50, size=pixels[spot].shape)
        studies.append(replace(toy_study(), radiograph=Radiograph(pixels)))
    first, again, other_film = (explained(any_kind, s) for s in (studies[0], studies[0], studies[1]))
    assert correlation(first, again) == pytest.approx(1.0)
    assert correlation(first, other_film) < 0.3
    for account, spot in zip((first, other_film), spots, strict=True):
        native = np.abs(to_native(account.image, (91, 70)))
        assert native[spot].sum() > 0.85 * native.sum(), "the map lies where the film is"
    other_target = explained(any_kind, studies[0], Target(APPEARANCE, "Negative"))
    assert np.abs(first.image - other_target.image).max() > 0.05 * np.abs(first.image).max()


class LinearHead(torch.nn.Module):
    """logits = the fused vector's first four coordinates: a model whose account is known by hand."""

    def forward(self, fused: torch.Tensor) -> torch.Tensor:
        return fused[:, :4]


class MeanBackbone(torch.nn.Module):
    """The film itself as a map of 4 x 4 patch means, three channels."""

    num_features = 3

    def forward_features(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(image, image.shape[-1] // 4)


@pytest.mark.parametrize("baseline", IMAGE_BASELINES)
def test_a_linear_model_s_account_is_input_times_weight(baseline: str) -> None:
    """F = 1 + (W mean(film))[1], so each pixel's part is its change times sum(W[1]) / pixels."""
    pipeline = pipeline_of(toy_config("product", tasks=[APPEARANCE], modalities=[Modality.IMAGE]))
    encoder = pipeline.model.encoders["image"]
    encoder.backbone, encoder.channels = MeanBackbone(), 3
    encoder.projection = torch.nn.Linear(3, 16)
    with torch.no_grad():
        encoder.projection.weight.fill_(0.0)
        encoder.projection.weight[1] = torch.tensor([0.5, 1.0, -3.0])
    pipeline.model.heads["appearance"] = LinearHead()
    study = toy_study([Modality.IMAGE])
    account = explained(pipeline, study, baseline=baseline)
    processed = pipeline.processor(study)
    film = processed.letterbox.crop(processed.inputs.image[0, 0].numpy() * 0.5 + 0.5)
    if baseline == "black":
        by_hand = film / 0.5 * (0.5 + 1.0 - 3.0) / 64**2
        assert account.image == pytest.approx(by_hand, rel=1e-3, abs=1e-9)
        planted = np.unravel_index(film.argmax(), film.shape)
        assert np.unravel_index(account.image.argmin(), film.shape) == planted
    assert account.relative_delta <= 1e-3
    assert account.total == pytest.approx(account.output - account.baseline_output, rel=1e-3)


# --- asking


def test_progress_rises_and_accounts_get_better(pipeline: DiagnosisPipeline) -> None:
    seen: list[float] = []
    accounts = list(
        pipeline.explain(toy_study(), TYPICAL, tolerance=1e-6, max_evaluations=64, progress=seen.append)
    )
    assert seen == sorted(seen) and seen[0] > 0 and 0.9 < seen[-1] <= 1.0
    assert accounts[-1].evaluations <= 64
    assert [a.evaluations for a in accounts] == sorted(a.evaluations for a in accounts)
    assert accounts[-1].relative_delta <= accounts[0].relative_delta + 1e-3


def test_an_explanation_can_be_cancelled(pipeline: DiagnosisPipeline) -> None:
    with pytest.raises(ExplanationCancelled) as caught:
        list(pipeline.explain(toy_study(), TYPICAL, cancelled=lambda: True))
    assert str(caught.value).endswith(".")
    asked: list[int] = []

    def later() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(ExplanationCancelled):
        list(pipeline.explain(toy_study(), TYPICAL, tolerance=0.0, cancelled=later))
    assert explained(pipeline, toy_study()).verdict == "converged", (
        "the pipeline goes on after a cancellation"
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            Target(FINDINGS, "Edema"),
            "does not predict findings; choose a target of appearance, grading",
        ),
        (Target(APPEARANCE, "Lobar"), "no class 'Lobar'"),
    ],
)
def test_an_unknown_target_is_refused(pipeline: DiagnosisPipeline, target: Target, said: str) -> None:
    with pytest.raises(ViewboxError, match=said):
        explained(pipeline, toy_study(), target)


def test_an_unknown_baseline_is_refused(pipeline: DiagnosisPipeline) -> None:
    with pytest.raises(ViewboxError, match="no baseline 'pink'; choose one of black, blurred"):
        explained(pipeline, toy_study(), baseline="pink")


def test_explaining_leaves_the_model_as_it_was(pipeline: DiagnosisPipeline) -> None:
    before = {n: t.clone() for n, t in pipeline.model.state_dict().items()}
    first = pipeline.predict(toy_study())["appearance"].logits
    explained(pipeline, toy_study())
    assert np.array_equal(first, pipeline.predict(toy_study())["appearance"].logits)
    assert all(torch.equal(t, before[n]) for n, t in pipeline.model.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in pipeline.model.parameters())
    assert SENTENCE in toy_study().text.sections.values()
