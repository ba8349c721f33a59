"""Vectors for MongoDB's vector search: `python -m cases.mongo.vector_index --store URI --checkpoint DIR`.

It takes the embeddings that `cases.scoring` wrote for that checkpoint and lays them out in the collection
`vectors`; run again, it adds what is new. `--index` also asks the server for the search index.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cases.mongo.store import MongoCaseStore
from cases.open_store import open_case_store
from cases.scoring.checkpoint_hash import checkpoint_hash
from modeling.configuration import FusionConfig
from modeling.errors import ViewboxError


def _width(checkpoint: Path) -> int:
    """D of a checkpoint's encoders.

    Raises:
        ViewboxError: there is no such checkpoint.
    """
    try:
        text = (checkpoint / "config.json").read_text(encoding="utf-8")
        return FusionConfig.from_json(json.loads(text)).width
    except (OSError, ValueError) as exc:
        raise ViewboxError(
            "There is no checkpoint in '{name}'; give the folder of one.", name=checkpoint.name
        ) from exc


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m cases.mongo.vector_index", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--store", metavar="URI", required=True, help="mongodb:// address, or @FILE with it")
    parser.add_argument("--database", help="MongoDB database, where the address names none")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="folder of the one that scored the cases"
    )
    parser.add_argument("--write", action="store_true", help="write; else only count")
    parser.add_argument("--index", action="store_true", help="ask the server for the search index too")
    options = parser.parse_args(arguments)
    try:
        store = open_case_store(options.store, options.database, write=options.write)
        if not isinstance(store, MongoCaseStore):
            raise ViewboxError("Vector search is MongoDB's; give a mongodb:// address with --store.")
        width = _width(options.checkpoint)
        vectors = store.vectors(checkpoint_hash(options.checkpoint))
        figures = {"scored": 0, "written": 0}
        for portion in vectors.embedded(width):
            figures["scored"] += len(portion)
            figures["written"] += vectors.write(portion, width) if options.write else 0
        if options.index:
            vectors.make_index(width)
        print(json.dumps(figures | {"vectors": vectors.count(), "search": vectors.fault(width) or "ready"}))
        return 0
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
