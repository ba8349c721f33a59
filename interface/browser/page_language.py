"""The language that an address names, told to the browser's own side before gradio starts there.

Gradio translates labels in the browser, by the browser's language, before it loads any script of a page. So
a page whose address names a language says it in the first lines of its HTML.
"""

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interface.html.render import render
from interface.language.texts import CATALOGUES, LANGUAGES
from interface.session.links import LANGUAGE


def _told(html: bytes, language: str) -> bytes:
    script = render("page_language.html", language=language, tag=CATALOGUES[language].tags[0])
    start = b"<head>"
    return html.replace(start, start + script.encode(), 1)


class LanguageRoute:
    """ASGI middleware: HTML whose address names a language is told so; all else passes on untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the language where one is named."""
        named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(LANGUAGE, [""])[0]
        asks = scope["type"] == "http" and scope["method"] == "GET" and named in LANGUAGES
        await self.app(scope, receive, _Telling(send, named) if asks else send)


class _Telling:
    """Holds an HTML answer until it is whole."""

    def __init__(self, send: Send, language: str) -> None:
        self._send, self._language = send, language
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
        body, start = _told(self._body, self._language), self._start
        assert start is not None
        self._start = None
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**start, "headers": [*kept, length]})
        await self._send({"type": "http.response.body", "body": body})
