"""Codes of findings on the page, in both languages."""

from interface.html.codes import codes
from interface.reports_tab.mined_labels import placed_panel
from modeling.labels import APPEARANCE, FINDINGS
from modeling.reports.mining import Miner


def test_findings_have_codes_and_appearances_have_none() -> None:
    assert codes(APPEARANCE.classes, "en") == ""
    shown = codes(FINDINGS.classes, "en")
    assert shown.count("<tr><th") == 1 + len(FINDINGS.classes)
    assert "<b>J90</b> Pleural effusion, not elsewhere classified" in shown and "April 2026" in shown
    chinese = codes(["Effusion", "Nipple shadow"], "zh-Hant")
    assert "肋膜 › 肋膜積水" in chinese and "無代碼：不是疾病" in chinese
    assert '<span lang="en"><b>J90</b>' in chinese


def test_words_that_name_no_mined_finding_are_placed_in_the_readers_language() -> None:
    def shown(text: str) -> str:
        return placed_panel(text, Miner().label(text), "zh-Hant")

    assert "腹腔內游離氣體 <small>0.88</small>" in shown("air under the diaphragm")
    assert "這裡沒有已知的發現與「banana」相近" in shown("banana")
    for other in ("Small pleural effusion.", "No pneumothorax.", "No change.", "Lines as before. " * 20):
        assert shown(other) == "", other
