"""Writing cases to MongoDB: in batches, as often as you like, and by several programs at once.

Each film above a megabyte goes to GridFS under an ID of its own, which the case's document then names. Nobody
reads a film before a document names it, and no two uploads share a place, so a writer may die anywhere and
any other go on. What a dead one left has no name, and `CaseWriter.sweep` takes it out.
"""

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gridfs
from bson import ObjectId
from pymongo import UpdateOne, errors
from pymongo.collection import Collection
from pymongo.database import Database

from cases.document import FURTHER, ORIGINAL, digest, facets, files_in, film_size, own_files
from cases.mongo.address import ALREADY_THERE, FAILED_VALIDATION
from cases.store import MAX_PAGE, Stored, broken_case, portions, shown
from modeling.sentence import Sentence

BUCKET = "films"
_FILTERED = ("provenance", "reference")
INLINE_BYTES = 2**20
"""Films up to here stay in their document; larger ones go to GridFS (a document holds at most 16 MiB)."""


class Films:
    """The GridFS bucket of one database."""

    def __init__(self, database: Database) -> None:
        self._bucket = gridfs.GridFSBucket(database, BUCKET)
        self._files, self._chunks = database[f"{BUCKET}.files"], database[f"{BUCKET}.chunks"]

    def put(self, case_id: str, sha256: str, data: bytes) -> ObjectId:
        """Store a film and return the ID that its document has to name."""
        return self._bucket.upload_from_stream(sha256, data, metadata={"case": case_id})

    def read(self, case_id: str, file: Any) -> bytes:
        """The bytes of a film; `NoFile` where there is no such file, `BrokenCase` where a part is missing."""
        try:
            return self._bucket.open_download_stream(file).read()
        except (gridfs.errors.CorruptGridFile, KeyError, TypeError) as exc:  # or an entry of another form
            raise broken_case(case_id, "a part of its film is missing from GridFS") from exc

    def broken(self, files: Sequence[Any]) -> set[Any]:
        """Those of some films that are not there, or have not as many bytes as their entry says."""
        if not files:
            return set()
        among = {"$in": list(files)}
        is_bytes = {"$eq": [{"$type": "$data"}, "binData"]}
        size = {"$sum": {"$cond": [is_bytes, {"$binarySize": "$data"}, 0]}}
        by_file = [{"$match": {"files_id": among}}, {"$group": {"_id": "$files_id", "size": size}}]
        held = {group["_id"]: group["size"] for group in self._chunks.aggregate(by_file)}
        stated = self._files.find({"_id": among}, {"length": 1})
        whole = {file["_id"] for file in stated if file.get("length") == held.get(file["_id"], 0)}
        return set(files) - whole

    def drop(self, file: Any) -> None:
        """Take a film out, or what there is of it."""
        with contextlib.suppress(gridfs.errors.NoFile):  # Its chunks are taken out all the same.
            self._bucket.delete(file)

    def stored_before(self, latest: datetime.datetime) -> Iterator[Mapping[str, Any]]:
        """`_id` and `metadata` of every film that was complete before a time."""
        yield from self._files.find({"uploadDate": {"$lte": latest}}, {"metadata": 1})

    def unfinished_before(self, latest: datetime.datetime) -> Iterator[Any]:
        """The IDs of uploads without an entry whose last part was written before a time."""
        by_file = [{"$sort": {"files_id": 1}}, {"$group": {"_id": "$files_id"}}]  # a walk along the index
        for file in (group["_id"] for group in self._chunks.aggregate(by_file)):
            if self._files.find_one({"_id": file}, {"_id": 1}) is None:
                last = self._chunks.find_one({"files_id": file}, {"_id": 1}, sort=[("n", -1)])
                if last is not None and last["_id"].generation_time <= latest:
                    yield file


BATCH_DOCUMENTS = 200
BATCH_BYTES = 24 * 2**20
_FILMS_AT_ONCE = 2
_SWEPT_AT_ONCE = 500
_FILES = {f"{part}.file": 1 for part in ("film", ORIGINAL, FURTHER)}


@dataclass(frozen=True)
class Swept:
    """How many films that no case names, and how many unfinished uploads, a sweep took out; and of how many
    cases it wrote the filters' keys anew."""

    films: int = 0
    uploads: int = 0
    filters: int = 0


def key_of(case_id: str) -> str:
    """The `_id` of a case's own document: one case, one document, whoever writes."""
    return f"case:{case_id}"


class CaseWriter:
    """Puts documents of Viewbox's own form into one collection; each is there whole or not at all.

    Large films are stored before the document that names them, and those of a replaced document are taken out
    after it. Every method raises what the driver raises.
    """

    def __init__(self, cases: Collection, films: Films) -> None:
        self._cases, self._films = cases, films

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Insert or replace; a document that is there with the same content is left alone.

        After an error, what was written before stays, and putting all again ends in the same lake.
        """
        done = Stored()
        for portion in portions(map(_stored_form, documents), BATCH_DOCUMENTS, film_size, BATCH_BYTES):
            batch = list({d["ID"]: d for d in portion}.values())  # of two with one ID the later counts
            there = self._digests(batch)
            waiting = [d for d in batch if there.get(d["_id"]) != d["digest"]]
            done.same += len(batch) - len(waiting)
            with ThreadPoolExecutor(_FILMS_AT_ONCE) as several:  # the server packs one while another arrives
                list(several.map(self._move_large_parts, waiting))
            met = self._insert([d for d in waiting if d["_id"] not in there], done)
            there |= self._digests(met)
            for document in (d for d in waiting if d["_id"] in there):
                if there[document["_id"]] == document["digest"]:
                    self._drop(document)
                    done.same += 1
                else:
                    self._replace_counted(document, done)
        return done

    def replace(self, document: Mapping[str, Any]) -> None:
        """Insert or replace one document, whatever is there."""
        ready = _stored_form(document)
        self._move_large_parts(ready)
        self._replace(ready)

    def remove(self, case_id: str) -> None:
        """Take out a case's document and then its films; one that is gone already does no harm."""
        self._drop(self._cases.find_one_and_delete({"_id": key_of(case_id), "ID": case_id}, _FILES))

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> `provenance.input` of those cases that are there whole and have one; no film is loaded."""
        found: dict[str, str] = {}
        for keys in portions(map(key_of, case_ids), MAX_PAGE):
            for document, whole in self._there(keys, {"ID": 1, "provenance.input": 1}):
                noted = (document.get("provenance") or {}).get("input")
                if whole and isinstance(noted, str):
                    found[document["ID"]] = noted
        return found

    def sweep(self, older_than: float) -> Swept:
        """Take out what killed writers left: films that no case names, uploads that nobody finished.

        What is younger than so many seconds stays: a writer names its films moments after it stored them.
        Cases that an older Viewbox stored pass every filter of this one then.
        """
        latest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=older_than)
        stored = portions(self._films.stored_before(latest), _SWEPT_AT_ONCE)
        orphans = [file for portion in stored for file in self._unnamed(portion)]
        unfinished = list(self._films.unfinished_before(latest))
        for file in (*orphans, *unfinished):
            self._films.drop(file)
        return Swept(len(orphans), len(unfinished), self._renew_facets())

    def _renew_facets(self) -> int:
        """Write the keys of filters anew where they are not what this Viewbox writes; returns of how many."""
        found = self._cases.find({"facets.0": {"$exists": True}}, dict.fromkeys(("facets", *_FILTERED), 1))
        done = 0
        for portion in portions(found, MAX_PAGE):
            whole = (one for one in portion if all(isinstance(one.get(k), Mapping) for k in _FILTERED))
            new = ((one, facets(str(one["provenance"].get("source", "")), one["reference"])) for one in whole)
            stale = [
                UpdateOne({"_id": one["_id"], "reference": one["reference"]}, {"$set": {"facets": keys}})
                for one, keys in new
                if one["facets"] != keys
            ]
            done += self._cases.bulk_write(stale, ordered=False).modified_count if stale else 0
        return done

    def _unnamed(self, files: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
        """Those files that their case's document does not name."""
        keys = [key_of(case) for file in files if (case := (file.get("metadata") or {}).get("case"))]
        found = self._cases.find({"_id": {"$in": keys}}, _FILES)
        named = {file for document in found for file in _files_of(document)}
        return (file["_id"] for file in files if file["_id"] not in named)

    def _digests(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`_id` -> digest of those that are there; None where a film of theirs is broken."""
        there = self._there([document["_id"] for document in batch], {"digest": 1})
        return {document["_id"]: document.get("digest") if whole else None for document, whole in there}

    def _there(
        self, keys: Sequence[str], fields: Mapping[str, int]
    ) -> Iterator[tuple[Mapping[str, Any], bool]]:
        """Fields of the documents of some keys, each with whether its films are whole."""
        found = list(self._cases.find({"_id": {"$in": keys}}, {**fields, **_FILES})) if keys else []
        broken = self._films.broken([file for document in found for file in _files_of(document)])
        return ((document, broken.isdisjoint(_files_of(document))) for document in found)

    def _insert(self, fresh: Sequence[dict[str, Any]], done: Stored) -> list[dict[str, Any]]:
        """Insert what was not there; returns what another writer inserted meanwhile."""
        failed: list[Mapping[str, Any]] = []
        try:
            if fresh:
                self._cases.insert_many(fresh, ordered=False)
        except errors.BulkWriteError as exc:
            failed = exc.details["writeErrors"]
        done.new += len(fresh) - len(failed)
        for error in failed:
            if error["code"] == FAILED_VALIDATION:
                self._refuse(fresh[error["index"]], done)
            elif error["code"] != ALREADY_THERE:  # Not about one document: a full disk, a lost right.
                raise errors.OperationFailure(str(error.get("errmsg", "")), error["code"], dict(error))
        return [fresh[error["index"]] for error in failed if error["code"] == ALREADY_THERE]

    def _replace_counted(self, document: dict[str, Any], done: Stored) -> None:
        try:
            is_new = self._replace(document) is None
        except errors.OperationFailure as exc:
            if exc.code != FAILED_VALIDATION:
                raise
            self._refuse(document, done)
        else:
            done.new, done.changed = done.new + is_new, done.changed + (not is_new)

    def _replace(self, document: dict[str, Any]) -> Mapping[str, Any] | None:
        """Put a document in the place of what is there; returns what that was."""
        # The ID stands in the filter so that a sharded collection knows the one shard to ask.
        what = ({"_id": document["_id"], "ID": document["ID"]}, document, _FILES)
        try:
            before = self._cases.find_one_and_replace(*what, upsert=True)
        except errors.DuplicateKeyError:  # Two writers met in one upsert; now there is a document.
            before = self._cases.find_one_and_replace(*what, upsert=True)
        self._drop(before)
        return before

    def _refuse(self, document: Mapping[str, Any], done: Stored) -> None:
        self._drop(document)
        done.refused[document["ID"]] = Sentence(
            "Case '{case}' was refused: it does not fit the store's validator; update Viewbox or store it"
            " again from its source.",
            case=shown(document["ID"]),
        )

    def _drop(self, document: Mapping[str, Any] | None) -> None:
        """Take out the films of a document that is not in the store, or no longer."""
        for file in _files_of(document or {}):
            self._films.drop(file)

    def _move_large_parts(self, document: dict[str, Any]) -> None:
        """Put each film, and a kept original, above `INLINE_BYTES` into GridFS; its ID takes its place."""
        for held in files_in(document):
            if isinstance(held.get("bytes"), bytes) and len(held["bytes"]) > INLINE_BYTES:
                held["file"] = self._films.put(document["ID"], held["sha256"], held.pop("bytes"))


def _files_of(document: Mapping[str, Any]) -> list[Any]:
    """The GridFS files that a document names."""
    return [held["file"] for held in files_in(document) if "file" in held]


def _stored_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as this store keeps it: with its key and its digest."""
    return {
        "_id": key_of(document["ID"]),
        **own_files(document),
        "facets": facets(document["provenance"]["source"], document["reference"]),
        "digest": digest(document),
    }
