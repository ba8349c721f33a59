"""One client's requests do not fill what others wait for, and films are read before their turn."""

import asyncio
import base64
import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from fastapi import Request
from gradio.data_classes import PredictBodyInternal

from cases.reading.upload import film_of_base64, read_upload
from interface.browser.routes import Gate
from interface.session.admission import FILMS, PLACES, PLACES_OF_ONE, FairQueue, file_names, sent_film
from interface.session.shares import Shares, address_of
from modeling.errors import StudyError, ViewboxError
from modeling.study import Radiograph
from tests.hostile.films import small_jpeg


def request(address: str) -> Request:
    return Request({"type": "http", "client": (address, 1), "headers": [], "path": "/", "query_string": b""})


def test_nobody_holds_more_than_is_left_free():
    shares = Shares(100)
    assert shares.take("a", 50) and not shares.take("a", 1)
    assert shares.take("b", 25) and not shares.take("b", 1) and shares.take("c", 12)
    shares.give("a", 50)
    assert shares.take("b", 6) and shares.take("a", 20)


def test_an_address_is_a_host_or_the_network_of_one():
    assert address_of(request("192.0.2.1")) == "192.0.2.1" and address_of(None) == ""
    assert address_of(request("2001:db8:0:1::5")) == address_of(request("2001:db8:0:1:9::")) != ""
    assert address_of(request("testclient")) == "testclient"


class Decoder:
    """Reads in this process; a file of b"hold" waits until it is let go."""

    def __init__(self) -> None:
        self.held, self.read_files = threading.Event(), 0

    def read(self, text: str, name: str = "") -> Radiograph:
        self.read_files += 1
        data = film_of_base64(text)
        if data == b"hold":
            assert self.held.wait(10)
        return read_upload(data, name)


class Page:
    """A queue with five endpoints; `join` gives what a caller is told."""

    def __init__(self) -> None:
        def explain(case_id: str = "") -> str:
            return case_id

        def predict(film: str = "", name: str = "") -> str:
            return name

        def take_film(event: gr.EventData) -> str:
            return str(event)

        def predict_films(films: list | None = None, names: list | None = None) -> str:
            return str(films)

        def predict_study(films: list | None = None, days: list | None = None) -> str:
            return str(films)

        with gr.Blocks() as page:
            gr.api(explain, api_name="explain", concurrency_id="model", concurrency_limit=1)
            gr.api(predict, api_name="predict", concurrency_id="short", concurrency_limit=1)
            gr.Button().click(take_film, None, gr.Textbox(), api_visibility="private")
            gr.api(predict_films, api_name="predict_films", concurrency_id="model", concurrency_limit=1)
            gr.api(predict_study, api_name="predict_study", concurrency_id="short", concurrency_limit=1)
        page.queue()
        self.decoder, self.gone = Decoder(), []
        self.queue = FairQueue(self.decoder, self.gone.append, blocks=page, default_concurrency_limit=1)
        self.lanes = self.queue.event_queue_per_concurrency_id

    async def join(self, number: int, session: str, address: str, *data: object, told: object = None) -> str:
        asked = request(address)
        body = PredictBodyInternal(
            fn_index=number, session_hash=session, data=list(data), event_data=told, request=asked
        )
        return (await self.queue.push(body, asked, None))[2]

    def next(self) -> str | None:
        """Whose turn it is."""
        events = self.queue.get_events()
        return events and events[0][0].session_hash

    def refusal(self, session: str) -> str:
        told = self.queue.pending_messages_per_session[session]
        return [told.get_nowait() for _ in range(told.qsize())][-1].output["error"]

    def listening(self, session: str) -> Any:
        """How the queue knows a session to listen."""
        return self.queue._listening[self.queue.pending_messages_per_session[session]]

    async def turn(self) -> Any:
        """What the next one to be answered has sent."""
        events: Any = None

        def came() -> bool:
            nonlocal events
            events = self.queue.get_events()
            return events is not None

        await self.until(came)
        return events[0][0].data

    async def until(self, there: Callable[[], bool]) -> None:
        for _ in range(500):
            if there():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it never came")


def test_a_client_who_asks_for_everything_leaves_places_and_turns_to_others(monkeypatch):
    patience = 1000.0  # on a machine that does other things besides
    monkeypatch.setattr("interface.session.admission.PATIENCE", patience)

    async def told() -> None:
        page = Page()
        own = [await page.join(0, "greedy", "198.51.100.7", "") for _ in range(2 * PLACES_OF_ONE)]
        assert own.count("success") == PLACES_OF_ONE and own[-1] == "queue_full"
        fresh = [await page.join(0, f"session {n}", "198.51.100.7", "") for n in range(PLACES)]
        assert len(page.lanes["model"].queue) == PLACES // 2 and fresh[-1] == "queue_full"
        assert await page.join(1, "light", "198.51.100.7", "", "") == "success", (
            "another lane has its own places"
        )
        assert {await page.join(0, f"reader {n}", f"192.0.2.{n}", "") for n in range(20)} == {"success"}
        turns = [page.next() for _ in range(23)]
        turns.remove("light")
        assert turns[0] == "greedy" and set(turns[1:21]) == {f"reader {n}" for n in range(20)}
        assert turns[21] == "session 0", "of one address, who was not answered yet"
        for event in [e for e in page.lanes["model"].queue if e.session_hash.startswith("session")][:30]:
            page.listening(event.session_hash).since -= 2 * patience
        assert page.next() == "session 31", "those who do not listen have left"
        assert "listen for it" in page.refusal("session 30")
        del page.queue.pending_messages_per_session["session 32"]
        assert page.next() == "session 33", "nobody can be told"
        await page.queue.clean_events(session_hash="greedy")
        assert page.gone == ["greedy"]
        assert all(event.session_hash != "greedy" for event in page.lanes["model"].queue)

    asyncio.run(told())


def test_who_listens_is_answered_after_any_wait_though_a_message_is_on_its_way():
    async def told() -> None:
        page = Page()
        await page.join(0, "reader", "192.0.2.1", "")
        told = page.queue.pending_messages_per_session["reader"]
        page.lanes["model"].queue[0].enqueue_time -= 1000.0
        for _ in range(3):  # a busy machine: each wait is longer than any patience
            page.listening("reader").since -= 1000.0
            told.get_nowait()
            page.queue.broadcast_estimations("model")
            assert told.qsize() == 1 and not page.queue._is_left(page.lanes["model"].queue[0])
        page.queue.broadcast_estimations("model")
        told.get_nowait()  # taken late, the next one not yet
        page.listening("reader").since -= 1000.0
        page.queue.broadcast_estimations("model")
        assert page.next() == "reader"

    asyncio.run(told())


def test_a_film_is_read_before_its_turn_and_one_that_is_none_ends_there():
    film = base64.b64encode(small_jpeg()).decode()
    hold = base64.b64encode(b"hold").decode()

    async def told() -> None:
        page = Page()
        await page.join(1, "slow", "198.51.100.7", hold, "a")
        await page.join(1, "after it", "198.51.100.7", film, "b")
        await page.join(1, "broken", "192.0.2.1", "no base64!", "c")
        await page.join(1, "reader", "192.0.2.2", film, "d")
        await page.until(lambda: not {e.session_hash for e in page.lanes["short"].queue} & {"broken"})
        assert "not valid base64" in page.refusal("broken")
        await page.until(lambda: page.next() == "reader")
        assert page.next() is None, "a film of the same address waits for the one before"
        page.decoder.held.set()
        await page.until(lambda: page.next() == "after it")
        assert "no image that can be read" in page.refusal("slow")
        await page.join(1, "gone", "192.0.2.3", hold, "e")
        before = page.decoder.read_files
        await page.join(1, "left", "192.0.2.3", film, "f")
        await page.queue.clean_events(session_hash="left")
        await page.until(lambda: not page.queue._tasks)
        assert page.decoder.read_files <= before + 1, "what nobody waits for is not read"

    asyncio.run(told())


def test_a_film_of_the_page_reaches_its_handler_read_or_refused():
    async def told() -> list[object]:
        page, found = Page(), []
        for data in (base64.b64encode(small_jpeg()).decode(), "no base64!"):
            await page.join(2, "reader", "192.0.2.1", told={"data": data, "name": "film.jpg"})
            found.append((await page.turn()).event_data["data"])
        return found

    read, refused = asyncio.run(told())
    assert sent_film(read).shape == (128, 128)
    with pytest.raises(StudyError, match="not valid base64"):
        sent_film(refused)
    with pytest.raises(ViewboxError, match="as base64 text"):
        sent_film({"path": "/etc/passwd"})


def test_the_films_of_a_study_from_the_page_are_read_before_its_turn_too():
    film = base64.b64encode(small_jpeg()).decode()

    async def told() -> list[object]:
        page = Page()
        films = [{"data": film, "name": "a.jpg"}, "no film", {"data": "no base64!"}]
        films += [{"data": film} for _ in range(8)]
        await page.join(2, "reader", "192.0.2.1", told={"films": films})
        return (await page.turn()).event_data["films"]

    read = asyncio.run(told())
    assert sent_film(read[0]["data"]).shape == (128, 128)
    with pytest.raises(StudyError, match="not valid base64"):
        sent_film(read[2]["data"])
    assert isinstance(read[-1]["data"], str), "no more than a study holds is decoded"


def test_the_films_of_a_call_are_read_before_its_turn_and_a_bad_one_stops_none(monkeypatch):
    film = base64.b64encode(small_jpeg()).decode()

    async def told() -> list[list[object]]:
        page, found = Page(), []
        file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
        for films in ([film, "no base64!", file, film], [film] * (FILMS + 1)):
            await page.join(3, "reader", "192.0.2.1", films, ["a", "b"])
            found.append((await page.turn()).data[0])
        return found

    read, too_many = asyncio.run(told())
    assert sent_film(read[0]).shape == sent_film(read[3]).shape == (128, 128)
    with pytest.raises(StudyError, match="not valid base64"):
        sent_film(read[1])
    with pytest.raises(StudyError, match="as base64 text"):
        sent_film(read[2])
    assert set(too_many) == {film}, "nothing is read of a call that is refused"
    monkeypatch.setattr("interface.session.admission.WAITING_BYTES", 4 * 128 * 128)
    first, *_, last = asyncio.run(told())[0]
    assert sent_film(first).shape == (128, 128) and isinstance(last, StudyError), (
        "small files hold large films"
    )
    assert file_names(["a", "b" * 999], 3) == ["a", "b" * 120, "film 3"]


def test_of_a_study_of_a_hundred_films_the_first_alone_is_read():
    film = base64.b64encode(small_jpeg()).decode()

    async def told() -> tuple[list[object], list[object], int]:
        page = Page()
        await page.join(4, "reader", "192.0.2.1", [film] * 8, [0] * 8)
        whole = (await page.turn()).data[0]
        await page.join(4, "reader", "192.0.2.1", [film] * 100, None)
        return whole, (await page.turn()).data[0], page.decoder.read_files

    whole, many, read = asyncio.run(told())
    assert all(isinstance(one, Radiograph) for one in whole)
    assert isinstance(many[0], Radiograph) and set(many[1:]) == {film} and read == 9


def test_more_bytes_than_an_address_may_hold_are_refused(monkeypatch):
    hold = base64.b64encode(b"hold").decode()
    monkeypatch.setattr("interface.session.admission.WAITING_BYTES", 8 * len(hold))

    async def told() -> None:
        page = Page()
        for n in range(6):
            await page.join(1, f"film {n}", "198.51.100.7", hold, "a")
        assert len(page.lanes["short"].queue) == 4 and "waiting already" in page.refusal("film 5")
        await page.join(1, "reader", "192.0.2.1", hold, "a")
        assert len(page.lanes["short"].queue) == 5
        page.decoder.held.set()
        await page.until(lambda: not page.queue._tasks)

    asyncio.run(told())


def test_bodies_that_are_read_at_the_same_time_are_bounded(monkeypatch):
    monkeypatch.setattr("interface.browser.routes.BODIES", 100)
    monkeypatch.setattr("interface.browser.routes.UNCOUNTED", 5)
    told, read = [], asyncio.Event()

    async def app(scope: dict, receive: Callable, send: Callable) -> None:
        while (await receive())["more_body"]:
            pass
        told.append(scope["client"][0])
        await read.wait()

    async def sent(address: str, *parts: int) -> None:
        waiting = [{"type": "http.request", "body": b"x" * n, "more_body": True} for n in parts]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> dict:
            return waiting.pop(0)

        async def send(message: dict) -> None:
            told.append(message.get("status") or message["body"].decode())

        await gate({**request(address).scope, "method": "POST"}, receive, send)

    async def all_sent() -> None:
        reading = [
            asyncio.create_task(sent("198.51.100.7", 30, 20)),
            asyncio.create_task(sent("192.0.2.1", 25)),
        ]
        await asyncio.sleep(0)
        await sent("198.51.100.7", 20)
        assert told == ["198.51.100.7", "192.0.2.1", 503, told[3]] and "try again" in told[3]
        reading.append(asyncio.create_task(sent("198.51.100.7", 5)))
        await asyncio.sleep(0)
        assert told[4:] == ["198.51.100.7"], "a small body is always read"
        read.set()
        await asyncio.gather(*reading)
        await sent("198.51.100.7", 50)
        assert told[5:] == ["198.51.100.7"], "what is answered is not held"

    gate = Gate(app)
    asyncio.run(all_sent())
