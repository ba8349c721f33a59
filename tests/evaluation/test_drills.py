"""Drills: phantoms on which an evaluation found a checkpoint confidently wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cases.phantom.drills import DRILLS_FILE, Drill, Drills
from evaluation.drills import kept
from interface.quiz_tab.rules import CONFIDENT, DRILLS, LENGTH, Candidate, drawn_set
from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import APPEARANCE
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.study import Modality
from tests.doubles.command import command

BUNDLED = Path(__file__).parents[2] / "hub_config" / "checkpoints"
SHIPPED = sorted(path.parent for path in BUNDLED.glob(f"*/{DRILLS_FILE}"))


def few(weights: str = "w") -> Drills:
    drill = Drill(3, "Typical", "Negative", 0.8)
    return Drills(weights, 7, 96, 10, 4, 3, 0.6, 1, (drill,))


def test_the_file_goes_round_and_belongs_to_one_set_of_weights(tmp_path):
    assert Drills.load(tmp_path, "w") is None
    few().save(tmp_path)
    assert Drills.load(tmp_path, "w") == few()
    with pytest.raises(CheckpointError, match="other weights"):
        Drills.load(tmp_path, "v")
    (tmp_path / DRILLS_FILE).write_text("{")
    with pytest.raises(CheckpointError, match="make it again"):
        Drills.load(tmp_path, "w")


@pytest.mark.parametrize("change", [{"truth": "Sick"}, {"answer": "Typical"}, {"probability": 1.2}])
def test_a_drill_must_be_a_mistake(change):
    with pytest.raises(CheckpointError, match="drill 3"):
        replace(few(), drills=(replace(few().drills[0], **change),))


def test_a_drill_is_drawn_the_same_every_time_under_the_name_that_the_list_gives_it():
    case = few().case(3)
    assert case.case_id == few().case_id(3) and case.provenance.synthetic
    assert (case.study.radiograph.pixels == few().case(3).study.radiograph.pixels).all()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_shipped_drills_come_from_an_evaluation_of_the_shipped_weights(folder):
    found = Drills.load(folder, sha256_of(folder / WEIGHTS_FILE))
    assert found.confident == CONFIDENT and found.evaluated >= 600
    assert found.right + found.confidently_wrong <= found.evaluated
    assert len(found.drills) <= found.confidently_wrong
    assert all(drill.index < found.evaluated for drill in found.drills)
    assert len({drill.index for drill in found.drills}) == len(found.drills) >= 4 * DRILLS
    trained = (folder / "split.csv").read_text()
    assert not any(found.case_id(drill.index) in trained for drill in found.drills), "it must be unseen"


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_the_shipped_checkpoint_is_as_wrong_on_a_drill_as_its_list_says(folder):
    from modeling.pipeline import DiagnosisPipeline

    found, pipeline = (
        json.loads((folder / DRILLS_FILE).read_text()),
        DiagnosisPipeline.from_pretrained(folder),
    )
    drills = Drills.from_json(found)
    for drill in (drills.drills[0], drills.drills[-1]):
        case = drills.case(drill.index)
        task = pipeline.predict(case.study)[APPEARANCE]
        assert (case.reference[APPEARANCE], task.most_probable) == (drill.truth, drill.answer)
        assert float(task.probabilities.max()) == pytest.approx(drill.probability, abs=0.02)
        assert Modality.IMAGE in case.evidence.modality[APPEARANCE], "who looks can be right"


def test_the_teaching_checkpoint_ships_drills():
    assert BUNDLED / "teaching" in SHIPPED


def test_drills_of_an_evaluation_are_mixed_into_sets_unannounced():
    stored = [
        Candidate(f"case-{i:02d}", APPEARANCE.classes[i % 4], APPEARANCE.classes[i % 4], 0.9)
        for i in range(40)
    ]
    drills = [Candidate(f"drill-{i:02d}", "Typical", "Negative", 0.8) for i in range(20)]
    seen = set()
    for code in map(str, range(40)):
        asked = drawn_set(code, stored + drills)
        chosen = [one.case_id for one in asked if one.drill]
        assert len(asked) == LENGTH and len(chosen) == DRILLS and all(c.startswith("drill") for c in chosen)
        seen |= set(chosen)
    assert len(seen) == len(drills), "two classes do not have the same three"


def test_the_command_counts_what_it_asked(tmp_path, capsys):
    from evaluation.drills import evaluated
    from tests.doubles.toys import toy_config, toy_model, toy_processor

    processor = toy_processor(size=64)
    toy_model(toy_config(sources=("phantom",)), processor, seed=3).save_pretrained(
        tmp_path / "toy", processor
    )
    found = evaluated(tmp_path / "toy", 2)
    assert found.evaluated == 2 and 0 <= found.right <= 2 and found.right + found.confidently_wrong <= 2
    assert found.weights_sha256 == sha256_of(tmp_path / "toy" / WEIGHTS_FILE)
    toy_model(toy_config(sources=("siim",)), processor, seed=3).save_pretrained(tmp_path / "real", processor)
    assert command("drills")(["--checkpoint", tmp_path / "real", "--phantoms", 1]) == 1
    assert "not trained on phantoms" in capsys.readouterr().err


def test_drills_are_rehearsed_and_fewer_never_replace_more_unasked(tmp_path):
    none = replace(few(), drills=())
    assert "nothing is written" in kept(few(), tmp_path) and not (tmp_path / DRILLS_FILE).exists()
    assert "in place of 0" in kept(few(), tmp_path, write=True)
    assert "holds 1 drills already: add --write --replace" in kept(none, tmp_path)
    with pytest.raises(ViewboxError, match="add --replace"):
        kept(none, tmp_path, write=True)
    assert Drills.load(tmp_path, "w") == few(), "what stood there stands"
    kept(few("v"), tmp_path, write=True)
    assert Drills.load(tmp_path, "v") == few("v"), "as many replace as many, whatever the weights"
    kept(none, tmp_path, write=True, replace=True)
    assert Drills.load(tmp_path, "w") == none
