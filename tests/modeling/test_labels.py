"""Label spaces: one order, a definition for each class, and targets that can be written and read."""

import copy
import pickle

import pytest

from modeling.errors import ViewboxError
from modeling.labels import (
    APPEARANCE,
    FINDINGS,
    GRADING,
    TASKS,
    Target,
    Task,
    alternatives,
    grading_from_zones,
)
from modeling.sentence import Name

TUBES = Task(
    "tubes",
    "multilabel",
    (Name("Tube", {"en": "Endotracheal tube", "zh-Hant": "氣管內管"}), Name("Line", {"en": "Central line"})),
    ("", ""),
    words={"zh-Hant": "管路"},
)


def test_a_task_is_its_name_and_keeps_its_words() -> None:
    assert TUBES == TUBES.name == "tubes" and {"tubes": 1}[TUBES] == 1 and f"{TUBES}" == "tubes"
    for same in (pickle.loads(pickle.dumps(TUBES)), copy.deepcopy(TUBES)):
        assert (same, same.kind, same.classes, same.words) == (
            TUBES,
            "multilabel",
            TUBES.classes,
            TUBES.words,
        )
        assert same.classes[0].words == TUBES.classes[0].words


def test_a_target_of_a_declared_task_is_read_among_its_own() -> None:
    target = Target.parse("tubes/Tube", [TUBES])
    assert target == Target(TUBES, "Tube", "nothing") and target.slug == "tubes/Tube"
    assert target.class_name.words["en"] == "Endotracheal tube"
    assert Target.parse("grading/Mild", [TUBES]).task is GRADING, "Viewbox's own are always known"
    with pytest.raises(
        ViewboxError, match=r"no class 'Drain'; choose one of Tube .Endotracheal tube., Line .Central line."
    ):
        Target.parse("tubes/Drain", [TUBES])
    with pytest.raises(ViewboxError, match="'tubes/Tube' names no target"):
        Target.parse("tubes/Tube")
    with pytest.raises(ViewboxError, match="no task 'tubes' of its own"):
        Target("tubes", "Tube")


def test_the_order_of_classes_is_fixed() -> None:
    assert APPEARANCE.classes == ("Negative", "Typical", "Indeterminate", "Atypical")
    assert GRADING.classes == ("Mild", "Moderate", "Severe")
    assert [t.kind for t in TASKS.values()] == ["softmax", "ordinal", "multilabel"]
    assert {type(name) for t in TASKS.values() for name in t.classes} == {str}, "keys of JSON as they are"


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
            for against in alternatives(task, name):
                target = Target(task.name, name, against)
                assert Target.parse(target.slug) == target == Target(task.name, name).instead_of(against)
    assert Target(APPEARANCE, "Typical").slug == "appearance/Typical"


def test_a_class_is_explained_against_the_first_one_unless_told_otherwise() -> None:
    typical, negative = (Target(APPEARANCE, name) for name in ("Typical", "Negative"))
    assert (typical.against, negative.against) == ("Negative", "rest")
    assert Target(GRADING, "Severe").against == "Mild"
    assert Target(FINDINGS, "Edema").against == "nothing"  # findings do not exclude each other
    assert typical == Target(APPEARANCE, "Typical", "Negative")
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
