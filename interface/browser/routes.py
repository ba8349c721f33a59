"""Middleware before gradio: the browser's guards, routes that stay shut, films, and the head of the page."""

import asyncio
import base64
import hashlib
import re
import secrets
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interface.browser.look import HEAD
from interface.html.render import render
from interface.language.texts import CATALOGUES, LANGUAGES, preferred, say
from interface.models.held_film import ROUTE, HeldFilm, held_film
from interface.session.links import LANGUAGE
from interface.session.shares import Shares, address_of


class _Middleware:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app


# --- what a browser may do with an answer

HUB = "https://huggingface.co"
_NONCE = "viewbox.nonce"
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio makes functions of its events' JavaScript, and puts the head's scripts in by itself.
        "script-src 'self' 'unsafe-eval' 'nonce-{nonce}' {head}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:{hub}",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors {ancestors}",
    )
)


class Guards(_Middleware):
    """Tells the browser with every answer to run the page's scripts alone and to fetch nothing elsewhere.

    Args:
        ancestors: pages that may show this one in a frame, as the policy's `frame-ancestors` takes them.
    """

    def __init__(self, app: ASGIApp, ancestors: str = "'self'") -> None:
        super().__init__(app)
        digests = [hashlib.sha256(script).digest() for script in _INLINE.findall(HEAD.encode())]
        self._said = {
            "head": " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests),
            "ancestors": ancestors,
            # On a Space gradio's page first asks the Hub whether the Space runs.
            "hub": f" {HUB}" if HUB in ancestors.split() else "",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to the answer's headers."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope[_NONCE] = secrets.token_urlsafe(16)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = _POLICY.format(nonce=scope[_NONCE], **self._said)
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "same-origin"
            await send(message)

        await self.app(scope, receive, guarded)


# --- what of gradio's own routes stays shut

SHUT = (
    "/upload_progress",
    "/process_recording",
    "/deep_link",
    "/stream/",
    "/vibe",
    "/undo-vibe",
    "/dev/",
    "/component_server",
)
UPLOAD = "/upload"
BODY_LIMIT = 128 * 1024 * 1024
"""Bytes of one request; a 12-bit film of 64 megapixels still passes as base64 of a compressed file."""


BODIES, UNCOUNTED = 3 * BODY_LIMIT, 2**20
"""Bytes of all requests that are being read at the same time (see `Shares`), but for the first of each."""
_CLOSE = {"connection": "close"}
_SHUT = PlainTextResponse("Viewbox takes films inside the request, as base64 text.", 403, _CLOSE)
_NOT_KEPT = JSONResponse(["a file that was not kept"], headers=_CLOSE)
"""To an upload. A client goes on with that name to the endpoint, which says what to send instead."""
_BUSY = PlainTextResponse("Too much is being sent at the same time; try again in a minute.", 503, _CLOSE)
_TOO_LARGE = PlainTextResponse("This request is too large; send a film of at most 90 MB.", 413, _CLOSE)


class _Refused(Exception):
    """The body grew past what may be sent while it was read; holds the answer."""


class Gate(_Middleware):
    """Shut routes answer 403, oversized bodies 413, and 503 what does not fit beside other bodies.

    Nothing of an upload ever reaches the disk.

    Films travel inside the request of the action that reads them. Gradio's file upload, and the routes that
    write a session to disk, are not needed and would keep what they are given.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._bodies = Shares(BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with one sentence."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = "/" + scope["path"].lstrip("/")
        inner = path.partition("/gradio_api")[2]
        if inner.startswith(SHUT):
            return await _SHUT(scope, receive, send)
        if inner.startswith(UPLOAD):
            return await _NOT_KEPT(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        body = _Body(receive, self._bodies, address_of(Request(scope)))
        try:
            if length.isdigit() and int(length) > BODY_LIMIT:
                raise _Refused(_TOO_LARGE)
            return await self.app(scope, body.receive, send)
        except _Refused as refused:
            return await refused.args[0](scope, receive, send)
        except RuntimeError as exc:  # gradio refuses a queue that is not there in an answer that has begun
            if not isinstance(exc.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body"})
        finally:
            self._bodies.give(body.address, body.bytes)


class _Body:
    """A request's body, counted as it comes; what is more than a little is held until the answer is given."""

    def __init__(self, receive: Receive, bodies: Shares, address: str) -> None:
        self._receive, self._bodies, self.address = receive, bodies, address
        self._come = self.bytes = 0

    async def receive(self) -> Message:
        """The next part."""
        message = await self._receive()
        self._come += len(message.get("body", b""))
        if self._come > BODY_LIMIT:
            raise _Refused(_TOO_LARGE)
        more = max(0, self._come - UNCOUNTED) - self.bytes
        if more and not self._bodies.take(self.address, more):
            raise _Refused(_BUSY)
        self.bytes += more
        return message


_CALLS = re.compile(r"/gradio_api/(?:(?:call|run|api)/|queue/join)")


async def no_such_call(request: Request, error: Exception) -> Response:
    """What gradio raises where a call names no endpoint (404) or other arguments than its (422)."""
    if not _CALLS.search(request.url.path):
        raise error
    if isinstance(error, TypeError):
        wrong = "This endpoint takes other arguments; /gradio_api/info names them."
        return JSONResponse({"detail": wrong}, 422)
    return JSONResponse({"detail": "There is no such endpoint; /gradio_api/info names them all."}, 404)


async def malformed(request: Request, error: Exception) -> Response:
    """A body of another form. FastAPI would send its values back, and cannot where one is no JSON number."""
    return JSONResponse({"detail": "This request has another form; /gradio_api/info names every call."}, 422)


# --- the film on its way to the viewer, and which one follows

NEXT, REPORT = "/next", "/report"
PATIENCE = 10.0
"""Seconds that the answer to `NEXT` waits for a film that is being read."""


def _gzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    # Run lengths and Huffman only: on film noise, longer matches cost twice the time and save nothing.
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, 9, zlib.Z_RLE)
    for block in blocks:
        yield packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


class FilmRoute(_Middleware):
    """Answers the films that are held; every other request passes on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer."""
        _, found, key = scope.get("path", "").partition(f"/{ROUTE}")
        if scope["type"] != "http" or not found:
            return await self.app(scope, receive, send)
        key, tells_next, _ = key.partition(NEXT)
        key, tells_report, _ = key.partition(REPORT)
        held = held_film(key) if scope["method"] == "GET" else None
        if held is None:
            gone = "This film is no longer kept here; open its case again."
            return await PlainTextResponse(gone, 404)(scope, receive, send)
        if tells_report:
            answer = await _report(held, scope)
        else:
            answer = await _next(held) if tells_next else _answer(held, dict(scope["headers"]))
        return await answer(scope, receive, send)


def _answer(held: HeldFilm, asked: dict[bytes, bytes]) -> Response:
    headers = {"cache-control": "no-store"}
    blocks = held.blocks()
    if b"gzip" in asked.get(b"accept-encoding", b""):
        blocks, headers["content-encoding"] = _gzipped(blocks), "gzip"
    return StreamingResponse(blocks, headers=headers, media_type="application/octet-stream")


async def _next(held: HeldFilm) -> Response:
    """The film that follows, once it has been read; empty where none does."""
    for _ in range(round(PATIENCE / 0.1)):
        if held.following is not None:
            break
        await asyncio.sleep(0.1)
    following = held_film(held.following or "")
    headers = {"cache-control": "no-store"}
    if following is None:
        return Response(status_code=204, headers=headers)
    return JSONResponse(following.described, headers=headers)


async def _report(held: HeldFilm, scope: Scope) -> Response:
    """The report of the film's case, in the language that the address names; empty where it has none."""
    named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(LANGUAGE, [""])[0]
    headers = {"cache-control": "no-store"}
    if held.report is None:
        return Response(status_code=204, headers=headers)
    made = await asyncio.to_thread(held.report, named if named in LANGUAGES else "en")
    return HTMLResponse(made, headers=headers)


# --- the head of the page: what a shared link shows, and the language that an address names

PICTURE = "/viewbox-page.jpg"
_PICTURE = Path(__file__).parents[1] / "assets" / "page.jpg"
_GRADIO_S = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')


class HeadRoute(_Middleware):
    """HTML says in its head what the page is, and its language: that of the address, else the reader's.

    Gradio's own words for shared links go. It translates labels in the browser, by the browser's language,
    before it loads any script of a page; of Chinese it knows but two kinds, and Hong Kong's is neither.

    Args:
        noindex: ask search engines to leave the page out.
    """

    def __init__(self, app: ASGIApp, noindex: bool = False) -> None:
        super().__init__(app)
        self._noindex = noindex

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the head where it is a page; the picture of the page where it is asked for."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        if scope["path"].endswith(PICTURE):
            return await Response(_PICTURE.read_bytes(), media_type="image/jpeg")(scope, receive, send)
        named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(LANGUAGE, [""])[0]
        spoken = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        language = named if named in LANGUAGES else preferred(spoken)
        telling = _Telling(
            send, lambda: self._head(language, _address(scope) + PICTURE), scope.get(_NONCE, "")
        )
        await self.app(scope, receive, telling)

    def _head(self, language: str, picture: str) -> bytes:
        tags = {"language": language, "tag": CATALOGUES[language].tag, "noindex": self._noindex}
        said = {"what": say("page.what", language), "more": say("page.shared", language), "picture": picture}
        return render("page_head.html", **tags, **said).encode()


def _address(scope: Scope) -> str:
    """Scheme and host as the reader's browser sees them, behind a proxy too."""
    headers = dict(scope["headers"])
    scheme = headers.get(b"x-forwarded-proto", scope.get("scheme", "http").encode()).decode("latin-1")
    host = headers.get(b"x-forwarded-host", headers.get(b"host", b"")).decode("latin-1")
    return f"{scheme.split(',')[0]}://{host.split(',')[0]}"


class _Telling:
    """Holds an HTML answer until it is whole, and vouches for its scripts; nothing else asks for `head`."""

    def __init__(self, send: Send, head: Callable[[], bytes], nonce: str) -> None:
        self._send, self._head, self._nonce = send, head, nonce
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            plain = b"content-encoding" not in headers
            if plain and headers.get(b"content-type", b"").startswith(b"text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._whole()
            return
        await self._send(message)

    async def _whole(self) -> None:
        body = _GRADIO_S.sub(b"", self._body).replace(b"<head>", b"<head>" + self._head(), 1)
        if self._nonce:
            body = body.replace(b"<script", b'<script nonce="%s"' % self._nonce.encode())
        start = self._start
        assert start is not None
        self._start = None
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**start, "headers": [*kept, length]})
        await self._send({"type": "http.response.body", "body": body})
