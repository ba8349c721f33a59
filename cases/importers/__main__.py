"""`python -m cases.importers NAME SOURCE [--store URI] --write`: bring a published set into a store.

Without `--write` it is a rehearsal: everything is read, checked and cleaned, and nothing is stored.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cases.deidentify.pseudonyms import Pseudonymiser
from cases.importers import covid_chestxray, dicom_folder, hannover, hub, mimic, nih, openi, ricord, siim
from cases.importers.report import ImportReport
from cases.importers.rows import ImportSettings, Layout
from cases.importers.run import LakeStore, run_import
from cases.open_store import address_behind, open_case_store
from cases.store import Stored
from modeling.errors import CaseStoreError, ViewboxError

LAYOUTS: dict[str, Layout] = {
    module.LAYOUT.name: module.LAYOUT
    for module in (ricord, openi, covid_chestxray, hannover, nih, siim, mimic, dicom_folder, hub)
}


class Rehearsal:
    """Takes every case and keeps none."""

    description = "nothing (a rehearsal; add --write to store)"

    def inputs(self, case_ids: Iterable[str]) -> dict[str, str]:
        """Nothing is there."""
        return {}

    def put_documents(self, documents: Iterable[dict[str, Any]]) -> Stored:
        """Every case would be new."""
        return Stored(new=sum(1 for _ in documents))


def main(arguments: list[str] | None = None) -> int:
    """Run one import; 0 when it came to its end, 1 when it stopped before, 2 when it could not begin."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    layout = LAYOUTS[options.name]
    try:
        settings = _settings(options)
        store = _store(options)
        report = _imported(layout, options, store, settings)
        _close(store, report)
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(report.as_text())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
    return 1 if report.stopped else 0


def _imported(
    layout: Layout, options: argparse.Namespace, store: LakeStore, settings: ImportSettings
) -> ImportReport:
    total = layout.count(options.source)
    with tqdm(total=total, unit=" films", smoothing=0.05, disable=options.quiet, desc=layout.name) as bar:
        return run_import(
            layout, options.source, store, settings, workers=options.workers, advance=bar.update
        )


def _close(store: LakeStore, report: ImportReport) -> None:
    try:
        getattr(store, "close", lambda: None)()
    except ViewboxError as exc:  # what waits in memory could not be written: the report says so
        report.stopped = report.stopped or str(exc)


def _settings(options: argparse.Namespace) -> ImportSettings:
    columns = dict(pair.split("=", 1) for pair in options.column if "=" in pair)
    if len(columns) != len(options.column):
        raise ViewboxError("Write a column as FIELD=COLUMN, such as --column image=scan.")
    return ImportSettings(
        pseudonyms=Pseudonymiser.from_file(options.salt_file) if options.salt_file else None,
        licence=options.licence,
        attribution=options.attribution,
        readers_agreed=options.readers_agreed,
        burned_text=options.burned_text,
        columns=columns,
        split=options.split,
        reports=options.reports,
    )


def _store(options: argparse.Namespace) -> LakeStore:
    if not options.write:
        return Rehearsal()
    if not options.store:
        raise CaseStoreError("Name the store with --store (a mongodb:// address, or a folder).")
    address = str(address_behind(options.store))
    if address.startswith(("mongodb://", "mongodb+srv://")):
        return open_case_store(address, options.database, write=True)  # type: ignore[return-value]
    from cases.parquet.store import EmbeddedCaseStore

    return EmbeddedCaseStore.create(address)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cases.importers", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=list(LAYOUTS), help="the layout of the source")
    parser.add_argument("source", help="a folder, a table, or the name of a Hub data set")
    parser.add_argument("--store", help="mongodb:// address, @FILE that holds one, or a folder")
    parser.add_argument("--database", help="MongoDB database, where the address names none")
    parser.add_argument("--write", action="store_true", help="store; without it this is a rehearsal")
    parser.add_argument("--salt-file", type=Path, help="secret for pseudonyms and dates; made if new")
    parser.add_argument("--licence", default="", help="of films that come without one")
    parser.add_argument("--attribution", default="", help="line that must stand beside each film")
    parser.add_argument(
        "--readers-agreed",
        action="store_true",
        help="the readers of this lake have agreed to the set's terms themselves (SIIM, MIMIC): show films",
    )
    parser.add_argument("--burned-text", choices=("hold", "mask", "allow"), help="suspected text in pixels")
    parser.add_argument("--column", action="append", default=[], metavar="FIELD=COLUMN", help="Hub columns")
    parser.add_argument("--split", default="", help="of a Hub data set; train where not given")
    parser.add_argument("--reports", type=Path, help="CSV with the reports of a folder of DICOM")
    parser.add_argument("--workers", type=int, default=max(1, os.cpu_count() or 1), help="processes")
    parser.add_argument("--json", type=Path, help="write the report to this file too")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


if __name__ == "__main__":
    sys.exit(main())
