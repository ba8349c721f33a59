"""Similar cases: exact, deterministic, never the same patient, and each explained with its own words."""

import numpy as np
import pytest

from modeling.errors import ViewboxError
from modeling.retrieval.index import CaseIndex, FieldDifference, IndexedCase
from modeling.study import Modality


def case(
    case_id: str, vector: list[float] | np.ndarray, modality: Modality = Modality.TEXT, **more: object
) -> IndexedCase:
    return IndexedCase(case_id, {modality: np.asarray(vector, float)}, **more)


def random_cases(number: int = 300, dimensions: int = 16) -> list[IndexedCase]:
    random = np.random.default_rng(0)
    return [
        IndexedCase(
            f"c{n:04}",
            {m: random.standard_normal(dimensions) for m in Modality},
            patient=f"p{n // 3}",
            label="AB"[n % 2],
        )
        for n in range(number)
    ]


def by_hand(query: IndexedCase, cases: list[IndexedCase], weights: dict[Modality, float]) -> dict[str, float]:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    total = sum(weights.values())
    return {
        other.case_id: sum(w * cosine(query.vectors[m], other.vectors[m]) for m, w in weights.items()) / total
        for other in cases
        if other.patient != query.patient
    }


@pytest.mark.parametrize(
    "weights", [{Modality.TEXT: 1.0}, {Modality.IMAGE: 0.5, Modality.TABLE: 2.0, Modality.TEXT: 1.0}]
)
def test_neighbours_are_those_that_a_full_comparison_finds(weights: dict[Modality, float]) -> None:
    cases = random_cases()
    index = CaseIndex(cases)
    for query in cases[::29]:
        expected = by_hand(query, cases, weights)
        best = sorted(expected, key=lambda name: -expected[name])[:7]
        found = index.neighbours(query, 7, weights)
        assert [one.case_id for one in found] == best
        assert [one.similarity for one in found] == pytest.approx([expected[n] for n in best], abs=1e-5)
        for one in found:
            mixed = sum(w * one.parts[m] for m, w in weights.items()) / sum(weights.values())
            assert one.similarity == pytest.approx(mixed)


def test_equals_come_in_the_order_of_their_ids_whatever_order_they_were_given_in() -> None:
    cases = [case(f"c{n}", [1.0, 0.2 * (n % 2)]) for n in range(9)]
    query = case("query", [1.0, 0.0])
    forwards = [n.case_id for n in CaseIndex(cases).neighbours(query, 6)]
    backwards = [n.case_id for n in CaseIndex(reversed(cases)).neighbours(query, 6)]
    assert forwards == backwards == ["c0", "c2", "c4", "c6", "c8", "c1"]


def test_equal_vectors_tie_exactly_at_any_row_of_a_large_index() -> None:
    random = np.random.default_rng(1)
    one = random.standard_normal(128)
    cases = [case(f"c{n:04}", one if n % 7 == 0 else random.standard_normal(128)) for n in range(1003)]
    found = CaseIndex(cases).neighbours(case("query", one + 0.01 * random.standard_normal(128)), 100)
    assert [n.case_id for n in found] == [f"c{n:04}" for n in range(0, 700, 7)]
    assert len({n.similarity for n in found}) == 1


def test_the_same_patient_is_never_a_neighbour() -> None:
    twin = [case("a1", [1, 0], patient="p"), case("a2", [1, 0], patient="p"), case("b", [0, 1], patient="q")]
    index = CaseIndex(twin)
    assert [n.case_id for n in index.neighbours(index.case("a1"))] == ["b"]
    visitor = case("not stored", [1, 0], patient="p")
    assert [n.case_id for n in index.neighbours(visitor)] == ["b"]


def test_cases_of_unknown_patients_may_be_neighbours_but_never_of_themselves() -> None:
    index = CaseIndex([case("a", [1, 0]), case("b", [1, 0])])
    assert [n.case_id for n in index.neighbours(index.case("a"))] == ["b"]
    assert CaseIndex([case("a", [1, 0])]).neighbours(case("a", [1, 0])) == ()


def test_contrast_cases_are_the_nearest_with_another_known_label() -> None:
    cases = random_cases()
    cases.append(IndexedCase("unlabelled", cases[0].vectors, patient="someone"))
    index = CaseIndex(cases)
    expected = by_hand(cases[0], cases[:-1], dict.fromkeys(Modality, 1.0))
    other = [name for name in sorted(expected, key=lambda n: -expected[n]) if index.case(name).label == "B"]
    assert [n.case_id for n in index.neighbours(cases[0], 5, contrast=True)] == other[:5]
    assert index.neighbours(cases[0], 1)[0].case_id == "unlabelled"
    with pytest.raises(ViewboxError, match="no label"):
        index.neighbours(cases[-1], contrast=True)


def test_a_modality_that_a_case_lacks_counts_nothing_for_it() -> None:
    both = IndexedCase("both", {Modality.TEXT: np.array([1.0, 0]), Modality.TABLE: np.array([1.0])})
    text_only = IndexedCase("text", {Modality.TEXT: np.array([1.0, 0])})
    index = CaseIndex([both, text_only])
    found = index.neighbours(IndexedCase("q", both.vectors))
    assert [(n.case_id, n.similarity) for n in found] == [("both", 1.0), ("text", 0.5)]
    # What the query lacks is compared for no case.
    found = index.neighbours(IndexedCase("q", {Modality.TEXT: np.array([1.0, 0])}))
    assert [n.similarity for n in found] == [1.0, 1.0]


def test_why_similar_names_findings_and_fields() -> None:
    fields = [{"age": 40.0, "sex": "male", "crp": 5.0}, {"age": 80.0, "sex": "female", "crp": 5.1}]
    findings = [frozenset({"Edema", "Mass"}), frozenset({"Edema", "Nodule"})]
    cases = [
        case(name, [1, 0], fields=known, findings=shown)
        for name, known, shown in zip("ab", fields, findings, strict=True)
    ]
    cases.append(case("c", [0, 1], fields={"crp": 200.0, "age": 60.0}))
    (first, _) = CaseIndex(cases).neighbours(cases[0], 2)
    assert first.case_id == "b"
    assert first.shared_findings == ("Edema",)
    assert first.other_findings == ("Mass", "Nodule")
    assert first.shared_fields == ("crp",)
    assert first.differing_fields == (
        FieldDifference("sex", "male", "female"),
        FieldDifference("age", 40.0, 80.0),
    )


def test_infinite_laboratory_limits_are_compared() -> None:
    cases = [case("a", [1], fields={"crp": np.inf}), case("b", [1], fields={"crp": np.inf})]
    cases.append(case("c", [1], fields={"crp": 3.0}))
    first, second = CaseIndex(cases).neighbours(cases[0])
    assert first.shared_fields == ("crp",)
    assert second.differing_fields == (FieldDifference("crp", np.inf, 3.0),)


@pytest.mark.parametrize("k", [0, -1, 101, 2.5, True])
def test_an_odd_number_of_cases_is_refused(k: object) -> None:
    with pytest.raises(ViewboxError, match="1 to 100"):
        CaseIndex([case("a", [1])]).neighbours(case("b", [1]), k)


@pytest.mark.parametrize(
    "weights", [{}, {Modality.TEXT: 0.0}, {Modality.TEXT: -1.0}, {Modality.TEXT: np.nan}]
)
def test_weights_that_say_nothing_are_refused(weights: dict[Modality, float]) -> None:
    with pytest.raises(ViewboxError, match="weight"):
        CaseIndex([case("a", [1])]).neighbours(case("b", [1]), 1, weights)


def test_what_cannot_be_compared_is_refused() -> None:
    index = CaseIndex([case("a", [1, 0])])
    with pytest.raises(ViewboxError, match="image"):
        index.neighbours(case("b", [1, 0]), 1, {Modality.IMAGE: 1.0})
    with pytest.raises(ViewboxError, match="another way"):
        index.neighbours(case("b", [1, 0, 0]))
    with pytest.raises(ViewboxError, match="another way"):
        CaseIndex([case("a", [1, 0]), case("b", [1])])
    with pytest.raises(ViewboxError, match="finite"):
        CaseIndex([case("a", [np.nan, 0])])
    with pytest.raises(ViewboxError, match="Two cases are called a"):
        CaseIndex([case("a", [1]), case("a", [0])])
    with pytest.raises(ViewboxError, match="not among"):
        index.case("z")


def test_an_index_without_cases_has_nothing_to_compare() -> None:
    index = CaseIndex([])
    assert len(index) == 0
    with pytest.raises(ViewboxError, match="compared"):
        index.neighbours(case("a", [1]))


def test_vectors_of_zeros_resemble_nothing() -> None:
    index = CaseIndex([case("a", [0, 0]), case("b", [1, 1])])
    assert [(n.case_id, round(n.similarity, 6)) for n in index.neighbours(case("q", [1, 0]))] == [
        ("b", 0.707107),
        ("a", 0.0),
    ]
