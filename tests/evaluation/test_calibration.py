"""Operating points and lists of findings that may come together: from held-out films to every door."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.calibration import calibrated_several
from evaluation.checkpoint import _several_at_once
from evaluation.evaluate import SeveralAnswers
from hub_config.cards.markdown import part
from interface.case_tab.operating_panel import curve_of
from interface.case_tab.prediction_panel import prediction_panel
from modeling.answers import FilmAnswer, prediction_json, table_header, table_row
from modeling.labels import FINDINGS, Target
from modeling.model.checkpoint import WEIGHTS_FILE, Origin, sha256_of
from modeling.model.operating_points import Calibration
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Modality
from tests.doubles.example_cases import full_case
from tests.doubles.toys import toy_checkpoint, toy_study
from training.corpora.labelled_film import Film

FILMS = 400
UNLABELLED, RARE = "Hernia", "Fibrosis"


@pytest.fixture(scope="module")
def answers() -> SeveralAnswers:
    """Of films whose labels follow the probabilities; one finding unknown, one that eight films have."""
    generator, k = np.random.default_rng(0), len(FINDINGS.classes)
    logits = generator.normal(-0.5, 1.5, (FILMS, k))
    present = generator.random((FILMS, k)) < 1 / (1 + np.exp(-logits))
    films = []
    for i, row in enumerate(present):
        states = dict(zip(FINDINGS.classes, row.astype(float).tolist(), strict=True))
        states[RARE] = float(i < 8)
        del states[UNLABELLED]
        split = "validation" if i % 2 else "test"
        films.append(Film(f"f{i}", "nih", f"p{i // 2}", split, b"", states={FINDINGS: states}))
    return SeveralAnswers(FINDINGS, films, logits, None, 1.0)


def test_every_finding_has_its_own_points_and_threshold(answers: SeveralAnswers) -> None:
    summary, found = calibrated_several(answers)
    assert (found.films, found.patients, found.set_threshold) == (FILMS, FILMS // 2, None)
    points = {(p.class_name, p.rule): p for p in found.operating_points}
    named = {name for name, _ in points}
    assert named == set(FINDINGS.classes) - {UNLABELLED, RARE} and len(points) == 2 * len(named)
    values, present = answers.values(answers.logits), answers.labels == 1
    for name in named:
        k, point = FINDINGS.index(name), points[name, "sensitive"]
        reached = values[present[:, k], k] >= point.threshold - 1e-4
        assert reached.mean() == pytest.approx(0.9, abs=0.02)
        assert point.sensitivity == pytest.approx(0.9, abs=0.06) and 0 < point.specificity < 1
    assert found.measured_coverage == pytest.approx(0.9, abs=0.02)
    sets = summary["prediction_sets"]
    assert sets["coverage"] == found.measured_coverage and sets["coverage_by_class"][RARE] is None
    assert len(sets["sizes"]) == len(FINDINGS.classes) + 1


def test_a_few_films_make_no_promise(answers: SeveralAnswers) -> None:
    few = SeveralAnswers(FINDINGS, answers.films[:6], answers.logits[:6], None, 1.0)
    summary, found = calibrated_several(few)
    assert not found.has_set and not found.operating_points and "prediction_sets" not in summary
    assert "too few films" in part("films.md", "calibration", {"findings": summary})


def test_the_list_goes_through_every_door(answers: SeveralAnswers, tmp_path: Path) -> None:
    folder = toy_checkpoint(tmp_path / "toy", tasks=(FINDINGS,), modalities=(Modality.IMAGE,))
    Calibration(sha256_of(folder / WEIGHTS_FILE), (calibrated_several(answers)[1],)).save(folder)
    prediction = DiagnosisPipeline.from_pretrained(folder).predict(toy_study((Modality.IMAGE,)))
    found = prediction.sets[FINDINGS]
    assert set(found.unmeasured) == {UNLABELLED, RARE} and not set(found.unmeasured) & set(found.classes)
    said = prediction_json(prediction)["tasks"]["findings"]["set"]
    assert said == {"classes": list(found.classes), "coverage": 0.9, "measured": found.measured} | {
        "unmeasured": list(found.unmeasured)
    }
    assert f"{found.measured:.1%} of the findings that were there" in repr(prediction)
    header = table_header([FINDINGS])
    row = dict(zip(header, table_row(header, FilmAnswer("a.png", prediction)), strict=True))
    assert row["findings: cannot rule out"] == ", ".join(found.classes)
    for language, words in (("en", "Too few films had"), ("zh-Hant", "不列入任何清單")):
        assert words in prediction_panel(prediction, full_case(), language)


def test_card_and_sliders_have_its_numbers(answers: SeveralAnswers) -> None:
    summary, _ = calibrated_several(answers)
    card = part("films.md", "calibration", {"findings": summary})
    assert "lists meant to hold 90 % of what was there held" in card and f"{RARE} -" in card
    assert card.count("| sensitive |") == len(FINDINGS.classes) - 2
    origin = Origin("toy", "sha256:0", Path("toy"), pinned=False)
    measured = _several_at_once(answers, answers.films, origin)
    assert [entry["split"] for entry in measured.values()] == ["test", "validation"]
    curve = curve_of(measured, Target(FINDINGS, "Mass"), "nih")
    sensitivity, specificity = curve.at(1.0)
    assert (sensitivity, specificity) == (1.0, 0.0) and curve.films == FILMS // 2
