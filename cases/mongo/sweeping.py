"""Tidying a lake after writers that were killed: films that no case names, uploads that nobody finished."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection

from cases.mongo.films import Films
from cases.mongo.writing import FILES, files_of, key_of
from cases.store import portions

_AT_ONCE = 500


@dataclass(frozen=True)
class Swept:
    """How many films that no case names, and how many unfinished uploads, a sweep took out."""

    films: int = 0
    uploads: int = 0


def sweep(cases: Collection, films: Films, older_than: float) -> Swept:
    """Take out what killed writers left.

    Args:
        older_than: seconds since a film was stored, before which it is left alone: a writer that lives names
            its films moments after it stored them.
    """
    latest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=older_than)
    stored = portions(films.stored_before(latest), _AT_ONCE)
    orphans = [file for portion in stored for file in _unnamed(cases, portion)]
    unfinished = list(films.unfinished_before(latest))
    for file in (*orphans, *unfinished):
        films.drop(file)
    return Swept(len(orphans), len(unfinished))


def _unnamed(cases: Collection, files: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """Those files that their case's document does not name."""
    keys = [key_of(case) for file in files if (case := (file.get("metadata") or {}).get("case"))]
    found = cases.find({"_id": {"$in": keys}}, FILES)
    named = {file for document in found for file in files_of(document)}
    return (file["_id"] for file in files if file["_id"] not in named)
