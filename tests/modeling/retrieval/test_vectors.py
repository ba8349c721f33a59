"""Cases as vectors: film, table and text of a set, compared by cosines."""

import numpy as np
import pytest

from modeling.reports.report import Report
from modeling.retrieval.index import CaseIndex
from modeling.retrieval.vectors import COMPONENTS, CaseEncoder, DescribedCase, coarse, film_numbers
from modeling.study import Modality
from tests.doubles.toys import toy_radiograph

CLEAR = "FINDINGS: The lungs are clear. No effusion."
EFFUSION = "FINDINGS: Large left pleural effusion."


def described(
    case_id: str, *, film: int | None = None, text: str = "", **fields: float | str
) -> DescribedCase:
    return DescribedCase(
        case_id,
        film={} if film is None else film_numbers(toy_radiograph(film)),
        fields=fields,
        report=Report.from_text(text, case_id) if text else None,
    )


def nearest(cases: list[DescribedCase], query: str, by: Modality) -> list[str]:
    encoder = CaseEncoder(cases)
    index = CaseIndex([encoder.encode(case) for case in cases])
    return [n.case_id for n in index.neighbours(index.case(query), 2, {by: 1.0})]


def test_the_same_film_is_nearest() -> None:
    cases = [described(f"c{n}", film=n) for n in range(6)] + [described("twin of c2", film=2)]
    assert nearest(cases, "c2", Modality.IMAGE)[0] == "twin of c2"


def test_alike_clinical_values_are_nearest_and_a_limit_counts_as_far() -> None:
    cases = [
        described("young", age=20.0, crp=2.0, sex="male"),
        described("also young", age=23.0, crp=1.0, sex="male"),
        described("old", age=85.0, crp=300.0, sex="female"),
        described("limit", age=80.0, crp=np.inf, sex="female"),
    ]
    assert nearest(cases, "young", Modality.TABLE)[0] == "also young"
    assert nearest(cases, "old", Modality.TABLE)[0] == "limit"


def test_alike_reports_are_nearest_and_their_findings_are_named() -> None:
    cases = [
        described("a", text=EFFUSION),
        described("b", text="FINDINGS: A moderate pleural effusion on the right."),
        described("c", text=CLEAR),
    ]
    assert nearest(cases, "a", Modality.TEXT)[0] == "b"
    encoder = CaseEncoder(cases)
    assert encoder.encode(cases[0]).findings == frozenset({"Effusion"})
    assert encoder.encode(cases[2]).findings == frozenset()


def test_a_case_has_a_vector_for_what_it_has() -> None:
    cases = [described("all", film=1, text=CLEAR, age=40.0), described("none"), described("film", film=2)]
    encoder = CaseEncoder(cases)
    assert [set(encoder.encode(c).vectors) for c in cases] == [set(Modality), set(), {Modality.IMAGE}]


def test_film_vectors_stay_short_in_a_large_set() -> None:
    random = np.random.default_rng(0)
    cases = [DescribedCase(f"c{n}", {"features": random.random(300)}) for n in range(200)]
    assert CaseEncoder(cases).encode(cases[0]).vectors[Modality.IMAGE].shape == (COMPONENTS,)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (16, 16), (97, 33)])
def test_the_coarse_picture_of_any_film(shape: tuple[int, int]) -> None:
    film = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape)
    cells = coarse(film)
    assert cells.shape == (256,)
    assert np.isfinite(cells).all()
    assert coarse(np.arange(256.0).reshape(16, 16)) == pytest.approx(np.arange(256.0))
