"""Films above a megabyte in GridFS, each upload under an ID of its own, which the case's document then names.

Nobody reads a film before a document names it, and no two uploads share a place, so a writer may die anywhere
and any other go on. What a dead one left has no name, and `CaseWriter.sweep` takes it out.
"""

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import gridfs
from bson import ObjectId
from pymongo.database import Database

from cases.refusals import broken_case

BUCKET = "films"
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
