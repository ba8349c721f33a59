"""A page that asks again while its stream of answers ends still reads the answer."""

import asyncio
import json

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

from interface.browser.answer_stream import AnswerStream

BROWSER = {"sec-fetch-mode": "cors"}


def a_page(linger: float) -> tuple[gr.Blocks, gr.routes.App]:
    with gr.Blocks() as blocks:
        asked, said = gr.Textbox(), gr.Textbox()
        asked.submit(lambda words: f"{words}!", asked, said)
    middleware = [Middleware(AnswerStream, linger=linger)]
    return blocks, gr.routes.App.create_app(blocks, app_kwargs={"middleware": middleware})


async def told(headers: dict[str, str], linger: float = 0.5) -> list[dict]:
    """Ask, let it be answered, ask again before anything of the first stream is read; all that it holds."""
    blocks, app = a_page(linger)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://viewbox", headers=headers) as page:

        async def ask(words: str) -> str:
            sent = {"fn_index": 0, "data": [words], "session_hash": "reader"}
            return (await page.post("/gradio_api/queue/join", json=sent)).json()["event_id"]

        blocks.run_startup_events()
        await ask("once")
        stream = asyncio.create_task(page.get("/gradio_api/queue/data?session_hash=reader"))
        while blocks._queue.pending_event_ids_session["reader"]:
            await asyncio.sleep(0.01)
        await ask("again")
        read = (await stream).text
    return [json.loads(line[6:]) for line in read.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize("headers, answered", [(BROWSER, ["once!", "again!"]), ({}, ["once!"])])
def test_what_is_asked_while_the_stream_ends_is_told_on_it(headers, answered):
    messages = asyncio.run(told(headers))
    said = [m["output"]["data"][0] for m in messages if m["msg"] == "process_completed"]
    assert said == answered
    assert [m["msg"] for m in messages].count("close_stream") == 1 and messages[-1]["msg"] == "close_stream"


def test_a_stream_that_nobody_asks_on_ends():
    messages = asyncio.run(told(BROWSER, linger=0.1))
    assert messages[-1]["msg"] == "close_stream"
