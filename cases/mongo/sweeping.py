"""Tidying a lake: films that no case names, uploads that nobody finished, counts that a dead writer left."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection

from cases.mongo.films import Films
from cases.mongo.tallies import Tallies

_AT_ONCE = 500


@dataclass(frozen=True)
class Swept:
    """What a sweep did.

    Attributes:
        films: films taken out that no case names.
        uploads: unfinished uploads taken out.
        recounted: whether the filter counts were made anew.
        busy: another program was writing, and nothing was touched.
    """

    films: int = 0
    uploads: int = 0
    recounted: bool = False
    busy: bool = False


def sweep(
    cases: Collection, films: Films, tallies: Tallies, older_than: float, *, recount: bool = False
) -> Swept:
    """Take out what killed writers left; leaves everything alone while another program writes.

    Args:
        older_than: seconds since a film was stored, before which it is left alone.
        recount: count the filters again though no writer died.
    """
    if tallies.others_write():
        return Swept(busy=True)
    latest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=older_than)
    unfinished = list(films.unfinished())
    orphans, batch = [], []
    for file in films.files():
        stored = file.get("uploadDate")
        known = isinstance(stored, datetime.datetime)
        if known and stored.replace(tzinfo=datetime.UTC) <= latest:
            batch.append(file)
        if len(batch) >= _AT_ONCE:
            orphans += _unnamed(cases, batch)
            batch = []
    orphans += _unnamed(cases, batch)
    if tallies.others_write():  # One that began meanwhile may be about to name them.
        return Swept(busy=True)
    for file in [*orphans, *unfinished]:
        films.drop(file)
    recounted = (recount or not tallies.are_sound()) and tallies.recount(cases)
    return Swept(len(orphans), len(unfinished), recounted)


def _unnamed(cases: Collection, files: list[Mapping[str, Any]]) -> list[Any]:
    """Those files that their case's document does not name."""
    keys = [f"case:{case}" for file in files if (case := (file.get("metadata") or {}).get("case"))]
    named = set()
    for document in cases.find({"_id": {"$in": keys}}, {"film.file": 1, "seed.file": 1}):
        for part in ("film", "seed"):
            held = document.get(part)
            if isinstance(held, Mapping) and "file" in held:
                named.add(held["file"])
    return [file["_id"] for file in files if file["_id"] not in named]
