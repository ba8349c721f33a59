"""The verdict on a map: decisive checks decide, easy passes count for nothing."""

import pytest

from modeling.results import TrustMeasure
from modeling.trust.scrutiny import MEASURES
from modeling.trust.verdict import QUESTION_OF, QUESTIONS, verdict_of

GOOD = {
    "completeness": TrustMeasure("completeness", 0.004, "completeness.converged"),
    "map_change": TrustMeasure("map_change", 0.02, "settled.settled"),
    "support": TrustMeasure("support", 1.4, "support.held"),
    "lungs": TrustMeasure("lungs", 0.8, "share.concentrated", 0.3, 0.3),
    "border": TrustMeasure("border", 0.0, "share.spared", 0.19, 0.19),
    "burned_in": TrustMeasure("burned_in", 0.0, "share.spared", 0.01, 0.01),
    "deletion": TrustMeasure("deletion", -1.0, "perturbation.better", 0.2, 0.9),
    "insertion": TrustMeasure("insertion", 2.0, "perturbation.better", 0.2, 0.9),
    "class_discrimination": TrustMeasure("class_discrimination", 0.1, "discrimination.different"),
    "random_weights_rank": TrustMeasure("random_weights_rank", 0.1, "agreement.different"),
    "random_weights_ssim": TrustMeasure("random_weights_ssim", 0.1, "agreement.different"),
}
FAILED = {
    "not_converged": TrustMeasure("completeness", 0.3, "completeness.not_converged"),
    "empty": TrustMeasure("completeness", 0.0, "completeness.no_change"),
    "denied": TrustMeasure("support", -0.4, "support.denied"),
    "weakly_held": TrustMeasure("support", 0.3, "support.weak"),
    "misleads": TrustMeasure("deletion", 1.4, "perturbation.worse", 0.2, 0.9),
    "as_random_places": TrustMeasure("deletion", 0.6, "perturbation.as_random", 0.2, 0.9),
    "outside_lungs": TrustMeasure("lungs", 0.26, "share.as_area", 0.3, 0.3),
    "as_random_weights": TrustMeasure("random_weights_rank", 0.7, "agreement.alike"),
    "same_for_all": TrustMeasure("class_discrimination", 0.95, "discrimination.same_map"),
}


def test_every_measure_helps_to_answer_one_of_four_questions() -> None:
    assert set(QUESTION_OF) == set(MEASURES) == set(GOOD) and set(QUESTION_OF.values()) == set(QUESTIONS)


def test_a_map_that_fails_nothing_is_trustworthy() -> None:
    found = verdict_of(list(GOOD.values()))
    assert (found.level, found.reasons) == ("trustworthy", ())
    assert set(found.answers.values()) == {"yes"}


@pytest.mark.parametrize("name", FAILED)
def test_one_decisive_failure_is_enough_whatever_else_passes(name: str) -> None:
    broken = FAILED[name]
    found = verdict_of([*({**GOOD, broken.name: broken}).values()])
    grave = name in ("not_converged", "empty", "denied", "misleads")
    assert found.level == ("do_not_trust" if grave else "doubtful")
    assert [(r.name, r.value) for r in found.reasons] == [(name, broken.value)]
    assert found.answers[QUESTION_OF[broken.name]] == "no"
    assert sum(answer == "no" for answer in found.answers.values()) == 1


def test_no_map_of_a_refused_film_is_to_be_trusted() -> None:
    found = verdict_of(list(GOOD.values()), refused=True)
    assert (found.level, [reason.name for reason in found.reasons]) == ("do_not_trust", ["refused"])
    assert str(found.reasons[0].sentence) == "The film is unlike those that the model learnt from."


def test_places_count_when_hiding_them_moves_the_answer_more_than_random_ones_on_average() -> None:
    near = TrustMeasure("deletion", 0.5, "perturbation.as_random", 0.2, 0.9)  # their mean is 0.55
    assert verdict_of([*({**GOOD, "deletion": near}).values()]).level == "trustworthy"


def test_two_failures_are_one_too_many_and_the_gravest_comes_first() -> None:
    broken = {**GOOD, "lungs": FAILED["outside_lungs"], "deletion": FAILED["as_random_places"]}
    found = verdict_of(list(broken.values()))
    assert found.level == "do_not_trust"
    assert [r.name for r in found.reasons] == ["as_random_places", "outside_lungs"]


def test_easy_passes_do_not_outvote_and_missing_checks_leave_it_open() -> None:
    easy = [GOOD[name] for name in ("completeness", "map_change", "border", "burned_in")]
    assert verdict_of(easy).level == "open" and verdict_of([]).level == "open"
    assert verdict_of([*easy, FAILED["misleads"]]).level == "do_not_trust"
    assert verdict_of([GOOD["completeness"]], is_map=False).level == "trustworthy"
    assert verdict_of([FAILED["not_converged"]], is_map=False).level == "do_not_trust"


def test_another_methods_map_need_not_add_up() -> None:
    measures = [*({**GOOD, "completeness": FAILED["not_converged"]}).values()]
    assert verdict_of(measures).level == "do_not_trust"
    found = verdict_of(measures, is_account=False)
    assert (found.level, found.answers["adds_up"]) == ("trustworthy", "unknown")


def test_maps_are_ordered_by_failures_and_then_by_how_firmly_the_model_holds_its_answer() -> None:
    firm = verdict_of([*GOOD.values(), TrustMeasure("support", 3.0, "support.held")])
    broken = [verdict_of([*GOOD.values(), FAILED[name]]) for name in ("outside_lungs", "misleads")]
    order = [firm, verdict_of(list(GOOD.values())), *broken]
    assert sorted(order, key=lambda found: -found.score) == order
    assert len({found.score for found in order}) == 4
