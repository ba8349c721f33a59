"""Hand cases out as a data set: what `viewbox export` does.

FOLDER gets Parquet files, films as they are stored, and a data card: `datasets.load_dataset(FOLDER)` reads
it, and `CASES_FOLDER=FOLDER` makes it a store. A case leaves only where its licence lets it; how many stayed
and why is told. The original student documents, which may hold anything, never leave.
"""

import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.document import ORIGINAL, film_size
from cases.export.card import Account, card
from cases.parquet.files import BYTES_PER_FILE, ROWS_PER_FILE, row_of, write_file
from cases.refusals import BrokenCase
from cases.store import CaseFilter, CaseStore, every_row, portions
from modeling.errors import CaseStoreError
from modeling.progress import progress

NOT_TO_BE_PASSED_ON = "the licence does not let it be passed on"
BROKEN = "it is broken in the store"
_LEFT_BEHIND = (ORIGINAL, "digest", "_id")


def export(
    store: CaseStore, folder: Path, where: CaseFilter | None = None, *, dry_run: bool = False
) -> Account:
    """Write the cases that pass the filter and may leave to a new folder, or count them (`dry_run`).

    The folder appears when it is complete; a killed export leaves only `FOLDER.partial`, which the next one
    writes over.

    Raises:
        CaseStoreError: the folder holds something already or cannot be written, or the store is lost.
    """
    account = Account(store.description)
    documents = _documents(store, where or CaseFilter(), account)
    if dry_run:
        deque(documents, 0)
        return account
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CaseStoreError(
            "'{folder}' holds something already; name a new folder for the export.", folder=folder.name
        )
    try:
        _write(folder, documents, account)
    except OSError as exc:
        raise CaseStoreError(
            "The folder '{folder}' cannot be written; free some space or choose another.", folder=folder.name
        ) from exc
    return account


def _write(folder: Path, documents: Iterator[dict[str, Any]], account: Account) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for number, portion in enumerate(portions(documents, ROWS_PER_FILE, film_size, BYTES_PER_FILE)):
        write_file(partial / f"cases-{number:05d}.parquet", [row_of(document) for document in portion])
    (partial / "README.md").write_text(card(account, folder.name, folder.name), encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)


def _documents(store: CaseStore, where: CaseFilter, account: Account) -> Iterator[dict[str, Any]]:
    """Documents that may leave, in ID order; the account takes note of every case."""
    for row in progress(every_row(store, where), "exporting", unit="case"):
        try:
            document = store.document(row.case_id)
        except BrokenCase:
            account.left[row.source, BROKEN] += 1
            continue
        if document["licence"]["may_export"] is not True:
            account.left[row.source, f"{NOT_TO_BE_PASSED_ON} ({document['licence']['name']})"] += 1
            continue
        account.take(document)
        yield {key: value for key, value in document.items() if key not in _LEFT_BEHIND}
