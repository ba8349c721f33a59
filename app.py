"""Viewbox: composition root. Settings -> store, checkpoints -> interface -> launch."""

import logging
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import gradio as gr

from cases.open_store import open_case_store
from cases.store import CaseStore
from hub_config.cards.plots import plots
from hub_config.settings import (
    FINDING_CLASSIFIER,
    SPACE_CHECKPOINT,
    STUDY_CHECKPOINT,
    ZERO_GPU_TORCH,
    Settings,
    SettingsError,
    case_folder,
)
from interface.case_tab.arrival_handlers import prepare_front
from interface.models.checkpoints import Checkpoints
from interface.models.heap_limit import share_heaps, spare_what_is_loaded
from interface.models.model_host import ModelHost, zero_gpu
from interface.models.stores import DrawnCases, StoreHost
from interface.models.study_host import StudyHost
from interface.page import build_page, launch
from modeling.configuration import FusionConfig
from modeling.errors import ViewboxError
from modeling.progress import start_logs

if TYPE_CHECKING:
    from modeling.model.shared_space import SharedSpace
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study_answer import StudyPipeline

logger = logging.getLogger("viewbox")


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def _load(settings: Settings, model: str) -> "DiagnosisPipeline":
    """Torch, timm and the rest are imported here, in the background, not before the page is up."""
    from modeling.pipeline import DiagnosisPipeline

    device = _device(settings.device)
    pipeline = DiagnosisPipeline.from_pretrained(
        model, revision=settings.revision, token=settings.hf_token, device=device
    )
    logger.info(
        "checkpoint %s, revision %s, device %s", pipeline.origin.name, pipeline.origin.revision, device
    )
    return pipeline


def _load_studies() -> "StudyPipeline":
    from modeling.study_answer import StudyPipeline

    return StudyPipeline.from_pretrained(STUDY_CHECKPOINT)


def _declared(model: str) -> FusionConfig | None:
    """The configuration of a checkpoint folder, known before its weights are read."""
    try:
        return FusionConfig.read(Path(model) / "config.json")
    except (OSError, ViewboxError) as exc:  # a Hub repo, or a fault that loading it will word
        logger.debug("no configuration of %s yet: %s", model, exc)
        return None


def _host(settings: Settings, model: str) -> ModelHost:
    name = Path(model).name if Path(model).is_dir() else model
    says = _declared(model)
    sources, twin = (says.sources, says.role == "shortcut_twin") if says else ((), False)
    tasks = tuple(task.spec for task in says.tasks) if says else ()
    return ModelHost(lambda: _load(settings, model), name, sources, zero_gpu(), twin, tasks)


def _space() -> "SharedSpace":
    """The space of films and sentences that ships; read when a reader first asks in words."""
    from modeling.model.shared_space import SharedSpace

    return SharedSpace.from_pretrained(SPACE_CHECKPOINT)


def _first_source(stores: StoreHost) -> str:
    """The source of the case that a reader sees first, so that its checkpoint is loaded first."""
    try:
        rows = stores.front(1)
    except ViewboxError as exc:  # the page says so when it opens that case
        logger.info("no first case: %s", exc)
        return ""
    return rows[0].source if rows else ""


def _open_store(settings: Settings) -> CaseStore:
    how = {"reachable_ports": settings.reachable_ports, "source": settings.cases_source}
    return open_case_store(case_folder(settings), settings.mongodb_database, **how)


def build(settings: Settings) -> tuple[gr.Blocks, Checkpoints, StoreHost]:
    """The page for some settings, the checkpoints that it will load, and its store."""
    models = Checkpoints([_host(settings, model) for model in settings.models], StudyHost(_load_studies))
    stores = StoreHost(lambda: _open_store(settings), DrawnCases(models).find)
    space = _space if SPACE_CHECKPOINT.is_dir() else None
    told = (settings.report_url, settings.sessions_per_address, space, FINDING_CLASSIFIER)
    page = build_page(models, stores, plots, *told)
    return page, models, stores


def _prepare(models: Checkpoints, stores: StoreHost) -> None:
    prepare_front(models, stores)
    for host in models.hosts:
        models.awaited(host)
    spare_what_is_loaded()


def _refuse_unlisted_torch() -> None:
    import torch

    version = torch.__version__.partition("+")[0]
    if version not in ZERO_GPU_TORCH:
        template = "ZeroGPU runs PyTorch {listed}, not {version}; publish the Space with --hardware zero-gpu,"
        template += " or give it other hardware."
        raise SettingsError(template, version=version, listed=", ".join(ZERO_GPU_TORCH))


def serve(settings: Settings) -> None:
    """Serve the page until it is ended.

    Raises:
        SettingsError: on ZeroGPU, with a PyTorch that it does not list.
    """
    start_logs(logging.INFO, "%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    on_zero_gpu = zero_gpu() is not None
    if on_zero_gpu:
        _refuse_unlisted_torch()
    demo, models, stores = build(settings)
    share_heaps()
    if on_zero_gpu:  # it emulates CUDA in this thread alone, and hands on what is loaded before the launch
        models.load()
    options = {
        "noindex": settings.noindex,
        "behind_proxies": settings.on_space,
        "ancestors": settings.frame_ancestors,
    }
    launch(demo, settings.server_name, settings.server_port, **options)
    # The heavy imports begin when the page is up: beside them it would open seconds later.
    models.start(lambda: _first_source(stores))
    Thread(target=_prepare, args=(models, stores), name="first case", daemon=True).start()
    demo.block_thread()


if __name__ == "__main__":
    try:
        serve(Settings.from_env())
    except ViewboxError as exc:
        raise SystemExit(f"Viewbox cannot start: {exc}") from None
