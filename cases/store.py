"""One Protocol for every place that cases live in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cases.case import Case
from modeling.errors import CaseStoreError


@dataclass(frozen=True)
class CaseFilter:
    """Which cases to list; None means any.

    Attributes:
        source: `Provenance.source`.
        appearance, grading: reference class.
        text: a prefix of the case ID.
    """

    source: str | None = None
    appearance: str | None = None
    grading: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class CaseSummary:
    """One row of a list: what can be shown without loading the film."""

    case_id: str
    source: str
    reference: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    synthetic: bool = False
    thumbnail: bytes | None = None
    title: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CasePage:
    """A range of the list in the order of case IDs; `after` of the next page, or None at the end."""

    rows: tuple[CaseSummary, ...]
    next_after: str | None


@dataclass(frozen=True)
class Stored:
    """What became of documents that were put.

    Attributes:
        new, changed, same: how many were not there, were there with another content, were there as they are.
        refused: case ID -> why the store did not take it; such a document stops no other.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """How many documents were written."""
        return self.new + self.changed


class CaseStore(Protocol):
    """Cases by ID, in ID order. Every method raises `CaseStoreError` when the store cannot answer."""

    @property
    def description(self) -> str:
        """What the store is, without any secret: for the page and the log."""
        ...

    def get(self, case_id: str) -> Case:
        """The whole case with its film.

        Raises:
            CaseNotFoundError: no case has this ID.
        """
        ...

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | CaseStoreError]]:
        """Many whole cases, in the order of the IDs, which name none twice.

        Those that are not there are left out; one that is broken comes as the error that `get` would raise.
        """
        ...

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""
        ...

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""
        ...

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""
        ...

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""
        ...

    def put(self, case: Case) -> None:
        """Store or replace a case.

        Raises:
            CaseStoreError: the store was opened for reading only.
        """
        ...

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case (see `cases.document`), its film's file included.

        Raises:
            CaseNotFoundError: no case has this ID.
        """
        ...

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents (see `cases.document`); doing so again changes nothing.

        Raises:
            CaseStoreError: the store was opened for reading only, was lost, or is full; what was put before
                may or may not be there, and putting all again loses and doubles nothing.
        """
        ...

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""
        ...
