"""The cases of the store as an index, built when a reader first asks and in the background."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cases.case import Case
from cases.store import BrokenCase, CaseFilter, CaseStore, every_row
from interface.html.pictures import data_url
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.reports_tab.stored_search import StoredSearch
from interface.session.background import BuiltOnDemand, Progress
from modeling.errors import CaseNotFoundError, StudyError, ViewboxError
from modeling.findings.placing import reader_or_none
from modeling.labels import TASKS, Task
from modeling.results import Prediction
from modeling.retrieval.index import Neighbour
from modeling.study import Modality, Study

if TYPE_CHECKING:
    from modeling.retrieval.index import CaseIndex, IndexedCase
    from modeling.retrieval.vectors import CaseEncoder, DescribedCase

logger = logging.getLogger(__name__)

MOST_CASES = 500
"""Cases that are compared at most, of a larger store a random draw: the film of each is read once."""
THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class Shelved:
    """A compared case as it is shown: thumbnail (a data URL or empty), report or else indication."""

    thumbnail: str
    report: Mapping[str, str]
    source: str
    synthetic: bool
    reported: bool = False
    title: Mapping[str, str] = field(default_factory=dict)
    may_show: bool = True


def described(case: Case, study: Study, host: ModelHost | None) -> "DescribedCase":
    """A case as it is compared: its film by the host's encoder, or without a host by brightness."""
    from modeling.reports.report import Report
    from modeling.retrieval.vectors import DescribedCase, film_numbers

    film = {}
    if study.radiograph is not None:
        film = film_numbers(study.radiograph, host.pipeline if host is not None else None)
    text = own_text(case, study)
    reference = [case.reference[task] for task in (*TASKS, *case.reference) if task in case.reference]
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
    """A case as it is shown among others."""
    from modeling.model.film import brightness
    from modeling.render.pictures import film_picture

    radiograph = case.study.radiograph
    picture, may_show = "", case.licence.may_show
    if radiograph is not None and may_show:
        picture = data_url(film_picture(brightness(radiograph), max_side=THUMBNAIL_SIDE))
    reported = any(text.strip() for text in case.report.values())
    kept = own_text(case, case.study)
    origin = case.provenance
    return Shelved(picture, kept, origin.source, origin.synthetic, reported, case.title, may_show)


@dataclass(frozen=True, eq=False)
class Compared:
    """The finished index, the checkpoint that encoded its films (or empty), and how many cases it lacks."""

    index: "CaseIndex"
    encoder: "CaseEncoder"
    shelf: Mapping[str, Shelved]
    films_by: str
    left_out: int


@dataclass(frozen=True)
class Found:
    """The answer to one question.

    Attributes:
        query, among: with its own vectors and findings; how many cases were searched.
        in_store, why_here: the checkpoint by whose vectors the store itself searched, or why it did not.
    """

    query: "IndexedCase"
    alike: tuple[Neighbour, ...]
    contrast: tuple[Neighbour, ...]
    compared: Compared
    shelf: Mapping[str, Shelved]
    among: int
    in_store: str = ""
    why_here: str = ""


class SimilarCases(BuiltOnDemand[Compared]):
    """Builds the index once, and again when a checkpoint that suits the cases has become ready since."""

    def __init__(self, models: Checkpoints, stores: StoreHost, classifier: Path | None = None) -> None:
        """`classifier`: folder of `modeling.findings.reader`; reports are compared by what it reads too."""
        super().__init__("similar-cases")
        self._models, self._stores, self._classifier = models, stores, classifier

    @property
    def compared(self) -> Compared:
        """The index; raises `ViewboxError` while it is not built yet, or with why it could not be."""
        return self.built

    @property
    def declared(self) -> tuple[Task, ...]:
        """The tasks that checkpoints here declare."""
        return self._models.declared

    def find(self, case: Case, study: Study, k: int, weights: Mapping[Modality, float]) -> Found:
        """Cases like this one, and such of another label (none for a case without); raises `ViewboxError`."""
        compared = self.compared
        query = self._encoded(compared, case, study)
        alike = compared.index.neighbours(query, k, weights)
        contrast = compared.index.neighbours(query, k, weights, contrast=True) if query.label else ()
        host = self._host_named(compared.films_by) or self._film_host()

        def describe(other: Case) -> "IndexedCase":
            return compared.encoder.encode(described(other, other.study, None))

        search = StoredSearch(self._stores.store, host, describe, compared.index.spread)
        stored = search.find(query, case, study, k, weights)
        if isinstance(stored, str):
            among = len(compared.index)
            return Found(query, alike, contrast, compared, compared.shelf, among, why_here=stored)
        shelf = {name: shelved(other) for name, other in stored.cases.items()}
        return Found(stored.query, stored.alike, stored.contrast, compared, shelf, stored.among, stored.by)

    def judged(self, case: Case) -> Prediction | None:
        """What the checkpoint that compares the films answers on a case; None without either."""
        host = self._host_named(self.compared.films_by)
        if host is None or case.study.radiograph is None:
            return None
        return host.predict(case.study, case.provenance.source or None)

    def case(self, case_id: str) -> Case:
        """A case of the store; raises `CaseStoreError` where there is none, or no answer."""
        return self._stores.store.get(case_id)

    def pair(self, case: Case, study: Study, other: Case, weights: Mapping[Modality, float]) -> Neighbour:
        """How alike the case, with its study as it is now, and another are, and in what; `ViewboxError`."""
        compared = self.compared
        there = self._encoded(compared, other, other.study)
        return compared.index.pair(self._encoded(compared, case, study), there, weights)

    def _encoded(self, compared: Compared, case: Case, study: Study) -> "IndexedCase":
        if case.case_id in compared.index and study is case.study:
            return compared.index.case(case.case_id)
        return compared.encoder.encode(described(case, study, self._host_named(compared.films_by)))

    # --- building

    def _make(self) -> Compared:
        from modeling.retrieval.index import CaseIndex
        from modeling.retrieval.vectors import CaseEncoder

        store = self._stores.store
        count = store.count(CaseFilter())
        ids = case_ids(store, count)
        host, cases, shelf = self._film_host(), [], {}
        for done, case_id in enumerate(ids):
            self.progress = Progress(done, len(ids))
            if host is not None:  # a reader's short work goes first
                host.gateway.pausing(threading.Event())()
            try:
                case = store.get(case_id)
                cases.append(described(case, case.study, host))
            except (BrokenCase, CaseNotFoundError, StudyError) as exc:  # one bad case hides no other
                logger.warning("case %s is not compared: %s", case_id, exc)
                continue
            shelf[case_id] = shelved(case)
        self.progress = Progress(len(ids), len(ids))
        if not cases:
            raise ViewboxError("The store holds no case to compare with; fill it first.")
        encoder = CaseEncoder(cases, reader=reader_or_none(self._classifier))
        index = CaseIndex([encoder.encode(case) for case in cases])
        name = host.name if host is not None else ""
        logger.info("compared %d cases, films by %s", len(cases), name or "brightness")
        return Compared(index, encoder, shelf, name, count - len(cases))

    def _film_host(self) -> ModelHost | None:
        """The checkpoint that suits the store's first case, where it is ready and reads films here."""
        rows = self._stores.store.page(CaseFilter(), None, 1).rows
        host = self._models.suiting(rows[0].source if rows else "")
        if host.state.phase != "ready" or str(host.pipeline.device) != "cpu":
            return None
        return host if Modality.IMAGE in host.pipeline.config.modalities else None

    def _outdated(self, built: Compared) -> bool:
        host = self._film_host()
        return host is not None and built.films_by != host.name

    def _host_named(self, name: str) -> ModelHost | None:
        return self._models.named(name) if name else None


def case_ids(store: CaseStore, count: int) -> list[str]:
    """The cases to compare, by rising ID: all of a small store, else the same draw every time."""
    everything = CaseFilter()
    if count > MOST_CASES:
        drawn = (store.random(everything, seed) for seed in range(2 * MOST_CASES))
        distinct = dict.fromkeys(case_id for case_id in drawn if case_id is not None)
        return sorted(list(distinct)[:MOST_CASES])
    return [row.case_id for row in islice(every_row(store, everything), MOST_CASES)]
