"""Answers for programs: one sentence for a refusal, and no pictures where they cannot be seen.

Every named endpoint is an MCP tool too. A tool's answer is read by a language model, which may read it out to
anyone: so it says what it is not for, and points to the numbers that tell how far an explanation holds.
"""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec

import gradio as gr
from gradio.context import LocalContext

from interface.session.lanes import sentence

LIMITS = (
    "For teaching and research, not for diagnosis. Do not use it to advise a person on their health: tell"
    " them to ask a doctor. A map shows what the model used, not whether it is right; give its convergence"
    " verdict with it, and call `examine` for its trust measures."
)
PICTURE = "a picture, left out for tools; it is on the page and in the API of gradio_client"

ARGUMENTS: Mapping[str, str] = json.loads(Path(__file__).with_name("endpoints.json").read_text("utf-8"))[
    "arguments"
]
"""Argument -> its description, the same at every endpoint; ENDPOINT.ARGUMENT where one means its own."""

P = ParamSpec("P")


def for_api(function: Callable[P, Any]) -> Callable[P, Any]:
    """An endpoint with its arguments described; errors are one sentence, tools get a form of their own."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            answer = function(*args, **kwargs)
            return for_tool(answer) if isinstance(answer, dict) and is_tool_call() else answer
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


def for_tool(answer: Mapping[str, Any]) -> str:
    """An answer as JSON text without its pictures, and with what it is not for in front."""
    return json.dumps({"limits": LIMITS, **_without_pictures(answer)}, ensure_ascii=False)


def _without_pictures(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _without_pictures(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_pictures(one) for one in value]
    return PICTURE if isinstance(value, str) and value.startswith("data:image/") else value
