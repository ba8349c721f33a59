"""What a MongoDB with vector search answers, at the driver's border: no server here has `$vectorSearch`."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from bson.binary import Binary
from pymongo.errors import OperationFailure


class FakeVectors:
    """A collection that knows the few commands that `MongoVectors` sends; `$vectorSearch` as documented."""

    def __init__(self, indexes: Sequence[Mapping[str, Any]] | None = ()) -> None:
        """
        Args:
            indexes: what `$listSearchIndexes` tells; None for a server that has no search.
        """
        self.indexes, self.kept, self.asked = indexes, {}, []

    def list_search_indexes(self) -> list[Mapping[str, Any]]:
        if self.indexes is None:
            raise OperationFailure("requires additional configuration", 31082)
        return list(self.indexes)

    def find_one(self, where: Mapping[str, Any], shown: object = None) -> Mapping[str, Any] | None:
        return next((d for d in self.kept.values() if passes(d, where)), None)

    def count_documents(self, where: Mapping[str, Any]) -> int:
        return sum(passes(d, where) for d in self.kept.values())

    def create_index(self, keys: object) -> None:
        pass

    def bulk_write(self, writes: Sequence[Any], ordered: bool) -> SimpleNamespace:
        new = changed = 0
        for write in writes:
            key, document = write._filter["_id"], write._doc
            new, changed = new + (key not in self.kept), changed + (self.kept.get(key, document) != document)
            self.kept[key] = document
        return SimpleNamespace(upserted_count=new, modified_count=changed)

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        search, shown = pipeline[0]["$vectorSearch"], pipeline[1]["$project"]
        self.asked.append(search)
        index = next(i for i in self.indexes or () if i["name"] == search["index"])
        fields = {f["path"]: f for f in index["latestDefinition"]["fields"]}
        assert search["exact"] is True and "numCandidates" not in search
        query = np.array(search["queryVector"], np.float32)
        assert query.shape == (fields[search["path"]]["numDimensions"],)
        filtered = {name for part in search["filter"]["$and"] for name in part}
        assert all(fields[name]["type"] == "filter" for name in filtered), "a filter that is not indexed"
        rows = [d for d in self.kept.values() if passes(d, search["filter"])]
        scored = sorted(rows, key=lambda d: -score(d["vector"], query))[: search["limit"]]
        return [{k: v for k, v in d.items() if shown.get(k)} for d in scored]


def score(held: Binary, query: np.ndarray) -> float:
    """Atlas's score for the similarity "cosine"."""
    row = np.array(held.as_vector().data, np.float32)
    return (1 + float(row @ query / np.linalg.norm(row) / np.linalg.norm(query))) / 2


def passes(document: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """The operators of a filter that the tests need."""
    for name, wanted in where.items():
        if name == "$and":
            if not all(passes(document, part) for part in wanted):
                return False
            continue
        value = document.get(name)
        for operator, one in (wanted if isinstance(wanted, dict) else {"$eq": wanted}).items():
            held = {"$eq": value == one, "$ne": value != one}
            if operator in ("$in", "$nin"):
                held[operator] = (value in one) == (operator == "$in")
            if not held[operator]:
                return False
    return True
