"""Requests that fit nothing: every event and endpoint of a page with every value that it does not take."""

import asyncio
import json
from typing import Any

import httpx

FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}, "orig_name": "x", "url": None}
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, "x", "\ud800", "9" * 400, [], [[[]]], [None, {}], {}, {"value": []}, FILE,
    {"age": FILE}, {"__type__": "update"}, {"data": 1, "name": [], "address": {}, "id": -1, "x": "nan"},
)  # fmt: skip
"""One of which is sent in the place of every value, and of what an event tells."""
BODIES = (
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"data": 1}', b'{"data": [' + b"[" * 50_000, b'"' * 99,
    b'{"data": [NaN], "session_hash": [], "fn_index": {}}',
    b'{"data": [], "session_hash": "a", "fn_index": 1e400}',
    json.dumps({"data": [], "session_hash": "a", "fn_index": 10**40}).encode(),
    b'{"data": [' + b"[" * 900 + b"]" * 900 + b'], "session_hash": "a", "fn_index": 0}',
    b'{"data": [], "session_hash": "a", "fn_index": -1, "trigger_id": "x", "event_data": 3}',
)  # fmt: skip
"""Of a request that should hold JSON of a certain form."""
POSTED = (
    "queue/join", "run/predict", "api/predict", "call/predict", "call/v2/predict", "call/v2/nothing",
    "cancel", "reset", "component_server", "mcp/", "mcp/sse", "stream/x", "login", "vibe-edit/", "upload",
)  # fmt: skip
FETCHED = (
    *(f"gradio_api/{route}" for route in (
        "queue/data?session_hash=nobody", "queue/data", "call/predict/nobody", "heartbeat/", "info?x=%ff",
        "file=%00", "file=../app.py", "proxy=http://127.0.0.1:9/", "custom_component/x/y/z/w", "dev/reload",
        "openapi.json", "stream/a/b/c/playlist.m3u8", "run-history/records", "upload_progress?upload_id=%00",
        "%ff%fe", "startup-events",
    )),
    "?lang=%00", "?case=%ff%00", "?" + "a=" * 2000, "static/%00", "assets/..%2f..%2fapp.py", "svelte/x",
    "%E2%80%AE", "config?x=%ff", "pwa_icon/a", "monitoring", "monitoring/summary", "manifest.json",
    "?deep_link=..%2f..", "?view=api",
)  # fmt: skip


class Sender:
    """Sends to one running page, each request from an address of its own."""

    def __init__(self, address: str, patience: float = 5.0) -> None:
        """`patience` is in seconds: what has not ended by then never does, such as a heartbeat."""
        self._http = httpx.AsyncClient(base_url=address, timeout=120)
        self._patience, self._count, self._free = patience, 0, asyncio.Semaphore(16)

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def told(self, method: str, route: str, body: bytes | None = None) -> tuple[int, str]:
        """Status and text of an answer, as far as it comes."""
        self._count += 1
        own = f"192.0.{self._count // 250 % 250}.{self._count % 250}"
        headers = {"content-type": "application/json", "x-forwarded-for": own}
        text, status = b"", 0
        try:
            async with asyncio.timeout(self._patience):
                async with self._http.stream(method, route, content=body, headers=headers) as answer:
                    status = answer.status_code
                    async for part in answer.aiter_bytes():
                        text += part
                        if b"close_stream" in text:
                            break
        except (TimeoutError, httpx.TransportError):  # some bodies are refused while they are on their way
            pass
        return status, text.decode(errors="replace")

    async def event(self, event: dict[str, Any], value: Any, few: int = 0) -> str:
        """What the server says of an event, sent with a value in every place, or with too few of them."""
        async with self._free:
            self._count += 1
            session = f"session-{self._count}"
            told = value if isinstance(value, dict) or value is None else {"x": value}
            data = [value] * max(len(event["inputs"]) - few, 0)
            body = {"data": data, "fn_index": event["id"], "session_hash": session, "event_data": told}
            route = "run/predict" if event["queue"] is False else "queue/join"
            status, text = await self.told("POST", f"/gradio_api/{route}", json.dumps(body).encode())
            if status == 200 and event["queue"] is not False:
                text += (await self.told("GET", f"/gradio_api/queue/data?session_hash={session}"))[1]
            return text


async def events_of(address: str) -> list[dict[str, Any]]:
    """The page's events, as its configuration names them."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        return (await http.get("/config")).json()["dependencies"]
