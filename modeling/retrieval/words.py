"""Films and reports of many cases in the space that films and sentences share, to be searched by either.

Exact cosines in plain numpy; equals stand in the order of their IDs.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from modeling.study import Radiograph

if TYPE_CHECKING:
    from modeling.model.shared_space import SharedSpace


class WordIndex:
    """Cases by ID, each with a vector of its film, of its report, or of both."""

    def __init__(self) -> None:
        self._films: dict[str, np.ndarray] = {}
        self._reports: dict[str, np.ndarray] = {}

    def add(self, space: "SharedSpace", case_id: str, film: Radiograph | None, report: str) -> None:
        """Put a case in; raises StudyError as the space does."""
        if film is not None:
            self._films[case_id] = np.asarray(space.embed_films([film])[0], np.float32)
        if report.strip():
            self._reports[case_id] = np.asarray(space.embed_texts([report])[0], np.float32)

    @property
    def film_count(self) -> int:
        """How many films there are."""
        return len(self._films)

    @property
    def report_count(self) -> int:
        """How many reports there are."""
        return len(self._reports)

    def films(self, vector: Any) -> list[tuple[str, float]]:
        """All films, the nearest to a vector (S,) first, each with its cosine."""
        return _ranked(self._films, vector)

    def reports(self, vector: Any) -> list[tuple[str, float]]:
        """All reports, the nearest to a vector (S,) first, each with its cosine."""
        return _ranked(self._reports, vector)


def _ranked(rows: dict[str, np.ndarray], vector: Any) -> list[tuple[str, float]]:
    if not rows:
        return []
    names = sorted(rows)
    cosines = np.stack([rows[name] for name in names]) @ np.asarray(vector, np.float32)
    return [(names[n], float(cosines[n])) for n in np.argsort(-cosines, kind="stable")]
