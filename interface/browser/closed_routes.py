"""What of gradio's own routes stays shut, so that nothing of an upload ever reaches the disk.

Films travel inside the request of the action that reads them. Gradio's file upload, and the routes that write
a session to disk, are not needed and would keep what they are given, so they are refused.
"""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHUT = ("/upload", "/upload_progress", "/process_recording", "/deep_link", "/stream/", "/vibe", "/undo-vibe")
BODY_LIMIT = 128 * 1024 * 1024
"""Bytes of one request; a 12-bit film of 64 megapixels still passes as base64 of a compressed file."""


_CLOSE = {"connection": "close"}
_SHUT = PlainTextResponse("Viewbox takes films inside the request; use predict_upload instead.", 403, _CLOSE)
_TOO_LARGE = PlainTextResponse("This request is too large; send a film of at most 90 MB.", 413, _CLOSE)


class _TooLarge(Exception):
    """The body grew past `BODY_LIMIT` while it was read."""


class Gate:
    """ASGI middleware: shut routes answer 403, oversized bodies 413."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with one sentence."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = "/" + scope["path"].lstrip("/")
        inner = path.partition("/gradio_api")[2]
        if inner.startswith(SHUT):
            return await _SHUT(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if length.isdigit() and int(length) > BODY_LIMIT:
                raise _TooLarge
            return await self.app(scope, _counted(receive), send)
        except _TooLarge:
            return await _TOO_LARGE(scope, receive, send)


def _counted(receive: Receive) -> Receive:
    total = 0

    async def counting() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > BODY_LIMIT:
            raise _TooLarge
        return message

    return counting
