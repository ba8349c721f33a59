"""Whole cases out of MongoDB, films included: one by its ID, or many with one question."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import gridfs
from bson import ObjectId
from pymongo.collection import Collection

from cases.case import Case
from cases.document import ORIGINAL, case_from_document
from cases.mongo.films import Films
from cases.refusals import BrokenCase, ambiguous_case, broken_case, case_not_found, check_query
from cases.store import CaseFilter
from cases.student_documents.document import case_from_student, case_id_of, id_keys
from modeling.errors import CaseNotFoundError

T = TypeVar("T")


class CaseReader:
    """Reads the documents of one collection, of either form; Viewbox's own goes before a student document."""

    def __init__(
        self, cases: Collection, films: Films, border: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """
        Args:
            border: says what the driver raises in the store's words.
        """
        self._cases, self._films, self._border = cases, films, border

    def whole(
        self,
        case_id: str,
        own_form: Callable[[dict[str, Any]], T],
        student_form: Callable[[dict[str, Any], str], T],
    ) -> T:
        """A case in the form that is asked for."""
        check_query(CaseFilter(), case_id)
        for attempt in (1, 2):
            with self._border():
                found = self._find(case_id)
                own = next((document for document in found if "schema_version" in document), None)
                try:
                    if own is not None:
                        self._load_films(case_id, own)
                except gridfs.errors.NoFile as exc:
                    if attempt == 1:  # Replaced between document and film: the new one names its own film.
                        continue
                    raise broken_case(case_id, "its film is not in GridFS") from exc
            if own is not None:
                return own_form(own)
            break
        if not found:
            raise case_not_found(case_id)
        if len(found) > 1:
            raise ambiguous_case(case_id)
        return student_form(found[0], case_id)

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | BrokenCase]]:
        """See `CaseStore.several`. Small own documents come with one question; the others are read alone."""
        check_query(CaseFilter(), *case_ids)
        small = {"ID": {"$in": list(case_ids)}, "schema_version": {"$exists": True}}
        with self._border():
            found = {document["ID"]: document for document in self._cases.find(small)}
        for case_id in case_ids:
            document = found.pop(case_id, {})
            try:
                if isinstance(document.get("film"), dict) and "file" not in document["film"]:
                    yield case_id, case_from_document(document)
                else:
                    yield case_id, self.whole(case_id, case_from_document, case_from_student)
            except CaseNotFoundError:
                continue
            except BrokenCase as exc:
                yield case_id, exc

    def _find(self, case_id: str) -> list[dict[str, Any]]:
        found = list(self._cases.find({"ID": {"$in": id_keys(case_id)}}).limit(3))
        if not found and ObjectId.is_valid(case_id):
            nameless = self._cases.find_one({"_id": ObjectId(case_id)})
            found = [nameless] if nameless and case_id_of(nameless) == case_id else []
        return found

    def _load_films(self, case_id: str, document: Mapping[str, Any]) -> None:
        """Put the bytes of what lies in GridFS where those of an inline film are."""
        for part in ("film", ORIGINAL):
            held = document.get(part)
            if isinstance(held, dict) and "file" in held:
                held["bytes"] = self._films.read(case_id, held["file"])
