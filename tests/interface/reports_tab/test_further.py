"""Findings beyond the 14 mined ones, on the page and in the API: with sentence, code and record."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from hub_config.settings import FINDING_CLASSIFIER
from interface.api.reports import ReportsApi
from interface.reports_tab.mined_labels import further_panel, placed_panel
from modeling.errors import ViewboxError
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from viewbox.findings import read_findings

TEXT = "FINDINGS: Azygos fissure is <b>noted</b>. Large pleural effusion."


def shown(text: str, language: str = "en", classifier: Path | None = FINDING_CLASSIFIER) -> str:
    return further_panel(Report.from_text(text), classifier, language)


def test_a_finding_stands_with_its_sentence_its_code_and_how_often_that_was_right() -> None:
    page = shown(TEXT)
    assert "Azygos lobe" in page and "&lt;b&gt;noted&lt;/b&gt;" in page and "<b>Q33.1</b>" in page
    assert "<small>rare in Open-i</small>" in page and "Effusion" not in page, "the mined ones stand above"
    table, note = page.split("</table>")
    assert "%" not in table and "rare in Open-i: 5" in note, (
        "how often a group is right is no row's own number"
    )
    assert "it is not the probability that it is there" in note and "frequent in Open-i: 8" not in note
    assert "奇靜脈葉" in shown(TEXT, "zh-Hant") and "146" in shown(TEXT, "zh-Hant")


def test_nothing_read_and_nothing_to_read_by_are_told() -> None:
    assert "None of them is read here." in shown("FINDINGS: The lungs are clear.")
    assert shown(TEXT, classifier=None) == ""
    missing = shown(TEXT, classifier=Path("nowhere"))
    assert "There is no classifier of findings in" in missing and "get it again" in missing


@pytest.mark.parametrize("report", ["", " \n", 5, None])
def test_python_refuses_what_is_no_text(report: object) -> None:
    with pytest.raises(ViewboxError, match="Give the text of a report"):
        read_findings(report)
    assert read_findings(TEXT)[0]["finding"]


def test_words_are_placed_by_meaning_where_there_is_a_classifier() -> None:
    for text, there in (("snapped collarbone", "Clavicle fracture"), ("the printer is broken", "")):
        page = placed_panel(text, Miner().label(text), "en", FINDING_CLASSIFIER)
        assert there in page if there else "Nothing known here is like" in page and "<table" not in page


@pytest.mark.parametrize(
    ("classifier", "found"), [(FINDING_CLASSIFIER, True), (None, False), ("nowhere", False)]
)
def test_the_endpoint_tells_them_too(classifier: Path | str | None, found: bool) -> None:
    api = ReportsApi(SimpleNamespace(), SimpleNamespace(), classifier and Path(classifier))
    answer = api.mine_report(TEXT)
    assert any(row["finding"] == "Azygos lobe" for row in answer["further"]) == found
    assert any("no classifier of findings" in note for note in answer["notes"]) == (classifier == "nowhere")
    assert answer["findings"]["Effusion"]["value"] == "positive"
