"""Similar cases by the store's own vector search: exact search's answer, or a fall back that is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.mongo.results import MongoResults
from cases.mongo.store import MongoCaseStore
from cases.mongo.vectors import (
    COLLECTION,
    INDEX,
    MongoVectors,
    StoredVectors,
    asked,
    definition,
    laid_out,
    taken_apart,
)
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.reports_tab import stored_search
from interface.reports_tab.found_cases import found_panel
from interface.reports_tab.similar_index import SimilarCases
from interface.reports_tab.stored_search import Retrieved, StoredSearch
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.labels import APPEARANCE, task_of
from modeling.model.checkpoint import checkpoint_hash
from modeling.pipeline import DiagnosisPipeline
from modeling.retrieval.index import CaseIndex, IndexedCase
from modeling.study import Modality
from tests.doubles.command import command
from tests.doubles.example_cases import small_case
from tests.doubles.mongo_server import MongoServer
from tests.doubles.toys import toy_checkpoint, toy_study
from tests.doubles.vector_server import FakeVectors

main = command("vectors")

WIDTH = 8
READY = {"name": INDEX, "queryable": True, "latestDefinition": definition(WIDTH)}
LABELS = ("Negative", "Typical", "", "Mild", "Severe", "Mass|Nodule", "No Finding")
MIXES = [
    {Modality.TEXT: 1.0},
    {Modality.IMAGE: 0.2, Modality.TEXT: 0.8},
    {Modality.IMAGE: 1.0, Modality.TABLE: 0.5, Modality.TEXT: 0.1},
]


def indexed(number: int = 120) -> list[IndexedCase]:
    """Cases with random vectors; each third lacks its table, and three in a row are of one patient."""
    random = np.random.default_rng(0)
    return [
        IndexedCase(
            f"c{n:03}",
            {m: random.standard_normal(WIDTH) for m in Modality if m != Modality.TABLE or n % 3},
            patient=f"p{n // 3}",
            label=LABELS[n % 7],
        )
        for n in range(number)
    ]


def searching(cases: list[IndexedCase], indexes: Any = (READY,)) -> tuple[MongoVectors, FakeVectors]:
    fake = FakeVectors(indexes)
    vectors = MongoVectors({COLLECTION: fake}, "hash", lambda question: question())
    vectors.write([StoredVectors(c.case_id, c.vectors, c.patient, c.label) for c in cases], WIDTH)
    return vectors, fake


def test_one_layout_answers_every_mix_of_weights() -> None:
    cases = indexed()
    for weights in MIXES:
        query = cases[4]
        row = asked(query.vectors, weights, WIDTH)
        scores = [row @ laid_out(c.vectors, WIDTH) / 3**0.5 for c in cases[6:]]
        order = [cases[6 + n].case_id for n in np.argsort(-np.array(scores))[:5]]
        exact = CaseIndex(cases[3:]).neighbours(query, 5, weights)
        assert order == [one.case_id for one in exact]
    assert np.linalg.norm(laid_out(cases[0].vectors, WIDTH)) == pytest.approx(3**0.5)
    parts = taken_apart(laid_out(cases[0].vectors, WIDTH), WIDTH)
    assert set(parts) == {Modality.IMAGE, Modality.TEXT}


@pytest.mark.parametrize("bad", [{}, {Modality.TEXT: np.ones(3)}, {Modality.TEXT: np.full(WIDTH, np.nan)}])
def test_vectors_that_cannot_be_laid_out_are_refused(bad: dict[Modality, np.ndarray]) -> None:
    with pytest.raises(ValueError):
        laid_out(bad, WIDTH)


@pytest.mark.parametrize(
    ("indexes", "told"),
    [
        (None, "has no vector search"),
        ((), "has no search index named viewbox_vectors"),
        (({**READY, "latestDefinition": definition(9)},), "another length"),
        (({**READY, "queryable": False},), "still building"),
    ],
)
def test_a_search_is_detected_never_assumed(indexes: Any, told: str) -> None:
    assert told in searching(indexed(3), indexes)[0].fault(WIDTH)


def test_vectors_of_another_checkpoint_do_not_count() -> None:
    vectors, fake = searching(indexed(3))
    assert vectors.fault(WIDTH) == "" and vectors.count() == 3
    other = MongoVectors({COLLECTION: fake}, "other", lambda question: question())
    assert "no vectors of the checkpoint" in other.fault(WIDTH) and other.count() == 0


def test_writing_again_changes_nothing() -> None:
    vectors, fake = searching(indexed(5))
    kept = dict(fake.kept)
    again = [StoredVectors(c.case_id, c.vectors, c.patient, c.label) for c in indexed(5)]
    assert vectors.write(again, WIDTH) == 0 and fake.kept == kept and vectors.write([], WIDTH) == 0


class Shop:
    """A store with a search: its cases are their IDs."""

    def __init__(self, search: Any, gone: tuple[str, ...] = ()) -> None:
        self.search, self.gone = search, gone

    def vectors(self, encoding: str) -> Any:
        return self.search

    def get(self, case_id: str) -> Any:
        if case_id in self.gone:
            raise CaseNotFoundError(f"There is no case {case_id}; choose another.")
        return SimpleNamespace(case_id=case_id)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Retrieved | str]:
    """Ask a shop for the neighbours of a case; its vectors are as the checkpoint would make them."""
    same = create_autospec(stored_search._asked, side_effect=lambda query, case, study, host: query)
    monkeypatch.setattr(stored_search, "_asked", same)
    monkeypatch.setattr(stored_search, "_hash_of", lambda folder: "hash")
    host = SimpleNamespace(
        folder=Path(), name="toy", pipeline=SimpleNamespace(config=SimpleNamespace(width=WIDTH))
    )

    def stored(shop: Any, query: IndexedCase, weights: Any, cases: list[IndexedCase]) -> Retrieved | str:
        known = {c.case_id: c for c in cases}
        describe = lambda case: known[case.case_id]  # noqa: E731
        return StoredSearch(shop, host, describe, {}).find(query, None, None, 5, weights)

    return stored


@pytest.mark.parametrize("weights", MIXES)
def test_the_store_and_this_process_give_one_answer(ask: Callable, weights: dict[Modality, float]) -> None:
    cases = indexed()
    vectors, fake = searching(cases)
    shop, exact = Shop(vectors), CaseIndex(cases)
    assert hasattr(shop, "vectors")
    for query in cases[:12]:
        found = ask(shop, query, weights, cases)
        near = exact.neighbours(query, 5, weights)
        assert [one.case_id for one in found.alike] == [one.case_id for one in near]
        assert [one.similarity for one in found.alike] == pytest.approx(
            [one.similarity for one in near], abs=1e-6
        )
        patients = {case.case_id: case.patient for case in cases}
        assert query.patient not in {patients[one.case_id] for one in (*found.alike, *found.contrast)}
        if query.label:
            far = exact.neighbours(query, 5, weights, contrast=True)
            assert [one.case_id for one in found.contrast] == [one.case_id for one in far]
            labels = {one.label for one in far}
            assert (
                labels
                and {task_of(one) for one in labels} == {task_of(query.label)}
                and query.label not in labels
            )
        assert (found.among, found.by) == (120, "toy")
        fake.kept = dict(reversed(fake.kept.items()))  # the order of the collection decides nothing


def test_cases_that_are_gone_make_room_for_the_next(ask: Callable) -> None:
    cases = indexed()
    near = CaseIndex(cases).neighbours(cases[0], 7, MIXES[0])
    shop = Shop(searching(cases)[0], gone=(near[0].case_id, near[3].case_id))
    found = ask(shop, cases[0], MIXES[0], cases)
    left = [one.case_id for n, one in enumerate(near) if n not in (0, 3)]
    assert [one.case_id for one in found.alike] == left


def test_why_the_store_did_not_answer_is_told(ask: Callable) -> None:
    cases = indexed(6)
    assert ask(object(), cases[0], MIXES[0], cases) == ""
    assert "no vector search" in ask(Shop(searching(cases, None)[0]), cases[0], MIXES[0], cases)
    assert "no vector of this case" in ask(Shop(searching(cases)[0]), cases[0], {Modality.TABLE: 1.0}, cases)

    class Lost:
        def fault(self, width: int) -> str:
            raise CaseStoreError("MongoDB at x is not running; start it.")

    assert ask(Shop(Lost()), cases[0], MIXES[0], cases) == "MongoDB at x is not running; start it."


# --- a real server, which has no vector search


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_checkpoint(tmp_path_factory.mktemp("checkpoint") / "toy")


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> Iterator[str]:
    """A database of six cases with results of the toy checkpoint for five of them."""
    with MongoServer(tmp_path_factory.mktemp("mongo")) as server:
        address = f"{server.uri}vectors"
        with closing(MongoCaseStore.connect(address, write=True)) as store:
            for n in range(6):
                kept = small_case(f"{n}", source="phantom")
                origin = Provenance("phantom", patient=f"p{n}", synthetic=True)
                reference = {APPEARANCE: ("Typical", "Negative")[n % 2]}
                study = toy_study(seed=n)
                store.put(Case(kept.case_id, study, SYNTHETIC_LICENCE, origin, reference=reference))
            ids = [row.case_id for row in store.page(_everything()).rows]
        random = np.random.default_rng(0)
        width = DiagnosisPipeline.from_pretrained(toy).config.width
        with closing(MongoResults(address, None, checkpoint_hash(toy))) as results:
            results.write(
                [
                    {
                        "case_id": case_id,
                        "checkpoint": checkpoint_hash(toy),
                        "embedding": {"text": random.standard_normal(width).astype("<f4").tobytes()},
                    }
                    for case_id in ids[:5]
                ]
            )
        yield address


def _everything() -> Any:
    from cases.store import CaseFilter

    return CaseFilter()


def test_the_command_writes_vectors_once_and_says_what_the_server_cannot(
    uri: str, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = ["--store", uri, "--checkpoint", str(toy)]
    assert main(asked_for) == 0
    assert json.loads(capsys.readouterr().out)["vectors"] == 0
    for written in (5, 0):
        assert main([*asked_for, "--write"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["scored"], told["written"], told["vectors"]) == (5, written, 5)
        assert told["search"] == "This MongoDB has no vector search."
    assert main([*asked_for, "--index"]) == 1
    assert "Atlas" in capsys.readouterr().err
    assert main(["--store", "folder", "--checkpoint", str(toy)]) == 1
    assert main(["--store", uri, "--checkpoint", str(toy.parent)]) == 1


def test_a_server_without_search_falls_back_and_the_page_says_so(uri: str, toy: Path) -> None:
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(toy), "toy", ("phantom",))
    host.load()
    with closing(MongoCaseStore.connect(uri)) as store:
        similar = SimilarCases(Checkpoints([host]), StoreHost(lambda: store))
        similar.start()
        similar.wait(60)
        case = store.get(store.page(_everything()).rows[0].case_id)
        found = similar.find(case, case.study, 3, dict.fromkeys(Modality, 1.0))
    assert len(found.alike) == 3 and found.in_store == ""
    assert "own search was not used: This MongoDB has no vector search." in found_panel(found, "en")
    assert "此 MongoDB 沒有向量搜尋" in found_panel(found, "zh-Hant")
    answered = found_panel(replace(found, in_store="toy", among=70_000), "en")
    assert "vector search among 70000 cases" in answered and "not used" not in answered
