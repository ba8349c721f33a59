"""Phantoms on which a checkpoint is confidently wrong: kept as numbers, drawn again when they are asked for.

`drills.json` beside the weights names them. It comes from an evaluation on phantoms that the checkpoint has
never seen (`viewbox drills`), belongs to one set of weights, and holds no picture.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cases.case import Case
from cases.phantom.generator import PhantomSettings, balanced, case_id, generate_case, series_seed
from modeling.configuration import Configuration, read_json
from modeling.errors import CheckpointError
from modeling.labels import APPEARANCE

DRILLS_FILE = "drills.json"
SERIES = 4001
"""Of the phantoms that are evaluated; training, the cases that ship and the map tests use other series."""


@dataclass(frozen=True)
class Drill(Configuration):
    """A phantom of the series, by its index: what was planted, and what is answered, how surely (0 to 1)."""

    index: int
    truth: str
    answer: str
    probability: float


@dataclass(frozen=True)
class Drills(Configuration):
    """The result of an evaluation on a series of phantoms.

    Attributes:
        weights_sha256: of the weights that were evaluated.
        series, size, bits: of the phantoms.
        evaluated, right: how many were, and on how many the answer was right.
        confident: probability from which on an answer counts as confident.
        confidently_wrong: how many were; `drills` are those of them whose film shows the evidence.
    """

    weights_sha256: str
    series: int
    size: int
    bits: int
    evaluated: int
    right: int
    confident: float
    confidently_wrong: int
    drills: tuple[Drill, ...] = ()

    def __post_init__(self) -> None:
        for drill in self.drills:
            wrong = drill.answer in APPEARANCE.classes and drill.answer != drill.truth
            if drill.truth not in APPEARANCE.classes or not wrong or not 0 <= drill.probability <= 1:
                said = "{file} is damaged at drill {number}; make it again."
                raise CheckpointError(said, file=DRILLS_FILE, number=drill.index)

    def case_id(self, index: int) -> str:
        """As the generator names it."""
        return case_id(series_seed(self.series, index))

    def case(self, index: int) -> Case:
        """Draw one phantom of the series; the same one every time."""
        settings = balanced(PhantomSettings(self.size, self.bits), self.series, index)
        return generate_case(series_seed(self.series, index), settings=settings)

    def save(self, folder: Path) -> None:
        """Write the file into a checkpoint folder."""
        (folder / DRILLS_FILE).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def standing(folder: Path) -> int:
        """Drills in a folder's file, whatever their weights. Raises CheckpointError: it is damaged."""
        try:
            return len(read_json(folder / DRILLS_FILE)["drills"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, LookupError, TypeError) as exc:
            raise CheckpointError("{name} cannot be read; make it again.", name=DRILLS_FILE) from exc

    @classmethod
    def load(cls, folder: Path, weights_sha256: str) -> Self | None:
        """The file beside some weights; None where there is none.

        Raises CheckpointError: it is damaged, or belongs to other weights.
        """
        path = folder / DRILLS_FILE
        if not path.is_file():
            return None
        try:
            found = cls.from_json(read_json(path))
        except (OSError, ValueError) as exc:
            raise CheckpointError("{name} cannot be read; make it again.", name=path.name) from exc
        if found.weights_sha256 != weights_sha256:
            foreign = "{name} belongs to other weights; evaluate these with viewbox drills."
            raise CheckpointError(foreign, name=path.name)
        return found
