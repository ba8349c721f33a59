"""Similar cases by MongoDB's own vector search: in MongoDB Atlas, or a server with mongot.

A case's vectors of film, table and text stand one after the other, each at length 1, then one number that
brings every case to the same length. So the cosine with a query whose parts are weighted is the weighted mean
of the cosines, whatever the weights: one index answers every mix.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bson.binary import Binary, BinaryVectorDtype
from pymongo import ReplaceOne, errors
from pymongo.database import Database
from pymongo.operations import SearchIndexModel

from cases.mongo.address import LOGIN_REFUSED, NO_RIGHT
from modeling.errors import CaseStoreError
from modeling.labels import TASKS, task_of
from modeling.sentence import Sentence
from modeling.study import Modality

PARTS = len(Modality)


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """A case's vectors, (D,) float32 of length 1 by modality; patient and label are empty where not known."""

    case_id: str
    vectors: Mapping[Modality, np.ndarray]
    patient: str = ""
    label: str = ""


def laid_out(vectors: Mapping[Modality, np.ndarray], width: int) -> np.ndarray:
    """(3 * `width` + 1,) float32: film, table and text, zeros for what is missing; its length is sqrt(3).

    Raises:
        ValueError: a vector has another width, is not finite, or there is none that is not zero.
    """
    row = np.zeros(PARTS * width + 1, np.float32)
    given = 0
    for modality, vector in vectors.items():
        vector = np.asarray(vector, np.float64)
        if vector.shape != (width,) or not np.isfinite(vector).all():
            raise ValueError(f"{modality}: {vector.shape}")
        length = np.linalg.norm(vector)
        if length > 0:
            row[_place(modality, width)] = vector / length
            given += 1
    if not given:
        raise ValueError("no vector")
    row[-1] = (PARTS - given) ** 0.5
    return row


def asked(query: Mapping[Modality, np.ndarray], weights: Mapping[Modality, float], width: int) -> np.ndarray:
    """(3 * `width` + 1,) float32: the weighted query; its cosines order cases as the weighted mean does."""
    row = laid_out({m: query[m] for m in weights}, width)
    row[-1] = 0.0
    for modality in Modality:
        row[_place(modality, width)] *= weights.get(modality, 0.0)
    return row / np.linalg.norm(row)


def taken_apart(row: np.ndarray, width: int) -> dict[Modality, np.ndarray]:
    """The vectors that `laid_out` laid out."""
    parts = {modality: row[_place(modality, width)] for modality in Modality}
    return {modality: part for modality, part in parts.items() if part.any()}


def _place(modality: Modality, width: int) -> slice:
    start = list(Modality).index(modality) * width
    return slice(start, start + width)


COLLECTION = "vectors"
INDEX = "viewbox_vectors"
FILTERS = ("checkpoint", "case_id", "patient", "label")
PORTION = 500


def definition(width: int) -> dict[str, Any]:
    """The search index's definition for vectors of a width, as `createSearchIndexes` takes it."""
    size = PARTS * width + 1
    vector = {"type": "vector", "path": "vector", "numDimensions": size, "similarity": "cosine"}
    return {"fields": [vector, *({"type": "filter", "path": name} for name in FILTERS)]}


class MongoVectors:
    """The vectors of one checkpoint in the database of the cases.

    A question to the server goes through `ask`, which says what the driver raises in the store's words.
    """

    def __init__(self, database: Database, checkpoint: str, ask: Callable[[Callable[[], Any]], Any]) -> None:
        self._database, self._checkpoint, self._ask = database, checkpoint, ask
        self._vectors = database[COLLECTION]

    def fault(self, width: int) -> str:
        """Why the server cannot answer to vectors (`width`,), asked each time; empty where it can."""
        indexes = self._ask(self._search_indexes)
        if indexes is None:
            return Sentence("This MongoDB has no vector search.")
        found = next((index for index in indexes if index.get("name") == INDEX), None)
        if found is None:
            no_index = "This MongoDB has no search index named {name}; docs/retrieval.md says how to make it."
            return Sentence(no_index, name=INDEX)
        if _size(found) != PARTS * width + 1:
            other_length = "The search index of this MongoDB is for vectors of another length; make it anew."
            return Sentence(other_length)
        if not found.get("queryable"):
            return Sentence("This MongoDB is still building its search index.")
        if self._ask(lambda: self._vectors.find_one({"checkpoint": self._checkpoint}, {"_id": 1})) is None:
            return Sentence(
                "This MongoDB holds no vectors of the checkpoint; docs/retrieval.md says how to write them."
            )
        return ""

    def _search_indexes(self) -> list[Mapping[str, Any]] | None:
        try:
            return list(self._vectors.list_search_indexes())
        except errors.OperationFailure as exc:
            if exc.code in (NO_RIGHT, *LOGIN_REFUSED):  # not a server without search
                raise
            return None

    def count(self) -> int:
        """How many cases have vectors of this checkpoint."""
        return int(self._ask(lambda: self._vectors.count_documents({"checkpoint": self._checkpoint})))

    def nearest(
        self,
        query: Mapping[Modality, np.ndarray],
        weights: Mapping[Modality, float],
        limit: int,
        *,
        but: Sequence[str] = (),
        patient: str = "",
        unlike: str = "",
    ) -> list[StoredVectors]:
        """The most alike cases, compared one by one (`exact`), in no order that may be relied on.

        Args:
            query: modality -> (D,), each of any length.
            weights: modality -> above 0, of modalities that the query has.
            but: case IDs to leave out.
            patient: whose cases to leave out; empty for nobody's.
            unlike: a label; then only cases with another one of the same task are found.
        """
        width = len(next(iter(query.values())))
        where: list[dict[str, Any]] = [{"checkpoint": {"$eq": self._checkpoint}}]
        where += [{"case_id": {"$nin": list(but)}}] if but else []
        where += [{"patient": {"$ne": patient}}] if patient else []
        where += [{"label": _contrasting(unlike)}] if unlike else []
        vector = [float(value) for value in asked(query, weights, width)]
        search = {"index": INDEX, "path": "vector", "queryVector": vector, "filter": {"$and": where}}
        shown = {"_id": 0, "case_id": 1, "patient": 1, "label": 1, "vector": 1}
        pipeline = [{"$vectorSearch": {**search, "exact": True, "limit": limit}}, {"$project": shown}]
        found = self._ask(lambda: list(self._vectors.aggregate(pipeline)))
        return [_stored(document, width) for document in found]

    # --- writing

    def write(self, cases: Sequence[StoredVectors], width: int) -> int:
        """Store or replace vectors; returns how many are new or changed."""
        writes = [
            ReplaceOne(
                {"_id": f"{self._checkpoint} {case.case_id}"}, self._document(case, width), upsert=True
            )
            for case in cases
        ]
        if not writes:
            return 0
        self._ask(lambda: self._vectors.create_index([("checkpoint", 1), ("case_id", 1)]))
        done = self._ask(lambda: self._vectors.bulk_write(writes, ordered=False))
        return int(done.upserted_count + done.modified_count)

    def _document(self, case: StoredVectors, width: int) -> dict[str, Any]:
        return {
            "checkpoint": self._checkpoint,
            "case_id": case.case_id,
            "patient": case.patient,
            "label": case.label,
            "vector": Binary.from_vector(laid_out(case.vectors, width).tolist(), BinaryVectorDtype.FLOAT32),
        }

    def make_index(self, width: int) -> None:
        """Ask the server for the search index, if it has vector search; it is built in the background."""
        if self._ask(self._search_indexes) is None:
            no_search = "This MongoDB has no vector search; use MongoDB Atlas or a server with mongot."
            raise CaseStoreError(no_search)
        model = SearchIndexModel(definition(width), name=INDEX, type="vectorSearch")
        self._ask(lambda: self._vectors.create_search_index(model))

    def embedded(self, width: int) -> Iterator[list[StoredVectors]]:
        """The embeddings that a scoring left of this checkpoint, in portions, with patient and label."""
        after = ""
        while rows := self._ask(lambda after=after: self._results_after(after)):
            after = rows[-1]["case_id"]
            known = self._ask(lambda rows=rows: self._origins([row["case_id"] for row in rows]))
            read = (_embedded(row, known.get(row["case_id"], {}), width) for row in rows)
            yield [case for case in read if case is not None]

    def _results_after(self, after: str) -> list[dict[str, Any]]:
        query = {"checkpoint": self._checkpoint, "case_id": {"$gt": after}}
        wanted = {"_id": 0, "case_id": 1, "embedding": 1}
        return list(self._database["results"].find(query, wanted).sort("case_id", 1).limit(PORTION))

    def _origins(self, case_ids: list[str]) -> dict[str, dict[str, Any]]:
        own = {"ID": {"$in": case_ids}, "schema_version": {"$exists": True}}
        wanted = {"_id": 0, "ID": 1, "provenance.patient": 1, "reference": 1}
        return {case["ID"]: case for case in self._database["cases"].find(own, wanted)}


def _contrasting(label: str) -> dict[str, list[str]]:
    """The condition on other labels of a label's task; those of findings are too many to be listed."""
    task = task_of(label)
    if task is not None and task.kind != "multilabel":
        return {"$in": [name for name in task.classes if name != label]}
    others = [name for one in TASKS.values() if one.kind != "multilabel" for name in one.classes]
    return {"$nin": ["", label, *others]}


def _size(index: Mapping[str, Any]) -> int:
    """Dimensions of an index's vector, as `$listSearchIndexes` describes it; 0 where it has none."""
    fields = (index.get("latestDefinition") or index.get("definition") or {}).get("fields") or []
    return next((int(f.get("numDimensions", 0)) for f in fields if f.get("path") == "vector"), 0)


def _stored(document: Mapping[str, Any], width: int) -> StoredVectors:
    row = np.array(Binary(document["vector"], 9).as_vector().data, np.float32)
    parts = taken_apart(row, width)
    return StoredVectors(document["case_id"], parts, document.get("patient", ""), document.get("label", ""))


def _embedded(row: Mapping[str, Any], case: Mapping[str, Any], width: int) -> StoredVectors | None:
    """One result as vectors; None where the study held nothing that the checkpoint reads."""
    vectors = {
        Modality(name): np.frombuffer(held, "<f4") for name, held in (row.get("embedding") or {}).items()
    }
    usable = {m: v for m, v in vectors.items() if v.shape == (width,) and np.isfinite(v).all() and v.any()}
    if not usable:
        return None
    reference = case.get("reference") or {}
    label = next((reference[task] for task in TASKS if task in reference), "")
    patient = (case.get("provenance") or {}).get("patient", "")
    return StoredVectors(row["case_id"], usable, patient, label)
