"""What a checkpoint says of a case, and the Protocol for every place that keeps it."""

from collections.abc import Sequence
from typing import Any, Protocol

Result = dict[str, Any]
"""One case's result: `case_id`, `source`, `checkpoint` (hash), `name`, `revision`, `tasks` (task -> classes,
logits, probabilities, modalities), `embedding` (modality -> little-endian float32 bytes), `problem`."""


class Results(Protocol):
    """Where results are kept: one for every case and checkpoint, whoever writes and how often."""

    def done(self, case_ids: Sequence[str]) -> set[str]:
        """Those of the cases that have a result of this checkpoint."""
        ...

    def write(self, results: Sequence[Result]) -> int:
        """Keep results; returns how many were not there before."""
        ...

    def close(self) -> None:
        """All that was written is safe after this."""
        ...
