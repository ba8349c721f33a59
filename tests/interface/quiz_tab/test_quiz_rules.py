"""The rules of the quiz: sets from codes, regions, scores, lessons, and the table for a spreadsheet."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from interface.language.texts import CATALOGUES
from interface.quiz_tab.rules import (
    CONFIDENCES,
    LENGTH,
    Candidate,
    clean_code,
    drawn_set,
    fingerprint,
    grid_shape,
    is_hit,
    lesson,
    on_grid,
    overlap,
    strongest,
)
from interface.quiz_tab.score import CaseResult, as_csv, score
from modeling.labels import APPEARANCE
from modeling.study import Modality

CLASSES = APPEARANCE.classes


def candidates(wrong: dict[int, float], count: int = 40) -> list[Candidate]:
    """Cases of all classes in turn; the model is right with 0.9 except where a probability is given."""
    found = []
    for i in range(count):
        truth = CLASSES[i % 4]
        answer, sure = (CLASSES[(i + 1) % 4], wrong[i]) if i in wrong else (truth, 0.9)
        found.append(Candidate(f"case-{i:02d}", truth, answer, sure, conflicting=i % 10 == 0))
    return found


# --- the set


def test_a_code_gives_everyone_the_same_set_whatever_the_order_of_the_cases():
    pool = candidates({3: 0.8, 14: 0.7, 20: 0.95, 31: 0.65})
    one, other = drawn_set("7b", pool), drawn_set("7b", pool[::-1])
    assert one == other and fingerprint(one) == fingerprint(other)
    assert len(one) == LENGTH == len({a.case_id for a in one})
    assert drawn_set("7c", pool) != one


def test_a_set_is_the_same_on_every_machine():
    drawn = [a.case_id for a in drawn_set("class-7b", candidates({1: 0.8, 2: 0.8, 3: 0.8}))]
    assert drawn == DRAWN


DRAWN = [f"case-{i:02d}" for i in (0, 13, 2, 1, 39, 3, 8, 38)]


def test_drills_are_confident_mistakes_first_and_never_stand_together_by_rule():
    wrong = {3: 0.8, 14: 0.7, 20: 0.5, 31: 0.4}
    places = set()
    for code in map(str, range(30)):
        asked = drawn_set(code, candidates(wrong))
        drills = {a.case_id for a in asked if a.drill}
        assert len(drills) == 3 and {"case-03", "case-14"} <= drills
        assert not {f"case-{i:02d}" for i in wrong} & {a.case_id for a in asked if not a.drill}
        places |= {i for i, a in enumerate(asked) if a.drill}
    assert places == set(range(LENGTH)), "a drill may stand anywhere"


def test_classes_come_about_equally_often_among_the_others():
    pool = {c.case_id: c for c in candidates({})}
    for code in "abcdefgh":
        truths = [pool[a.case_id].truth for a in drawn_set(code, list(pool.values()))]
        assert all(truths.count(name) == 2 for name in CLASSES)


def test_without_answers_conflicting_cases_stand_in_for_drills():
    pool = [replace(c, answer="", probability=0.0) for c in candidates({})]
    asked = drawn_set("x", pool)
    assert {a.case_id for a in asked if a.drill} <= {c.case_id for c in pool if c.conflicting}
    assert sum(a.drill for a in asked) == 3


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_a_small_store_gives_a_small_set(count):
    assert len(drawn_set("x", candidates({0: 0.9}, count))) == count
    everything_wrong = candidates(dict.fromkeys(range(count), 0.9), count)
    assert len(drawn_set("x", everything_wrong)) == count


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" Class-7B ", "class-7b"),
        ("", None),
        (None, None),
        ("a b", None),
        ("=1+1", None),
        ("<b>", None),
        ("x" * 33, None),
        ("七", None),
    ],
)
def test_codes_are_plain(text, code):
    assert clean_code(text) == code


# --- regions


def box(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_overlap_and_hit_have_known_answers():
    truth = box(0, 0, 10, 10)
    assert overlap(truth, truth) == 1.0
    assert overlap(box(0, 5, 10, 15), truth) == pytest.approx(50 / 150)
    assert overlap(box(10, 10, 20, 20), truth) == 0.0
    assert overlap(box(0, 0, 0, 0), truth) is None and overlap(None, truth) is None
    assert is_hit(box(2, 2, 7, 7), truth) is True and is_hit(box(12, 12, 17, 17), truth) is False
    assert is_hit(None, truth) is None and is_hit(truth, box(0, 0, 0, 0)) is None


def test_a_mark_in_both_lungs_is_not_judged_by_the_place_between_them():
    truth = box(5, 2, 12, 9) | box(5, 20, 12, 27)
    assert is_hit(truth, truth) is True
    assert not truth[8, 14], "where the middle of mass lies"


def test_a_mark_at_the_edge_of_the_film_has_its_middle_inside_itself():
    assert is_hit(np.ones((20, 30), bool), box(9, 9, 11, 21)) is True


def test_the_strongest_part_is_as_large_as_asked_and_never_against():
    density = np.arange(-300.0, 300.0).reshape(20, 30)
    assert strongest(density, 50).sum() == 50 and strongest(density, 50)[-1].all()
    assert strongest(density, 600).sum() == 299, "only what speaks for the target"
    assert strongest(-np.abs(density), 10) is None and strongest(np.zeros((3, 3)), 4) is None


@pytest.mark.parametrize("shape", [(2500, 2000), (91, 70), (1, 3000), (256, 256)])
def test_the_grid_keeps_the_films_form_and_is_bounded(shape):
    rows, columns = grid_shape(shape)
    assert max(rows, columns) <= 256 and rows >= 1 and columns >= 1
    mask = np.zeros(shape, bool)
    mask[: shape[0] // 2 + 1] = True
    assert on_grid(mask, (rows, columns)).mean() == pytest.approx(mask.mean(), abs=0.5 / rows + 0.02)


# --- the score


def row(first: str, second: str, model: str, *, sure=(0.5, 0.75), drill=False, **more) -> CaseResult:
    """A case whose reference is Typical."""
    return CaseResult(1, "c", "Typical", first, sure[0], second, sure[1], model, 0.9, drill, **more)


ROWS = (
    row("Typical", "Typical", "Typical", iou_truth=0.5, hit_truth=True, iou_map=0.2),
    row("Negative", "Typical", "Typical", iou_truth=0.1, hit_truth=False),
    row("Typical", "Atypical", "Atypical", drill=True, sure=(0.9, 0.99)),
    row("Typical", "Typical", "Atypical", drill=True, sure=(0.9, 0.5)),
)


def test_a_score_has_known_answers():
    found = score(ROWS)
    assert (found.before, found.after, found.model) == (0.75, 0.75, 0.5)
    assert (found.to_right, found.to_wrong) == (1, 1)
    assert found.brier_before == pytest.approx((0.25 + 0.25 + 0.01 + 0.01) / 4)
    assert found.brier_after == pytest.approx((0.0625 + 0.0625 + 0.99**2 + 0.25) / 4)
    assert found.sure_before == pytest.approx(0.7)
    assert (found.drills, found.withstood, found.followed) == (2, 1, 1)
    assert (found.marks, found.hits) == (2, 1)
    assert found.iou_truth == pytest.approx(0.3) and found.iou_map == 0.2


def test_saying_half_every_time_gives_a_quarter():
    answers = [row(name, name, "Typical", sure=(0.5, 0.5)) for name in CLASSES]
    assert score(answers).brier_before == 0.25


def test_a_sitting_without_marks_has_no_overlap():
    found = score([row("Typical", "Typical", "Typical")])
    assert found.iou_truth is None and found.iou_map is None and found.marks == 0


def test_confidences_begin_with_a_guess():
    assert CONFIDENCES[0] == 1 / len(CLASSES) and list(CONFIDENCES) == sorted(CONFIDENCES)


def test_the_table_reads_back_and_carries_no_formula():
    rows = [replace(ROWS[0], case_id='=HYPERLINK("x")'), replace(ROWS[1], case_id="two, three\n")]
    read = list(csv.DictReader(io.StringIO(as_csv(rows, "7b", "0a1b2c"))))
    assert [r["case_id"] for r in read] == ['\'=HYPERLINK("x")', "two, three\n"]
    assert read[0]["quiz"] == "7b" and read[0]["set"] == "0a1b2c" and read[0]["iou_truth"] == "0.5000"
    assert read[1]["iou_map"] == "" and read[0]["hit_truth"] == "True"


# --- lessons


@pytest.mark.parametrize(
    ("first", "second", "model", "more", "key"),
    [
        ("Typical", "Atypical", "Atypical", {}, "talked_over"),
        ("Typical", "Negative", "Atypical", {}, "talked_over"),
        ("Atypical", "Atypical", "Atypical", {}, "both_misled"),
        ("Typical", "Typical", "Atypical", {}, "withstood"),
        ("Negative", "Negative", "Atypical", {}, "missed"),
        ("Negative", "Typical", "Typical", {}, "helped"),
        ("Typical", "Negative", "Typical", {}, "left_alone"),
        ("Typical", "Typical", "Typical", {}, "agreed"),
        ("Typical", "Typical", "Typical", {"confounder": "marker"}, "confounder"),
        ("Negative", "Negative", "Typical", {"holders": (Modality.TEXT,)}, "not_in_film"),
        ("Typical", "Typical", "Typical", {"holders": (Modality.IMAGE, Modality.TEXT)}, "agreed"),
        ("Typical", "Typical", "Atypical", {"confounder": "marker"}, "withstood"),
        ("Negative", "Typical", "Typical", {"holders": (Modality.TEXT,)}, "helped"),
        ("Typical", "Negative", "Typical", {"holders": (Modality.TEXT,)}, "left_alone"),
        ("Negative", "Typical", "Typical", {"confounder": "marker"}, "helped"),
        ("Negative", "Typical", "Negative", {"confounder": "marker"}, "withstood"),
        ("Typical", "Typical", "", {}, "alone"),
        ("Negative", "Negative", "", {}, "missed"),
        ("Typical", "Negative", "", {"holders": (Modality.TEXT,)}, "changed_wrong"),
        ("Negative", "Typical", "", {"confounder": "marker"}, "changed_right"),
        ("Negative", "Negative", "", {"holders": (Modality.TEXT,)}, "not_in_film"),
    ],
)
def test_every_outcome_has_its_sentence(first, second, model, more, key):
    found = lesson(first, second, "Typical", model, **more)
    assert found == f"quiz.lesson_{key}" and found in CATALOGUES["en"].strings
