"""Who waits for the model at which position, and how short work passes long work."""

import threading
import time
from html import unescape
from types import SimpleNamespace

import gradio as gr
import pytest

from interface.models.model_host import Gateway
from interface.session.lanes import ModelQueue, on_screen, position_line
from modeling.errors import ViewboxError


def request(session: str) -> gr.Request:
    return gr.Request(session_hash=session)


def test_the_position_counts_who_came_first_and_who_is_answered():
    queue = ModelQueue()
    queue.enter("a")
    assert queue.position("a") == 0
    with queue.served(request("a")):
        queue.enter("b")
        queue.enter("c")
        queue.enter("b")
        assert [queue.position(s) for s in ("a", "b", "c", "stranger")] == [0, 1, 2, 0]
    assert (queue.position("b"), queue.position("c")) == (0, 1)
    queue.leave("b")
    assert queue.position("c") == 0


def test_a_reader_who_is_answered_and_waits_again_counts_once():
    queue = ModelQueue()
    with queue.served(request("a")), queue.served(request("a")):
        queue.enter("a")
        queue.enter("b")
        assert queue.position("b") == 1


def test_a_handler_is_served_until_it_ends_or_fails():
    queue = ModelQueue()

    def steps(_: gr.Request):
        yield 1
        raise ViewboxError("halfway")

    running = on_screen(steps, lambda refusal: {"message": refusal}, around=queue.served)(request("a"))
    next(running)
    queue.enter("b")
    assert queue.position("b") == 1
    assert next(running) == {"message": "halfway"} and queue.position("b") == 0


def test_a_caller_without_a_session_is_served_too():
    queue = ModelQueue()
    with queue.served(None):
        queue.enter("b")
        assert queue.position("b") == 1


@pytest.mark.parametrize(("language", "word"), [("en", "number 3 in line"), ("zh-Hant", "第 3 位")])
def test_the_position_is_said_in_words(language, word):
    assert position_line(0, language) == "" and word in position_line(2, language)
    next_one = unescape(position_line(1, language))
    assert next_one and "3" not in next_one


def test_long_work_holds_still_while_short_work_is_made():
    gateway, stop, trace = Gateway(), threading.Event(), []
    ask = gateway.pausing(stop)
    assert ask() is False

    def long_work() -> None:
        trace.append(("asked", ask()))

    with gateway.short():
        thread = threading.Thread(target=long_work)
        thread.start()
        time.sleep(0.1)
        trace.append("short")
    thread.join(5)
    assert trace == ["short", ("asked", False)]
    with gateway.short():
        thread = threading.Thread(target=long_work)
        thread.start()
        time.sleep(0.1)
    time.sleep(0.01)
    with gateway.short():  # another reader's, right behind
        time.sleep(0.1)
        trace.append("short")
    thread.join(5)
    assert trace[2:] == ["short", ("asked", False)]
    with gateway.short():
        stop.set()
        assert ask() is True, "who is told to stop does not wait"


def test_work_that_fails_does_not_hold_the_way():
    gateway = Gateway()
    with pytest.raises(ValueError, match="no"), gateway.short():
        raise ValueError("no")
    assert gateway.pausing(threading.Event())() is False


def test_who_is_far_back_is_told_now_and_then_and_who_is_near_of_each_step(monkeypatch):
    import asyncio

    from interface.case_tab import trust_handlers

    monkeypatch.setattr(trust_handlers, "LOOK_SECONDS", 0.0)
    positions = iter(range(30, -1, -1))
    session = SimpleNamespace(due="predict", language="en")

    def position(_: str) -> int:
        now = next(positions)
        session.due = "predict" if now else "nothing"
        return now

    queue = SimpleNamespace(enter=lambda _: None, leave=lambda _: None, position=position)
    works = SimpleNamespace(of=lambda _: session), SimpleNamespace(position="position")
    actions = trust_handlers.ScrutinyActions(*works, SimpleNamespace(can_answer=lambda _: True), queue)

    async def told() -> list[object]:
        return [update["position"] async for update in actions.wait(request("b"))]

    said = [unescape(str(line)) for line in asyncio.run(told())]
    assert said[:-1] == [unescape(position_line(place, "en")) for place in (30, 3, 2, 1, 0)], said


def test_the_wait_ends_with_the_work_that_was_due():
    """Nothing is said where nobody comes first, and the position is given up when nothing is due."""
    import asyncio

    from interface.case_tab.trust_handlers import ScrutinyActions

    session = SimpleNamespace(due="predict", language="en")
    queue = ModelQueue()
    actions = ScrutinyActions(
        SimpleNamespace(of=lambda _: session),
        SimpleNamespace(position="position"),
        SimpleNamespace(can_answer=lambda _: True),
        queue,
    )

    async def told() -> list[object]:
        found = []
        async for update in actions.wait(request("b")):
            found.append(update["position"])
            session.due = "nothing"
        return found

    queue.enter("a")
    said = asyncio.run(told())
    assert "yours is next" in said[0] and said[-1] == "" and queue.position("b") == 0
