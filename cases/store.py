"""The Protocols of every place that keeps cases or a checkpoint's results, and how to walk through one."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from cases.case import Case
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.sentence import Sentence

MAX_PAGE = 1000
MONGO_SCHEMES = ("mongodb://", "mongodb+srv://")
Result = dict[str, Any]
AGAINST = ("refusal", "warnings", "familiarity")
"""Of a result, as in every answer: what stands against it."""
"""One case's result: `case_id`, `source`, `checkpoint` (hash), `name`, `revision`, `tasks` (task -> classes,
logits, probabilities, modalities), `embedding` (modality -> little-endian float32 bytes), `problem`; of a
checkpoint of studies `films` too (`cases.scoring.studies.films_added`)."""
T = TypeVar("T")


@dataclass(frozen=True)
class CaseFilter:
    """Which cases to list: source, reference classes, and how the case ID begins; None means any.

    `label`: a reference label of any task as "task/class", such as "findings/Mass"; of several at once one of
    them.
    """

    source: str | None = None
    appearance: str | None = None
    grading: str | None = None
    text: str | None = None
    label: str | None = None


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
    may_show: bool = True
    films: int = 1


@dataclass(frozen=True)
class CasePage:
    """A range of the list in the order of case IDs; `after` of the next page, or None at the end."""

    rows: tuple[CaseSummary, ...]
    next_after: str | None


@dataclass
class Stored:
    """Documents that were put, as they were met: not there, there with another content, or as they are."""

    new: int = 0
    changed: int = 0
    same: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # case ID -> why; such a document stops no other

    @property
    def written(self) -> int:
        """How many documents were written."""
        return self.new + self.changed


class CaseStore(Protocol):
    """Cases by ID, in ID order. Every method raises `CaseStoreError` when the store cannot answer."""

    @property
    def description(self) -> str:
        """The store in words, without any secret: for the page and the log."""

    def get(self, case_id: str) -> Case:
        """The whole case with its film; `CaseNotFoundError` where no case has this ID."""

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | CaseStoreError]]:
        """Whole cases in the order of the IDs, of which none comes twice; absent ones are left out, and a
        broken one comes as the error that `get` would raise."""

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""

    def sources(self) -> list[str]:
        """Where its cases come from, each source once and in order."""

    def put(self, case: Case) -> None:
        """Store or replace a case."""

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case (see `cases.document`), its film's file included."""

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents (see `cases.document`); putting all again doubles nothing, even
        after the store was lost or full on the way."""

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""


class Results(Protocol):
    """Where results are kept: one for every case and checkpoint, whoever writes and how often."""

    def done(self, case_ids: Sequence[str]) -> set[str]:
        """Those of the cases that have a result of this checkpoint."""

    def write(self, results: Sequence[Result]) -> int:
        """Keep results; returns how many were not there before."""

    def close(self) -> None:
        """All that was written is safe after this."""


def is_mongo(address: str | None) -> bool:
    """Whether an address is MongoDB's."""
    return (address or "").startswith(MONGO_SCHEMES)


def every_row(store: CaseStore, where: CaseFilter) -> Iterator[CaseSummary]:
    """The rows of all cases that pass the filter, in order, a page at a time."""
    after = None
    while True:
        page = store.page(where, after, MAX_PAGE)
        yield from page.rows
        if (after := page.next_after) is None:
            return


def portions(
    items: Iterable[T], most: int, size: Callable[[T], int] = lambda _: 0, largest: float = float("inf")
) -> Iterator[list[T]]:
    """Items in lists of at most `most`, each closed as soon as the sizes in it come to `largest`."""
    portion: list[T] = []
    held = 0
    for item in items:
        portion.append(item)
        held += size(item)
        if len(portion) >= most or held >= largest:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


# --- the refusals of every store, in the same words: one sentence with the case ID and what to do


MAX_ID_LENGTH = 200


class BrokenCase(CaseStoreError):
    """One case cannot be read; the store itself answers, and its other cases are not concerned."""


def check_case_id(case_id: object) -> str:
    """The case ID, if every store can keep it in one order: 1 to 200 printable characters, or it raises."""
    if isinstance(case_id, str) and 0 < len(case_id) <= MAX_ID_LENGTH and case_id.isprintable():
        return case_id
    no_id = "A case ID is 1 to {limit} printable characters, not '{case}'; correct the ID."
    raise BrokenCase(no_id, limit=MAX_ID_LENGTH, case=shown(case_id))


def check_query(where: CaseFilter, *texts: object, limit: int = 1) -> None:
    """Refuse a filter or an ID that is not text, and a page of another size than 1 to 1,000."""
    for text in (where.source, where.appearance, where.grading, where.text, where.label, *texts):
        # A lone surrogate, which UTF-8 cannot carry, cannot be sent to any server.
        if text is not None and not (isinstance(text, str) and not re.search(r"[\ud800-\udfff]", text)):
            raise CaseStoreError("A case ID or filter is plain text; write it again as text.")
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise CaseStoreError("A page holds 1 to {limit} cases; choose a size in that range.", limit=MAX_PAGE)


def broken_case(case_id: str, problem: str, /, **values: Any) -> BrokenCase:
    """A stored case that cannot be read; `problem` is a clause with its values, or a whole sentence."""
    return BrokenCase(
        "Case '{case}' is broken in the store ({problem:clause}); store it again from its source, or choose"
        " another case.",
        case=shown(case_id),
        problem=Sentence(problem, **values),
    )


def case_not_found(case_id: str) -> CaseNotFoundError:
    """No case has this ID."""
    absent = "There is no case '{case}'; check the ID or choose one from the list."
    return CaseNotFoundError(absent, case=shown(case_id))


def ambiguous_case(case_id: str) -> BrokenCase:
    """Two documents claim the ID, and none of them can be taken for the case."""
    several = "More than one document has the ID '{case}'; give each its own ID, or choose another case."
    return BrokenCase(several, case=shown(case_id))


def read_only() -> CaseStoreError:
    """The store was opened without `write`."""
    return CaseStoreError("This case store is open for reading only; open it for writing to store a case.")


def shown(case_id: object) -> str:
    """A case ID inside a sentence: on one line, at most 80 characters."""
    text = "".join(c if c.isprintable() else "?" for c in str(case_id))
    return text if len(text) <= 80 else text[:79] + "…"
