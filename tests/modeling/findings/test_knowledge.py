"""What is known of findings: whole, without circles, and as the tables say that it was made from."""

import re
from pathlib import Path

import numpy as np
import pytest

from modeling.answers import prediction_json
from modeling.findings.headings import HeadingRule, rare_findings_of
from modeling.findings.icd10cm import table_of
from modeling.findings.knowledge import ICD_CODES, code_of, codes_json, knowledge
from modeling.labels import APPEARANCE, FINDINGS
from modeling.reports.index_terms import findings_of_headings
from modeling.reports.reading import read_reports
from modeling.results import Prediction, TaskPrediction
from modeling.study import Modality
from tests.doubles.command import command


def test_every_finding_has_words_a_place_and_a_code() -> None:
    known = knowledge()
    assert len(known.task.classes) == len(set(known.task.classes)) >= 100
    assert known.task.kind == "multilabel" and known.task.words["zh-Hant"]
    for finding in known.findings.values():
        assert re.search("[\u4e00-\u9fff]", finding.name.words["zh-Hant"]), finding.name
        assert finding.definition.endswith(".") and len(finding.synonyms) >= 2, finding.name
        path = known.path(finding)  # ends in a group: no circle
        assert path[0] in known.groups and path[-1] == finding.name
        assert not finding.icd10cm or finding.icd_path[0].code.isdigit(), finding.name
    assert {row.nih for row in known.findings.values()} - {""} == {*FINDINGS.classes}
    # an empty code is for what is no disease, and for nothing else
    assert {str(row.name) for row in known.findings.values() if not row.icd10cm} == {
        "Epicardial fat",
        "Nipple shadow",
    }


def test_no_synonym_belongs_to_two_findings_by_name() -> None:
    names = {str(name).casefold() for name in knowledge().task.classes}
    for finding in knowledge().findings.values():
        others = names - {str(finding.name).casefold()}
        assert not others & {word.casefold() for word in finding.synonyms}, finding.name


def test_codes_are_those_of_the_packages_table() -> None:
    pytest.importorskip("simple_icd_10_cm", reason="needs the package simple-icd-10-cm")
    codes = {row.icd10cm for row in knowledge().findings.values()} - {""}
    assert {code: tuple(row) for code, row in table_of(codes).items()} == ICD_CODES


def test_a_class_of_any_task_finds_its_code() -> None:
    assert code_of("Effusion") == "J90 Pleural effusion, not elsewhere classified"
    assert code_of("Mass|Pleural_Thickening").startswith("R91.8 ") and "; J92 " in code_of(
        "Mass|Pleural_Thickening"
    )
    assert code_of("Pleural Effusion") == code_of("Effusion")  # as CheXpert writes it
    assert code_of("COPD").startswith("J44 ")
    assert code_of("No Finding") == code_of("Typical") == code_of("Nipple shadow") == ""
    assert codes_json(APPEARANCE.classes) == {}
    found = codes_json(["Effusion", "Nipple shadow"])
    assert found["Effusion"]["hierarchy"] == ["Pleura", "Pleural effusion"]
    assert found["Effusion"]["icd10cm"]["path"] == [
        "10 Diseases of the respiratory system (J00-J99)",
        "J90-J94 Other diseases of the pleura (J90-J94)",
    ]
    assert found["Nipple shadow"]["icd10cm"] is None


@pytest.mark.parametrize(
    ("term", "is_named"),
    [
        ("calcinosis/lung/round", True),
        ("calcinosis/lung/hilum/lymph nodes/right", False),
        ("calcinosis/aorta", False),
        ("nodule/lung", False),
    ],
)
def test_a_rule_needs_and_bars_qualifiers(term: str, is_named: bool) -> None:
    rule = HeadingRule.parse("calcinosis/lung/!lymph nodes/!hilum")
    assert rule.names(term.split("/")) is is_named


def test_index_terms_name_findings() -> None:
    names = knowledge().task.classes

    def named(*headings: str) -> set[str]:
        found = rare_findings_of(headings)
        assert found is not None
        return {name for name, there in zip(names, found, strict=True) if there}

    assert named("normal") == set()
    assert named("Aorta, Thoracic/tortuous/mild", "Subcutaneous  Emphysema/neck/left") == {
        "Tortuous aorta",
        "Subcutaneous emphysema",
    }
    assert named("Fractures, Bone/ribs/right/healed") == {"Rib fracture", "Healed rib fracture"}
    assert rare_findings_of(["No Indexing"]) is None and rare_findings_of([]) is None


def test_open_i_has_them_from_hundreds_down_to_one(data_root: Path) -> None:
    every = read_reports(data_root / "openi" / "NLMCXR_reports.tgz")
    labelled = [(r.headings, found) for r in every if (found := rare_findings_of(r.headings)) is not None]
    counts = np.sum([found for _, found in labelled], axis=0)
    assert counts.min() == 1 and counts.max() > 400 and (counts < 20).sum() > 80
    # the 14 NIH findings mean the same here as everywhere else
    nih = [row.nih for row in knowledge().findings.values()]
    for headings, found in labelled:
        named = {name for name, there in zip(nih, found, strict=True) if there and name}
        assert named == set(findings_of_headings(headings) or ())


def test_answers_of_a_checkpoint_carry_the_codes_of_its_findings() -> None:
    logits = np.zeros(len(FINDINGS.classes))
    task = TaskPrediction(FINDINGS, FINDINGS.classes, logits, logits + 0.5, (Modality.TEXT,))
    codes = prediction_json(Prediction((task,), (Modality.TEXT,)))["tasks"]["findings"]["codes"]
    assert list(codes) == [*FINDINGS.classes] and codes["Hernia"]["icd10cm"]["code"] == "K44"


def test_mined_labels_carry_their_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.txt").write_text("FINDINGS: Small pleural effusion.")
    assert command("mine")([tmp_path / "one.txt", "--json"]) == 0
    assert '"icd10cm": "J90 Pleural effusion, not elsewhere classified"' in capsys.readouterr().out
