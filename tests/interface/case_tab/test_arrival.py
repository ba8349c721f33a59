"""Before the first reader comes: the first case that can be looked at is answered, explained and checked."""

import threading

import pytest

from cases.case import Licence
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from interface.case_tab.arrival_handlers import prepare_front
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.session.study_edits import target_of
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.example_cases import small_case
from tests.doubles.toys import toy_checkpoint

HIDDEN = Licence("not for show", may_show=False, may_export=False)


@pytest.fixture
def stores(tmp_path) -> StoreHost:
    with EmbeddedCaseStore.create(tmp_path / "store") as store:
        store.put(small_case("a-hidden", licence=HIDDEN))
        store.put(small_case("b-shown"))
        store.put(small_case("other-shown"))
    return StoreHost(lambda: open_case_store(str(tmp_path / "store"), "unused"))


def test_the_page_opens_on_a_film_that_may_be_shown(stores):
    assert [row.case_id for row in stores.front(2)] == ["b-shown", "other-shown"]
    assert stores.front(9)[-1].case_id == "a-hidden"


def test_what_the_first_reader_waits_for_is_done_ahead(tmp_path, stores, monkeypatch):
    folder = toy_checkpoint(tmp_path / "toy")
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(str(folder)), "toy")
    prepare_front(Checkpoints([host]), stores)

    def unexpected(*_: object, **__: object) -> None:
        raise AssertionError("computed once more")

    study, stop = stores.case("b-shown").study, threading.Event()
    target = target_of(host.predict(study, None), None)
    monkeypatch.setattr(type(host.pipeline), "explain", unexpected)
    *_, known = host.explain(study, target, "black", stop)
    assert known.target == target and known.image is not None
    with pytest.raises(AssertionError, match="once more"):
        list(host.explain(stores.case("other-shown").study, target, "black", stop))


def test_a_store_that_cannot_be_opened_does_not_end_the_server(caplog):
    def failing() -> None:
        raise OSError("gone")

    prepare_front(Checkpoints([ModelHost(lambda: None, "toy")]), StoreHost(failing))
    assert "not prepared" in caplog.text
