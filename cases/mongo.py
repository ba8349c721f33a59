"""The MongoDB store: the seed project's documents and Viewbox's own, in one collection, through pymongo.

Both forms name a case by `ID`, so the index on it finds either. Viewbox's own documents also carry
`facets` (see `cases.document`), so that one range of the index (`facets`, `ID`) is any page of any filter.
Seed documents have no `facets`; their rows are read without films into a catalogue, again on a change.
"""

import contextlib
import itertools
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import gridfs
import pymongo
from bson import ObjectId
from bson.errors import BSONError
from pymongo import errors

from cases.case import Case
from cases.catalogue import DRAWN_FROM, Catalogue, KeptCatalogue, draw, page_of, pivot_of
from cases.document import (
    SUMMARY_FIELDS,
    case_from_document,
    document_from_case,
    random_key,
    summary_from_document,
)
from cases.mongo_address import DEFAULT_DATABASE, MongoAddress
from cases.mongo_errors import refused, unreachable
from cases.mongo_schema import INDEXES, VALIDATOR, list_query
from cases.refusals import ambiguous_case, broken_case, case_not_found, check_query, read_only
from cases.seed_document import case_from_seed, id_keys, seed_id, seed_summary
from cases.store import CaseFilter, CasePage
from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)

COLLECTION = "cases"
BUCKET = "films"
INLINE_BYTES = 2**20
"""Films up to here stay in their document; larger ones go to GridFS (a document holds at most 16 MiB)."""
_LIST_ROW = dict.fromkeys(SUMMARY_FIELDS, 1)
_ID_ONLY = {"ID": 1, "_id": 0}


class MongoCaseStore:
    """Cases in one MongoDB collection. Opening it connects to nothing; a lost server is found again."""

    def __init__(
        self, address: MongoAddress, client: pymongo.MongoClient, database: str, ports: tuple[int, ...] | None
    ) -> None:
        self._address, self._client, self._ports = address, client, ports
        self._write = False
        self._database = client[database]
        self._cases = self._database[COLLECTION]
        self._films = gridfs.GridFSBucket(self._database, BUCKET)
        self._seed_rows = KeptCatalogue(self._read_seeds)

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
                **address.client_options,
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
            self._cases.find_one({"ID": ""}, _ID_ONLY)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def get(self, case_id: str) -> Case:
        """The whole case with its film; Viewbox's own form goes before a seed document of that ID."""
        check_query(CaseFilter(), case_id)
        try:
            return self._get(case_id)
        except gridfs.errors.NoFile:
            pass  # Replaced between its document and its film: the new document names the new film.
        try:
            return self._get(case_id)
        except gridfs.errors.NoFile as exc:
            raise broken_case(case_id, "its film is not in GridFS") from exc

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""
        check_query(where, after, limit=limit)
        with self._border():
            rows = self._seeds().rows_after(where, after, limit + 1)
            query = list_query(where, {} if after is None else {"$gt": after})
            own = self._cases.find(query, _LIST_ROW).sort("ID", 1).limit(limit + 1)
            rows += map(summary_from_document, own)
        return page_of(rows, limit)

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""
        check_query(where, case_id)
        forward = direction == "next"
        with self._border():
            query = list_query(where, {"$gt" if forward else "$lt": case_id})
            nearest = self._cases.find(query, _ID_ONLY).sort("ID", 1 if forward else -1).limit(1)
            found = [document["ID"] for document in nearest]
            seed = self._seeds().next_to(case_id, direction, where)
        candidates = found if seed is None else [*found, seed]
        return (min if forward else max)(candidates, default=None)

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""
        check_query(where)
        pivot = pivot_of(seed)
        with self._border():
            own = self._drawn(where, {"$gte": pivot})
            if len(own) < DRAWN_FROM:
                own += self._drawn(where, {"$lt": pivot})
            candidates = own + self._seeds().drawn_after(where, pivot)
        return draw(candidates, seed)

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""
        check_query(where)
        with self._border():
            return self._cases.count_documents(list_query(where, {})) + self._seeds().count(where)

    def put(self, case: Case, film: bytes | None = None) -> None:
        """Store or replace a case; a seed document of the same ID stays as it is and is no longer shown.

        Args:
            film: the JPEG or PNG file the film was read from, kept where it decodes to the same pixels.
        """
        if not self._write:
            raise read_only()
        document = document_from_case(case, film)
        with self._border():
            stored = self._store_large_film(case.case_id, document["film"])
            try:
                before = self._replace(f"case:{case.case_id}", document)
            except errors.PyMongoError:
                with contextlib.suppress(errors.PyMongoError):  # The first error is the one to report.
                    self._drop_film({"file": stored} if stored is not None else None)
                raise
            self._seed_rows.forget()
            self._drop_film((before or {}).get("film"))

    def _prepare_for_writing(self) -> None:
        with self._border():
            for keys in INDEXES:
                self._cases.create_index(keys)
            try:
                self._database.command("collMod", COLLECTION, validator=VALIDATOR, validationLevel="moderate")
            except errors.OperationFailure as exc:
                if exc.code != 13:
                    raise
                logger.warning("%s: no right to install the validator; documents are not checked by it", self)
        self._write = True

    def _get(self, case_id: str) -> Case:
        with self._border():
            found = list(self._cases.find({"ID": {"$in": id_keys(case_id)}}).limit(3))
            if not found and ObjectId.is_valid(case_id):
                nameless = self._cases.find_one({"_id": ObjectId(case_id)})
                found = [nameless] if nameless and seed_id(nameless) == case_id else []
            own = next((document for document in found if "schema_version" in document), None)
            if own is not None:
                self._load_film(case_id, own.get("film"))
                return case_from_document(own)
        if not found:
            raise case_not_found(case_id)
        if len(found) > 1:
            raise ambiguous_case(case_id)
        return case_from_seed(found[0], case_id)

    def _load_film(self, case_id: str, film: Any) -> None:
        """Put the bytes of a film that lies in GridFS where those of an inline film are."""
        if not isinstance(film, dict) or "file" not in film:
            return
        try:
            film["bytes"] = self._films.open_download_stream(film["file"]).read()
        except gridfs.errors.CorruptGridFile as exc:
            raise broken_case(case_id, "a part of its film is missing from GridFS") from exc

    def _drawn(self, where: CaseFilter, reach: Mapping[str, int]) -> list[tuple[int, str]]:
        query = {**list_query(where, {}), "random": reach}
        found = self._cases.find(query, _ID_ONLY).sort("random", 1).limit(DRAWN_FROM)
        return [(random_key(document["ID"]), document["ID"]) for document in found]

    def _store_large_film(self, case_id: str, film: dict[str, Any] | None) -> ObjectId | None:
        """Move a film above `INLINE_BYTES` to GridFS, before the document that will name it is stored."""
        if film is None or film["size"] <= INLINE_BYTES:
            return None
        file = self._films.upload_from_stream(film["sha256"], film.pop("bytes"), metadata={"case": case_id})
        film["file"] = file
        return file

    def _replace(self, key: str, document: dict[str, Any]) -> Mapping[str, Any] | None:
        for attempt in itertools.count():
            try:
                return self._cases.find_one_and_replace({"_id": key}, document, {"film.file": 1}, upsert=True)
            except errors.DuplicateKeyError:
                if attempt:  # Two writers may meet in one upsert; the second attempt finds a document.
                    raise
        return None

    def _drop_film(self, film: Any) -> None:
        if isinstance(film, dict) and "file" in film:
            with contextlib.suppress(gridfs.errors.NoFile):  # Another writer took it out already.
                self._films.delete(film["file"])

    def _seeds(self) -> Catalogue:
        return self._seed_rows.current(self._cases.estimated_document_count())

    def _read_seeds(self) -> Catalogue:
        rows, own = {}, {}
        wanted = {**_LIST_ROW, "clinical_data": 1, "schema_version": 1}
        for document in self._cases.find({"facets": None}, wanted):
            case_id = seed_id(document)
            if "schema_version" in document:
                own[case_id] = summary_from_document({**document, "ID": case_id})
            else:
                rows[case_id] = seed_summary(document, case_id)
        ids = list(rows)
        for first in range(0, len(ids), 1000):
            keys = [f"case:{case_id}" for case_id in ids[first : first + 1000]]
            for document in self._cases.find({"_id": {"$in": keys}}, {"ID": 1}):
                rows.pop(str(document.get("ID")), None)  # Converted: the newer form is the one to show.
        return Catalogue((rows | own).values())

    @contextlib.contextmanager
    def _border(self) -> Iterator[None]:
        """What the driver says, in one sentence a reader can act on.

        Raises:
            CaseStoreError: instead of any error of the driver but `NoFile`, which `get` answers itself.
        """
        try:
            yield
        except gridfs.errors.NoFile:
            raise
        except errors.ConfigurationError as exc:
            # DNS seed list, or options that do not go together; never quoted: it may hold secrets.
            kind = str(exc) if "DNS" in str(exc) else "options"
            raise CaseStoreError(unreachable(self._address, kind, self._ports)) from None
        except (errors.ServerSelectionTimeoutError, errors.ConnectionFailure) as exc:
            raise CaseStoreError(unreachable(self._address, str(exc), self._ports)) from exc
        except errors.OperationFailure as exc:
            name = (exc.details or {}).get("codeName", "")
            raise CaseStoreError(refused(self._address, self._database.name, exc.code, str(name))) from exc
        except (errors.PyMongoError, BSONError) as exc:
            raise CaseStoreError(
                f"MongoDB at {self._address.shown} and this app do not understand each other"
                f" ({type(exc).__name__}); check the server's release and its log."
            ) from exc
