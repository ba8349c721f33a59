"""The card of a set of cases, from the cases themselves: the same card that an export writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow import ArrowInvalid, parquet

from cases.export.export import Account, card
from hub_config.errors import PublishError


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    """The newest document of every case, films aside."""
    newest: dict[str, tuple[Path, str]] = {}
    for shard in sorted(folder.glob("cases-*.parquet")):
        try:
            for row in parquet.read_table(shard, columns=["case_id", "document"]).to_pylist():
                newest[row["case_id"]] = (shard, row["document"])
        except (OSError, ArrowInvalid, KeyError) as exc:
            raise _no_cases(shard) from exc
    for shard, text in newest.values():
        try:
            yield json.loads(text)
        except (ValueError, TypeError) as exc:
            raise _no_cases(shard) from exc


def case_card(folder: Path) -> str:
    """The README of a folder of `cases-*.parquet`.

    Raises:
        PublishError: no cases there, or some whose licence does not let them be passed on.
    """
    account, kept = Account(folder.name), []
    for document in _documents(folder):
        if document["licence"].get("may_export") is not True:
            kept.append(document["ID"])
        account.take(document)
    if not account.cases:
        template = "There are no cases-*.parquet files in {folder}; export some cases first."
        raise PublishError(template, folder=folder.name)
    if kept:
        template = "The licence of {count} of {cases} cases ({kept} first) does not let them be passed on;"
        template += " export the others alone."
        raise PublishError(template, count=len(kept), cases=account.cases, kept=kept[0])
    return card(account, f"Viewbox cases: {', '.join(sorted({source for source, _ in account.sources}))}")


def _no_cases(shard: Path) -> PublishError:
    return PublishError("{shard} is no file of cases; export the cases again.", shard=shard.name)
