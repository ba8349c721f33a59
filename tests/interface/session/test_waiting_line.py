"""Who waits for the model and at which place, and how short work passes long work."""

import threading
import time
from types import SimpleNamespace

import gradio as gr
import pytest

from interface.models.gateway import Gateway
from interface.session.waiting_line import Line, place_line


def request(session: str) -> gr.Request:
    return gr.Request(session_hash=session)


def test_the_place_counts_who_came_first_and_who_is_answered():
    line, places = Line(), []

    def answer(_: gr.Request) -> None:
        line.enter("b")
        line.enter("c")
        line.enter("b")
        places.extend(line.place(s) for s in ("a", "b", "c", "stranger"))

    line.enter("a")
    assert line.place("a") == 0
    line.served(answer)(request("a"))
    assert places == [0, 1, 2, 0]
    assert (line.place("b"), line.place("c")) == (0, 1)
    line.leave("b")
    assert line.place("c") == 0


def test_a_reader_who_is_answered_and_waits_again_counts_once():
    line, places = Line(), []

    def answer(_: gr.Request) -> None:
        line.enter("a")
        line.enter("b")
        places.append(line.place("b"))

    line.served(answer)(request("a"))
    assert places == [1]


def test_a_generator_is_served_until_it_ends_or_fails():
    line = Line()

    def steps(_: gr.Request):
        yield 1
        raise ValueError("halfway")

    running = line.served(steps)(request("a"))
    next(running)
    line.enter("b")
    assert line.place("b") == 1
    with pytest.raises(ValueError, match="halfway"):
        next(running)
    assert line.place("b") == 0


def test_a_caller_without_a_session_is_served_too():
    line = Line()
    assert line.served(lambda: 3)() == 3


@pytest.mark.parametrize(("language", "word"), [("en", "number 3 in line"), ("zh-Hant", "第 3 位")])
def test_the_place_is_said_in_words(language, word):
    assert place_line(0, language) == "" and word in place_line(2, language)
    assert place_line(1, language) and "3" not in place_line(1, language)


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
        stop.set()
        assert ask() is True, "who is told to stop does not wait"


def test_work_that_fails_does_not_hold_the_way():
    gateway = Gateway()
    with pytest.raises(ValueError, match="no"), gateway.short():
        raise ValueError("no")
    assert gateway.pausing(threading.Event())() is False


def test_the_wait_ends_with_the_work_that_was_due():
    """Nothing is said where nobody comes first, and the place is given up when nothing is due."""
    import asyncio

    from interface.case_tab.trust_handlers import ScrutinyActions

    desk = SimpleNamespace(due="predict", language="en")
    line = Line()
    actions = ScrutinyActions(
        SimpleNamespace(of=lambda _: desk),
        SimpleNamespace(line="line"),
        SimpleNamespace(can_answer=lambda _: True),
        line,
    )

    async def told() -> list[object]:
        found = []
        async for update in actions.wait(request("b")):
            found.append(update["line"])
            desk.due = "nothing"
        return found

    line.enter("a")
    said = asyncio.run(told())
    assert "yours is next" in said[0] and said[-1] == "" and line.place("b") == 0
