"""Vectors for MongoDB's search, laid out from what `viewbox score` wrote: what `viewbox vectors` does."""

import json
from pathlib import Path

from cases.mongo.store import MongoCaseStore
from cases.open_store import open_case_store
from cases.scoring.lake import checkpoint_hash
from modeling.configuration import FusionConfig
from modeling.errors import ViewboxError
from modeling.progress import progress


def fill_vectors(
    address: str, checkpoint: Path, *, database: str | None = None, write: bool = False, index: bool = False
) -> dict[str, int | str]:
    """Lay the vectors of a checkpoint out for the search, or count them without `write`.

    Returns: how many cases are `scored`, `written` and among the `vectors`, and if the `search` is `ready`.
    """
    store = open_case_store(address, database, write=write)
    if not isinstance(store, MongoCaseStore):
        raise ViewboxError("Vector search is MongoDB's; give a mongodb:// address with --store.")
    width = _width(checkpoint)
    vectors = store.vectors(checkpoint_hash(checkpoint))
    figures = {"scored": 0, "written": 0}
    with progress(what="laying out vectors", unit="case") as bar:
        for portion in vectors.embedded(width):
            figures["scored"] += len(portion)
            figures["written"] += vectors.write(portion, width) if write else 0
            bar.update(len(portion))
    if index:
        vectors.make_index(width)
    return figures | {"vectors": vectors.count(), "search": vectors.fault(width) or "ready"}


def _width(checkpoint: Path) -> int:
    """D of a checkpoint's encoders."""
    try:
        return FusionConfig.from_json(json.loads((checkpoint / "config.json").read_text("utf-8"))).width
    except (OSError, ValueError) as exc:
        raise ViewboxError(
            "There is no checkpoint in '{name}'; give the folder of one.", name=checkpoint.name
        ) from exc
