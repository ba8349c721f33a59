"""The stream on which a page is told every answer: open until nothing has been asked for a while.

Gradio ends it as soon as all is answered. A page that has asked again meanwhile still takes it for open
when it hears that its question has arrived, and then reads the end: the answer would wait, unread, for
another question.
"""

import asyncio
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = "/gradio_api/queue/data"
LINGER = 5.0
"""Seconds; a browser has six connections to a server for all of its tabs, so not for ever."""
LOOK_SECONDS = 0.05
_END = b'"msg":"close_stream"'


class AnswerStream:
    """ASGI middleware around gradio's stream, for browsers alone: other clients wait for its end.

    Args:
        linger: seconds without a question after which the stream ends.
    """

    def __init__(self, app: ASGIApp, linger: float = LINGER) -> None:
        self.app, self._linger = app, linger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; for a browser's stream as often as there is something more to answer."""
        browser = b"sec-fetch-mode" in dict(scope.get("headers", ()))
        if scope["type"] != "http" or not browser or not scope["path"].endswith(STREAM):
            return await self.app(scope, receive, send)
        told = _Told(send)
        session = parse_qs(scope["query_string"].decode()).get("session_hash", [""])[0]
        asked = scope["app"].get_blocks()._queue.pending_event_ids_session
        while True:
            await self.app(dict(scope), receive, told)
            if told.end is None:  # not gradio's usual end: the reader has left, or there is no such queue
                return await told.close()
            until = asyncio.get_running_loop().time() + self._linger
            while not asked.get(session) and asyncio.get_running_loop().time() < until:
                await asyncio.sleep(LOOK_SECONDS)
            if not asked.get(session):
                return await told.close()
            told.end = None


class _Told:
    """What goes to the page; the end is kept back."""

    def __init__(self, send: Send) -> None:
        self._send, self._begun = send, False
        self.end: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._begun:
                return
            self._begun = True
        elif _END in message.get("body", b""):
            self.end = message
            return
        elif not message.get("more_body", False):
            message = {**message, "more_body": True}
        await self._send(message)

    async def close(self) -> None:
        """Let the page read the end."""
        if self.end is not None:
            await self._send(self.end)
        await self._send({"type": "http.response.body"})
