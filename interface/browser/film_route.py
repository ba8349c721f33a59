"""The address at which the browser fetches a film, and the one beside it that tells which film follows."""

import asyncio
import zlib
from collections.abc import Iterator

from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from interface.models.held_film import ROUTE, HeldFilm, held_film

NEXT = "/next"
PATIENCE = 10.0
"""Seconds that the answer to `NEXT` waits for a film that is being read."""


def _gzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    # Run lengths and Huffman only: on film noise, longer matches cost twice the time and save nothing.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, 9, zlib.Z_RLE)
    for block in blocks:
        yield packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


class FilmRoute:
    """ASGI middleware that answers the films that are held; every other request passes on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer."""
        _, found, key = scope.get("path", "").partition(f"/{ROUTE}")
        if scope["type"] != "http" or not found:
            return await self.app(scope, receive, send)
        key, tells_next, _ = key.partition(NEXT)
        held = held_film(key) if scope["method"] == "GET" else None
        if held is None:
            gone = "This film is no longer on the desk; open its case again."
            return await PlainTextResponse(gone, 404)(scope, receive, send)
        answer = await _next(held) if tells_next else _answer(held, dict(scope["headers"]))
        return await answer(scope, receive, send)


def _answer(held: HeldFilm, asked: dict[bytes, bytes]) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    blocks = held.blocks()
    if b"gzip" in asked.get(b"accept-encoding", b""):
        blocks, headers["content-encoding"] = _gzipped(blocks), "gzip"
    return StreamingResponse(blocks, headers=headers, media_type="application/octet-stream")


async def _next(held: HeldFilm) -> Response:
    """What follows a film, once it has been read; empty where nothing does."""
    for _ in range(round(PATIENCE / 0.1)):
        if held.following is not None:
            break
        await asyncio.sleep(0.1)
    following = held_film(held.following or "")
    headers = {"cache-control": "no-store"}
    if following is None:
        return Response(status_code=204, headers=headers)
    return JSONResponse(following.described, headers=headers)
