"""The MongoDB store: student documents and Viewbox's own, in one collection; the index on `ID` finds either.

Viewbox's own documents carry `facets` (see `cases.document`), so that one range of the index (`facets`, `ID`)
is any page of any filter. The rows of student documents, which have none, are read into memory without films.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import bson
import gridfs
import pymongo
from bson import ObjectId
from pymongo import errors

from cases.case import Case
from cases.catalogue import CaseList, ListedStore, each
from cases.document import FURTHER, case_from_document, document_from_case, files_in
from cases.mongo.address import DEFAULT_DATABASE, NO_RIGHT, MongoAddress, border
from cases.mongo.kept_values import KeptValues
from cases.mongo.listing import FACETS, Listing, StudentDocuments
from cases.mongo.vectors import MongoVectors
from cases.mongo.writing import CaseWriter, Films, Swept
from cases.store import (
    BrokenCase,
    CaseFilter,
    Stored,
    ambiguous_case,
    broken_case,
    case_not_found,
    check_query,
    read_only,
)
from cases.student_documents.conversion import document_from_student
from cases.student_documents.document import case_from_student, case_id_of, id_keys
from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)
COLLECTION = "cases"
INDEXES: tuple[list[tuple[str, int]], ...] = (
    [("ID", 1)],
    FACETS,
    [("facets", 1), ("random", 1), ("ID", 1)],
)
"""`get` of either form; `page`, `step` and `count` of any filter, and the student documents (which have no
`facets`); `random` of any filter. Writers, sweep and converted student documents go by `_id`."""
VALIDATOR = Path(__file__).with_name("validator.json")
"""Documents without `schema_version` are student documents, which other programs go on writing freely."""
T = TypeVar("T")


class MongoCaseStore(ListedStore):
    """Cases in one MongoDB collection. Opening it connects to nothing; a lost server is found again."""

    def __init__(
        self,
        address: MongoAddress,
        client: pymongo.MongoClient,
        database: str,
        ports: tuple[int, ...] | None,
        source: str,
    ) -> None:
        self._address, self._client, self._ports, self._source = address, client, ports, source
        self._write = False
        self._database = client[database]
        self._cases = self._database[COLLECTION]
        self._films = Films(self._database)
        self._kept = KeptValues(self._border)
        self._writer = CaseWriter(self._cases, self._films)
        self._listing = Listing(self._cases, self._kept)
        self._students = StudentDocuments(self._cases, self._kept, source)

    @classmethod
    def connect(
        cls,
        uri: str,
        database: str | None = None,
        *,
        write: bool = False,
        reachable_ports: tuple[int, ...] | None = None,
        source: str | None = None,
    ) -> "MongoCaseStore":
        """A store at an address. Reading connects at the first question; writing connects at once.

        Args:
            database: used where the URI names none; "viewbox" where neither does.
            write: open for `put`: indexes and the validator are installed.
            reachable_ports: the outside ports of this machine, where a Space limits them.
            source: the set of the student documents that name none themselves.
        """
        address = MongoAddress.parse(uri)
        try:
            options = address.client_options(write=write)
            client: pymongo.MongoClient = pymongo.MongoClient(uri, connect=False, **options)
            name = client.get_default_database(database or DEFAULT_DATABASE).name
            store = cls(address, client, name, reachable_ports, source or "")
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
        return f"{self._address.server}, database '{self._database.name}'"

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    # --- reading

    def get(self, case_id: str) -> Case:
        """The whole case with its film; Viewbox's own form goes before a student document of that ID."""
        found = self._whole(case_id)
        own = _is_own(found)
        return case_from_document(found) if own else case_from_student(found, case_id, self._source)

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case in Viewbox's own form, its film's file included."""
        found = self._whole(case_id)
        if not _is_own(found):
            return document_from_student(bson.encode(found), self._source)
        return {key: value for key, value in found.items() if key != "_id"}

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | BrokenCase]]:
        """Many whole cases, with one question to the server for those whose films are in their documents."""
        check_query(CaseFilter(), *case_ids)
        own = {"ID": {"$in": list(case_ids)}, "schema_version": {"$exists": True}}
        with self._border():
            found = {document["ID"]: document for document in self._cases.find(own)}

        def read(case_id: str) -> Case:
            document = found.pop(case_id, {})
            films = (document.get("film"), *document.get(FURTHER, ()))
            inline = all(isinstance(film, dict) and "file" not in film for film in films)
            return case_from_document(document) if inline else self.get(case_id)

        return each(case_ids, read)

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""
        with self._border():
            return self._writer.inputs(case_ids)

    def student_documents(self) -> Iterator[bytes]:
        """Student documents as BSON, films included, to the byte as they are."""
        with self._border():
            yield from self._students.documents()

    def vectors(self, encoding: str) -> MongoVectors:
        """The search among the cases as a checkpoint encoded them, by its hash."""
        return MongoVectors(self._database, encoding, self._asked)

    def _of_lists(self, question: Callable[[CaseList], T]) -> list[T]:
        with self._border():
            return [question(cases) for cases in (self._students.rows(), self._listing)]

    def _whole(self, case_id: str) -> dict[str, Any]:
        """The one document that an ID means, with its films."""
        check_query(CaseFilter(), case_id)
        try:
            with self._border():
                try:
                    found = self._documents(case_id)
                except gridfs.errors.NoFile:  # Replaced since: the new document names a film of its own.
                    found = self._documents(case_id)
        except gridfs.errors.NoFile as exc:
            raise broken_case(case_id, "its film is not in GridFS") from exc
        if not found:
            raise case_not_found(case_id)
        if len(found) > 1:
            raise ambiguous_case(case_id)
        return found[0]

    def _documents(self, case_id: str) -> list[dict[str, Any]]:
        """Viewbox's own document of an ID alone, with its films; where there is none, student documents."""
        found = list(self._cases.find({"ID": {"$in": id_keys(case_id)}}).limit(3))
        if not found and ObjectId.is_valid(case_id):
            nameless = self._cases.find_one({"_id": ObjectId(case_id)})
            found = [nameless] if nameless and case_id_of(nameless) == case_id else []
        own = next(filter(_is_own, found), None)
        for held in files_in(own or {}):
            if "file" in held:
                held["bytes"] = self._films.read(case_id, held["file"])
        return [own] if own else found

    # --- writing

    def put(self, case: Case, film: bytes | None = None) -> None:
        """Store or replace a case (see `document_from_case`); a student document of its ID is hidden then."""
        with self._writing() as writer:
            writer.replace(document_from_case(case, film))

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents; those that are there as they are are left alone."""
        with self._writing() as writer:
            return writer.put_documents(documents)

    def put_student_document(self, raw: bytes) -> None:
        """Store or replace a student document, given as BSON."""
        with self._writing():
            self._students.put(raw)

    def remove(self, case_id: str, *, form: Literal["own", "student"] = "own") -> None:
        """Take out a case's own document with its films, or the student documents of that ID."""
        with self._writing() as writer:
            (writer if form == "own" else self._students).remove(case_id)

    def sweep(self, older_than: float = 3600.0) -> Swept:
        """Take out what killed writers left; see `CaseWriter.sweep`."""
        with self._writing() as writer:
            return writer.sweep(older_than)

    def _prepare_for_writing(self) -> None:
        with self._border():
            for keys in INDEXES:
                self._cases.create_index(keys)
            rule = json.loads(VALIDATOR.read_text(encoding="utf-8"))
            try:
                self._database.command("collMod", COLLECTION, validator=rule, validationLevel="moderate")
            except errors.OperationFailure as exc:
                if exc.code != NO_RIGHT:
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


def _is_own(document: Mapping[str, Any]) -> bool:
    """Whether a document is of Viewbox's own form."""
    return "schema_version" in document
