"""The arguments of a call on a study, and the endpoints that take some of them (`endpoints.json`)."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from interface.api.tool_calls import for_api
from modeling.answers import Json
from modeling.errors import StudyError, ViewboxError
from modeling.explain.registry import method_names
from modeling.render.pictures import Sign
from modeling.results import ImageBaseline
from modeling.sentence import Names

Table = dict[str, float | str | None]
Boxes = list[list[float]]
Method = Literal[method_names("opinion", "control")]
ENDPOINTS: Mapping[str, tuple[str, str]] = json.loads(
    Path(__file__).with_name("endpoints.json").read_text("utf-8")
)["endpoints"]
"""Endpoint -> what it answers, and its arguments in their order."""


@dataclass(frozen=True)
class Asked:
    """One call; `endpoints.json` says what each argument is."""

    case_id: str = ""
    film: str = ""
    name: str = ""
    films: list[str] | None = None
    names: list[str] | None = None
    views: list[str] | None = None
    days: list[int | None] | None = None
    table: Table | None = None
    indication: str | None = None
    checkpoint: str = ""
    target: str = ""
    against: str = ""
    baseline: ImageBaseline = "black"
    sign: Sign = "both"
    opacity: float = 0.5
    method: Method = "grad_cam"
    region: Boxes | None = None
    fields: list[str] | None = None
    words: list[int] | None = None

    def checked_table(self) -> Table:
        """The table, empty for none; raises `StudyError` for anything but an object."""
        if self.table is not None and not isinstance(self.table, dict):
            raise StudyError(
                "The table must be an object of clinical fields and values; see clinical_fields."
            )
        return self.table or {}

    def check_opacity(self) -> None:
        """Raises `ViewboxError` for what is no number from 0 to 1."""
        if not isinstance(self.opacity, int | float) or not 0 <= self.opacity <= 1:
            raise ViewboxError("The opacity must be a number from 0 to 1; correct it.")

    def check(self, what: str, allowed: tuple[str, ...]) -> None:
        """Raises `ViewboxError` where that argument is none of those."""
        if getattr(self, what) not in allowed:
            raise ViewboxError(
                "The {what} cannot be '{given}'; choose one of {names}.",
                what=what,
                given=getattr(self, what),
                names=Names("name", allowed),
            )


def publish(name: str, work: Callable[[Asked, gr.Request | None], Json], lane: str) -> None:
    """Register an endpoint of `ENDPOINTS`; one of a lane runs at a time."""
    gr.api(for_api(endpoint(name, work)), api_name=name, concurrency_limit=1, concurrency_id=lane)


def endpoint(name: str, work: Callable[[Asked, gr.Request | None], Json]) -> Callable[..., Json]:
    """A function with the arguments that the endpoint takes, each as `Asked` has it."""
    about, names = ENDPOINTS[name][0], ENDPOINTS[name][1].split()
    known, kind = {field.name: field for field in fields(Asked)}, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(one, kind, default=known[one].default, annotation=known[one].type) for one in names
    ]
    parameters.append(inspect.Parameter("request", kind, default=None, annotation=gr.Request))
    signature = inspect.Signature(parameters, return_annotation=Json)

    def asked(*args: Any, **given: Any) -> Json:
        said = signature.bind(*args, **given).arguments
        request = said.pop("request", None)
        return work(Asked(**said), request)

    asked.__signature__, asked.__name__, asked.__doc__ = signature, name, about
    asked.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": Json}
    return asked
