"""The card of a set of cases, from the cases themselves."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pyarrow import ArrowInvalid, parquet

from hub_config.errors import PublishError

_COLUMNS = ["case_id", "source", "licence", "synthetic", "document"]
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**12, "100K<n<1M"))
_CARD = """---
license: {licence}
{licence_name}pretty_name: "{name}"
size_categories:
- {size}
task_categories:
- image-classification
tags:
- chest-x-ray
- multimodal
- viewbox
configs:
- config_name: default
  data_files: cases-*.parquet
---

# {name}

{count} cases for Viewbox, each with a film, a clinical table, text by section, reference labels, its licence
and where it comes from. **For teaching and research. Not for diagnosis.**

| source | cases | of them synthetic | licence |
|---|---|---|---|
{rows}

Set `CASES_FOLDER` to a folder with these files and start Viewbox to look at them. `datasets.load_dataset`
reads them as they are: the film is in `image`, everything else of a case in `document` (JSON).
"""


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The newest row of every case, films aside."""
    found = {}
    for shard in sorted(folder.glob("cases-*.parquet")):
        try:
            for row in parquet.read_table(shard, columns=_COLUMNS).select(_COLUMNS).to_pylist():
                found[row["case_id"]] = row | {"terms": json.loads(row["document"])["licence"]}
        except (OSError, ArrowInvalid, KeyError, ValueError) as exc:
            raise PublishError(f"{shard.name} is no file of cases; export the cases again.") from exc
    return list(found.values())


def case_card(folder: Path) -> str:
    """The README of a folder of `cases-*.parquet`.

    Raises:
        PublishError: no cases there, or some whose licence does not let them be passed on.
    """
    rows = _rows(folder)
    if not rows:
        raise PublishError(f"There are no cases-*.parquet files in {folder.name}; export some cases first.")
    kept = [row["case_id"] for row in rows if row["terms"].get("may_export") is not True]
    if kept:
        raise PublishError(
            f"The licence of {len(kept)} of {len(rows)} cases ({kept[0]} first) does not let them be"
            " passed on; export the others alone."
        )
    licences = sorted({row["licence"] for row in rows})
    free = len(licences) == 1 and licences[0].startswith("CC0 1.0")
    groups = Counter((row["source"], row["licence"]) for row in rows)
    synthetic = Counter((row["source"], row["licence"]) for row in rows if row["synthetic"])
    return _CARD.format(
        licence="cc0-1.0" if free else "other",
        licence_name="" if free else "license_name: per-case\n",
        name=f"Viewbox cases: {', '.join(sorted({row['source'] for row in rows}))}",
        size=next(name for limit, name in _SIZES if len(rows) < limit),
        count=len(rows),
        rows="\n".join(
            f"| {source} | {count} | {synthetic[source, licence]} | {licence} |"
            for (source, licence), count in sorted(groups.items())
        ),
    )
