"""The published sets that Viewbox reads, and the import of one into a store: what `viewbox import` does."""

from collections.abc import Iterable
from typing import Any

from cases.importers import covid_chestxray, dicom_folder, hannover, hub, mimic, nih, openi, ricord, siim
from cases.importers.report import ImportReport
from cases.importers.rows import ImportSettings, Layout
from cases.importers.run import run_import
from cases.open_store import address_behind, open_for_writing
from cases.store import Stored
from modeling.errors import ViewboxError
from modeling.progress import progress

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


def import_set(
    layout: Layout,
    source: str,
    target: str | None,
    settings: ImportSettings,
    *,
    database: str | None = None,
    workers: int = 1,
    quiet: bool = False,
) -> ImportReport:
    """Bring a published set into a store.

    Args:
        source: a folder, a table, or the name of a Hub data set.
        target: mongodb:// address, @FILE that holds one, or a folder; None to rehearse, which reads,
            checks and cleans everything and stores nothing.
        quiet: without a progress bar.

    Raises:
        ViewboxError: the source cannot be read or the store not be opened.
    """
    store = Rehearsal() if target is None else open_for_writing(str(address_behind(target)), database)
    bar = progress(what=layout.name, total=layout.count(source), quiet=quiet, smoothing=0.05)
    with bar:
        report = run_import(layout, source, store, settings, workers=workers, advance=bar.update)
    try:
        getattr(store, "close", lambda: None)()
    except ViewboxError as exc:  # what waits in memory could not be written: the report says so
        report.stopped = report.stopped or str(exc)
    return report
