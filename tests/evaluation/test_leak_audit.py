"""The audit finds a leak where there is one, and nothing where there is none."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from evaluation import leak_audit
from evaluation.leak_audit import FILE_FACTS, Side, audit, audit_several, facts_of, group_of
from evaluation.metrics.bootstrap import plain
from evaluation.metrics.one_label import Scored, auroc, macro
from modeling.labels import APPEARANCE
from modeling.study import ClinicalTable, ClinicalText
from training.corpora.labelled_film import Film

Change = Callable[[int, np.ndarray], dict]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_audit, "TREES", 30)
    monkeypatch.setattr(leak_audit, "SHUFFLES", 4)


def film(number: int, label: int, change: Change) -> Film:
    pixels = np.random.default_rng(number).integers(0, 255, (40, 48)).astype(np.uint8)
    more = change(label, pixels)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Film(
        f"f{number}", "toy", f"p{number}", "train", buffer.getvalue(),
        labels={APPEARANCE: APPEARANCE.classes[label]}, **more,
    )  # fmt: skip


def audited(change: Change) -> dict[str, float]:
    """Row -> macro AUROC of the audit on 160 films whose labels are told by `change`."""
    sides = []
    for start, count in ((0, 100), (100, 60)):
        labels = np.arange(start, start + count) % 4
        films = [film(start + i, int(label), change) for i, label in enumerate(labels)]
        sides.append(Side(films, facts_of(films, None), labels))
    rows = audit(*sides, 4)
    score = macro(auroc)
    return {
        r.name: float(np.mean([score(Scored(v, sides[1].labels), plain(60))[0] for v in r.runs]))
        for r in rows
    }


def border(label: int, pixels: np.ndarray) -> dict:
    pixels[:2] = 60 * label
    return {}


def age(label: int, pixels: np.ndarray) -> dict:
    return {"table": ClinicalTable({"age": 20.0 + 15 * label})}


def words(label: int, pixels: np.ndarray) -> dict:
    return {"text": ClinicalText({"indication": f"please look {APPEARANCE.classes[label]} today"})}


def lungs(label: int, pixels: np.ndarray) -> dict:
    pixels[8 + 6 * label : 14 + 6 * label, 10:38] = 255
    return {}


@pytest.mark.parametrize(
    ("change", "leaks"), [(border, "source"), (age, "table"), (words, "text"), (lungs, "thumbnail")]
)
def test_a_leak_is_found_where_it_is(change: Change, leaks: str) -> None:
    found = audited(change)
    assert found[leaks] > 0.9
    assert found["majority"] == 0.5
    assert 0.3 < found["shuffled labels"] < 0.7


def test_a_leak_of_one_class_of_several_is_that_class_s_alone() -> None:
    films = [film(i, i % 2, border) for i in range(120)]
    odd = np.arange(120) % 2
    other = np.random.default_rng(0).integers(0, 2, 120)
    labels = np.stack([odd, other, np.full(120, np.nan)], axis=1).astype(float)
    found = audit_several(films[:80], films[80:], labels[:80], None)
    sees, values = found["source"]
    assert sees == "site, licence, view, size of the file and border of the film"
    own = [float(auroc(values[:, k], labels[80:, k] == 1, plain(40))[0]) for k in (0, 1)]
    assert own[0] > 0.9 > 0.75 > own[1] and not values[:, 2].any(), "nobody labelled the third"


def test_a_row_without_anything_to_see_is_left_out() -> None:
    found = audited(lungs)
    assert set(found) == {"majority", "source", "thumbnail", "shuffled labels"}
    assert found["source"] < 0.75


def test_the_facts_of_a_film() -> None:
    (facts,) = facts_of([film(0, 0, border)], None)
    assert facts.file.shape == (len(FILE_FACTS),)
    known = dict(zip(FILE_FACTS, facts.file.tolist(), strict=True))
    assert (known["width"], known["height"]) == (48, 40)
    assert known["border_top_mean"] == 0 and known["border_bottom_mean"] > 0.3
    assert facts.thumbnail.shape == (16, 16) and 0 <= facts.thumbnail.min() <= facts.thumbnail.max() <= 1


def test_subgroups() -> None:
    def known(label: int, pixels: np.ndarray) -> dict:
        return {"table": ClinicalTable({"age": 59.0, "sex": "female"})}

    one = film(0, 0, known)
    assert [group_of(one, by) for by in ("age", "sex", "view", "source")] == [
        "40 to 59",
        "female",
        None,
        "toy",
    ]
    young = film(0, 0, lambda label, pixels: {"table": ClinicalTable({"age": 12.0})})
    assert group_of(young, "age") == "00 to 39"
