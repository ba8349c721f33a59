"""A reader's page without a browser: its events, their chains and its film, over plain HTTP.

What follows what is read from the page's own configuration, so nothing here knows the page's handlers.
"""

import asyncio
import html
import json
import re
import secrets
import time
from typing import Any

import httpx
from gradio_client.utils import apply_diff

PATIENCE = 600.0
_CONFIG = re.compile(r"window\.gradio_config\s*=\s*(\{.*?\});</script>", re.DOTALL)


def _words(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


class PageError(Exception):
    """The server refused an event, or told the reader of a fault."""


class ScreenlessReader:
    """One page, one session.

    Attributes:
        values: component id -> what stands there now.
        places: what the page said about the place in line, in order.
        faults: every refusal that was put on screen, and every event that failed.
    """

    def __init__(self, address: str, comes_from: str = "127.0.0.1") -> None:
        """
        Args:
            address: of the server, without a slash at its end.
            comes_from: the reader's own address, as a proxy on the server's machine would tell it.
        """
        self.address, self.session = address, secrets.token_hex(8)
        # None is kept: where a busy server has just closed one, a browser asks again, and httpx does not.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        headers = {"x-forwarded-for": comes_from}
        self._http = httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=limits, headers=headers)
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._stream: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.values: dict[int, Any] = {}
        self.places: list[str] = []
        self.ranks: list[int] = []
        self.faults: list[str] = []
        self.film_seen: dict[str, float] = {}
        self.changed = asyncio.Event()

    # --- the page

    async def open(self) -> float:
        """Fetch the page and let it do what it does when it is opened; gives the seconds of the fetch."""
        started = time.perf_counter()
        page = (await self._http.get("/", headers={"accept-language": "en-US"})).raise_for_status().text
        seconds = time.perf_counter() - started
        found = _CONFIG.search(page)
        config = json.loads(found[1]) if found else (await self._http.get("/config")).json()
        self._components = {c["id"]: c for c in config["components"]}
        self._dependencies = {d["id"]: d for d in config["dependencies"]}
        self._prefix = config.get("api_prefix", "/gradio_api")
        self.values = {i: c.get("props", {}).get("value") for i, c in self._components.items()}
        self._spawn(self._beat())
        for dependency in self._dependencies.values():
            if any(event == "load" for _, event in dependency["targets"]):
                self._spawn(self._run(dependency))
        return seconds

    async def close(self) -> None:
        """Leave: the server hears of it as it does when a tab is shut."""
        for task in [*self._tasks, *([self._stream] if self._stream else [])]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def by_id(self, elem_id: str) -> int:
        """The component with this id in the page."""
        return next(i for i, c in self._components.items() if c.get("props", {}).get("elem_id") == elem_id)

    def by_text(self, key: str, kind: str = "button") -> int:
        """The component whose label is the string with this key."""
        return next(
            i
            for i, c in self._components.items()
            if c.get("type") == kind and f"{key}" in json.dumps(c.get("props", {}).get("value"))
        )

    def press(self, component: int, event: str = "click") -> None:
        """What a press sets off; it goes on by itself."""
        for dependency in self._dependencies.values():
            if [component, event] in dependency["targets"]:
                self._spawn(self._run(dependency))

    async def until(self, there: Any, patience: float = PATIENCE) -> float:
        """Wait until `there()`; gives the seconds.

        Raises:
            TimeoutError: it never came.
        """
        started = time.perf_counter()
        while not there():
            self.changed.clear()
            left = patience - (time.perf_counter() - started)
            await asyncio.wait_for(self.changed.wait(), max(left, 0.01))
        return time.perf_counter() - started

    async def has_film(self, key: str) -> bool:
        """Whether the server still holds a film that was seen."""
        return (await self._http.get(f"viewbox/film/{key}")).status_code == 200

    # --- events

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, dependency: dict[str, Any]) -> None:
        """One event, then what follows it."""
        succeeded = True
        if dependency.get("backend_fn", True):
            try:
                succeeded = await self._asked(dependency)
            except (httpx.HTTPError, PageError) as exc:
                self.faults.append(f"{dependency.get('api_name')}: {type(exc).__name__} {exc}")
                self.changed.set()
                succeeded = False
        for following in self._dependencies.values():
            if following.get("trigger_after") != dependency["id"]:
                continue
            if following.get("trigger_only_on_success") and not succeeded:
                continue
            if following.get("trigger_only_on_failure") and succeeded:
                continue
            self._spawn(self._run(following))

    async def _asked(self, dependency: dict[str, Any]) -> bool:
        body = {
            "data": [self.values.get(i) for i in dependency["inputs"]],
            "fn_index": dependency["id"],
            "session_hash": self.session,
            "event_data": None,
            "trigger_id": None,
        }
        if dependency.get("queue") is False:
            answer = await self._http.post(f"{self._prefix}/run/predict", json=body)
            if answer.status_code != 200:
                return False
            self._put(dependency, answer.json()["data"])
            return True
        joined = (await self._http.post(f"{self._prefix}/queue/join", json=body)).raise_for_status().json()
        events = self._waiting.setdefault(joined["event_id"], asyncio.Queue())
        self._listen()
        return await self._followed(dependency, events)

    async def _followed(self, dependency: dict[str, Any], events: asyncio.Queue[dict[str, Any]]) -> bool:
        shown: list[Any] | None = None
        while True:
            told = await events.get()
            kind, data = told["msg"], told.get("output", {}).get("data")
            if kind == "estimation" and told.get("rank") is not None:
                self.ranks.append(told["rank"])
            elif kind in ("process_generating", "process_completed") and told.get("success") and data:
                if kind == "process_generating" and shown is not None:
                    data = [apply_diff(old, diff) for old, diff in zip(shown, data, strict=True)]
                shown = data
                self._put(dependency, data)
            if kind == "process_completed":
                return bool(told.get("success"))
            if kind == "unexpected_error":
                raise PageError(told.get("message", "unexpected error"))

    def _listen(self) -> None:
        if self._stream is None or self._stream.done():
            self._stream = asyncio.create_task(self._heard())

    async def _heard(self) -> None:
        """The server's messages, to whom they belong; it ends when nothing is under way."""
        address = f"{self._prefix}/queue/data"
        async with self._http.stream("GET", address, params={"session_hash": self.session}) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data:"):
                    continue
                told = json.loads(line[5:])
                if told["msg"] == "close_stream":
                    self._stream = None  # at once: what is asked for while this one closes needs another
                    return
                event = told.get("event_id")
                if event is not None:
                    self._waiting.setdefault(event, asyncio.Queue()).put_nowait(told)

    async def _beat(self) -> None:
        async with self._http.stream("GET", f"{self._prefix}/heartbeat/{self.session}") as answer:
            async for _ in answer.aiter_bytes():
                pass

    # --- what is put on screen

    def _put(self, dependency: dict[str, Any], data: list[Any]) -> None:
        touched = set()
        for component, value in zip(dependency["outputs"], data, strict=False):
            if isinstance(value, dict) and value.get("__type__") == "update":
                if "value" not in value:
                    continue
                value = value["value"]
            if self.values.get(component) != value:
                touched.add(component)
            self.values[component] = value
            self._noticed(component, value)
        for later in self._dependencies.values():
            if any(event == "change" and component in touched for component, event in later["targets"]):
                self._spawn(self._run(later))
        self.changed.set()

    def _noticed(self, component: int, value: Any) -> None:
        elem_id = self._components[component].get("props", {}).get("elem_id")
        if (
            elem_id == "vb-message"
            and isinstance(value, str)
            and "vb-alert" in value
            and "vb-empty" not in value
        ):
            self.faults.append(_words(value))
        if elem_id == "vb-line" and value:
            self.places.append(_words(value))
        film = value.get("film") if isinstance(value, dict) else None
        if elem_id in ("vb-figure", "vb-quiz-film") and film and film["id"] not in self.film_seen:
            self.film_seen[film["id"]] = 0.0
            self._spawn(self._fetched(film))

    async def _fetched(self, film: dict[str, Any]) -> None:
        answer = await self._http.get(film["address"])
        if answer.status_code == 200:
            self.film_seen[film["id"]] = time.perf_counter()
        self.changed.set()
        following = await self._http.get(f"{film['address']}/next")
        if following.status_code == 200:  # as the viewer does while this film is looked at
            await self._http.get(following.json()["address"])
