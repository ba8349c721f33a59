"""Student documents in the `cases` collection: rows kept in memory, themselves as they are."""

from collections.abc import Iterator

from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from cases.catalogue import Catalogue
from cases.document import SUMMARY_FIELDS as OWN_FIELDS
from cases.document import summary_from_document
from cases.mongo.kept_values import KeptValues
from cases.mongo.writing import key_of
from cases.store import MAX_PAGE, portions
from cases.student_documents.document import SUMMARY_FIELDS, case_id_of, id_keys, student_summary


class StudentDocuments:
    """Documents without `facets`, which the programs of their own project go on writing."""

    def __init__(self, cases: Collection, kept: KeptValues) -> None:
        self._cases, self._kept = cases, kept

    def rows(self) -> Catalogue:
        """Their list rows; a change that others made is seen within moments."""
        return self._kept.get("student documents", self._read)

    def documents(self) -> Iterator[bytes]:
        """Themselves as BSON, films included, to the byte as they are."""
        raw = self._cases.with_options(CodecOptions(document_class=RawBSONDocument))
        for document in raw.find({"facets": None, "schema_version": None}).batch_size(20):
            yield bytes(document.raw)

    def put(self, raw: bytes) -> None:
        """Store or replace one, by its `_id`."""
        document = RawBSONDocument(raw)
        self._cases.replace_one({"_id": document["_id"], "schema_version": None}, document, upsert=True)

    def remove(self, case_id: str) -> None:
        """Take out those of an ID."""
        for document in self._cases.find({"ID": {"$in": id_keys(case_id)}}, {"schema_version": 1}):
            if "schema_version" not in document:
                self._cases.delete_one({"_id": document["_id"]})
        if ObjectId.is_valid(case_id):
            self._cases.delete_one({"_id": ObjectId(case_id), "ID": None, "schema_version": None})

    def _read(self) -> Catalogue:
        rows, own = {}, {}
        wanted = dict.fromkeys((*OWN_FIELDS, *SUMMARY_FIELDS, "schema_version"), 1)
        for document in self._cases.find({"facets": None}, wanted):
            case_id = case_id_of(document)
            if "schema_version" in document:
                own[case_id] = summary_from_document({**document, "ID": case_id})
            else:
                rows[case_id] = student_summary(document, case_id)
        for keys in portions([key_of(case_id) for case_id in rows], MAX_PAGE):
            for document in self._cases.find({"_id": {"$in": keys}}, {"ID": 1}):
                rows.pop(str(document.get("ID")), None)  # Converted: the newer form is the one to show.
        return Catalogue((rows | own).values())
