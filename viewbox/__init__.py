"""Viewbox for programs: a study in, a prediction and its explanation out.

    import viewbox

    pipeline = viewbox.DiagnosisPipeline.from_pretrained(viewbox.bundled("film"))
    study = viewbox.open_study("film.dcm", table={"age": 63})
    prediction = pipeline.predict(study)
    *_, attribution = pipeline.explain(study, pipeline.targets[0])
    case = viewbox.open_case_store("mongodb://host/database").get("case-1")

Nothing is imported before it is used: torch waits for `DiagnosisPipeline`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cases.case import Case as Case
    from cases.open_store import open_case_store as open_case_store
    from cases.reading.upload import read_upload as read_upload
    from cases.store import CaseFilter as CaseFilter
    from cases.store import CaseStore as CaseStore
    from modeling.errors import ViewboxError as ViewboxError
    from modeling.labels import Target as Target
    from modeling.labels import TaskName as TaskName
    from modeling.pipeline import DiagnosisPipeline as DiagnosisPipeline
    from modeling.results import Attribution as Attribution
    from modeling.results import Prediction as Prediction
    from modeling.study import ClinicalTable as ClinicalTable
    from modeling.study import ClinicalText as ClinicalText
    from modeling.study import Radiograph as Radiograph
    from modeling.study import Study as Study
    from viewbox.studies import bundled as bundled
    from viewbox.studies import open_study as open_study

_HOMES = {
    "cases.case": ("Case",),
    "cases.open_store": ("open_case_store",),
    "cases.reading.upload": ("read_upload",),
    "cases.store": ("CaseFilter", "CaseStore"),
    "modeling.errors": ("ViewboxError",),
    "modeling.labels": ("Target", "TaskName"),
    "modeling.pipeline": ("DiagnosisPipeline",),
    "modeling.results": ("Attribution", "Prediction"),
    "modeling.study": ("ClinicalTable", "ClinicalText", "Radiograph", "Study"),
    "viewbox.studies": ("bundled", "open_study"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"viewbox has no {name}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
