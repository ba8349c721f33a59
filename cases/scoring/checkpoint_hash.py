"""One name for a checkpoint wherever its results are kept: a hash of what decides its answers."""

import hashlib
from pathlib import Path

from modeling.errors import CheckpointError

_SAYS_NOTHING = ("README.md", "metrics.json", "split.csv", "training.json")
"""Files of a checkpoint that decide no answer."""


def checkpoint_hash(folder: Path) -> str:
    """Hash of every file of a checkpoint that decides an answer.

    Raises:
        CheckpointError: there is no such folder, or it is empty.
    """
    files = [f for f in sorted(folder.glob("*")) if f.is_file() and f.name not in _SAYS_NOTHING]
    if not files:
        raise CheckpointError("There is no checkpoint in '{name}'; give the folder of one.", name=folder.name)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(f"{file.name} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()
