"""Student and Viewbox documents, each from the other: what `viewbox convert` does.

FROM and TO are a `mongodb://` address with its database (or @FILE that holds one), a folder of an embedded
store (Viewbox documents only) or a `.jsonl` file of MongoDB Extended JSON as `mongoexport` and `mongoimport`
speak it (student documents only). Nothing is lost: a document converted there and back is the same to the
byte. FROM and TO may be one database: the new form then lies beside the old one, and `--replace` takes the
old one out.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cases.parquet.store import EmbeddedCaseStore
from cases.refusals import MAX_PAGE, BrokenCase
from cases.store import CaseFilter
from cases.student_documents.conversion import (
    document_from_student,
    documents_in_lines,
    name_of,
    student_from_document,
    write_lines,
)
from modeling.errors import CaseStoreError
from modeling.progress import progress

if TYPE_CHECKING:
    from cases.mongo.store import MongoCaseStore

_AT_ONCE = 50


@dataclass
class Converted:
    """What a conversion came to.

    Attributes:
        broken: case -> why it stays what it is.
    """

    read: int = 0
    written: int = 0
    same: int = 0
    removed: int = 0
    broken: dict[str, str] = field(default_factory=dict)


def to_viewbox(source: str, target: str, *, replace: bool = False, dry_run: bool = False) -> Converted:
    """Student documents in Viewbox's form; a broken one is named and stops no other.

    Args:
        replace: take each student document out of TO, where it lies there too, once its new form is stored.
        dry_run: read and convert, and write nothing.

    Raises:
        ViewboxError: FROM or TO cannot be opened, or is lost on the way; run it again.
    """
    done = Converted()
    if dry_run:
        for _ in _converted(_students(source), done):
            pass
        return done
    with _writer(target) as store:
        batch: list[tuple[bytes, dict]] = []

        def put() -> None:
            stored = store.put_documents([document for _, document in batch])
            done.written, done.same = done.written + stored.written, done.same + stored.same
            done.broken |= stored.refused
            for raw, document in batch if replace and not isinstance(store, EmbeddedCaseStore) else ():
                if document["ID"] not in stored.refused and _comes_back(store, document["ID"], raw):
                    store.remove(document["ID"], form="student")
                    done.removed += 1
            batch.clear()

        for pair in _converted(_students(source), done):
            batch.append(pair)
            if len(batch) >= _AT_ONCE:
                put()
        put()
    return done


def to_student(source: str, target: str, *, replace: bool = False, dry_run: bool = False) -> Converted:
    """Cases as student documents: the originals where they were such, else with a key `viewbox` for the rest.

    Args:
        replace: take each Viewbox document out of TO, where it lies there too, once its other form is stored.
        dry_run: read and convert, and write nothing.

    Raises:
        ViewboxError: FROM or TO cannot be opened, or is lost on the way; run it again.
    """
    done = Converted()
    if dry_run:
        for _ in _student_forms(source, done):
            pass
    elif target.endswith(".jsonl"):
        done.written = write_lines(Path(target), (raw for _, raw in _student_forms(source, done)))
    else:
        with closing(_mongo(target, write=True)) as store:
            for case_id, raw in _student_forms(source, done):
                store.put_student_document(raw)
                done.written += 1
                if replace:
                    store.remove(case_id, form="own")
                    done.removed += 1
    return done


def _students(source: str) -> Iterator[bytes]:
    if source.endswith(".jsonl"):
        yield from documents_in_lines(Path(source))
        return
    with closing(_mongo(source)) as store:
        yield from store.student_documents()


def _converted(documents: Iterator[bytes], done: Converted) -> Iterator[tuple[bytes, dict]]:
    for raw in progress(documents, "converting", unit="case"):
        done.read += 1
        try:
            yield raw, document_from_student(raw)
        except BrokenCase as exc:
            done.broken[name_of(raw)] = str(exc)


def _student_forms(source: str, done: Converted) -> Iterator[tuple[str, bytes]]:
    store = _mongo(source) if _is_mongo(source) else EmbeddedCaseStore.open(source)
    with closing(store), progress(what="converting", unit="case") as bar:
        after = None
        while True:
            page = store.page(CaseFilter(), after, MAX_PAGE)
            for row in page.rows:
                done.read += 1
                bar.update()
                try:
                    raw = student_from_document(store.document(row.case_id))
                except BrokenCase as exc:
                    done.broken[row.case_id] = str(exc)
                    continue
                yield row.case_id, raw
            if page.next_after is None:
                return
            after = page.next_after


def _comes_back(store: "MongoCaseStore", case_id: str, raw: bytes) -> bool:
    """Whether the stored document gives the original to the byte: only then may the original go."""
    return student_from_document(store.document(case_id)) == raw


def _is_mongo(place: str) -> bool:
    return place.startswith(("mongodb://", "mongodb+srv://"))


def _mongo(place: str, *, write: bool = False) -> "MongoCaseStore":
    from cases.mongo.store import MongoCaseStore

    if not _is_mongo(place):
        raise CaseStoreError("Student documents lie in MongoDB or a .jsonl file; give such a place.")
    return MongoCaseStore.connect(place, write=write)


def _writer(target: str) -> "closing[MongoCaseStore] | EmbeddedCaseStore":
    return closing(_mongo(target, write=True)) if _is_mongo(target) else EmbeddedCaseStore.create(target)
