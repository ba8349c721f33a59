"""Films above a megabyte in GridFS: written so that any writer may die anywhere and another may finish.

A film's file is named by its case and its content, its parts are written over and its entry last. A second
writer of the same film therefore writes the same bytes to the same place, and a killed one leaves nothing
that the next does not complete. The layout is GridFS's own, so every GridFS reader reads it.
"""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import gridfs
from bson import Binary
from pymongo import ReplaceOne, errors
from pymongo.database import Database

from cases.refusals import broken_case

BUCKET = "films"
INLINE_BYTES = 2**20
"""Films up to here stay in their document; larger ones go to GridFS (a document holds at most 16 MiB)."""
_PART_BYTES = 255 * 1024
_PARTS_AT_ONCE = 64
_ALREADY_THERE = 11000


class Films:
    """The GridFS bucket of one database."""

    def __init__(self, database: Database) -> None:
        self._bucket = gridfs.GridFSBucket(database, BUCKET)
        self._files, self._parts = database[f"{BUCKET}.files"], database[f"{BUCKET}.chunks"]

    def prepare(self) -> None:
        """The indexes that GridFS readers and this writer rely on."""
        self._files.create_index([("filename", 1), ("uploadDate", 1)])
        self._parts.create_index([("files_id", 1), ("n", 1)], unique=True)

    def put(self, case_id: str, sha256: str, data: bytes) -> str:
        """Store a film, or complete it, and return the name of its file; one that is there is left alone."""
        name = f"{case_id}/{sha256}"
        if self._files.find_one({"_id": name, "length": len(data)}, {"_id": 1}) is not None:
            return name
        parts = [data[first : first + _PART_BYTES] for first in range(0, len(data), _PART_BYTES)]
        writes = [
            ReplaceOne(
                {"files_id": name, "n": n}, {"files_id": name, "n": n, "data": Binary(part)}, upsert=True
            )
            for n, part in enumerate(parts)
        ]
        for first in range(0, len(writes), _PARTS_AT_ONCE):
            self._write(writes[first : first + _PARTS_AT_ONCE])
        entry = {
            "length": len(data),
            "chunkSize": _PART_BYTES,
            "uploadDate": datetime.datetime.now(datetime.UTC),
            "filename": sha256,
            "metadata": {"case": case_id},
        }
        self._files.replace_one({"_id": name}, entry, upsert=True)
        return name

    def read(self, case_id: str, file: Any) -> bytes:
        """The bytes of a film.

        Raises:
            NoFile: there is no such file.
            CaseStoreError: a part of it is missing.
        """
        try:
            return self._bucket.open_download_stream(file).read()
        except gridfs.errors.CorruptGridFile as exc:
            raise broken_case(case_id, "a part of its film is missing from GridFS") from exc

    def drop(self, file: Any) -> None:
        """Take a film out; one that is gone already does no harm."""
        self._files.delete_one({"_id": file})
        self._parts.delete_many({"files_id": file})

    def files(self) -> Iterator[Mapping[str, Any]]:
        """Every file's `_id`, `uploadDate` and `metadata`."""
        yield from self._files.find({}, {"uploadDate": 1, "metadata": 1})

    def unfinished(self) -> Iterator[Any]:
        """The names of uploads that have parts but no entry yet, or never will."""
        grouped = self._parts.aggregate([{"$sort": {"files_id": 1}}, {"$group": {"_id": "$files_id"}}])
        for group in grouped:
            if self._files.find_one({"_id": group["_id"]}, {"_id": 1}) is None:
                yield group["_id"]

    def _write(self, writes: list[ReplaceOne]) -> None:
        for attempt in (1, 2):
            try:
                self._parts.bulk_write(writes, ordered=False)
                return
            except errors.BulkWriteError as exc:
                # Two writers of one film met in an upsert; the second attempt finds the part there.
                others = [e for e in exc.details["writeErrors"] if e["code"] != _ALREADY_THERE]
                if others or attempt == 2:
                    raise
