"""What text alone gives away: the whole report against the indication."""

import json
from pathlib import Path

import numpy as np
import pytest

from modeling.labels import FINDINGS
from modeling.reports.index_terms import HEADINGS
from modeling.reports.reading import ReportError
from modeling.reports.report import Report
from tests.doubles.command import command
from tests.doubles.example_reports import SENTENCES, open_i_xml
from training.corpora.reports import fold_of, indexed
from training.text_only import measure, table

main = command("text-only")

TERMS = {"Effusion": "Pleural Effusion/left", "Cardiomegaly": "Cardiomegaly/mild"}


def reports(number: int = 150) -> list[Report]:
    """Two findings that the reading names and the indication does not."""
    names = [*TERMS, "normal"]
    made = []
    for place in range(number):
        name = names[place % 3]
        reading = SENTENCES.get(name, "Lungs are clear.")
        sections = {
            "indication": f"Cough day {place % 5} of fever.",
            "findings": f"{reading} Spine {place % 7}.",
        }
        made.append(Report(f"CXR{place}", sections, (TERMS.get(name, "normal"),)))
    return made


def test_index_terms_become_findings() -> None:
    report = Report("r", {}, ("Thickening/pleura/apex", "Pulmonary Atelectasis/base", "Opacity/lung"))
    named = {name for name, yes in zip(FINDINGS.classes, indexed(report), strict=True) if yes}
    assert named == {"Pleural_Thickening", "Atelectasis"}
    assert not indexed(Report("r", {}, ("Thickening/bronchi", "normal"))).any()
    assert set(HEADINGS) == set(FINDINGS.classes)


def test_the_whole_report_gives_the_labels_away_and_the_indication_does_not() -> None:
    answer = measure(reports())
    assert answer["positives"] == {"Cardiomegaly": 50, "Effusion": 50}
    assert answer["readings"]["whole report"]["mean_auroc"] > 0.99
    assert abs(answer["readings"]["indication only"]["mean_auroc"] - 0.5) < 0.15
    assert "a leak" in table(answer)


def test_every_report_is_tested_by_a_model_that_did_not_see_it() -> None:
    folds = np.array([fold_of(f"CXR{n}") for n in range(500)])
    assert set(folds) == set(range(5))
    assert np.bincount(folds).min() > 60


def test_too_few_findings_are_refused() -> None:
    with pytest.raises(ReportError, match="index terms"):
        measure(reports(9))


def test_the_command_prints_json_or_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for report in reports(90):
        text = open_i_xml(report.report_id, report.sections["findings"], headings=report.headings)
        (folder / f"{report.report_id}.xml").write_text(text)
    assert main([str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"] == 90
    assert main([str(tmp_path / "absent")]) == 1


def test_open_i_reaches_what_is_claimed(data_root: Path) -> None:
    """The labels that the index terms give are NegBio's gold labels but for 6 of 24,596, Hernia aside."""
    from modeling.reports.reading import read_reports
    from modeling.reports.scoring import read_gold

    gold = read_gold(data_root / "openi" / "negbio_gold_dev.csv")
    by_id = {r.report_id: r for r in read_reports(data_root / "openi" / "NLMCXR_reports.tgz")}
    compared = [name for name in FINDINGS.classes if name != "Hernia"]
    differing = sum(
        bool(yes) != truth[name]
        for report_id, truth in gold.items()
        for name, yes in zip(FINDINGS.classes, indexed(by_id[report_id]), strict=True)
        if name in compared
    )
    assert (differing, len(gold) * len(compared)) == (6, 24596)
