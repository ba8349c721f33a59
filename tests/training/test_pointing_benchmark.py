"""Zones that sentences name against those of index terms."""

import pytest

from modeling.reports.report import Report, ReportError
from training.pointing_benchmark import benchmark_reports, headings_zones, table


def report(number, text, *headings):
    return Report(f"CXR{number}", {"findings": text}, headings)


def test_headings_name_zones_and_sides():
    read = report(
        1,
        "",
        "Opacity/lung/base/bilateral",
        "Nodule/lung/lingula",
        "Lung/hypoinflation",
        "Costophrenic Angle/left/blunted",
    )
    assert headings_zones(read) == {
        ("base", "left"), ("base", "right"), ("lingula", "left"), ("costophrenic angle", "left"),
    }  # fmt: skip


def test_context_counts_and_chance_is_told():
    seen = [
        report(n, "Opacity in the left base. No right apical nodule.", "Opacity/lung/base/left")
        for n in range(40)
    ]
    other = [report(n, "Nodule, right upper lobe.", "Nodule/lung/upper lobe/right") for n in range(40, 80)]
    found = benchmark_reports(seen + other)
    for part in ("tuning", "held-out"):
        rows = found[part]["rows"]
        assert rows["what is affirmed"]["zones with their side"]["f1"] == 1.0
        assert rows["any mention, no context"]["zones"]["precision"] < 1.0
        assert rows["another report's sentences"]["zones"]["f1"] < 0.8
    assert "| what is affirmed | zones |" in table(found)


def test_without_index_terms_there_is_no_reference():
    with pytest.raises(ReportError, match="index terms"):
        benchmark_reports([report(1, "Clear.")])
