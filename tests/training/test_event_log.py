"""What a run writes for TensorBoard: each curve, each epoch once; a sentence where nothing can write it."""

import math
from pathlib import Path

import pytest

from modeling.errors import ViewboxError
from modeling.study import Modality
from tests.training.test_training import toy_films, toy_settings
from training import event_log
from training.branches import BranchLearning
from training.event_log import EventLog
from training.run import Run
from training.settings import TrainingSettings

CURVES = {"loss/appearance", "loss/grading", "validation/auroc_appearance"}
CURVES |= {f"learning_rate/{part}" for part in ("image", "table", "heads")}


class Written:
    """What a tracker was told, by the folder that it stands for; it takes the tracker's place."""

    folders: dict[Path, "Written"]

    def __init__(self, name: str, folder: Path, purge_step: int) -> None:
        assert not name
        self.closed, self.purged = False, purge_step
        before = self.folders.get(folder)
        self.rows = {
            epoch: row for epoch, row in (before.rows if before else {}).items() if epoch < purge_step
        }
        self.folders[folder] = self

    def start(self) -> None:
        self.closed = False

    def log(self, values: dict[str, float], step: int) -> None:
        assert step not in self.rows
        self.rows[step] = values

    def finish(self) -> None:
        self.closed = True


@pytest.fixture
def trackers(monkeypatch: pytest.MonkeyPatch) -> dict[Path, Written]:
    monkeypatch.setattr(Written, "folders", {}, raising=False)
    monkeypatch.setattr(event_log, "TensorBoardTracker", Written)
    monkeypatch.setattr(event_log, "is_tensorboard_available", lambda: True)
    return Written.folders


def settings(**changes: object) -> TrainingSettings:
    return toy_settings(epochs=2, learning={Modality.IMAGE: BranchLearning(rate=0.5)}, **changes)


def test_each_epoch_has_its_losses_rates_and_scores(tmp_path: Path, trackers: dict[Path, Written]) -> None:
    run = Run(settings(), toy_films(40), tmp_path / "run", tmp_path, tmp_path / "log")
    run.train()
    written = trackers[tmp_path / "log"]
    assert written.closed and sorted(written.rows) == [1, 2]
    for epoch, row in written.rows.items():
        assert set(row) == CURVES  # one grade alone is no ranking: its score is not defined, and not written
        assert row["learning_rate/image"] == pytest.approx(row["learning_rate/heads"] / 2)
        assert row["validation/auroc_appearance"] == run.history[epoch - 1]["auroc_appearance"]
    assert math.isnan(run.history[0]["auroc_grading"])
    assert written.rows[2]["learning_rate/heads"] < written.rows[1]["learning_rate/heads"], "one cycle"


def test_what_stays_as_it_is_has_no_rate(tmp_path: Path, trackers: dict[Path, Written]) -> None:
    run = Run(toy_settings(epochs=1), toy_films(40), tmp_path / "run", tmp_path, tmp_path / "log")
    for name, weights in run.model.named_parameters():
        weights.requires_grad_("encoders.image.backbone." not in name)
    run._prepare(run.accelerator.unwrap_model(run.model))
    assert set(run._learning) == {"table", "heads"}


def test_a_resumed_run_logs_what_a_whole_one_logs(
    tmp_path: Path, trackers: dict[Path, Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.run.SAVE_EVERY", 2)
    Run(settings(), toy_films(40), tmp_path / "whole", tmp_path, tmp_path / "log").train()
    broken = Run(settings(), toy_films(40), tmp_path / "broken", tmp_path, tmp_path / "other")
    optimise, steps = broken._optimise, []

    def dies_in_the_second_epoch(batch: object) -> dict[str, float]:
        if len(steps) == 7:
            raise KeyboardInterrupt
        steps.append(1)
        return optimise(batch)

    broken._optimise = dies_in_the_second_epoch
    with pytest.raises(KeyboardInterrupt):
        broken.train()
    assert trackers[tmp_path / "other"].closed
    Run(settings(), toy_films(40), tmp_path / "broken", tmp_path, tmp_path / "other").train()
    whole, resumed = trackers[tmp_path / "log"].rows, trackers[tmp_path / "other"].rows
    assert sorted(resumed) == [1, 2]
    for epoch, row in whole.items():
        assert resumed[epoch] == pytest.approx(row)


def test_without_tensorboard_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "is_tensorboard_available", lambda: False)
    with pytest.raises(ViewboxError, match=r"pip install 'viewbox\[tensorboard\]'.*leave --log-dir out"):
        Run(settings(), toy_films(8), tmp_path / "run", tmp_path, tmp_path / "log")
    EventLog(None).begin(1).write(1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_the_log(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
    )
    for first, value in ((1, 0.5), (2, 0.25)):  # the second start goes on after the first epoch
        with EventLog(tmp_path).begin(first) as log:
            for epoch in range(first, 4):
                log.write(epoch, {"loss/appearance": value / epoch, "validation/auroc": math.nan})
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["scalars"] == ["loss/appearance"]
    told = [(e.step, e.value) for e in events.Scalars("loss/appearance")]
    assert told == [(1, 0.5), (2, 0.125), (3, pytest.approx(0.25 / 3))]
