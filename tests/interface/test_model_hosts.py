"""Sessions, checkpoints and stores behind the page, and where errors meet the reader."""

import pickle
import sys
import threading
import time
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import gradio as gr
import pytest
import torch
from gradio.context import LocalContext

from cases.case import Provenance
from interface.api.tool_calls import for_api
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost, zero_gpu
from interface.models.stores import StoreHost
from interface.session import lanes as guard
from interface.session.session import Session, Sessions
from modeling.errors import CaseStoreError, CheckpointError, ExplanationCancelled, StudyError, ViewboxError
from modeling.labels import APPEARANCE, Target
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Study
from tests.doubles.example_answers import FILM, attribution, case


def test_sessions_are_bounded_and_forgotten():
    sessions = Sessions(capacity=4)
    first = sessions.of("a")
    assert sessions.of("a") is first and sessions.of(None) is not sessions.of(None)
    sessions.of("b"), sessions.of("c")
    assert len(sessions) == 2 and first.stop.is_set() and sessions.of("a") is not first
    kept = sessions.of("a")
    sessions.clear("a")
    assert kept.stop.is_set() and len(sessions) == 1


def opened_from(sessions: Sessions, address: str, *readers: str) -> list[Session]:
    client = type("Client", (), {"host": address})
    token = LocalContext.request.set(type("Request", (), {"client": client}))
    try:
        return [sessions.of(reader) for reader in readers]
    finally:
        LocalContext.request.reset(token)


def test_a_class_behind_one_address_loses_no_session_to_a_stranger_who_opens_many():
    sessions = Sessions(capacity=240, per_address=120)
    students = [f"student {n}" for n in range(100)]
    first = opened_from(sessions, "192.0.2.1", *students)
    opened_from(sessions, "198.51.100.7", *(f"stranger {n}" for n in range(500)))
    assert len(sessions) == 170, "half of what the class left"
    assert [sessions.of(reader) for reader in students] == first and not any(s.stop.is_set() for s in first)
    opened_from(sessions, "192.0.2.1", *(f"late {n}" for n in range(30)))
    assert first[0].stop.is_set() and first[29].stop.is_set() and not first[30].stop.is_set()
    assert sessions.of(students[99]) is first[99], "the longest unused one goes first"


def test_where_films_take_too_much_others_of_the_same_address_go_first():
    sessions = Sessions(film_bytes=3 * FILM.pixels.nbytes)
    held = opened_from(sessions, "192.0.2.1", "a", "b") + opened_from(sessions, "198.51.100.7", "c", "d")
    for session in held:
        session.put(case(), None)
    sessions.of("d")
    assert [reader in sessions._sessions for reader in "abcd"] == [True, True, False, True]
    opened_from(sessions, "203.0.113.5", "e")[0].put(case(), None)
    sessions.of("e")
    assert [reader in sessions._sessions for reader in "abde"] == [False, True, True, True], "longest unused"


def test_a_change_of_the_study_stops_the_work_on_the_last_one():
    session = Session()
    session.put(case(), None)
    session.due = "explain"
    stop = session.begin_explanation()
    assert session.due == "nothing" and not stop.is_set()
    session.revise(Study(FILM))
    assert stop.is_set() and session.due == "predict" and session.version == 2


def test_a_store_that_could_not_be_opened_is_tried_again():
    tries = []

    def open_store():
        tries.append(1)
        if len(tries) == 1:
            raise CaseStoreError("The store is down; try again.")
        return type("Store", (), {"description": "a store"})()

    host = StoreHost(open_store)
    with pytest.raises(CaseStoreError):
        _ = host.store
    assert host.store.description == "a store" and host.store is host.store and len(tries) == 2


def loaded(load) -> ModelHost:
    host = ModelHost(load, "toy")
    assert host.state.phase == "waiting" and not host.settled
    host.load()
    assert host.settled
    return host


def test_a_checkpoint_that_fails_says_why_and_can_be_retried():
    def refuse():
        raise CheckpointError("There is no checkpoint; give one.")

    host = loaded(refuse)
    assert host.state.phase == "failed" and host.state.sentence == "There is no checkpoint; give one."
    with pytest.raises(CheckpointError, match="give one"):
        host.predict(Study(FILM), None)
    host.wait()
    assert host.state.phase == "waiting"


class ToyPipeline:
    """Explains with three refinements and no thought."""

    def explain(self, study, target, *, baseline):  # callbacks cannot travel to another process
        yield from (attribution(evaluations=n) for n in (8, 16, 32))


def test_on_zerogpu_an_explanation_stops_between_refinements():
    travelled = []

    def elsewhere(work):
        def there(*args):
            travelled.append(pickle.loads(pickle.dumps(args))[:2])
            return work(*args)

        return there

    host = ModelHost(ToyPipeline, "toy", on_gpu=elsewhere)
    host._pipeline = host.gateway.lend(ToyPipeline())
    seen, stop, target = [], threading.Event(), Target(APPEARANCE, "Typical")
    with pytest.raises(ExplanationCancelled):
        for step in host.explain(Study(FILM), target, "black", stop, print, anew=True):
            seen.append(step.evaluations)
            if len(seen) == 2:
                stop.set()
    assert seen == [8, 16] and travelled == [("ToyPipeline", "explain")]


def stub_of_spaces(monkeypatch, zero_gpu_is_on):
    """The package that every Gradio Space installs."""
    package, config = ModuleType("spaces"), ModuleType("spaces.config")
    package.GPU, package.__spec__ = object(), ModuleSpec("spaces", None)
    config.Config = SimpleNamespace(zero_gpu=zero_gpu_is_on)
    monkeypatch.setitem(sys.modules, "spaces", package)
    monkeypatch.setitem(sys.modules, "spaces.config", config)
    return package


@pytest.mark.parametrize("zero_gpu_is_on", [False, True])
def test_the_package_of_every_space_changes_nothing_without_zerogpu(monkeypatch, zero_gpu_is_on):
    package = stub_of_spaces(monkeypatch, zero_gpu_is_on)
    assert zero_gpu() is (package.GPU if zero_gpu_is_on else None)


def test_what_zerogpu_forks_knows_the_checks_from_the_start(checkpoint):
    """A fork that was made for a prediction is used again, and knows only what was lent before that."""
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(checkpoint), "toy", on_gpu=lambda work: work)
    host.load()
    assert host.state.phase == "ready" and {*host.gateway._lent} == {"DiagnosisPipeline", "Scrutiny"}


def test_on_a_space_without_zerogpu_an_explanation_tells_its_progress_and_stops_midway(monkeypatch):
    stub_of_spaces(monkeypatch, zero_gpu_is_on=False)
    told, stop = [], threading.Event()

    class Patient:
        def explain(self, study, target, *, baseline, progress, cancelled):
            progress(0.5)
            yield attribution(evaluations=8)
            stop.set()
            assert cancelled()

    host = ModelHost(Patient, "toy", on_gpu=zero_gpu())
    host._pipeline = host.gateway.lend(Patient())
    target = Target(APPEARANCE, "Typical")
    assert len(list(host.explain(Study(FILM), target, "black", stop, told.append, anew=True))) == 1
    assert told == [0.5]


def test_a_fault_of_our_own_while_loading_is_logged_and_worded(caplog):
    def slip():
        raise KeyError("internal detail")

    host = loaded(slip)
    assert host.state.phase == "failed" and "internal detail" not in host.state.sentence
    assert "internal detail" in caplog.text


# --- several checkpoints


class Weightless:
    """Stands in for a pipeline that only has to be there."""

    def __init__(self, *sources: str) -> None:
        self.config = SimpleNamespace(sources=sources, role="model")
        self.origin = SimpleNamespace(name="as loaded", revision="sha256:0")
        self.model, self.device, self.text_sections = torch.nn.Linear(1, 1), "cpu", ()


def shelf(log: list[str], failing: str = "", **sources: tuple[str, ...]) -> Checkpoints:
    """Checkpoints that note when they are loaded."""

    def loader(name: str):
        def load() -> Weightless:
            log.append(name)
            if name == failing:
                raise CheckpointError("Its weights are cut short; fetch it again.")
            return Weightless(*sources[name])

        return load

    return Checkpoints([ModelHost(loader(name), name, known) for name, known in sources.items()])


def wait_until_settled(models: Checkpoints) -> None:
    end = time.monotonic() + 10
    while not models.settled or models._working:
        assert time.monotonic() < end
        time.sleep(0.005)


BOTH = {"film": ("siim", "cohen"), "teaching": ("phantom",)}


@pytest.mark.parametrize(
    ("source", "name"),
    [("siim", "film"), ("phantom", "teaching"), ("nowhere", "film"), ("", "film"), ("cohen", "film")],
)
@pytest.mark.parametrize("order", [("film", "teaching"), ("teaching", "film")])
def test_the_checkpoint_follows_the_source_and_a_readers_own_film_gets_a_real_one(source, name, order):
    models = shelf([], **{each: BOTH[each] for each in order})
    own = replace(case(), provenance=Provenance(source))
    assert models.of("", own).name == name and models.of("teaching", own).name == "teaching"
    assert models.of("", None).name == "film"
    with pytest.raises(ViewboxError, match=", ".join(order)):
        models.of("other", own)


def test_one_checkpoint_alone_serves_every_source():
    models = shelf([], teaching=("phantom",))
    assert models.suiting("siim") is models.suiting("") is models.hosts[0]


def test_a_shortcut_twin_is_only_ever_chosen_by_the_reader():
    honest = shelf([], teaching=("phantom",)).hosts[0]
    twin = ModelHost(lambda: None, "a twin", ("phantom",), twin=True)
    models = Checkpoints([twin, honest])
    assert models.suiting("phantom") is models.suiting("") is honest
    own = replace(case(), provenance=Provenance("phantom"))
    assert models.of("a twin", own) is twin


def test_the_checkpoint_of_the_first_case_is_loaded_first_and_a_failure_stays_alone():
    log: list[str] = []
    models = shelf(log, failing="teaching", **BOTH)
    models.start(lambda: "phantom")
    models.start()
    wait_until_settled(models)
    assert log == ["teaching", "film"]
    assert [host.state.phase for host in models.hosts] == ["ready", "failed"]
    models.start()
    assert len(log) == 2, "a failed one is tried again only when asked for"
    models.retry()
    wait_until_settled(models)
    assert log == ["teaching", "film", "teaching"]


def test_what_a_reader_needs_goes_before_the_first_case():
    log: list[str] = []
    models = shelf(log, **BOTH, other=("openi",))
    models.need(models.named("other"))
    models.start(lambda: "phantom")
    wait_until_settled(models)
    assert log == ["other", "film", "teaching"]


def test_without_a_first_case_everything_is_loaded_all_the_same(caplog):
    def slip() -> str:
        raise OSError("no store")

    log: list[str] = []
    models = shelf(log, **BOTH)
    models.start(slip)
    wait_until_settled(models)
    assert log == ["film", "teaching"] and "no store" in caplog.text


def test_what_was_loaded_says_what_it_suits():
    host = ModelHost(lambda: Weightless("ricord"), "repo")
    assert host.sources == ()
    host.load()
    assert host.sources == ("ricord",) and host.state.parameters == 2


# --- where errors meet the reader


def test_our_own_slips_are_logged_and_shown_as_one_sentence(caplog):
    def slip() -> str:
        raise ZeroDivisionError("internal detail")

    with pytest.raises(gr.Error) as caught:
        for_api(slip)()
    assert caught.value.message == guard.OUR_SIDE and "internal detail" in caplog.text
    assert guard.on_screen(slip, lambda refusal: {"message": refusal})() == {"message": guard.OUR_SIDE}


def test_a_readers_error_is_shown_in_its_own_words():
    def refuse():
        raise StudyError("Age is 300; correct it.")
        yield

    assert list(guard.on_screen(refuse, lambda refusal: {"message": refusal})()) == [
        {"message": "Age is 300; correct it."}
    ]
