"""What weighing rare classes does is measured on the same features, and the card says it."""

import json

import numpy as np
import pytest

from hub_config.cards.markdown import part
from modeling.labels import APPEARANCE
from tests.doubles.command import command
from tests.training.test_training import toy_films, toy_settings
from training import refitting as measuring
from training.refitting import WAYS, lines
from training.run import Run

main = command("imbalance")


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder, films = tmp_path_factory.mktemp("imbalance"), toy_films(72)
    run = Run(toy_settings(epochs=1), films, folder / "run", folder / "cache")
    run.train()
    run.export()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measuring, "CORPORA", {"siim": ("", None)})
        patched.setattr(measuring, "load", lambda name, data: films)
        checkpoint = folder / "run" / "checkpoint"
        config = json.loads((checkpoint / "config.json").read_text())
        (checkpoint / "config.json").write_text(json.dumps(config | {"sources": ["siim"]}))
        arguments = [
            "--checkpoint",
            str(checkpoint),
            "--data",
            str(folder),
            "--out",
            str(folder / "out.json"),
        ]
        assert main(arguments) == 0
        assert main([*arguments, "--task", "grading"]) == 1
    return json.loads((folder / "out.json").read_text())


def test_every_way_is_measured_on_films_that_fitted_none(answer: dict) -> None:
    films = toy_films(72)
    sides = [
        sum(f.split == side and "appearance" in f.labels for f in films) for side in ("train", "validation")
    ]
    assert [answer["train"], answer["validation"]] == sides
    assert list(answer["ways"]) == list(WAYS)
    for name, row in answer["ways"].items():
        low, high = row["macro_f1_95"]
        assert low <= row["macro_f1"] <= high and set(row["recall"]) == set(
            answer["ways"]["no weights"]["recall"]
        )
        assert ("ahead" in row) == (name != "no weights")


def test_weights_turn_answers_to_the_rare_class() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], [60, 60, 60, 12])
    even = generator.normal(size=(192, 4)) + 1.5 * np.eye(4)[labels]
    towards = even + np.array([0.0, 0.0, 0.0, 1.0])
    logits = {"no weights": even, "inverse frequency": towards}
    found = measuring._measured(logits, labels, np.arange(192).astype(str), APPEARANCE)
    rare = [found[name]["recall"]["Atypical"] for name in logits]
    assert rare[1] > rare[0]
    gap = found["inverse frequency"]["ahead"]["macro_f1"]["difference"]
    assert gap == pytest.approx(
        found["inverse frequency"]["macro_f1"] - found["no weights"]["macro_f1"], abs=2e-4
    )


def test_card_and_lines_hold_every_way(answer: dict) -> None:
    card = part("films.md", "imbalance", answer)
    for name, row in answer["ways"].items():
        assert f"| {name} | {row['macro_average_precision']:.3f}" in card and name in lines(answer)
    assert part("films.md", "imbalance", {}) == "Not measured.\n"
