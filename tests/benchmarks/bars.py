"""What the benchmarks hold their figures against, and how they say it: JSON, and an exit status of 0 or 1."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil


@dataclass(frozen=True)
class Bar:
    """A figure and its limit; "at most" unless it is said to be "at least"."""

    name: str
    measured: float
    limit: float
    sense: Literal["at most", "at least"] = "at most"

    @property
    def passed(self) -> bool:
        """Whether the figure keeps to the limit."""
        return self.measured <= self.limit if self.sense == "at most" else self.measured >= self.limit

    def as_json(self) -> dict[str, Any]:
        """The bar as plain values."""
        return {
            "bar": self.name,
            "measured": round(self.measured, 3),
            self.sense: self.limit,
            "passed": self.passed,
        }


def tell(bars: Sequence[Bar], figures: Mapping[str, Any], load_before: float) -> int:
    """Print bars and figures; 0 where every bar is passed, else 1."""
    passed = all(bar.passed for bar in bars)
    told = {"passed": passed, "bars": [bar.as_json() for bar in bars]}
    print(json.dumps({**told, "load_before": round(load_before, 2), **figures}, indent=1))
    return 0 if passed else 1


def load() -> float:
    """Processes that ran or waited over the last minute: from about 0.3 on, other work spoils the figures."""
    return float(psutil.getloadavg()[0])


@contextlib.contextmanager
def place(kept: Path | None) -> Iterator[Path]:
    """A folder that stays where one is named, and one that goes where none is."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
