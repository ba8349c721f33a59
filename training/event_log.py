"""Losses, learning rates and validation scores of a run, epoch by epoch, for TensorBoard to draw."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from accelerate.tracking import TensorBoardTracker
from accelerate.utils import is_tensorboard_available

from modeling.errors import ViewboxError


class EventLog:
    """A folder of TensorBoard's event files; without a folder nothing is written."""

    def __init__(self, folder: Path | None) -> None:
        """
        Raises:
            ViewboxError: TensorBoard is not installed.
        """
        if folder is not None and not is_tensorboard_available():
            template = (
                "No log for TensorBoard can be written without 'tensorboard'; run pip install"
                " 'viewbox[tensorboard]' (in a checkout: pip install -e '.[tensorboard]'), or leave --log-dir"
                " out."
            )
            raise ViewboxError(template)
        self._folder = folder
        self._tracker: TensorBoardTracker | None = None

    def begin(self, epoch: int) -> "EventLog":
        """Open the log for this epoch and those that follow; what an earlier start wrote of them is void."""
        if self._folder is not None:
            self._tracker = TensorBoardTracker("", self._folder, purge_step=epoch)
            self._tracker.start()
        return self

    def write(self, epoch: int, values: Mapping[str, float]) -> None:
        """One number for each curve; one that is not defined leaves a gap."""
        if self._tracker is not None:
            known = {name: value for name, value in values.items() if math.isfinite(value)}
            self._tracker.log(known, step=epoch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tracker is not None:
            self._tracker.finish()
