"""Hand cases out as a data set: what `viewbox export` does.

FOLDER gets Parquet files, films as they are stored, and a data card: `datasets.load_dataset(FOLDER)` reads
it, and `CASES_FOLDER=FOLDER` makes it a store. A case leaves only where its licence lets it; how many stayed
and why is told. The original student documents, which may hold anything, never leave.
"""

import re
import shutil
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cases.document import FURTHER, ORIGINAL, film_size
from cases.parquet.files import BYTES_PER_FILE, ROWS_PER_FILE, row_of, write_file
from cases.store import BrokenCase, CaseFilter, CaseStore, every_row, portions
from modeling.errors import CaseStoreError
from modeling.findings.knowledge import code_of
from modeling.labels import TASKS
from modeling.progress import progress

_HUB_LICENCES = (
    "cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "apache-2.0",
)  # fmt: skip
"""Identifiers of the Hub, which names in lower case without brackets spell with hyphens."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))
_TEMPLATE = Path(__file__).with_name("card.md")


@dataclass
class Account:
    """Cases taken and left, counted as they pass."""

    store: str
    cases: int = 0
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)  # by source and licence
    synthetic: int = 0
    patients: set[tuple[str, str]] = field(default_factory=set)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    films: Counter[str] = field(default_factory=Counter)  # by encoding and bit depth
    attributions: Counter[str] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)  # by source and reason

    def take(self, document: Mapping[str, Any]) -> None:
        """A case that is handed out."""
        provenance, film = document["provenance"], document["film"]
        self.cases += 1
        self.sources[provenance["source"], document["licence"]["name"]] += 1
        self.synthetic += provenance["synthetic"] is True
        if provenance["patient"]:
            self.patients.add((provenance["source"], provenance["patient"]))
        self.labels.update((task, str(name)) for task, name in document["reference"].items())
        self.films[f"{film['bits_stored']}-bit {film['encoding'].upper()}" if film else "no film"] += 1
        if document.get(FURTHER):
            self.films["with further films of its study"] += 1
        if provenance["attribution"]:
            self.attributions[provenance["attribution"]] += 1

    def figures(self) -> dict[str, Any]:
        """The account as plain values."""
        return {
            "cases": self.cases,
            "patients": len(self.patients),
            "sources": {f"{source} ({licence})": n for (source, licence), n in self.sources.items()},
            "left_out": {f"{source}: {reason}": n for (source, reason), n in self.left.items()},
        }


def card(account: Account, name: str, folder: str = "PLACE") -> str:
    """The README of an export: front matter, then the account; `folder` is where its code loads it from."""
    own = [(task, name) for task in TASKS.values() for name in task.classes if account.labels[task, name]]
    labels = [*own, *sorted(key for key in account.labels if key[0] not in TASKS)]
    attributions = [f"- {_one_line(text)} ({n})" for text, n in sorted(account.attributions.items())]
    left = _table(("source", "because", "cases"), _keyed(account.left)) if account.left else ""
    return _TEMPLATE.read_text("utf-8").format(
        licence=_licence(account),
        pretty_name=_quoted(name),
        size=next((text for limit, text in _SIZES if account.cases < limit), "1M<n<10M"),
        name=_one_line(name),
        cases=account.cases,
        patients=len(account.patients),
        synthetic=account.synthetic,
        sources=_table(("source", "licence", "cases"), _keyed(account.sources)),
        films=_table(("film", "cases"), sorted(account.films.items())),
        labels=_table(
            ("task", "class", "cases"), [(key[0], _coded(key[1]), account.labels[key]) for key in labels]
        ),
        attributions="\n".join(attributions) or "None is asked for.",
        left=left or "No case was left out.",
        folder=_one_line(folder),
    )


def _licence(account: Account) -> str:
    """The licence in front matter: as the Hub calls it where it is one, else the names of all."""
    names = sorted({licence for _, licence in account.sources})
    known = {"-".join(re.sub(r"\(.*\)|-", " ", name.lower()).split()) for name in names}
    if len(known) == 1 and known <= {*_HUB_LICENCES}:
        return f"license: {known.pop()}"
    return f"license: other\nlicense_name: {_quoted(', '.join(names) or 'none')}"


def _coded(label: str) -> str:
    return f"{label} (ICD-10-CM {code})" if (code := code_of(label)) else label


def _keyed(counts: Mapping[tuple[str, str], int]) -> list[tuple[Any, ...]]:
    return [(*key, n) for key, n in sorted(counts.items())]


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_one_line(str(cell)) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Text that cannot leave its table cell or line."""
    return " ".join(text.split()).replace("|", "\\|")


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
        taken = "'{folder}' holds something already; name a new folder for the export."
        raise CaseStoreError(taken, folder=folder.name)
    try:
        _write(folder, documents, account)
    except OSError as exc:
        unwritable = "The folder '{folder}' cannot be written; free some space or choose another."
        raise CaseStoreError(unwritable, folder=folder.name) from exc
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
