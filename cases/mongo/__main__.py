"""Tidy a lake after writers that were killed: `python -m cases.mongo URI [--older-than SECONDS]`.

Takes out large films that no case names and uploads that nobody finished, where they are older than an hour
(or `--older-than`): what a living writer stores, it names moments later.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import closing

from cases.mongo.store import MongoCaseStore
from cases.open_store import address_behind
from modeling.errors import ViewboxError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 for an error."""
    parser = argparse.ArgumentParser(prog="python -m cases.mongo", description=__doc__.splitlines()[0])
    parser.add_argument("store", metavar="URI", help="mongodb:// address, or @FILE; its user must write")
    parser.add_argument("--database", help="MongoDB database, where the address names none")
    parser.add_argument("--older-than", type=float, default=3600.0, help="seconds since a film was stored")
    options = parser.parse_args(arguments)
    try:
        uri = str(address_behind(options.store))
        with closing(MongoCaseStore.connect(uri, options.database, write=True)) as store:
            swept = store.sweep(options.older_than)
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(json.dumps(dataclasses.asdict(swept)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
