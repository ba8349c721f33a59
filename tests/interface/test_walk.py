"""From the click on "Explain" to the first gradient: how many files a newcomer opens to follow it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import gradio as gr

from cases.open_store import open_case_store
from cases.store import CaseFilter
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.page import build_page
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.served import write_store
from tests.doubles.toys import toy_checkpoint

MOST_FILES, MOST_FRAMES = 20, 11
OURS = tuple(f"{Path(__file__).parents[2] / name}/" for name in ("interface", "cases", "modeling"))


class _Arrived(BaseException):
    """The first gradient is asked for."""


class Walk:
    """The project's files whose functions run, and the frames that stand at the first gradient."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.frames: list[str] = []

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call":
            return
        if code.co_filename.endswith("torch/autograd/__init__.py") and code.co_name == "grad":
            above: FrameType | None = frame
            while above is not None:
                if above.f_code.co_filename.startswith(OURS):
                    self.frames.append(above.f_code.co_qualname)
                above = above.f_back
            raise _Arrived
        if code.co_filename.startswith(OURS):
            self.files.add(code.co_filename)

    @contextmanager
    def traced(self) -> Iterator[None]:
        sys.setprofile(self)
        try:
            yield
        except _Arrived:
            pass
        finally:
            sys.setprofile(None)


def test_the_click_on_explain_is_near_the_gradient(tmp_path: Path) -> None:
    """On a page that has explained another case before, so that nothing is loaded or imported on the way."""
    folder = toy_checkpoint(tmp_path / "toy")
    store = open_case_store(str(write_store(tmp_path / "store", 2)), "unused")
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(str(folder)), "toy")
    host.load()
    page = build_page(Checkpoints([host]), StoreHost(lambda: store))
    handlers = {getattr(event.fn, "__qualname__", ""): event.fn for event in page.fns.values()}
    request, walk = gr.Request(session_hash="reader"), Walk()

    def explained() -> Iterator[dict]:
        return handlers["ModelActions.explain"]("black", request, gr.Progress())

    first, second = store.page(CaseFilter(), None, 2).rows
    for row in (first, second):
        handlers["CaseActions.open"](row.case_id, request)
        handlers["ModelActions.predict"](request)
        if row is first:
            list(explained())
    with walk.traced():
        list(explained())
    assert walk.frames, "no gradient was asked for"
    assert len(walk.files) <= MOST_FILES, sorted(walk.files)
    assert len(walk.frames) <= MOST_FRAMES, walk.frames
