"""The trust panel, the two accounts, the switch of maps and the proofs as a reader sees them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from markupsafe import escape

import modeling.trust.scrutiny
from interface.case_tab import map_switch as methods
from interface.case_tab import prove_panel as prove
from interface.case_tab import trust_panel as trust
from interface.case_tab.explanation_panel import evidence_panel, shares_table
from interface.language.texts import CATALOGUES, LANGUAGES
from interface.session.session import PlaceTest
from modeling.explain import measured as measured_maps
from modeling.explain.registry import method_names
from modeling.results import BASELINES, Looked, TrustMeasure
from modeling.sentence import Names, Sentence
from modeling.study import Modality, Study
from modeling.trust.metrics import MEANINGS
from tests.doubles.example_answers import FILM, attribution
from tests.doubles.example_checks import account, every_measure, measure, opinion, proof
from tests.modeling.trust.test_verdict import FAILED, GOOD

# --- the names are those of modeling


def test_the_panel_knows_every_measure_meaning_method_and_baseline():
    assert tuple(trust.SCALES) == modeling.trust.scrutiny.MEASURES
    assert {f"meaning.{key}" for key in MEANINGS} == {
        k for k in CATALOGUES["en"].strings if k.startswith("meaning.")
    }
    assert {f"measure.{key}" for key in trust.SCALES} == {
        k for k in CATALOGUES["en"].strings if k.startswith("measure.")
    }
    for name in method_names():
        assert f"method.{name}" in CATALOGUES["en"].strings and f"about.{name}" in CATALOGUES["en"].strings
    assert all(f"explain.{name}" in CATALOGUES["en"].strings for name in BASELINES)


# --- the panel


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_stands_with_its_meaning_in_words(language):
    page = trust.checks_panel(every_measure(), language)
    for meaning in MEANINGS:
        assert escape(CATALOGUES[language].strings[f"meaning.{meaning}"]) in page
    assert page.count('class="vb-check ') == len(MEANINGS)


def test_no_meaning_rests_on_colour_alone():
    for one in every_measure():
        kind = trust.reading(one)
        row = trust.checks_panel([one], "en")
        assert CATALOGUES["en"].strings[f"trust.{kind}"] in row and trust.ICON[kind] in row


@pytest.mark.parametrize(
    ("name", "meaning", "says"),
    [
        ("lungs", "share.concentrated", "good"),
        ("lungs", "share.spared", "bad"),
        ("border", "share.concentrated", "bad"),
        ("border", "share.spared", "good"),
        ("burned_in", "share.concentrated", "bad"),
        ("burned_in", "share.not_found", "none"),
        ("random_weights_ssim", "agreement.alike", "bad"),
        ("random_weights_ssim", "agreement.different", "good"),
        ("class_discrimination", "discrimination.same_map", "bad"),
        ("insertion", "perturbation.worse", "bad"),
    ],
)
def test_a_place_counts_by_whether_evidence_belongs_there(name, meaning, says):
    value = None if meaning == "share.not_found" else 0.3
    assert trust.reading(TrustMeasure(name, value, meaning)) == says


def test_what_cannot_be_measured_has_no_gauge_and_no_side():
    for value in (None, float("nan"), float("inf")):
        row = trust.checks_panel([measure("agreement.undefined", value)], "en")
        assert "vb-gauge" not in row and "not measurable" in row
    endless = measure("completeness.not_converged", float("inf"))
    assert trust.reading(endless) == "bad" and "vb-gauge" not in trust.checks_panel([endless], "en")


def lefts(places: dict) -> list[float]:
    band = [] if places["band"] is None else [places["band"][0]]
    return [*band, *([] if places["zero"] is None else [places["zero"]]), places["mark"]]


def test_a_gauge_shows_the_value_beside_what_it_is_held_against():
    inside = measure("perturbation.as_random", 0.5, low=0.4, high=0.6)
    band, mark = lefts(trust.gauge(inside, trust.SCALES["deletion"]))
    assert band < mark < 100
    outside = measure("perturbation.better", 0.1, low=0.4, high=0.6)
    band, mark = lefts(trust.gauge(outside, trust.SCALES["deletion"]))
    assert mark < band
    even = measure("perturbation.as_random", 0.0, low=0.0, high=0.0)
    assert all(0 <= x <= 100 for x in lefts(trust.gauge(even, trust.SCALES["deletion"])))
    beyond = measure("completeness.not_converged", 7.0)
    assert lefts(trust.gauge(beyond, trust.SCALES["completeness"])) == [100.0]


def test_the_line_says_the_verdict_and_why_and_never_promises():
    decisive = [
        measure(value=0.004),
        measure("support.held", 1.4),
        measure("share.concentrated", 0.8, low=0.3, high=0.3),
        measure("perturbation.better", 0.1, low=0.4, high=0.6),
        measure("agreement.different", 0.1),
    ]
    good = trust.verdict(decisive, attribution(output=0.9), "en")
    assert (
        "Trustworthy" in good and "not that the model is right" in good and "vb-verdict-trustworthy" in good
    )
    outside = measure("share.as_area", 0.26, low=0.3, high=0.3)
    line = trust.verdict([*decisive[:2], outside, *decisive[3:]], attribution(output=0.9), "en")
    assert "Doubtful:" in line and "74 % of what speaks for the answer lies outside the lungs" in line
    weak = trust.verdict([*decisive, measure("support.weak", 0.3)], attribution(output=0.9), "en")
    assert "Doubtful:" in weak and "hardly holds this answer itself (1.3 : 1)" in weak
    denied = trust.verdict([*decisive, measure("support.denied", -0.7)], attribution(output=0.9), "en")
    assert "Do not trust this map" in denied and "leans the other way (1 : 2.0)" in denied
    assert "Passing means" not in denied and "says nothing about the answer itself" in denied
    worse = measure("perturbation.worse", 1.1, low=0.4, high=0.6)
    assert "Do not trust this map" in trust.verdict([*decisive, worse], attribution(output=0.9), "en")
    assert "請勿相信此圖" in trust.verdict([*decisive, worse], attribution(output=0.9), "zh-Hant")
    assert "Not judged yet" in trust.verdict([measure()], attribution(output=0.9), "en")
    assert trust.verdict([], attribution(), "en") == ""


def test_a_verdict_says_how_often_such_maps_lay_on_an_opacity():
    levels = {"trustworthy": {"films": 31, "hits": 30}, "doubtful": {"films": 0, "hits": 0}}
    record = {"split": "test", "maps": {"evidence": {"levels": levels}}}
    told = trust.record_line(record, "evidence", "trustworthy", "en")
    assert told == "On test films, maps with this verdict lay on an opacity in 30 of 31."
    assert "radiologists" in trust.record_line({**record, "split": "all"}, "evidence", "trustworthy", "en")
    levels["do_not_trust"] = {"films": 12, "hits": 9}
    told = trust.record_line(record, "evidence", "do_not_trust", "en")
    assert told.endswith("in 9 of 12. Of maps that pass every decisive check: in 30 of 31.")
    for method, level in (("evidence", "doubtful"), ("evidence", "open"), ("occlusion", "trustworthy")):
        assert trust.record_line(record, method, level, "en") == ""
    assert trust.record_line({"maps": []}, "evidence", "trustworthy", "en") == ""


def test_the_numbers_stand_under_four_questions_with_their_answers():
    page = trust.checks_panel(every_measure(), "en")
    for question in ("Does it add up?", "Does it follow this model?", "Does it matter to the answer?"):
        assert page.count(question) == 1
    assert "Is it where findings can be? <b>No.</b>" in page


def test_the_panel_says_whether_more_is_to_come():
    assert trust.checks_panel([], "en") == ""
    assert "1 of 11" in trust.checks_panel([measure()], "en", running=True)
    assert "were stopped" in trust.checks_panel([measure()], "en", stopped=True)
    assert "Checked in 0.2 s" in trust.checks_panel([measure()], "en")


# --- one budget


def test_the_exact_values_stand_beside_the_path_with_interactions():
    page = evidence_panel(attribution(), Study(FILM), "en", account=account())
    assert "Shapley value" in page and "+0.310" in page
    assert "film × clinical data together" in page and "−0.020" in page
    assert "Both ways of sharing out agree" in page and "≠" not in page
    assert "Shapley" not in evidence_panel(attribution(), Study(FILM), "en")


def test_a_disagreement_is_named():
    page = shares_table(attribution(), account((Modality.TEXT,)), "zh-Hant")
    assert "≠ +0.170" in page and "不一致：文字。" in page and "一致。</p>" not in page


def test_a_single_part_has_nothing_to_agree_with():
    alone = account()
    alone = type(alone)(alone.target, {Modality.TABLE: 0.7}, {}, 0.7, ())
    page = shares_table(attribution(image=None, words=()), alone, "en")
    assert "agree" not in page and page.count("–</td>") == 2


# --- other maps


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("method", method_names("opinion", "control"))
def test_every_map_says_what_it_is_and_what_it_is_not(method, language):
    page = methods.about(attribution(), opinion(method), language)
    assert CATALOGUES[language].strings[f"about.{method}"] in page and "0.1" in page
    is_control = method in method_names("control")
    assert ("vb-about-control" in page) == is_control
    assert (CATALOGUES[language].strings["method.control"] in page) == is_control


@pytest.mark.parametrize("language", LANGUAGES)
def test_attention_says_at_which_words_and_fields_the_film_looked_in_return(language):
    shares = [Looked("fever", 0.2, "indication", 0, 5), Looked("<b>", 0.3, "indication", 6, 9)]
    seen = replace(opinion("attention"), looked_at=(*shares, Looked("age", 0.1)))
    page = methods.about(attribution(), seen, language)
    places = [page.index(one) for one in ("&lt;b&gt; (30 %)", "fever (20 %)", "(10 %)")]
    assert places == sorted(places) and ("Age" if language == "en" else "年齡") in page
    assert "(30 %)" not in methods.about(attribution(), opinion("attention"), language)


def test_a_checkpoint_without_attention_does_not_offer_it_and_controls_always_stand():
    names = [name for _, name in methods.method_choices(("grad_cam",))]
    assert names == ["integrated_gradients", "grad_cam", "edges", "random_weights"]


def measured(value: float, prior: float) -> dict:
    rate = {"value": value, "interval_95": [value - 0.1, value + 0.1]}
    maps = {
        "integrated_gradients_black": {"hit_rate": rate},
        "location_prior": {"hit_rate": {"value": prior, "interval_95": [prior - 0.1, prior + 0.1]}},
    }
    return {"films": 40, "maps": maps}


def test_the_measured_hit_rate_stands_beside_what_needs_no_look(tmp_path):
    (tmp_path / "localisation.json").write_text(json.dumps(measured(0.43, 0.7)))
    found = measured_maps.localisation_of(tmp_path)
    told = methods.pointing_line(found, "integrated_gradients", "black", "en")
    assert "43 % (95 %: 33–53)" in told and "does better, 70 %" in told and "40 films" in told
    assert "43 %" in methods.about(attribution(), None, "en", pointing=told)


@pytest.mark.parametrize(
    ("own", "prior", "said"),
    [
        (0.9, 0.6, "on 60 %"),
        (0.7, 0.7, "about as well, 70 %"),
        (0.75, 0.6, "about as well"),
        (0.3, 0.6, "better"),
    ],
)
def test_a_tie_is_a_tie(own, prior, said):
    told = methods.pointing_line(measured(own, prior), "integrated_gradients", "black", "en")
    assert said in told and ("better" in told) == (said == "better")


def test_the_map_that_points_best_is_shown_first_and_says_so():
    found = measured(0.5, 0.6)
    assert measured_maps.best_method(found) == measured_maps.best_method(None) == "integrated_gradients"
    rate = {"value": 0.9, "interval_95": [0.85, 0.95]}
    found["maps"]["feature_gradients_black"] = {"hit_rate": rate, "median_seconds": 0.02}
    found["maps"]["occlusion"] = {"hit_rate": {**rate, "value": 0.95}, "median_seconds": 3.6}  # too slow
    assert measured_maps.best_method(found) == "feature_gradients"
    told = methods.pointing_line(found, "feature_gradients", "blurred", "en")
    assert told.startswith("Shown first because") and "one press away" in told and "90 %" in told
    assert "Shown first" not in methods.pointing_line(found, "integrated_gradients", "black", "en")


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"films": 3}', '{"films": 2, "maps": {}}'])
def test_what_was_not_measured_is_not_said(tmp_path, text):
    assert (
        methods.pointing_line(measured_maps.localisation_of(tmp_path), "integrated_gradients", "black", "en")
        == ""
    )
    (tmp_path / "localisation.json").write_text(text)
    assert (
        methods.pointing_line(measured_maps.localisation_of(tmp_path), "integrated_gradients", "black", "en")
        == ""
    )


# --- prove it


@pytest.mark.parametrize(
    ("claimed", "change", "claim", "said"),
    [
        (0.2, -0.18, "kept", "The claim held"),
        (-0.2, 0.3, "kept", "The claim held"),
        (-18.786, 0.246, "exaggerated", "The claim exaggerated 76 times"),
        (0.2, -0.05, "exaggerated", "exaggerated 4.0 times"),
        (0.2, -0.9, "understated", "moved 4.5 times as far"),
        (0.2, 0.1, "failed", "the other way"),
        (0.2, 0.0, "nothing_moved", "did not move"),
        (0.001, 0.002, "still", "Next to nothing"),
        (0.001, 0.4, "moved_unclaimed", "and yet the logit moved"),
    ],
)
def test_a_claim_is_held_against_what_happened(claimed, change, claim, said):
    assert proof(claimed, change).claim == claim
    page = prove.proof_panel(proof(claimed, change), "en")
    assert said in page


@pytest.mark.parametrize(
    ("failed", "outcome", "said"),
    [
        ((), "failed", "This one test failed although the map passed"),
        ((), "amount", "this place does count, but not by what was claimed"),
        ((), "held", ""),
        (("misleads",), "held", "This one test held although the map failed"),
        (("misleads",), "amount", ""),
        (("outside_lungs",), "failed", ""),
    ],
)
def test_a_test_that_contradicts_the_verdict_is_reconciled_with_it(failed, outcome, said):
    measures = {**GOOD, **{FAILED[name].name: FAILED[name] for name in failed}}
    tested = PlaceTest(np.ones((2, 2), bool), outcome)
    told = trust.verdict([*measures.values()], attribution(), "en", tested=tested)
    assert ("<strong>" in told) == bool(said) and said in told


def test_a_proof_shows_before_after_and_the_claim():
    page = prove.proof_panel(proof(), "en")
    assert "60.0 %" in page and "40.0 %" in page and "−20.0" in page and "+10.0" in page
    assert "+0.200 logits for Typical" in page and "−0.180" in page and "40 ms" in page


def test_a_task_that_cannot_answer_any_more_shows_a_dash():
    gone = proof()
    names = {"task": Names("task", "appearance"), "modalities": Names("modality", "image", " or ")}
    left_out = Sentence("{task} needs the {modalities}; it was left out.", **names)
    gone = proof(after=type(gone.after)((), (), (left_out,)))
    page = prove.proof_panel(gone, "zh-Hant")
    assert page.count("–</td>") == 8 and "「影像表現」需要影像；因此略去。" in page


def test_only_what_is_known_can_be_taken_away():
    assert prove.field_choices(attribution(), "en") == [("Age 40 years (+0.250)", "age")]
    assert prove.word_choices(attribution()) == [("Fever (+0.100)", "0")]
    assert prove.field_choices(attribution(fields=()), "en") == []
