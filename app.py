"""Viewbox: composition root. Settings -> store, pipeline -> interface -> launch."""

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from cases.store import CaseStore, open_case_store
from hub_config.settings import Settings
from interface.hosts import ModelHost, StoreHost
from interface.page import build_page, launch_options
from modeling.errors import ViewboxError

if TYPE_CHECKING:
    from modeling.pipeline import DiagnosisPipeline

logger = logging.getLogger("viewbox")


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def _load(settings: Settings) -> "DiagnosisPipeline":
    """Torch, timm and the rest are imported here, in the background, not before the page is up."""
    from modeling.pipeline import DiagnosisPipeline

    device = _device(settings.device)
    pipeline = DiagnosisPipeline.from_pretrained(
        settings.model, revision=settings.revision, token=settings.hf_token, device=device
    )
    logger.info(
        "checkpoint %s, revision %s, device %s", pipeline.origin.name, pipeline.origin.revision, device
    )
    return pipeline


def _open_store(settings: Settings) -> CaseStore:
    return open_case_store(
        settings.store, settings.mongodb_database, reachable_ports=settings.reachable_ports
    )


def _on_gpu() -> Callable[[Callable], Callable] | None:
    """ZeroGPU's decorator where its package is there; None elsewhere, and nothing changes."""
    if importlib.util.find_spec("spaces") is None:
        return None
    import spaces

    return spaces.GPU


def build(settings: Settings) -> tuple[gr.Blocks, ModelHost]:
    """The page for some settings, and the host that will load its checkpoint."""
    stores = StoreHost(lambda: _open_store(settings))
    name = Path(settings.model).name if Path(settings.model).is_dir() else settings.model
    models = ModelHost(lambda: _load(settings), name, _on_gpu())
    return build_page(models, stores), models


logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)
try:
    settings = Settings.from_env()
except ViewboxError as exc:
    raise SystemExit(f"Viewbox cannot start: {exc}") from None
demo, models = build(settings)

if __name__ == "__main__":
    where = {"server_name": settings.server_name, "server_port": settings.server_port}
    demo.launch(**where, **launch_options(), prevent_thread_lock=True)
    # The heavy imports begin when the page is up: beside them it would open seconds later.
    models.start()
    demo.block_thread()
