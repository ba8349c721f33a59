"""The real cases that ship with Viewbox: chosen films of published sets, each under its own licence.

`hub_config/cases/chosen.json` lists them in the order of the page: set, film as published, and a teacher's
title and note in every language. Film, table and readings are the importers' work; a film enters only where
its licence lets it be passed on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cases.importers import covid_chestxray, hannover, nih
from cases.importers.films import Work, outcome
from cases.importers.rows import ImportSettings, Layout, Row, short_hash
from cases.parquet.store import DEFAULT_FOLDER, EmbeddedCaseStore
from modeling.errors import CaseStoreError
from modeling.progress import progress

LIST = DEFAULT_FOLDER / "chosen.json"
NOTICE = "NOTICE.md"
SETS: dict[str, tuple[Layout, str, str]] = {
    layout.name: (layout, table, link)
    for layout, table, link in (
        (hannover.LAYOUT, "hannover.parquet", "https://doi.org/10.6084/m9.figshare.12275009"),
        (nih.LAYOUT, "nih_sample.parquet", "https://nihcc.app.box.com/v/ChestXray-NIHCC"),
        (covid_chestxray.LAYOUT, "cohen.parquet", "https://github.com/ieee8023/covid-chestxray-dataset"),
    )
}
"""Name -> layout, its table in a data folder, and where the set can be had."""
CHANGES = "reduced to at most 512 pixels a side and stored as JPEG"


def chosen_documents(chosen: Sequence[Mapping[str, Any]], data: Path) -> Iterator[dict[str, Any]]:
    """The documents of the chosen films, `case-01` first; `data` is the folder with the sets' tables.

    Raises CaseStoreError: a film is not in its table, cannot be read, or may not be passed on.
    """
    wanted, found = {_published_id(entry) for entry in chosen}, {}
    for layout, table, _ in (SETS[name] for name in {entry["set"] for entry in chosen}):
        rows = layout.rows(str(data / table), ImportSettings())
        found |= {row.case_id: row for row in rows if isinstance(row, Row) and row.case_id in wanted}
    for number, entry in enumerate(chosen, 1):
        row = found.get(_published_id(entry))
        if row is None:
            absent = "There is no film '{entry}' in {files}; correct {list}."
            raise CaseStoreError(absent, entry=entry["film"], files=SETS[entry["set"]][1], list=LIST.name)
        yield _document(f"case-{number:02d}", entry, row)


def store_chosen(chosen: Sequence[Mapping[str, Any]], data: Path, folder: Path) -> str:
    """Store the chosen films in a folder, with NOTICE.md beside them; returns a description of the store."""
    made = progress(chosen_documents(chosen, data), "storing", total=len(chosen), unit="case")
    documents = list(made)
    store = EmbeddedCaseStore.create(folder)
    store.put_documents(documents)
    store.close()
    (folder / NOTICE).write_text(notice(documents), encoding="utf-8")
    return store.description


def notice(documents: Iterable[Mapping[str, Any]]) -> str:
    """NOTICE.md: every real film with its attribution and licence, set by set."""
    links = {layout.source: link for layout, _, link in SETS.values()}
    lines = ["# Films in this folder", "", f"The real films below were {CHANGES}; nothing else was changed."]
    lines += ["The synthetic ones (`phantom-...`) are computed and are CC0 1.0.", ""]
    lines += ["| case | set | attribution | licence |", "|---|---|---|---|"]
    for document in documents:
        provenance, licence = document["provenance"], document["licence"]["name"]
        link = f"[{provenance['source']}]({links[provenance['source']]})"
        lines.append(f"| `{document['ID']}` | {link} | {provenance['attribution']} | {licence} |")
    return "\n".join(lines) + "\n"


def read_list(path: Path = LIST) -> list[dict[str, Any]]:
    """The list of chosen films. Raises CaseStoreError: it is not there or no such list."""
    try:
        chosen = json.loads(path.read_text(encoding="utf-8"))
        assert all(entry["set"] in SETS and entry["film"] for entry in chosen)
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as exc:
        no_list = "'{path}' is no list of chosen films; take the one that ships."
        raise CaseStoreError(no_list, path=path.name) from exc
    return chosen


def _published_id(entry: Mapping[str, Any]) -> str:
    name = short_hash(entry["film"]) if entry["set"] == "covid-chestxray" else entry["film"]
    return f"{SETS[entry['set']][0].source}-{name}"


def _document(case_id: str, entry: Mapping[str, Any], row: Row) -> dict[str, Any]:
    if not (row.licence.may_show and row.licence.may_export):
        forbidden = "The licence of '{entry}' ({licence}) does not let it be passed on; choose another."
        raise CaseStoreError(forbidden, entry=entry["film"], licence=row.licence.name)
    attribution = f"{row.attribution}; film {entry['film']}, {CHANGES}"
    words = {name: entry[name] for name in ("title", "teaching_note")}
    named = replace(row, case_id=case_id, attribution=attribution, **words)
    result = outcome(named, "", Work(None, published=True, burned_text="allow"))
    if result.document is None:
        refused = "The film '{entry}' cannot be taken: {reason}"
        raise CaseStoreError(refused, entry=entry["film"], reason=result.reason)
    return result.document
