"""The MongoDB store: student documents and Viewbox's own, in one collection, through pymongo.

Both forms name a case by `ID`, so the index on it finds either. Viewbox's own documents also carry
`facets` (see `cases.document`), so that one range of the index (`facets`, `ID`) is any page of any filter.
Student documents have no `facets`; their rows are read without films into a catalogue, again on a change.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import bson
import pymongo
from pymongo import errors

from cases.case import Case
from cases.catalogue import draw, page_of, pivot_of, place_of
from cases.document import case_from_document, document_from_case
from cases.mongo.address import DEFAULT_DATABASE, MongoAddress
from cases.mongo.border import border
from cases.mongo.films import Films
from cases.mongo.kept_values import KeptValues
from cases.mongo.listing import ID_ONLY, Listing
from cases.mongo.reading import CaseReader
from cases.mongo.schema import INDEXES, VALIDATOR
from cases.mongo.student_documents import StudentDocuments
from cases.mongo.sweeping import Swept, sweep
from cases.mongo.vectors import MongoVectors
from cases.mongo.writing import CaseWriter
from cases.refusals import BrokenCase, check_query, read_only
from cases.store import CaseFilter, CasePage, Stored
from cases.student_documents.conversion import document_from_student
from cases.student_documents.document import case_from_student
from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)

COLLECTION = "cases"
_NO_RIGHT = 13
T = TypeVar("T")


class MongoCaseStore:
    """Cases in one MongoDB collection. Opening it connects to nothing; a lost server is found again."""

    def __init__(
        self, address: MongoAddress, client: pymongo.MongoClient, database: str, ports: tuple[int, ...] | None
    ) -> None:
        self._address, self._client, self._ports = address, client, ports
        self._write = False
        self._database = client[database]
        self._cases = self._database[COLLECTION]
        self._films = Films(self._database)
        self._kept = KeptValues()
        self._reader = CaseReader(self._cases, self._films, self._border)
        self._writer = CaseWriter(self._cases, self._films)
        self._listing = Listing(self._cases, self._kept, self._asked)
        self._students = StudentDocuments(self._cases, self._kept, self._asked)

    @classmethod
    def connect(
        cls,
        uri: str,
        database: str | None = None,
        *,
        write: bool = False,
        reachable_ports: tuple[int, ...] | None = None,
    ) -> "MongoCaseStore":
        """A store at an address. Reading connects at the first question; writing connects at once.

        Args:
            database: used where the URI names none; "viewbox" where neither does.
            write: open for `put`: indexes and the validator are installed.
            reachable_ports: the outside ports of this machine, where a Space limits them.

        Raises:
            CaseStoreError: the address cannot be used, or (writing) the server cannot be reached or refuses.
        """
        address = MongoAddress.parse(uri)
        try:
            client: pymongo.MongoClient = pymongo.MongoClient(
                uri,
                connect=False,
                unicode_decode_error_handler="replace",
                datetime_conversion="DATETIME_AUTO",
                **address.client_options(write=write),
            )
            name = client.get_default_database(database or DEFAULT_DATABASE).name
            store = cls(address, client, name, reachable_ports)
        except (errors.PyMongoError, ValueError, KeyError):
            # The driver's own message may quote a part of the password, so it is not passed on.
            raise CaseStoreError(
                "MONGODB_URI is not a valid MongoDB address; percent-encode user and password, check port,"
                " database and options, and try again."
            ) from None
        if write:
            store._prepare_for_writing()
        return store

    def __repr__(self) -> str:
        return f"MongoCaseStore({self.description})"

    @property
    def description(self) -> str:
        """Servers and database, without user or password."""
        return f"MongoDB at {self._address.shown}, database '{self._database.name}'"

    def ping(self) -> None:
        """Ask the server for a sign of life and for leave to read.

        Raises:
            CaseStoreError: down, not found, refused: with what to do.
        """
        with self._border():
            self._cases.find_one({"ID": ""}, ID_ONLY)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def get(self, case_id: str) -> Case:
        """The whole case with its film; Viewbox's own form goes before a student document of that ID."""
        return self._reader.whole(case_id, case_from_document, case_from_student)

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | BrokenCase]]:
        """Many whole cases, with one question to the server for those whose films are in their documents."""
        return self._reader.several(case_ids)

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case in Viewbox's own form, its film's file included."""
        return self._reader.whole(
            case_id, _without_key, lambda found, _: document_from_student(bson.encode(found))
        )

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""
        check_query(where, after, limit=limit)
        with self._border():
            rows = self._students.rows().rows_after(where, after, limit + 1)
            return page_of(rows + self._listing.rows_after(where, after, limit + 1), limit)

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""
        check_query(where, case_id)
        with self._border():
            own = self._listing.next_to(case_id, direction, where)
            seed = self._students.rows().next_to(case_id, direction, where)
        found = [candidate for candidate in (own, seed) if candidate is not None]
        return (min if direction == "next" else max)(found, key=place_of, default=None)

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""
        check_query(where)
        with self._border():
            own = self._listing.drawn_after(where, pivot_of(seed))
            return draw(own + self._students.rows().drawn_after(where, pivot_of(seed)), seed)

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""
        check_query(where)
        with self._border():
            return self._listing.count(where) + self._students.rows().count(where)

    def put(self, case: Case, film: bytes | None = None) -> None:
        """Store or replace a case; a student document of the same ID stays as it is and is no longer shown.

        Args:
            film: the JPEG or PNG file the film was read from, kept where it decodes to the same pixels.
        """
        with self._writing() as writer:
            writer.replace(document_from_case(case, film))

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents; those that are there as they are are left alone.

        Raises:
            CaseStoreError: the store was opened for reading only, was lost, or is full; putting all again
                loses and doubles nothing.
        """
        with self._writing() as writer:
            return writer.put_documents(documents)

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""
        with self._border():
            return self._writer.inputs(case_ids)

    def student_documents(self) -> Iterator[bytes]:
        """Student documents as BSON, films included, to the byte as they are."""
        with self._border():
            yield from self._students.documents()

    def put_student_document(self, raw: bytes) -> None:
        """Store or replace a student document, given as BSON."""
        with self._writing():
            self._students.put(raw)

    def remove(self, case_id: str, *, form: Literal["own", "student"] = "own") -> None:
        """Take out a case's own document with its films, or the student documents of that ID."""
        with self._writing() as writer:
            writer.remove(case_id) if form == "own" else self._students.remove(case_id)

    def vectors(self, encoding: str) -> MongoVectors:
        """The search among the cases as a checkpoint encoded them, by its hash."""
        return MongoVectors(self._database, encoding, self._asked)

    def sweep(self, older_than: float = 3600.0) -> Swept:
        """Take out what killed writers left, where it was stored over so many seconds ago; see `sweep`."""
        with self._writing():
            return sweep(self._cases, self._films, older_than)

    def _prepare_for_writing(self) -> None:
        with self._border():
            for keys in INDEXES:
                self._cases.create_index(keys)
            try:
                self._database.command("collMod", COLLECTION, validator=VALIDATOR, validationLevel="moderate")
            except errors.OperationFailure as exc:
                if exc.code != _NO_RIGHT:
                    raise
                logger.warning("%s: no right to install the validator; documents are not checked by it", self)
        self._write = True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[CaseWriter]:
        if not self._write:
            raise read_only()
        with self._border():
            try:
                yield self._writer
            finally:
                self._kept.forget()

    def _asked(self, ask: Callable[[], T]) -> T:
        with self._border():
            return ask()

    def _border(self) -> contextlib.AbstractContextManager[None]:
        return border(self._address, self._database.name, self._ports)


def _without_key(document: dict[str, Any]) -> dict[str, Any]:
    document.pop("_id", None)
    return document
