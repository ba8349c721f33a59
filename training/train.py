"""Train a checkpoint: what `viewbox train` does.

The run is resumable: kill it anywhere and the same command goes on from the last saved step. With more
than one device, `accelerate launch -m viewbox train ...` splits each batch over them.
"""

from pathlib import Path

from training.corpora import open_corpus
from training.corpora.duplicates import twins_share_a_patient
from training.run import Run
from training.settings import TrainingSettings


def train(
    settings_file: Path, data: Path, out: Path, *, cache: Path = Path("runs/cache"), limit: int = 0
) -> Path:
    """Train as a settings file says, and export the checkpoint.

    Args:
        data: folder with the corpora.
        out: folder of the run; the same one resumes it.
        cache: folder for decoded films.
        limit: at most so many films a corpus, for a quick try; 0 for all.

    Returns:
        The checkpoint's folder.

    Raises:
        ViewboxError: a setting means nothing, or a corpus cannot be read.
    """
    settings = TrainingSettings.load(settings_file)
    films = [film for name in settings.corpora for film in open_corpus.load(name, data)[: limit or None]]
    pictures, reports = [f for f in films if f.encoded], [f for f in films if not f.encoded]
    films = (twins_share_a_patient(pictures) if pictures else []) + reports
    run = Run(settings, films, out, cache)
    run.train()
    run.export()
    return out / "checkpoint"
