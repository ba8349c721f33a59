"""The twin and its arrow: two films that differ by the arrow alone, and models with known answers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.maps.shortcut import LEARNT, PairAnswer, pairs, summarise
from modeling.labels import APPEARANCE
from tests.doubles import toys
from tests.doubles.command import command

main = command("shortcut")


def test_a_pair_differs_by_the_arrow_alone() -> None:
    made = list(pairs(4, seed=3, size=96))
    assert sorted(pair.reference for pair in made) == sorted(APPEARANCE.classes)
    for pair in made:
        plain, marked = (s.radiograph.pixels.astype(float) for s in (pair.plain, pair.marked))
        changed = np.abs(plain - marked) > 0.2 * np.ptp(plain)
        assert changed.any() and changed[~pair.arrow].sum() == 0
        assert 0 < pair.arrow.mean() < 0.05
        assert not pair.plain.table.values and not pair.marked.text


def one_hot(name: str) -> np.ndarray:
    return np.eye(len(APPEARANCE.classes))[APPEARANCE.index(name)]


def test_what_the_arrow_turns_is_counted_over_the_other_classes() -> None:
    fooled = [PairAnswer(one_hot(name), one_hot(LEARNT), 0.5) for name in APPEARANCE.classes]
    answer = summarise(fooled, APPEARANCE.classes)
    assert answer["accuracy_without_arrow"]["value"] == 1.0
    assert answer["accuracy_with_arrow"]["value"] == 0.25
    assert answer["turned_to_learnt"]["value"] == answer["rise_of_learnt"]["value"] == 1.0
    assert answer["evidence_on_arrow"] == {"value": 0.5, "low": 0.5, "high": 0.5, "films": 4}
    steady = [PairAnswer(one_hot(name), one_hot(name), None) for name in APPEARANCE.classes]
    answer = summarise(steady, APPEARANCE.classes)
    assert answer["turned_to_learnt"]["value"] == answer["rise_of_learnt"]["value"] == 0.0
    assert "evidence_on_arrow" not in answer


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path]:
    plain, twin = tmp_path / "plain", tmp_path / "twin"
    toys.toy_checkpoint(plain)
    toys.toy_checkpoint(twin)
    config = json.loads((twin / "config.json").read_text())
    (twin / "config.json").write_text(json.dumps({**config, "role": "shortcut_twin"}))
    return plain, twin


def test_the_command(checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    plain, twin = map(str, checkpoints)
    arguments = ["--twin", twin, "--checkpoint", plain, "--pairs", "4", "--explained", "1"]
    assert main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["pairs"] == 4 and answer["twin"] == answer["checkpoint"]  # the same weights
    assert main(["--twin", plain, "--checkpoint", plain]) == 1
    assert "learnt no shortcut on purpose" in capsys.readouterr().err
    assert main([*arguments[:4], "--pairs", "0"]) == 2
    assert capsys.readouterr().err.count(";") == 1


def test_a_role_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="role"):
        type(toys.toy_config()).from_json({**toys.toy_config().to_json(), "role": "saviour"})
    assert replace(toys.toy_config(), role="shortcut_twin").role == "shortcut_twin"
