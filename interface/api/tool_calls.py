"""Answers for programs: one sentence for a refusal; as MCP tools, with pictures that a model can look at.

Every named endpoint is an MCP tool too. A tool's answer is read by a language model, which may read it out to
anyone: so it says what it is not for, and points to the numbers that tell how far an explanation holds.
"""

import base64
import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

import gradio as gr
from gradio.context import LocalContext
from mcp import types
from mcp.server import Server

from cases.reading.upload import NO_FILE
from interface.session.lanes import sentence
from modeling.errors import StudyError, ViewboxError

LIMITS = (
    "For teaching and research, not for diagnosis. Do not use it to advise a person on their health: tell"
    " them to ask a doctor. A map shows what the model used, not whether it is right; give its convergence"
    " verdict with it, and call `examine` for its trust measures."
)
NO_TOOLS = ("cancel_explanation",)
"""All tools call through one client of gradio's own, so none can tell whose explanation it would stop."""
READS = types.ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
)

_SAID = json.loads(Path(__file__).with_name("endpoints.json").read_text("utf-8"))
ARGUMENTS: Mapping[str, str] = _SAID["arguments"]
"""Argument -> its description, the same at every endpoint; ENDPOINT.ARGUMENT where one means its own."""

_FIELDS = _SAID["answer"]
ANSWER = {"type": "object", "properties": _FIELDS, "required": list(_FIELDS)[:6]}
"""The schema of what a tool answers about a study; further fields stand beside these."""
OTHER_ANSWER = {"type": "object", "properties": {"limits": _FIELDS["limits"]}, "required": ["limits"]}
_NPY = base64.b64encode(b"\x93NUMPY").decode()
_HALF = re.compile("[\ud800-\udfff]")
P = ParamSpec("P")


def for_api(function: Callable[P, Any]) -> Callable[P, Any]:
    """An endpoint with its arguments described; errors are one sentence, tools get JSON as text."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            answer = function(*args, **kwargs)
            return json.dumps(answer, ensure_ascii=False) if is_tool_call() else answer
        except gr.Error:
            raise
        except Exception as exc:  # the border to the caller: translated here, logged in `sentence`
            raise gr.Error(sentence(exc), print_exception=False) from exc

    guarded.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *_described(function)])
    return guarded


def _described(function: Callable[P, Any]) -> list[str]:
    names = [name for name in inspect.signature(function).parameters if name != "request"]
    return [f"    {n}: {ARGUMENTS.get(f'{function.__name__}.{n}') or ARGUMENTS[n]}" for n in names]


def is_tool_call() -> bool:
    """Whether an MCP client asks, not `gradio_client` or a page."""
    request = LocalContext.request.get()
    headers = getattr(request, "headers", None)
    if headers is None:
        return False
    path = getattr(getattr(request, "url", None), "path", "")
    return headers.get("x-gradio-user") == "mcp" or "/gradio_api/mcp" in path


def check_values(name: str, count: int, given: list[Any]) -> None:
    """Raises `gr.Error`, one sentence, where a call lacks values or holds a file of gradio's."""
    few = "{name} takes {count} values; send each, or some of them by name to /gradio_api/call/v2/{name}."
    try:
        if len(given) < count:
            raise ViewboxError(few, name=name, count=count)
        if holds_file(given):
            raise StudyError(NO_FILE)
        if _holds(_is_no_text, given):
            raise StudyError("A value holds half of a character; send text as UTF-8.")
    except ViewboxError as exc:
        raise gr.Error(sentence(exc), print_exception=False) from exc


def holds_file(value: Any) -> bool:
    """Whether a value has a file of gradio's somewhere inside."""
    return _holds(_is_file, value)


def _holds(told: Callable[[Any], bool], value: Any) -> bool:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return told(value) or any(_holds(told, one) for one in within)


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and "gradio.FileData" in str(value.get("meta"))


def _is_no_text(value: Any) -> bool:
    """Half of a surrogate pair, which JSON can hold and no answer could give back."""
    return isinstance(value, str) and not value.isascii() and _HALF.search(value) is not None


# --- the tools: gradio makes them of the endpoints, and what it cannot say of them is added to its MCP server


def complete_tools(server: Server) -> None:
    """Have gradio's MCP server say that its tools only read, and answer with pictures as pictures."""
    handlers = server.request_handlers
    listing, calling = handlers[types.ListToolsRequest], handlers[types.CallToolRequest]

    async def listed(request: types.ListToolsRequest) -> types.ServerResult:
        answer = await listing(request)
        answer.root.tools = [tool for tool in answer.root.tools if not tool.name.endswith(NO_TOOLS)]
        for tool in answer.root.tools:
            tool.annotations = READS
            tool.outputSchema = ANSWER if tool.name.endswith(tuple(_SAID["endpoints"])) else OTHER_ANSWER
        return answer

    async def called(request: types.CallToolRequest) -> types.ServerResult:
        answer = await calling(request)
        return answer if answer.root.isError else types.ServerResult(seen(answer.root.content[0].text))

    handlers |= {types.ListToolsRequest: listed, types.CallToolRequest: called}


def seen(answer: str) -> types.CallToolResult:
    """An answer (JSON) as a tool's: what it is not for in front, its pictures apart, in their order."""
    pictures: list[types.ImageContent] = []
    told = {"limits": LIMITS, **_apart(json.loads(answer), pictures)}
    text = types.TextContent(type="text", text=json.dumps(told, ensure_ascii=False))
    return types.CallToolResult(content=[text, *pictures], structuredContent=told)


def _apart(value: Any, pictures: list[types.ImageContent]) -> Any:
    if isinstance(value, dict):
        return {name: _apart(one, pictures) for name, one in value.items()}
    if isinstance(value, list):
        return [_apart(one, pictures) for one in value]
    if not isinstance(value, str) or not value.startswith(("data:image/", _NPY)):
        return value
    if value.startswith(_NPY):
        return "numbers, left out for tools; gradio_client gets them"
    kind, _, data = value.removeprefix("data:").partition(";base64,")
    pictures.append(types.ImageContent(type="image", data=data, mimeType=kind))
    return f"picture {len(pictures)} of this answer"
