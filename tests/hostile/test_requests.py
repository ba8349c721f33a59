"""Requests that fit nothing get a sentence, and nothing of theirs fills the log."""

import asyncio
import re

import pytest

from interface.session.lanes import OUR_SIDE
from tests.doubles.app_client import nothing_of_an_upload_stays  # noqa: F401 (fixture)
from tests.hostile.requests import BODIES, FETCHED, POSTED, VALUES, Sender, events_of
from tests.hostile.test_fuzz import EXAMPLES

ROUNDS = len(VALUES) if EXAMPLES > 100 else 1


def new_traces(served, before: int) -> list[str]:
    """What has been logged since with a traceback: its last line."""
    log = served.log.read_text()[before:]
    return re.findall(r"^Traceback.*?\n(?=\S)(?!  )([^\n]*)", log, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("few", [0, 1])
def test_every_event_says_what_is_wrong_with_its_values(served, client, few):
    async def sent() -> list[str]:
        async with Sender(served.url, patience=1.0) as sender:
            events = await events_of(served.url)
            pairs = [
                (event, VALUES[(n + shift) % len(VALUES)])
                for shift in range(ROUNDS)
                for n, event in enumerate(events)
            ]
            return await asyncio.gather(*(sender.event(event, value, few) for event, value in pairs))

    before = len(served.log.read_text())
    said = asyncio.run(sent())
    assert new_traces(served, before) == []
    assert not [text[:400] for text in said if OUR_SIDE in text or "Traceback" in text]


def test_requests_of_no_form_are_refused_and_fill_no_log(served, client):
    async def sent() -> list[tuple[str, int, str]]:
        async with Sender(served.url, patience=1.0) as sender:
            posted = [(route, body) for route in POSTED for body in BODIES]
            told = [
                (route, *await sender.told("POST", f"/gradio_api/{route}", body)) for route, body in posted
            ]
            return told + [(route, *await sender.told("GET", f"/{route}")) for route in FETCHED]

    before = len(served.log.read_text())
    said = asyncio.run(sent())
    assert new_traces(served, before) == []
    # 500 is gradio's way of sending a sentence to a caller outside the queue.
    assert [one for one in said if one[1] >= 500 and not re.match(r'{"error":"[A-Z]', one[2])] == []
