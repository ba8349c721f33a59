"""Writing cases to MongoDB: in batches, as often as you like, and by several programs at once."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo import errors
from pymongo.collection import Collection

from cases.document import digest, facets
from cases.mongo.films import INLINE_BYTES, Films
from cases.mongo.ranges import fence_facets
from cases.mongo.tallies import Tallies
from cases.refusals import shown
from cases.store import Stored

BATCH_DOCUMENTS = 200
BATCH_BYTES = 24 * 2**20
_FILMS_AT_ONCE = 2
_WHAT_IS_THERE = {"digest": 1, "film.file": 1, "seed.file": 1, "facets": 1}
_ALREADY_THERE, _NOT_VALID = 11000, 121


def key_of(case_id: str) -> str:
    """The `_id` of a case's own document: one case, one document, whoever writes."""
    return f"case:{case_id}"


class CaseWriter:
    """Puts documents of Viewbox's own form into one collection; each is there whole or not at all."""

    def __init__(self, cases: Collection, films: Films, tallies: Tallies) -> None:
        self._cases, self._films, self._tallies = cases, films, tallies

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Insert or replace; a document that is there with the same content is left alone.

        Large films are written before the document that names them, and a replaced film is taken out after
        it. Raises what the driver raises: what was written before stays, and putting all again ends in the
        same lake.
        """
        counts: Counter[str] = Counter()
        refused: dict[str, str] = {}
        for batch in _batches(documents):
            there = self._there(batch)
            fresh, changed = [], []
            for document in batch:
                known = there.get(document["_id"])
                if known is None:
                    fresh.append(document)
                elif known.get("digest") == document["digest"]:
                    counts["same"] += 1
                else:
                    changed.append(document)
            if fresh or changed:
                with self._tallies.writing() as tallies:
                    self._insert(fresh, counts, refused, changed, tallies)
                    for document in changed:
                        self._replace_counted(document, counts, refused, tallies)
        return Stored(counts["new"], counts["changed"], counts["same"], refused)

    def replace(self, document: Mapping[str, Any]) -> None:
        """Insert or replace one document, whatever is there.

        Raises:
            OperationFailure: the server refuses it.
        """
        ready = _stored_form(document)
        with self._tallies.writing() as tallies:
            self._replace(ready, tallies)

    def remove(self, case_id: str) -> None:
        """Take out a case's document and then its films; one that is gone already does no harm."""
        with self._tallies.writing() as tallies:
            there = self._cases.find_one_and_delete(
                {"_id": key_of(case_id), "ID": case_id}, projection=_WHAT_IS_THERE
            )
            tallies.subtract(f for f in (there or {}).get("facets") or () if isinstance(f, str))
            for part in ("film", "seed"):
                if (file := _file_of(there, part)) is not None:
                    self._films.drop(file)

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> `provenance.input` of those cases that are there and have one; no film is loaded."""
        found: dict[str, str] = {}
        for first in range(0, len(case_ids), 1000):
            keys = [key_of(case_id) for case_id in case_ids[first : first + 1000]]
            for document in self._cases.find({"_id": {"$in": keys}}, {"ID": 1, "provenance.input": 1}):
                noted = (document.get("provenance") or {}).get("input")
                if isinstance(noted, str):
                    found[document["ID"]] = noted
        return found

    def _there(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        keys = [document["_id"] for document in batch]
        return {d["_id"]: d for d in self._cases.find({"_id": {"$in": keys}}, _WHAT_IS_THERE)}

    def _insert(
        self,
        fresh: Sequence[dict[str, Any]],
        counts: Counter[str],
        refused: dict[str, str],
        changed: list[dict[str, Any]],
        tallies: Counter[str],
    ) -> None:
        """Insert what was not there; what another writer inserted meanwhile goes to `changed`."""
        if not fresh:
            return
        with ThreadPoolExecutor(_FILMS_AT_ONCE) as several:  # the server packs one while another arrives
            list(several.map(self._move_large_parts, fresh))
        failed: dict[int, Mapping[str, Any]] = {}
        try:
            self._cases.insert_many(fresh, ordered=False)
        except errors.BulkWriteError as exc:
            failed = {error["index"]: error for error in exc.details["writeErrors"]}
        worst = None
        for number, document in enumerate(fresh):
            error = failed.get(number)
            if error is None:
                counts["new"] += 1
                tallies.update(document["facets"])
            elif error["code"] == _ALREADY_THERE:
                changed.append(document)
            elif error["code"] == _NOT_VALID:
                refused[document["ID"]] = _refusal(document["ID"])
            else:
                worst = error
        if worst is not None:  # Not about one document: a full disk, a lost right.
            raise errors.OperationFailure(str(worst.get("errmsg", "")), worst["code"], dict(worst))

    def _replace_counted(
        self,
        document: dict[str, Any],
        counts: Counter[str],
        refused: dict[str, str],
        tallies: Counter[str],
    ) -> None:
        try:
            there = self._replace(document, tallies)
        except errors.OperationFailure as exc:
            if exc.code != _NOT_VALID:
                raise
            refused[document["ID"]] = _refusal(document["ID"])
            return
        counts["new" if there is None else "changed"] += 1

    def _replace(self, document: dict[str, Any], tallies: Counter[str]) -> Mapping[str, Any] | None:
        self._move_large_parts(document)
        before = self._swap(document)
        tallies.update(document["facets"])
        tallies.subtract(f for f in (before or {}).get("facets") or () if isinstance(f, str))
        for part in ("film", "seed"):
            old = _file_of(before, part)
            if old is not None and old != _file_of(document, part):
                self._films.drop(old)
        return before

    def _swap(self, document: dict[str, Any]) -> Mapping[str, Any] | None:
        # The ID stands in the filter so that a sharded collection knows the one shard to ask.
        where = {"_id": document["_id"], "ID": document["ID"]}
        for attempt in itertools.count():
            try:
                return self._cases.find_one_and_replace(where, document, _WHAT_IS_THERE, upsert=True)
            except errors.DuplicateKeyError:
                if attempt:  # Two writers may meet in one upsert; the second attempt finds a document.
                    raise
        return None

    def _move_large_parts(self, document: dict[str, Any]) -> None:
        """Put a film, and a kept original, above `INLINE_BYTES` into GridFS; its name takes its place."""
        for part in ("film", "seed"):
            held = document.get(part)
            if held and isinstance(held.get("bytes"), bytes) and len(held["bytes"]) > INLINE_BYTES:
                data = held.pop("bytes")
                held["file"] = self._films.put(document["ID"], held["sha256"], data)


def _stored_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as this store keeps it: with its key, its digest and, where it is one, as a fence."""
    reference = document["reference"]
    keys = facets(document["provenance"]["source"], reference)
    parts = {name: dict(document[name]) for name in ("film", "seed") if document.get(name)}
    return {
        "_id": key_of(document["ID"]),
        **document,
        **parts,
        "facets": keys + fence_facets(document["ID"], keys),
        "digest": digest(document),
    }


def _batches(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Documents in batches of bounded size; of two with one ID in a batch, the later counts."""
    batch: dict[str, dict[str, Any]] = {}
    held = 0
    for document in documents:
        batch[document["ID"]] = _stored_form(document)
        held += (document["film"] or {}).get("size", 0)
        if len(batch) >= BATCH_DOCUMENTS or held >= BATCH_BYTES:
            yield list(batch.values())
            batch, held = {}, 0
    if batch:
        yield list(batch.values())


def _file_of(document: Mapping[str, Any] | None, part: str) -> Any:
    held = (document or {}).get(part)
    return held.get("file") if isinstance(held, Mapping) else None


def _refusal(case_id: str) -> str:
    return (
        f"Case {shown(case_id)} was refused: it does not fit the store's validator; update Viewbox or store"
        " it again from its source."
    )
