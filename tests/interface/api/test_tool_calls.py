"""Viewbox as MCP tools: which there are, what an answer carries."""

import asyncio
import base64
import functools
import inspect
import json

import gradio as gr
import pytest
from gradio.utils import get_function_description

from interface.api.asked import ENDPOINTS as STUDY_ENDPOINTS
from interface.api.asked import Asked, endpoint
from interface.api.cases import Api
from interface.api.prompts import PromptsApi
from interface.api.reports import ReportsApi
from interface.api.tool_calls import ARGUMENTS, LIMITS, NO_TOOLS, check_values, for_api, seen
from modeling.explain.registry import method_names
from modeling.render.pictures import SIGNS
from modeling.results import BASELINES
from tests.doubles.app_client import ENDPOINTS, picture_of


def test_a_tool_answer_carries_its_limits_and_its_pictures_apart():
    answer = {
        "film": "data:image/png;base64,AAAA",
        "rows": [{"delta": 0.1, "map": "data:image/jpeg;base64,BBBB"}],
        "name": "é",
        "array": base64.b64encode(b"\x93NUMPY and more").decode(),
    }
    told = seen(json.dumps(answer))
    text, *pictures = told.content
    rows = [{"delta": 0.1, "map": "picture 2 of this answer"}]
    expected = {"limits": LIMITS, "film": "picture 1 of this answer", "rows": rows, "name": "é"}
    expected["array"] = "numbers, left out for tools; gradio_client gets them"
    assert json.loads(text.text) == told.structuredContent == expected
    assert [(p.mimeType, p.data) for p in pictures] == [("image/png", "AAAA"), ("image/jpeg", "BBBB")]


def test_every_argument_of_every_endpoint_is_described_in_one_line():
    described = set()
    for name, expected in ENDPOINTS.items():
        name = name.removeprefix("/")
        if name in STUDY_ENDPOINTS:
            function = endpoint(name, lambda asked, request: {})
        else:
            (method,) = [getattr(api, name) for api in (Api, ReportsApi, PromptsApi) if hasattr(api, name)]
            function = functools.partial(method, None)
            function.__name__, function.__doc__ = name, method.__doc__
        summary, arguments, _ = get_function_description(for_api(function))
        assert summary
        taken = [one for one in inspect.signature(function).parameters if one != "request"]
        assert taken == expected and all(arguments[one] for one in taken), name
        described |= {*taken, *(f"{name}.{one}" for one in taken)}
    assert set(ARGUMENTS) <= described


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a"], "takes 2 values"),
        (["a", {"x": [{"meta": {"_type": "gradio.FileData"}}]}], "as base64 text"),
        (["a", {"x": ["\ud800"]}], "half of a character"),
    ],
)
def test_values_that_no_call_can_take_are_refused_in_a_sentence(given, said):
    check_values("predict", 2, ["胸部", {"age": None}])
    with pytest.raises(gr.Error, match=said):
        check_values("predict", 2, given)


def test_an_endpoint_takes_its_arguments_by_place_and_by_name():
    told = []
    predict = endpoint("predict", lambda asked, request: told.append(asked) or {})
    predict("A-1", {"age": 3.0}, checkpoint="film")
    assert told == [Asked("A-1", table={"age": 3.0}, checkpoint="film")]
    with pytest.raises(TypeError):
        predict("A-1", baseline="not asked for a prediction")


# --- over the wire


async def _session(url: str, work):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with (
        streamable_http_client(f"{url}/gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return await work(session)


def asked(served, work):
    return asyncio.run(asyncio.wait_for(_session(served.url, work), 120))


def test_the_tools_are_the_named_endpoints_and_nothing_of_the_page(served, client):
    tools = {tool.name: tool for tool in asked(served, lambda s: s.list_tools()).tools}
    short = {name.rpartition("__")[2] for name in tools}
    public = {name.removeprefix("/") for name in client.view_api(return_format="dict")["named_endpoints"]}
    assert {next(p for p in public if name.endswith(p)) for name in short} == public - set(NO_TOOLS)
    assert {name.removeprefix("/") for name in ENDPOINTS} <= public
    for tool in tools.values():
        assert tool.description and tool.annotations.readOnlyHint and not tool.annotations.destructiveHint
        kinds = json.dumps(tool.inputSchema)
        assert "FileData" not in kinds and "filepath" not in kinds, "no tool may name a file of this machine"
        studied = tool.name.endswith(tuple(STUDY_ENDPOINTS))
        assert ("refusal" in tool.outputSchema["required"]) == studied  # the client holds answers against it
    closed = {"baseline": BASELINES, "sign": SIGNS, "method": method_names("opinion", "control")}
    offered = [
        (name, tuple(tools[tool].inputSchema["properties"][name]["enum"]))
        for name, tool in (("baseline", "explain"), ("sign", "explain"), ("method", "second_opinion"))
    ]
    assert dict(offered) == closed


def test_a_tool_explains_with_its_convergence_and_reads_every_honest_indication(served, client):
    async def work(session):
        names = [tool.name for tool in (await session.list_tools()).tools]
        explain = next(n for n in names if n.endswith("explain"))
        told = await session.call_tool(explain, {"case_id": "CASE-0001", "target": "appearance/Typical"})
        asking = [
            await session.call_tool(explain, {"case_id": "CASE-0001", "indication": indication})
            for indication in (
                "Which antibiotics were given? Follow-up pneumonia.",
                "Can I exclude TB on this film?",
            )
        ]
        return told, asking

    told, asking = asked(served, work)
    answer = json.loads(told.content[0].text)
    assert answer["limits"] == LIMITS and answer == told.structuredContent
    pictures = {name: value for name, value in answer.items() if str(value).startswith("picture ")}
    assert list(pictures) == ["heat_map", "legend"] and len(told.content) == 3
    for picture in told.content[1:]:
        drawn = picture_of(f"data:{picture.mimeType};base64,{picture.data}")
        assert picture.type == "image" and drawn.ndim == 3 and drawn.std() > 0
    assert answer["verdict"] in ("converged", "usable", "not converged")
    assert {"convergence_delta", "relative_delta", "modality_share"} <= answer.keys()
    for indicated in asking:
        assert not indicated.isError and json.loads(indicated.content[0].text)["limits"] == LIMITS
    assert served.files_left() == []


def test_a_tool_explains_a_study_with_a_picture_of_every_film(served, client):
    async def work(session):
        names = [tool.name for tool in (await session.list_tools()).tools]
        explain = next(n for n in names if n.endswith("explain_study"))
        return await session.call_tool(explain, {"case_id": "CASE-0001"})

    told = asked(served, work)
    answer = told.structuredContent
    assert not told.isError and answer["limits"] == LIMITS and "seen none like" in answer["warnings"][0]
    (film,) = answer["films"]
    assert film["heat_map"] == "picture 1 of this answer" and film["map"].startswith("numbers, left out")
    assert answer["verdict"] in ("usable", "not converged") and len(told.content) == 3
