"""The pipeline as programs use it: a film's file will do for a study."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling import pipeline
from modeling.labels import Target
from modeling.results import Attribution, Prediction
from modeling.study import Study
from viewbox.studies import open_study


class DiagnosisPipeline(pipeline.DiagnosisPipeline):
    """Study, or a film's PNG, JPEG or DICOM file, in; prediction and attributions out."""

    def predict(self, study: Study | str | Path, *, source: str | None = None) -> Prediction:
        """All tasks that the study allows; see `modeling.pipeline`. Refuses a file as `open_study` does."""
        return super().predict(_opened(study), source=source)

    def explain(self, study: Study | str | Path, target: Target, **how: Any) -> Iterator[Attribution]:
        """Integrated Gradients, refined as it goes; see `modeling.pipeline`."""
        return super().explain(_opened(study), target, **how)


def _opened(study: Study | str | Path) -> Study:
    return study if isinstance(study, Study) else open_study(study)
