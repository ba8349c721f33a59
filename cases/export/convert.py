"""Student and Viewbox documents, each from the other and the same to the byte: what `viewbox convert` does.

FROM and TO are a `mongodb://` address with its database, a folder of an embedded store (Viewbox documents
only) or a `.jsonl` file of MongoDB Extended JSON as `mongoexport` speaks it (student documents only). They
may be one database: the new form then lies beside the old one, and `--replace` takes the old one out.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cases.mongo.store import MongoCaseStore
from cases.open_store import open_for_writing
from cases.parquet.store import EmbeddedCaseStore
from cases.store import BrokenCase, CaseFilter, every_row, is_mongo, portions
from cases.student_documents.conversion import (
    document_from_student,
    documents_in_lines,
    name_of,
    student_from_document,
    write_lines,
)
from modeling.errors import CaseStoreError
from modeling.progress import progress

_AT_ONCE = 50


@dataclass
class Converted:
    """How many documents were read, written, there already and removed; `broken`: case -> why it stays."""

    read: int = 0
    written: int = 0
    same: int = 0
    removed: int = 0
    broken: dict[str, str] = field(default_factory=dict)


def to_viewbox(
    source: str, target: str, *, replace: bool = False, dry_run: bool = False, lake: str = ""
) -> Converted:
    """Student documents in Viewbox's form; a broken one is named and stops no other.

    `lake`: the set that they belong to where they name none themselves.
    With `replace`, what TO holds in the other form is taken out once the new form is stored there.
    """
    done = Converted()
    pairs = _viewbox_forms(source, done, lake)
    if dry_run:
        deque(pairs, 0)
        return done
    with closing(open_for_writing(target)) as store:
        for portion in portions(pairs, _AT_ONCE):
            stored = store.put_documents([document for _, document in portion])
            done.written, done.same = done.written + stored.written, done.same + stored.same
            done.broken |= stored.refused
            for raw, document in portion if replace and isinstance(store, MongoCaseStore) else ():
                # Only where the stored document gives the original to the byte may the original go.
                case_id = document["ID"]
                if case_id not in stored.refused and student_from_document(store.document(case_id)) == raw:
                    store.remove(case_id, form="student")
                    done.removed += 1
    return done


def to_student(source: str, target: str, *, replace: bool = False, dry_run: bool = False) -> Converted:
    """Cases as student documents, the originals where they were such; see `to_viewbox`."""
    done = Converted()
    pairs = _student_forms(source, done)
    if dry_run:
        deque(pairs, 0)
    elif target.endswith(".jsonl"):
        done.written = write_lines(Path(target), (raw for _, raw in pairs))
    else:
        with closing(_mongo(target, write=True)) as store:
            for case_id, raw in pairs:
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


def _viewbox_forms(source: str, done: Converted, lake: str) -> Iterator[tuple[bytes, dict]]:
    for raw in progress(_students(source), "converting", unit="case"):
        done.read += 1
        try:
            yield raw, document_from_student(raw, lake)
        except BrokenCase as exc:
            done.broken[name_of(raw)] = str(exc)


def _student_forms(source: str, done: Converted) -> Iterator[tuple[str, bytes]]:
    with closing(_mongo(source) if is_mongo(source) else EmbeddedCaseStore.open(source)) as store:
        for row in progress(every_row(store, CaseFilter()), "converting", unit="case"):
            done.read += 1
            try:
                yield row.case_id, student_from_document(store.document(row.case_id))
            except BrokenCase as exc:
                done.broken[row.case_id] = str(exc)


def _mongo(place: str, *, write: bool = False) -> MongoCaseStore:
    if not is_mongo(place):
        raise CaseStoreError("Student documents lie in MongoDB or a .jsonl file; give such a place.")
    return MongoCaseStore.connect(place, write=write)
