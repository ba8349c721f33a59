"""Viewbox for programs: a study in, a prediction and its explanation out.

    import viewbox

    pipeline = viewbox.DiagnosisPipeline.from_pretrained(viewbox.bundled("film"))
    study = viewbox.open_study("film.dcm", table={"age": 63})
    print(pipeline.predict(study))  # what stands against the answer first
    explanation = viewbox.explain_and_check(pipeline, study)
    films = viewbox.open_films(["today.dcm", "lateral.png", "prior.dcm"], ["", "lateral", ""])
    studies = viewbox.StudyPipeline.from_pretrained(viewbox.STUDY_CHECKPOINT)
    print(studies.predict(films.films, films.study, refused=films.refused))
    case = viewbox.open_case_store("mongodb://host/database").get("case-1")

Nothing is imported before it is used: torch waits for a pipeline. `__init__.pyi` says what
there is and where, for type checkers too.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

_STUB = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
_HOME = {name: module for module, name in re.findall(r"^from (\S+) import (\w+) as", _STUB, re.MULTILINE)}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"viewbox has no {name}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
