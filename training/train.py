"""Train a checkpoint: `python -m training.train --config FILE --data DIR --out DIR`.

The run is resumable: kill it anywhere and the same command goes on from the last saved step. With more
than one device, `accelerate launch -m training.train ...` splits each batch over them.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.duplicates import twins_share_a_patient
from modeling.errors import ViewboxError
from training.corpora import open_corpus
from training.run import Run
from training.settings import TrainingSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Train a fusion checkpoint.")
    parser.add_argument("--config", type=Path, required=True, help="a file of training/configs/")
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; the same one resumes it")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder for decoded films")
    parser.add_argument(
        "--limit", type=int, default=0, help="at most so many films a corpus (for a quick try)"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        settings = TrainingSettings.load(options.config)
        films = [
            f for n in settings.corpora for f in open_corpus.load(n, options.data)[: options.limit or None]
        ]
        pictures, reports = [f for f in films if f.encoded], [f for f in films if not f.encoded]
        films = (twins_share_a_patient(pictures) if pictures else []) + reports
        run = Run(settings, films, options.out, options.cache)
        run.train()
        run.export()
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
