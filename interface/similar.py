"""The cases of the store as an index, built when a reader first asks and in the background."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cases.case import Case
from cases.store import CaseFilter, CaseStore
from interface.checkpoints import Checkpoints
from interface.guard import sentence
from interface.hosts import ModelHost, StoreHost
from interface.pictures import data_url
from modeling.errors import ViewboxError
from modeling.labels import TaskName
from modeling.results import Neighbour
from modeling.study import Modality, Study

if TYPE_CHECKING:
    from modeling.case_vectors import CaseEncoder, DescribedCase
    from modeling.retrieval import CaseIndex, IndexedCase

logger = logging.getLogger(__name__)

MOST_CASES = 500
"""Cases that are compared at most, the first in the order of their IDs: the film of each is read once."""
THUMBNAIL_SIDE = 160
PAGE = 50


@dataclass(frozen=True)
class Shelved:
    """What is kept of a compared case beside its vectors.

    Attributes:
        thumbnail: a data URL; empty where the film may not be shown or there is none.
        report: by section, or the indication where there is no report.
    """

    thumbnail: str
    report: Mapping[str, str]
    source: str
    synthetic: bool


@dataclass(frozen=True, eq=False)
class Compared:
    """The finished index: `films_by` names the checkpoint that its films were encoded by; empty for none."""

    index: "CaseIndex"
    encoder: "CaseEncoder"
    shelf: Mapping[str, Shelved]
    films_by: str
    left_out: int


@dataclass(frozen=True)
class Progress:
    """How far the index is: `done` of `total` cases are read; `fault` is why it stopped."""

    done: int = 0
    total: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Found:
    """The answer to one question, with the query's own vectors and findings."""

    query: "IndexedCase"
    alike: tuple[Neighbour, ...]
    contrast: tuple[Neighbour, ...]
    compared: Compared


class SimilarCases:
    """Builds the index once, and again when a checkpoint that suits the cases has become ready since."""

    def __init__(self, models: Checkpoints, stores: StoreHost) -> None:
        self._models, self._stores = models, stores
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._compared: Compared | None = None
        self.progress = Progress()

    @property
    def ready(self) -> Compared | None:
        """The index, or None while it is being built."""
        return self._compared

    @property
    def building(self) -> bool:
        """Whether a thread is at it."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Build in a thread what is missing; does nothing where that is under way or done."""
        with self._lock:
            if self.building or (self._compared is not None and not self._better_films()):
                return
            self.progress = Progress()
            self._thread = threading.Thread(target=self._build, name="similar-cases", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Until the index is there, has failed, or the time is over."""
        if self._thread is not None:
            self._thread.join(seconds)

    def find(self, case: Case, study: Study, k: int, weights: Mapping[Modality, float]) -> Found:
        """Similar and contrast cases; no contrast for a case without a label.

        Args:
            study: the case's own, or as the reader changed it.

        Raises:
            ViewboxError: the index is not built yet, or nothing can be compared in this way.
        """
        compared = self._compared
        if compared is None:
            raise ViewboxError(
                self.progress.fault or "The cases are still being compared; ask again in a few seconds."
            )
        if case.case_id in compared.index and study is case.study:
            query = compared.index.case(case.case_id)
        else:
            query = compared.encoder.encode(described(case, study, self._host_named(compared.films_by)))
        alike = compared.index.neighbours(query, k, weights)
        contrast = compared.index.neighbours(query, k, weights, contrast=True) if query.label else ()
        return Found(query, alike, contrast, compared)

    # --- building

    def _build(self) -> None:
        try:
            self._compared = self._built()
        except Exception as exc:  # the thread's border: kept for the reader, logged in `sentence`
            self.progress = Progress(fault=sentence(exc))

    def _built(self) -> Compared:
        from modeling.case_vectors import CaseEncoder
        from modeling.retrieval import CaseIndex

        store = self._stores.store
        ids, count = _ids(store), store.count(CaseFilter())
        host, cases, shelf = self._film_host(), [], {}
        for done, case_id in enumerate(ids):
            self.progress = Progress(done, len(ids))
            case = store.get(case_id)
            cases.append(described(case, case.study, host))
            shelf[case_id] = shelved(case)
        self.progress = Progress(len(ids), len(ids))
        if not cases:
            raise ViewboxError("The store holds no case to compare with; fill it first.")
        encoder = CaseEncoder(cases)
        index = CaseIndex([encoder.encode(case) for case in cases])
        name = host.name if host is not None else ""
        logger.info("compared %d cases, films by %s", len(cases), name or "brightness")
        return Compared(index, encoder, shelf, name, count - len(ids))

    def _film_host(self) -> ModelHost | None:
        """The checkpoint that suits the store's first case, where it is ready and reads films here."""
        rows = self._stores.store.page(CaseFilter(), None, 1).rows
        host = self._models.suiting(rows[0].source if rows else "")
        if host.state.phase != "ready" or str(host.pipeline.device) != "cpu":
            return None
        return host if Modality.IMAGE in host.pipeline.config.modalities else None

    def _better_films(self) -> bool:
        host = self._film_host()
        return host is not None and self._compared is not None and self._compared.films_by != host.name

    def _host_named(self, name: str) -> ModelHost | None:
        return self._models.named(name) if name else None


def _ids(store: CaseStore) -> list[str]:
    ids: list[str] = []
    after: str | None = None
    while len(ids) < MOST_CASES:
        page = store.page(CaseFilter(), after, min(PAGE, MOST_CASES - len(ids)))
        ids += [row.case_id for row in page.rows]
        after = page.next_after
        if after is None:
            break
    return ids


def described(case: Case, study: Study, host: ModelHost | None) -> "DescribedCase":
    """What a case is compared by.

    Args:
        host: whose encoder describes the film; None for brightness alone.
    """
    from modeling.case_vectors import DescribedCase, film_numbers
    from modeling.reports.report import Report

    film = {}
    if study.radiograph is not None:
        film = film_numbers(study.radiograph, host.pipeline if host is not None else None)
    text = own_text(case, study)
    reference = [case.reference[task] for task in TaskName if task in case.reference]
    return DescribedCase(
        case_id=case.case_id,
        film=film,
        fields=study.table.values,
        report=Report(case.case_id, text) if text else None,
        patient=case.provenance.patient,
        label=reference[0] if reference else "",
    )


def own_text(case: Case, study: Study) -> dict[str, str]:
    """The case's report by section; without one, whatever text the study has, as a text without sections."""
    from modeling.reports.report import WHOLE

    report = {name: text for name, text in case.report.items() if text.strip()}
    if report:
        return report
    text = "\n\n".join(study.text.sections.values())
    return {WHOLE: text} if text.strip() else {}


def shelved(case: Case) -> Shelved:
    """What is kept to show a case among others."""
    from modeling.film import brightness
    from modeling.render import film_picture

    radiograph = case.study.radiograph
    picture = ""
    if radiograph is not None and case.licence.may_show:
        picture = data_url(film_picture(brightness(radiograph), max_side=THUMBNAIL_SIDE))
    return Shelved(picture, own_text(case, case.study), case.provenance.source, case.provenance.synthetic)
