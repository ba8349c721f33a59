"""Scrutiny: opinions, controls, trust measures and proofs, on toys whose answers are known."""

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.answers import explain_and_check
from modeling.errors import ExplanationCancelled, StudyError, ViewboxError
from modeling.explain.baselines import StoredBaselines
from modeling.explain.registry import method_names
from modeling.explain.shapley import disagreeing
from modeling.labels import APPEARANCE, FINDINGS, GRADING, Target
from modeling.model.checkpoint import Origin
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Attribution
from modeling.study import ClinicalTable, ClinicalText, Modality, Radiograph, Study
from modeling.trust.metrics import MEANINGS
from modeling.trust.scrutiny import MEASURES, Scrutiny
from modeling.trust.verdict import verdict_of
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

CONTROLS = method_names("control")
TYPICAL = Target(APPEARANCE, "Typical")
NEGATIVE = Target(APPEARANCE, "Negative")
SEVERE = Target(GRADING, "Severe")


def scrutiny_of(
    fusion: str = "concat", modalities: tuple[Modality, ...] = ALL, **options: object
) -> Scrutiny:
    config, processor = toy_config(fusion, modalities=modalities, **options), toy_processor(modalities)
    origin = Origin("toy", "sha256:0", Path("toy"), pinned=False)
    return Scrutiny(DiagnosisPipeline(toy_model(config, processor), processor, origin))


@pytest.fixture(scope="module")
def scrutiny() -> Scrutiny:
    """Every modality, and every stored baseline."""
    made = scrutiny_of()
    squares = np.random.default_rng(0).random((3, 20, 20), np.float32)
    made.pipeline.stored_baselines = StoredBaselines(squares[0], squares[1:])
    return made


def explained(scrutiny: Scrutiny, study: Study, target: Target = TYPICAL, **options: object) -> Attribution:
    return list(scrutiny.explain(study, target, **options))[-1]


@pytest.fixture(scope="module")
def attribution(scrutiny: Scrutiny) -> Attribution:
    return explained(scrutiny, toy_study())


# --- second opinions


@pytest.mark.parametrize("fusion", FUSIONS)
def test_attention_is_offered_where_the_fusion_has_it(fusion: str) -> None:
    made = scrutiny_of(fusion)
    assert ("attention" in made.opinions) == (fusion == "cross_attention")
    assert set(made.opinions) <= set(method_names("opinion"))
    if fusion == "cross_attention":
        seen = made.opinion(toy_study(), TYPICAL, "attention")
        assert seen.image.min() >= -1e-6 and 0 < seen.image.sum() <= 1.01
        words, fields = ([one for one in seen.looked_at if bool(one.section) == of] for of in (True, False))
        assert [one.name for one in words] == SENTENCE.split()
        assert [one.name for one in fields] == ["age", "sex", "temperature"], "what is known, no more"
        assert all(one.share > 0 for one in seen.looked_at)
        assert sum(one.share for one in seen.looked_at) < 1, "[CLS] and [SEP] get the rest"
        told = str(explain_and_check(made.pipeline, toy_study(), TYPICAL, method="attention")).splitlines()
        rows = {line.split()[1]: line.split()[0] for line in told[-len(seen.looked_at) :]}
        assert rows["Fever"] == f"{words[0].share:.1%}" and set(rows) == {one.name for one in seen.looked_at}
        alone = made.opinion(toy_study([Modality.IMAGE, Modality.TABLE]), TYPICAL, "attention")
        assert sum(one.share for one in alone.looked_at) == pytest.approx(1)
        with pytest.raises(ViewboxError, match="give both"):
            made.opinion(toy_study([Modality.IMAGE]), TYPICAL, "attention")
    else:
        with pytest.raises(ViewboxError, match="choose one of grad_cam"):
            made.opinion(toy_study(), TYPICAL, "attention")


def test_evidence_weights_are_offered_where_the_film_is_pooled_by_them() -> None:
    config = toy_config()
    weighing = replace(config, image=replace(config.image, pooling="evidence"))
    processor, origin = toy_processor(), Origin("toy", "sha256:0", Path("toy"), pinned=False)
    made = Scrutiny(DiagnosisPipeline(toy_model(weighing, processor), processor, origin))
    assert "evidence" in made.opinions
    seen = [made.opinion(toy_study(seed=seed), TYPICAL, "evidence").image for seed in (0, 1)]
    assert all(one.min() >= 0 and one.max() <= 1 for one in seen)
    assert not np.allclose(*seen)
    without = scrutiny_of("product")
    assert "evidence" not in without.opinions
    with pytest.raises(ViewboxError, match="choose one of grad_cam"):
        without.opinion(toy_study(), TYPICAL, "evidence")


@pytest.mark.parametrize("method", ["grad_cam", "occlusion", "feature_gradients", *CONTROLS])
def test_an_opinion_is_a_map_of_this_film_at_its_own_size(scrutiny: Scrutiny, method: str) -> None:
    study = toy_study()
    seen = scrutiny.opinion(study, TYPICAL, method)
    assert seen.image.shape == study.radiograph.shape and seen.image.dtype == np.float32
    assert np.isfinite(seen.image).all() and np.ptp(seen.image) > 0
    assert (seen.method, seen.target) == (method, TYPICAL)
    other_film = scrutiny.opinion(toy_study(seed=5), TYPICAL, method)
    assert not np.allclose(seen.image, other_film.image)
    if method == "edges":
        assert math.isnan(seen.output)
    else:
        other_target = scrutiny.opinion(study, NEGATIVE, method)
        assert not np.allclose(seen.image, other_target.image)
    if method in ("grad_cam", "occlusion", "feature_gradients"):
        logits = scrutiny.pipeline.predict(study)["appearance"].logits
        assert seen.output == pytest.approx(float(logits[1] - logits[0]), abs=1e-4)


def test_feature_gradients_add_up_to_what_the_film_changes(scrutiny: Scrutiny) -> None:
    study = replace(toy_study(), radiograph=toy_radiograph(shape=(64, 64)))  # no padding to fall on
    for baseline in ("black", "blurred"):
        path = scrutiny.pipeline.paths(study, TYPICAL, baseline)[0]
        with torch.no_grad():
            ends = [float(path.logit_of_features(path.features(f))) for f in (path.film, path.film_baseline)]
        seen = scrutiny.opinion(study, TYPICAL, "feature_gradients", baseline=baseline)
        assert float(seen.image.sum()) == pytest.approx(ends[0] - ends[1], rel=5e-3, abs=1e-5)


def test_the_model_s_own_answer_is_the_path_s(scrutiny: Scrutiny) -> None:
    """Encoded once and asked by features alone, or asked whole: the same logit."""
    path = scrutiny.pipeline.paths(toy_study(), SEVERE, "black")[0]
    with torch.no_grad():
        whole, parts = path.logit(*path.inputs), path.logit_of_features(path.features(path.film))
    logits = scrutiny.pipeline.predict(toy_study())["grading"].logits
    asked = float(logits[2] - logits[0])  # Severe rather than Mild
    assert float(whole) == pytest.approx(float(parts), abs=1e-5) == pytest.approx(asked, abs=1e-5)


# --- stored baselines


def test_stored_films_are_baselines_of_their_own(scrutiny: Scrutiny) -> None:
    assert scrutiny.pipeline.baselines == ("black", "blurred", "mean", "normals")
    accounts = {b: explained(scrutiny, toy_study(), baseline=b) for b in scrutiny.pipeline.baselines}
    assert len({round(a.baseline_output, 5) for a in accounts.values()}) == 4, (
        "the baseline changes the answer"
    )
    assert all(a.relative_delta <= 0.02 and a.padding == 0.0 for a in accounts.values())
    assert len({round(a.output, 4) for a in accounts.values()}) == 1
    starts = [float(p.logit(*p.baselines)) for p in scrutiny.pipeline.paths(toy_study(), TYPICAL, "normals")]
    assert accounts["normals"].baseline_output == pytest.approx(np.mean(starts), abs=1e-5)


@pytest.mark.parametrize("baseline", ["mean", "normals"])
def test_a_checkpoint_without_stored_films_says_so(baseline: str) -> None:
    made = scrutiny_of()
    assert made.pipeline.baselines == ("black", "blurred")
    with pytest.raises(ViewboxError, match=r"stores no film for the baseline .*; choose black or blurred"):
        explained(made, toy_study(), baseline=baseline)


# --- two accounts of the modalities


@pytest.mark.parametrize("baseline", ["black", "normals"])
def test_shapley_values_share_out_the_same_change(scrutiny: Scrutiny, baseline: str) -> None:
    attribution = explained(scrutiny, toy_study(), baseline=baseline)
    account = scrutiny.account(toy_study(), TYPICAL, attribution)
    assert set(account.shapley) == set(ALL)
    change = attribution.output - attribution.baseline_output
    assert account.change == pytest.approx(change, abs=1e-5)
    assert sum(account.shapley.values()) == pytest.approx(change, abs=1e-5)
    assert {len(c) for c in account.interactions} == {2, 3}


def test_one_modality_gets_all_of_the_change(scrutiny: Scrutiny) -> None:
    study = toy_study([Modality.TABLE])
    account = scrutiny.account(study, TYPICAL, explained(scrutiny, study))
    assert set(account.shapley) == {Modality.TABLE} and account.interactions == {}
    assert account.shapley[Modality.TABLE] == pytest.approx(account.change) and account.disagreement == ()


def test_a_disagreement_is_another_sign_or_a_large_difference() -> None:
    one = {Modality.IMAGE: 2.0, Modality.TABLE: 1.0, Modality.TEXT: -0.1}
    assert disagreeing(one, dict(one)) == ()
    assert disagreeing(one, one | {Modality.TABLE: -0.4}) == (Modality.TABLE,)
    assert disagreeing(one, one | {Modality.TEXT: 0.1}) == (), "too small for its sign to mean anything"
    assert disagreeing(one, one | {Modality.IMAGE: 1.3}) == (Modality.IMAGE,)
    nothing = dict.fromkeys(ALL, 0.0)
    assert disagreeing(nothing, nothing) == ()


# --- the trust panel


def test_every_measure_comes_with_a_known_meaning(scrutiny: Scrutiny, attribution: Attribution) -> None:
    attribution = replace(attribution, map_change=math.inf)  # a first account has nothing to compare with
    measures = list(scrutiny.measures(toy_study(), TYPICAL, attribution))
    assert tuple(m.name for m in measures) == MEASURES
    assert all(m.meaning in MEANINGS and m.seconds >= 0 for m in measures)
    by_name = {m.name: m for m in measures}
    assert by_name["completeness"].value == pytest.approx(attribution.relative_delta)
    assert by_name["support"].value == pytest.approx(attribution.output)
    assert (by_name["map_change"].value, by_name["map_change"].meaning) == (None, "settled.unknown")
    for name in ("deletion", "insertion"):
        assert by_name[name].low <= by_name[name].high
    assert 0 <= by_name["border"].value <= 1 and 0 < by_name["border"].low < 1
    assert -1 <= by_name["class_discrimination"].value <= 1
    assert -1 <= by_name["random_weights_rank"].value <= 1


def test_a_map_without_an_account_is_judged_by_what_it_is_asked(
    scrutiny: Scrutiny, attribution: Attribution
) -> None:
    asked = {"method": "grad_cam", "deciding": True}
    alone = list(scrutiny.measures(toy_study(), TYPICAL, None, **asked))
    assert [m.name for m in alone] == [name for name in MEASURES[2:] if name != "insertion"]
    beside = list(scrutiny.measures(toy_study(), TYPICAL, attribution, **asked))
    assert [m.meaning for m in beside[2:]] == [m.meaning for m in alone]
    both = [verdict_of(measures, is_account=False) for measures in (beside, alone)]
    assert both[0].level == both[1].level != "open" and both[0].answers == both[1].answers


def test_a_refined_map_says_how_far_it_moved(scrutiny: Scrutiny) -> None:
    attribution = explained(scrutiny, toy_study(), tolerance=1e-6, max_evaluations=48)
    _, moved = (m for m, _ in zip(scrutiny.measures(toy_study(), TYPICAL, attribution), "12", strict=False))
    assert moved.value == pytest.approx(attribution.map_change) and moved.meaning.startswith("settled.")
    assert moved.meaning != "settled.unknown"


def test_measures_stream_and_can_be_stopped(scrutiny: Scrutiny) -> None:
    study, stop = toy_study(seed=3), threading.Event()
    attribution = explained(scrutiny, study)
    seen = []
    with pytest.raises(ExplanationCancelled):
        for measure in scrutiny.measures(study, TYPICAL, attribution, cancelled=stop.is_set):
            seen.append(measure.name)
            if measure.name == "burned_in":
                stop.set()
    assert seen == list(MEASURES[:6])
    again = iter(scrutiny.measures(study, TYPICAL, attribution))
    assert [next(again).name for _ in range(6)] == seen, "what had been measured is kept"


def test_without_a_film_only_the_account_is_measured(scrutiny: Scrutiny) -> None:
    study = toy_study([Modality.TABLE, Modality.TEXT])
    measures = list(scrutiny.measures(study, TYPICAL, explained(scrutiny, study)))
    assert [m.name for m in measures] == ["completeness", "map_change", "support"]


def test_a_constant_film_is_measured_without_a_number(scrutiny: Scrutiny) -> None:
    study = replace(toy_study(), radiograph=Radiograph(np.full((90, 70), 9, np.uint8)))
    measures = {m.name: m for m in scrutiny.measures(study, TYPICAL, explained(scrutiny, study))}
    assert set(measures) == set(MEASURES)
    assert (measures["lungs"].value, measures["lungs"].meaning) == (None, "share.not_found")
    assert measures["deletion"].meaning == "perturbation.as_random"
    assert measures["class_discrimination"].meaning == "discrimination.undefined"


# --- a second look


class Counted:
    """How often the model was asked."""

    def __init__(self, made: Scrutiny) -> None:
        self.calls = 0
        made.pipeline.light_model.heads["appearance"].register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.calls += 1


LOOKS: dict[str, Callable[[Scrutiny, Study, Attribution], object]] = {
    "explain": lambda s, study, a: list(s.explain(study, TYPICAL))[-1],
    "occlusion": lambda s, study, a: s.opinion(study, TYPICAL, "occlusion"),
    "account": lambda s, study, a: s.account(study, TYPICAL, a),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_a_second_look_is_free_and_the_same(look: Callable[..., object]) -> None:
    made = scrutiny_of("product")
    attribution = explained(made, toy_study())
    first, counted = look(made, toy_study(), attribution), Counted(made)
    second = look(made, toy_study(), attribution)
    assert counted.calls == 0 and type(first) is type(second)
    if isinstance(first, Attribution):
        assert first is second
    look(made, toy_study(seed=1), explained(made, toy_study(seed=1)))
    assert counted.calls > 0, "another study is another question"


def test_measures_seen_before_cost_no_forward_pass() -> None:
    made = scrutiny_of("product")
    attribution = explained(made, toy_study())
    first, counted = list(made.measures(toy_study(), TYPICAL, attribution)), Counted(made)
    assert list(made.measures(toy_study(), TYPICAL, attribution)) == first and counted.calls == 0


def test_the_cache_holds_no_more_than_it_may() -> None:
    config = scrutiny_of("product")
    made = Scrutiny(config.pipeline, cache_bytes=40_000)  # two small maps at most
    for seed in range(4):
        explained(made, toy_study([Modality.IMAGE], seed=seed))
    assert 1 <= len(made._kept) <= 3


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, radiograph=toy_radiograph(7)),
        lambda s: replace(s, radiograph=replace(s.radiograph, rescale_slope=2.0)),
        lambda s: replace(s, table=ClinicalTable({**s.table.values, "age": 42.0})),
        lambda s: replace(s, text=ClinicalText({"indication": "Cough"})),
    ],
)
def test_whatever_a_study_holds_is_part_of_its_key(change: Callable[[Study], Study]) -> None:
    from modeling.trust.cache import study_key

    assert study_key(toy_study()) == study_key(toy_study()) != study_key(change(toy_study()))


# --- prove it


def half(study: Study) -> np.ndarray:
    region = np.zeros(study.radiograph.shape, bool)
    region[: region.shape[0] // 2] = True
    return region


def test_what_is_claimed_is_the_sum_over_what_is_taken(scrutiny: Scrutiny, attribution: Attribution) -> None:
    study = toy_study()
    everything = np.ones(study.radiograph.shape, bool)
    shares = attribution.modality_share.logits
    whole = scrutiny.prove(study, TYPICAL, attribution, region=everything)
    assert whole.claimed == pytest.approx(shares[Modality.IMAGE], rel=1e-3, abs=1e-6)
    upper = scrutiny.prove(study, TYPICAL, attribution, region=half(study))
    lower = scrutiny.prove(study, TYPICAL, attribution, region=~half(study))
    assert upper.claimed + lower.claimed == pytest.approx(whole.claimed, rel=1e-2, abs=1e-5)
    words = scrutiny.prove(study, TYPICAL, attribution, words=tuple(range(len(attribution.words))))
    assert words.claimed == pytest.approx(shares[Modality.TEXT], rel=1e-3)
    age = scrutiny.prove(study, TYPICAL, attribution, fields=("age",))
    assert age.claimed == pytest.approx(attribution.fields[0].attribution)


@pytest.mark.parametrize("baseline", ["black", "blurred", "mean", "normals"])
def test_taking_everything_away_ends_at_the_baseline(scrutiny: Scrutiny, baseline: str) -> None:
    """Then the change is minus F(x) - F(baseline), whatever is in between."""
    study = toy_study()
    attribution = explained(scrutiny, study, baseline=baseline)
    proof = scrutiny.prove(
        study,
        TYPICAL,
        attribution,
        region=np.ones(study.radiograph.shape, bool),
        fields=("age", "sex", "temperature"),
        words=tuple(range(len(attribution.words))),
    )
    logits = proof.before["appearance"].logits
    assert logits[1] - logits[0] == pytest.approx(attribution.output, abs=1e-4)
    if baseline != "normals":  # there the region is filled with the mean of the normals
        assert proof.change == pytest.approx(attribution.baseline_output - attribution.output, abs=1e-4)
    assert proof.claimed == pytest.approx(attribution.total, rel=1e-3)


def test_a_proof_is_the_model_s_answer_to_the_changed_study(scrutiny: Scrutiny) -> None:
    study = toy_study()
    attribution = explained(scrutiny, study)
    proof = scrutiny.prove(study, TYPICAL, attribution, fields=("age",))
    values = {k: v for k, v in study.table.values.items() if k != "age"}
    by_hand = scrutiny.pipeline.predict(replace(study, table=ClinicalTable(values)))
    assert proof.after["appearance"].logits == pytest.approx(by_hand["appearance"].logits, abs=1e-5)
    assert proof.after["grading"].probabilities == pytest.approx(by_hand["grading"].probabilities, abs=1e-5)
    before = scrutiny.pipeline.predict(study)["appearance"]
    moved = proof.after["appearance"].logits - before.logits
    assert proof.change == pytest.approx(float(moved[1] - moved[0]), abs=1e-5)


def test_account_shapley_occlusion_and_proof_answer_the_chosen_alternative(scrutiny: Scrutiny) -> None:
    study, logits = toy_study(), scrutiny.pipeline.predict(toy_study())["appearance"].logits
    others = math.log(sum(math.exp(float(v)) for i, v in enumerate(logits) if i != 1))
    wanted = {
        "Negative": float(logits[1] - logits[0]),
        "Atypical": float(logits[1] - logits[3]),
        "rest": float(logits[1]) - others,
        "nothing": float(logits[1]),
    }
    for against, value in wanted.items():
        target = TYPICAL.instead_of(against)
        account = explained(scrutiny, study, target)
        assert account.output == pytest.approx(value, abs=1e-4) and account.relative_delta < 0.05
        shapley = scrutiny.account(study, target, account)
        assert shapley.change == pytest.approx(account.output - account.baseline_output, abs=1e-4)
        assert scrutiny.opinion(study, target, "occlusion").output == pytest.approx(value, abs=1e-4)
        proof = scrutiny.prove(study, target, account, fields=("age",))
        moved = [p["appearance"].logits for p in (proof.before, proof.after)]
        if against == "Atypical":
            assert proof.change == pytest.approx(float((moved[1] - moved[0])[[1, 3]] @ [1, -1]), abs=1e-5)


def test_the_map_of_another_class_is_not_the_same_question_turned_round(scrutiny: Scrutiny) -> None:
    others = [scrutiny._other(toy_study(), TYPICAL.instead_of(name)) for name in ("Negative", "Atypical")]
    assert others[0].class_name not in ("Typical", "Negative")
    assert others[1].class_name not in ("Typical", "Atypical")
    assert {other.against for other in others} == {"Typical"}, "what both share must not make them alike"


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "nothing": ({}, "Nothing is marked"),
    "an empty region": ({"region": np.zeros((91, 70), bool)}, "Nothing is marked"),
    "another film's region": ({"region": np.ones((90, 70), bool)}, "film's size"),
    "an unknown field": ({"fields": ("crp",)}, "no known value of 'crp'"),
    "no field": ({"fields": ("shoe_size",)}, "no known value of 'shoe size'"),
    "no word": ({"words": (99,)}, "not one the model read"),
}


@pytest.mark.parametrize(("taken", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_taken_is_said(
    scrutiny: Scrutiny, attribution: Attribution, taken: dict[str, object], said: str
) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        scrutiny.prove(toy_study(), TYPICAL, attribution, **taken)
    assert str(caught.value).endswith(".")


def test_the_last_value_cannot_be_taken(scrutiny: Scrutiny) -> None:
    study = Study(table=ClinicalTable({"age": 50.0}))
    with pytest.raises(StudyError, match=r"leave something in|nothing that this checkpoint reads"):
        scrutiny.prove(study, TYPICAL, explained(scrutiny, study), fields=("age",))


# --- bad input


def test_a_target_that_the_checkpoint_lacks_is_a_sentence(
    scrutiny: Scrutiny, attribution: Attribution
) -> None:
    missing = Target(FINDINGS, "Edema")
    for ask in (
        lambda: explained(scrutiny, toy_study(), missing),
        lambda: scrutiny.opinion(toy_study(), missing, "grad_cam"),
        lambda: scrutiny.account(toy_study(), missing, attribution),
        lambda: list(scrutiny.measures(toy_study(), missing, attribution)),
        lambda: scrutiny.prove(toy_study(), missing, attribution, fields=("age",)),
    ):
        with pytest.raises(ViewboxError, match="does not predict findings"):
            ask()


@pytest.mark.parametrize("method", ["grad_cam", "occlusion", "feature_gradients", *CONTROLS])
def test_an_opinion_of_no_film_is_a_sentence(scrutiny: Scrutiny, method: str) -> None:
    with pytest.raises(ViewboxError, match="no film here"):
        scrutiny.opinion(toy_study([Modality.TABLE]), TYPICAL, method)


def test_values_that_are_no_numbers_are_refused(scrutiny: Scrutiny) -> None:
    study = replace(toy_study(), radiograph=replace(toy_radiograph(), rescale_slope=float("nan")))
    for ask in (scrutiny.pipeline.predict, lambda s: explained(scrutiny, s)):
        with pytest.raises(StudyError, match="are no numbers"):
            ask(study)
    with pytest.raises(StudyError, match="8 to 16 bits"):
        Radiograph(np.full((9, 9), np.nan))


def test_a_text_that_is_too_long_says_what_was_cut(scrutiny: Scrutiny) -> None:
    study = toy_study(text="cough " * 100)
    account = explained(scrutiny, study)
    assert any("last 78 words" in note for note in account.notes) and len(account.words) == 22
    proof = scrutiny.prove(study, TYPICAL, account, words=(21,))
    assert math.isfinite(proof.change)


def test_an_all_unknown_table_is_no_table(scrutiny: Scrutiny) -> None:
    study = replace(toy_study(), table=ClinicalTable.from_raw({"age": "unknown"}))
    account = scrutiny.account(study, TYPICAL, explained(scrutiny, study))
    assert set(account.shapley) == {Modality.IMAGE, Modality.TEXT}
