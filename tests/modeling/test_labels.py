"""Label spaces: one order, a definition for each class, and targets that can be written and read."""

import pytest

from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING, TASKS, Target, TaskName, alternatives, grading_from_zones


def test_the_order_of_classes_is_fixed() -> None:
    assert APPEARANCE.classes == ("Negative", "Typical", "Indeterminate", "Atypical")
    assert GRADING.classes == ("Mild", "Moderate", "Severe")
    assert [t.kind for t in TASKS.values()] == ["softmax", "ordinal", "multilabel"]


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda t: t.name)
def test_every_class_has_a_definition_and_every_task_a_source(task) -> None:
    assert len(task.definitions) == len(task.classes) == len(set(task.classes))
    assert all(d.endswith(".") for d in task.definitions)
    assert task.source


@pytest.mark.parametrize(
    ("zones", "grading"),
    [(0, None), (1, "Mild"), (2, "Mild"), (3, "Moderate"), (4, "Moderate"), (5, "Severe"), (6, "Severe")],
)
def test_grading_counts_lung_zones_as_ricord_does(zones: int, grading: str | None) -> None:
    assert grading_from_zones(zones) == grading


def test_more_than_six_zones_is_our_own_slip() -> None:
    with pytest.raises(AssertionError):
        grading_from_zones(7)


def test_targets_survive_their_slug() -> None:
    for task in TASKS.values():
        for name in task.classes:
            assert Target.parse(Target(task.name, name).slug) == Target(task.name, name)
            for against in alternatives(task.name, name):
                target = Target(task.name, name, against)
                assert Target.parse(target.slug) == target == Target(task.name, name).instead_of(against)
    assert Target(TaskName.APPEARANCE, "Typical").slug == "appearance/Typical"


def test_a_class_is_explained_against_the_first_one_unless_told_otherwise() -> None:
    typical, negative = (Target(TaskName.APPEARANCE, name) for name in ("Typical", "Negative"))
    assert (typical.against, negative.against) == ("Negative", "rest")
    assert Target(TaskName.GRADING, "Severe").against == "Mild"
    assert Target(TaskName.FINDINGS, "Edema").against == "nothing"  # findings do not exclude each other
    assert typical == Target(TaskName.APPEARANCE, "Typical", "Negative")
    other = typical.instead_of("Atypical")
    assert other.slug == "appearance/Typical/Atypical" and other.answer == typical.answer != negative.answer
    for wrong in ("Typical", "Mild", "Edema"):
        with pytest.raises(ViewboxError, match="is no alternative to Typical; choose one of Negative"):
            typical.instead_of(wrong)


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "appearance",
        "appearance/",
        "appearance/typical",
        "mood/Happy",
        "grading/Typical",
        "grading/Mild/x",
    ],
)
def test_a_slug_that_names_nothing_is_refused_with_what_there_is(slug: str) -> None:
    with pytest.raises(ViewboxError) as caught:
        Target.parse(slug)
    assert "task/class" in str(caught.value) or "choose one of" in str(caught.value)
