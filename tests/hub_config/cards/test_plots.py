"""Plots are well-formed, say what `metrics.json` says, and speak both languages."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from hub_config.cards.plots import plots, slug

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def metrics() -> dict[str, Any]:
    """One measurement and a gate."""
    curve = {"roc": [[0, 0], [0.1, 0.6], [1, 1]], "precision_recall": [[0.2, 1.0], [1, 0.4]]}
    row = {"auroc": 0.81, "average_precision": 0.52}
    summary = {
        "macro_auroc": 0.81,
        "macro_auroc_95": [0.75, 0.86],
        "expected_calibration_error": 0.031,
        "per_class": {"Mild": row, "Severe": row},
        "curves": {"Mild": curve, "Severe": curve},
        "confusion": [[8, 2], [1, 9]],
        "reliability": [[0.55, 0.5, 10], [0.9, 0.8, 30]],
        "audit": [
            {"name": "majority", "macro_auroc": 0.5, "macro_auroc_95": [0.5, 0.5]},
            {"name": "source", "macro_auroc": 0.62, "macro_auroc_95": [0.55, 0.7]},
        ],
    }
    kinds = {
        "validation films": {"films": 90, "flagged": 0.05, "expected": True},
        "inverted": {"films": 16, "flagged": 0.94, "expected": False},
    }
    return {"measurements": {"grading on cohen": summary}, "familiarity": {"kinds": kinds}}


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
@pytest.mark.parametrize("standalone", [False, True])
def test_every_plot_is_a_small_picture(metrics: dict[str, Any], language: str, standalone: bool) -> None:
    found = plots(metrics, language, standalone=standalone)
    kinds = ("reliability", "roc", "precision-recall", "confusion", "audit")
    assert set(found) == {*(f"grading-on-cohen-{kind}" for kind in kinds), "familiarity"}
    for drawing in found.values():
        root = ElementTree.fromstring(drawing)
        assert root.tag == f"{SVG}svg" and root.find(f"{SVG}title").text
        assert len(drawing) < 20_000 and "NaN" not in drawing
        _, _, width, height = map(float, root.get("viewBox").split())
        for element in root.iter():
            for name, limit in (("x", width), ("cx", width), ("x2", width), ("y", height), ("cy", height)):
                assert 0 <= float(element.get(name, 0)) <= limit, (element.tag, name)


def test_the_plots_say_what_was_measured(metrics: dict[str, Any]) -> None:
    found = plots(metrics)
    assert "0.810" in texts(found["grading-on-cohen-audit"]) and "0.620" in texts(
        found["grading-on-cohen-audit"]
    )
    assert "calibration error 0.031; a circle's area: films" in texts(found["grading-on-cohen-reliability"])
    assert {"8", "80 %", "9", "90 %"} <= set(texts(found["grading-on-cohen-confusion"]))
    assert "Mild AUROC 0.810" in texts(found["grading-on-cohen-roc"])
    assert "0.940" in texts(found["familiarity"])
    changed = metrics["measurements"]["grading on cohen"]
    changed["macro_auroc"] = 0.7
    assert plots(metrics)["grading-on-cohen-audit"] != found["grading-on-cohen-audit"]


def test_chinese_plots_have_no_english_words_left(metrics: dict[str, Any]) -> None:
    for drawing in plots(metrics, "zh-Hant").values():
        for words in texts(drawing):
            left = re.sub(r"AUROC|AP\b|\bx\b", "", words)
            assert not re.search(r"[A-Za-z]{2,}", left), words


def test_what_was_not_measured_is_not_drawn() -> None:
    assert plots({"measurements": {"appearance on siim": {"per_class": {}}}}) == {}
    assert plots({}) == {}


def test_names_are_fit_for_files() -> None:
    assert slug("grading on cohen and hannover") == "grading-on-cohen-and-hannover"
