"""Cases as vectors: film, table and text of a set, compared by cosines."""

import numpy as np
import pytest

from hub_config.settings import FINDING_CLASSIFIER
from modeling.findings.reader import reader_at
from modeling.reports.report import Report
from modeling.retrieval.index import CaseIndex
from modeling.retrieval.shared_findings import affirmed, beside_words, kinship, rarity
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


def test_shared_findings_count_beside_the_words_where_there_is_a_classifier() -> None:
    texts = ("Broken collarbone on the left.", "Old fracture of the left clavicle.", "Old scar on the left.")
    cases = [described(f"c{n}", text=f"FINDINGS: {text}") for n, text in enumerate(texts)]
    encoder = CaseEncoder(cases, reader=reader_at(FINDING_CLASSIFIER))
    index = CaseIndex([encoder.encode(case) for case in cases])
    near = index.neighbours(index.case("c0"), 2, {Modality.TEXT: 1.0})
    plain = CaseIndex([CaseEncoder(cases).encode(case) for case in cases])
    before = plain.neighbours(plain.case("c0"), 2, {Modality.TEXT: 1.0})
    assert near[0].case_id == "c1" and near[0].similarity - near[1].similarity > 0.2
    assert near[0].similarity > before[0].similarity


def test_findings_weigh_by_rarity_and_bring_their_kin_where_asked() -> None:
    margins = np.array([[5.0, -5.0], [5.0, 5.0], [5.0, -5.0]])
    found = affirmed(margins)
    assert np.allclose(found.round(2), margins > 0) and rarity(found)[1] > rarity(found)[0] >= 0
    a, b = beside_words(np.array([3.0, 0]), found[0]), beside_words(np.array([0, 2.0]), found[2])
    assert a @ a == pytest.approx(1) and a @ b == pytest.approx(0.5)
    assert beside_words(np.zeros(2), np.zeros(3)).tolist() == [0] * 5
    assert kinship().shape[0] == 160 and (kinship().sum(axis=1) >= 2).all()
    assert affirmed(np.full((1, 160), 9.0), kin=True).shape == (1, kinship().shape[1])
