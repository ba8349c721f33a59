"""Similar cases by the store's own vector search, where it has one; what it finds is compared again here.

The search is among the vectors that one checkpoint made of all cases of the store, not of a sample. It is
asked anew each time whether it can answer, and why not is told to the reader.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cases.case import Case
from cases.store import BrokenCase, CaseStore
from interface.models.model_host import ModelHost
from interface.session.study_edits import fitted
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.model.checkpoint import checkpoint_hash
from modeling.retrieval.index import Neighbour
from modeling.sentence import Sentence
from modeling.study import Modality, Study

if TYPE_CHECKING:
    from cases.mongo.vectors import MongoVectors
    from modeling.retrieval.index import IndexedCase

logger = logging.getLogger(__name__)

MARGIN = 12
"""Further cases that are asked for, so that equals and cases that are gone leave enough."""
NO_CHECKPOINT = Sentence("No checkpoint is ready whose vectors could be searched.")
NO_VECTOR = Sentence("The checkpoint makes no vector of this case for what is compared.")


@dataclass(frozen=True, eq=False)
class Retrieved:
    """The findings of the store's search: cases by ID, how many were searched, and by which vectors."""

    query: "IndexedCase"
    alike: tuple[Neighbour, ...]
    contrast: tuple[Neighbour, ...]
    cases: Mapping[str, Case]
    among: int
    by: str


class StoredSearch:
    """Asks the store, then puts what it gave in the one order that its vectors have."""

    def __init__(
        self,
        store: CaseStore,
        host: ModelHost | None,
        describe: "Callable[[Case], IndexedCase]",
        spread: Mapping[str, float],
    ) -> None:
        """
        Args:
            host: the checkpoint whose vectors are searched; None where none is ready.
            describe: what a case is compared by in this process; gives findings and fields of what is found.
            spread: standard deviation of the fields, as the sample in this process has it.
        """
        self._store, self._host, self._describe, self._spread = store, host, describe, spread
        self._cases: dict[str, Case] = {}

    def find(
        self, query: "IndexedCase", case: Case, study: Study, k: int, weights: Mapping[Modality, float]
    ) -> Retrieved | str:
        """Neighbours and contrast cases, or why the store does not answer (empty: it has no search)."""
        if not hasattr(self._store, "vectors"):
            return ""
        if self._host is None:
            return NO_CHECKPOINT
        try:
            search = self._store.vectors(_hash_of(self._host.folder))
            fault = search.fault(self._host.pipeline.config.width)
            if fault:
                return fault
            asked = _asked(query, case, study, self._host)
            used = {m: w for m, w in weights.items() if w > 0 and m in asked.vectors}
            if not used:
                return NO_VECTOR
            alike = self._nearest(search, asked, k, used, contrast=False)
            contrast = self._nearest(search, asked, k, used, contrast=True) if asked.label else ()
            return Retrieved(asked, alike, contrast, self._cases, search.count(), self._host.name)
        except CaseStoreError as exc:  # the reader still gets an answer, and is told
            logger.warning("vector search: %s", exc)
            return exc.sentence

    def _nearest(
        self,
        search: "MongoVectors",
        asked: "IndexedCase",
        k: int,
        weights: Mapping[Modality, float],
        *,
        contrast: bool,
    ) -> tuple[Neighbour, ...]:
        """The `k` nearest, exact and in a fixed order among those that the store gave."""
        from modeling.retrieval.index import MOST_NEIGHBOURS, CaseIndex, IndexedCase

        limit = min(k + MARGIN, MOST_NEIGHBOURS)
        but, unlike = [asked.case_id] if asked.case_id else [], asked.label if contrast else ""
        near = search.nearest(asked.vectors, weights, limit, but=but, patient=asked.patient, unlike=unlike)
        if not near:
            return ()
        rough = CaseIndex(IndexedCase(n.case_id, n.vectors, n.patient, n.label) for n in near)
        vectors, found = {n.case_id: n.vectors for n in near}, []
        for one in rough.neighbours(asked, limit, weights, contrast=contrast):
            if len(found) == k:
                break
            case = self._case(one.case_id)
            if case is not None:
                found.append(replace(self._describe(case), vectors=vectors[one.case_id]))
        if not found:
            return ()
        return CaseIndex(found, self._spread).neighbours(asked, k, weights, contrast=contrast)

    def _case(self, case_id: str) -> Case | None:
        """A case of the store; None where it has gone since its vectors were written."""
        try:
            case = self._cases.get(case_id) or self._store.get(case_id)
        except (CaseNotFoundError, BrokenCase) as exc:
            logger.info("vector search found %s: %s", case_id, exc)
            return None
        self._cases[case_id] = case
        return case


def _asked(query: "IndexedCase", case: Case, study: Study, host: ModelHost) -> "IndexedCase":
    """The query with the vectors that the checkpoint makes of it."""
    from modeling.batch import predict_batch

    with host.gateway.short():
        scored = predict_batch(host.pipeline, [fitted(study, case, host.text_sections)])[0]
    return replace(query, vectors=scored.embedding)


@functools.lru_cache(maxsize=8)
def _hash_of(folder: Path) -> str:
    return checkpoint_hash(folder)
