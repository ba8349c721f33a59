"""A stored case as it is compared and as it is shown among others: what is kept of it, without its film."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cases.case import Case
from interface.html.pictures import data_url
from interface.models.model_host import ModelHost
from modeling.labels import TaskName
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.retrieval.vectors import DescribedCase

THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class Shelved:
    """What is kept of a compared case beside its vectors.

    Attributes:
        thumbnail: a data URL; empty where the film may not be shown or there is none.
        report: by section, or the indication where there is no report.
        reported: whether that is a report, written after the reading.
    """

    thumbnail: str
    report: Mapping[str, str]
    source: str
    synthetic: bool
    reported: bool = False


def described(case: Case, study: Study, host: ModelHost | None) -> "DescribedCase":
    """What a case is compared by.

    Args:
        host: whose encoder describes the film; None for brightness alone.
    """
    from modeling.reports.report import Report
    from modeling.retrieval.vectors import DescribedCase, film_numbers

    film = {}
    if study.radiograph is not None:
        film = film_numbers(study.radiograph, host.pipeline if host is not None else None)
    text = own_text(case, study)
    reference = [case.reference[task] for task in TaskName if task in case.reference]
    return DescribedCase(
        case_id=case.case_id,
        film=film,
        fields=study.table.values,
        report=Report(case.case_id, text) if text else None,
        patient=case.provenance.patient,
        label=reference[0] if reference else "",
    )


def own_text(case: Case, study: Study) -> dict[str, str]:
    """The case's report by section; without one, whatever text the study has, as a text without sections."""
    from modeling.reports.report import WHOLE

    report = {name: text for name, text in case.report.items() if text.strip()}
    if report:
        return report
    text = "\n\n".join(study.text.sections.values())
    return {WHOLE: text} if text.strip() else {}


def shelved(case: Case) -> Shelved:
    """What is kept to show a case among others."""
    from modeling.model.film import brightness
    from modeling.render.pictures import film_picture

    radiograph = case.study.radiograph
    picture = ""
    if radiograph is not None and case.licence.may_show:
        picture = data_url(film_picture(brightness(radiograph), max_side=THUMBNAIL_SIDE))
    reported = any(text.strip() for text in case.report.values())
    kept = own_text(case, case.study)
    return Shelved(picture, kept, case.provenance.source, case.provenance.synthetic, reported)
