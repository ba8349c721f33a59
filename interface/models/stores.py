"""The case store of the page, and phantoms that it does not hold: drawn when they are asked for."""

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from cases.case import Case
from cases.store import CaseFilter, CaseStore, CaseSummary
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from modeling.errors import CaseNotFoundError, ViewboxError

if TYPE_CHECKING:
    from cases.phantom.drills import Drills

logger = logging.getLogger(__name__)

FRONT = 48
"""Cases among which those that come first are looked for."""
KEPT = 96
"""Drills that stay drawn: all that ship, 2 MB each, so that a class with as many sets has each drawn once."""
STUDY = "phantom-study-"
"""How the IDs of phantom studies begin."""
_NAME = re.compile(r"phantom-[0-9a-f]{12}")


class StoreHost:
    """Opens the case store on first use; one that could not be opened is tried again at the next use."""

    def __init__(
        self, open_store: Callable[[], CaseStore], drawn: Callable[[str], Case | None] = lambda _: None
    ) -> None:
        # `drawn` gives a case that no store holds, None for an ID that is none of its own.
        self._open, self._drawn = open_store, drawn
        self._lock = threading.Lock()
        self._store: CaseStore | None = None

    @property
    def store(self) -> CaseStore:
        """The open store; raises `CaseStoreError` where it cannot be reached."""
        with self._lock:
            if self._store is None:
                self._store = self._open()
                logger.info("store %s", self._store.description)
            return self._store

    def front(self, count: int) -> list[CaseSummary]:
        """The first cases of the store, those whose film may be shown before the others."""
        rows = self.store.page(CaseFilter(), None, FRONT).rows
        return sorted(rows, key=lambda row: row.thumbnail is None)[:count]

    def case(self, case_id: str) -> Case:
        """The case of that ID, of the store or else drawn; raises `CaseStoreError` where there is neither."""
        try:
            return self.store.get(case_id)
        except CaseNotFoundError:
            drawn = self._drawn(case_id)
            if drawn is None:
                raise
            return drawn


# --- drills, kept as numbers beside a checkpoint


def host_of_drills(models: Checkpoints) -> ModelHost:
    """The checkpoint that answers for phantoms, and so for drills."""
    return models.suiting("phantom")


def drills_of(host: ModelHost) -> "Drills | None":
    """The drills beside a checkpoint's weights; None where there are none that fit."""
    if host.state.phase != "ready":
        return None
    from cases.phantom.drills import Drills  # late: the page opens without the phantoms' machinery
    from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of  # torch

    try:
        return Drills.load(host.folder, sha256_of(host.folder / WEIGHTS_FILE))
    except ViewboxError as exc:
        logger.warning("checkpoint %s: %s", host.name, exc)
        return None


def drawn_study(case_id: str) -> Case | None:
    """The phantom study for teaching of that ID; None for any other."""
    if not case_id.startswith(STUDY):
        return None
    from cases.phantom.studies import study_case  # late, as above
    from cases.phantom.teaching_studies import teaching_studies, teaching_study

    return study_case(teaching_study(case_id)) if case_id in teaching_studies() else None


class DrawnCases:
    """The drills of one page, and the phantom studies for teaching, by their IDs."""

    def __init__(self, models: Checkpoints) -> None:
        self._models = models
        self._drawing = threading.Lock()
        self._listed: tuple[Drills, dict[str, int]] | None = None
        self._kept: OrderedDict[str, Case] = OrderedDict()

    def find(self, case_id: str) -> Case | None:
        """The drill or study of that ID, None for any other; waits until a drill's checkpoint is loaded."""
        if case_id.startswith(STUDY):
            return drawn_study(case_id)
        if not _NAME.fullmatch(case_id) or not self._models.awaited(host_of_drills(self._models)):
            return None
        with self._drawing:  # one at a time: drawing takes a core for a moment
            drills, places = self._list()
            if case_id not in places:
                return None
            if case_id not in self._kept:
                self._kept[case_id] = drills.case(places[case_id])
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(case_id)
            return self._kept[case_id]

    def _list(self) -> "tuple[Drills | None, dict[str, int]]":
        if self._listed is None:
            found = drills_of(host_of_drills(self._models))
            if found is None:
                return None, {}
            self._listed = found, {found.case_id(drill.index): drill.index for drill in found.drills}
        return self._listed
