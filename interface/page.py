"""The page: what stands above the tabs, and the tabs."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.block_function import BlockFunction
from gradio.blocks import BlocksConfig
from gradio.data_classes import BlocksConfigDict
from gradio.route_utils import FnIndexInferError
from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cases.reading.decoder import FilmDecoder
from interface.about_tab.tab import About, Plots, about_tab
from interface.api.cases import Api
from interface.api.checks import ScrutinyApi
from interface.api.prompts import PromptsApi
from interface.api.reports import ReportsApi
from interface.api.studies import StudiesApi
from interface.api.tool_calls import check_values, complete_tools, holds_file
from interface.browser.answer_stream import AnswerStream
from interface.browser.look import CSS, HEAD, theme
from interface.browser.routes import BODY_LIMIT, FilmRoute, Gate, Guards, HeadRoute, malformed, no_such_call
from interface.case_tab.panels import model_panel
from interface.case_tab.report import connect_report
from interface.case_tab.tab import CaseEvents, case_layout
from interface.html.fragments import alert, banner
from interface.language.texts import translations
from interface.learn_tab.tab import learn_tab
from interface.models.checkpoints import Checkpoints
from interface.models.space_host import SpaceHost
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import connect_prompts, prompt_panel
from interface.quiz_tab.handlers import quiz_actions
from interface.quiz_tab.tab import quiz_tab
from interface.reports_tab.similar_index import SimilarCases
from interface.reports_tab.tab import reports_tab
from interface.reports_tab.word_search import WordSearch
from interface.session.admission import DECODERS, FairQueue
from interface.session.lanes import QUIET, Lanes, ModelQueue
from interface.session.session import CAPACITY, PER_ADDRESS, Sessions
from modeling.progress import join_logs
from modeling.sentence import Sentence

if TYPE_CHECKING:
    from modeling.model.shared_space import SharedSpace

logger = logging.getLogger(__name__)
_OWN_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.1"]
"""Where a Space's own proxies are; what they say of a reader's address is true."""


_NOT_HERE = Sentence("This is done in the browser; /gradio_api/info names what can be called here.")
_WRONG = Sentence(
    "A value of this call is not of its kind; reload the page, or see /gradio_api/info for them all."
)


class _SessionConfig(BlocksConfig):
    """The page as a session holds it: without a description of every component.

    Gradio makes all of them anew for each session, 19 ms and 0.3 MB, for deep links, which stay shut here.
    """

    @staticmethod
    def config_for_block(*described: Any) -> dict[str, Any]:
        """None."""
        return {}


class _PageConfig(BlocksConfig):
    """The page as it is built; sessions take copies."""

    def __copy__(self) -> BlocksConfig:
        copied = _SessionConfig(self.root_block)
        vars(copied).update(vars(super().__copy__()))
        return copied


class Page(gr.Blocks):
    """A page that calls reach only whole and without files; gradio would fetch or copy those to its disk."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = _PageConfig(self)

    def get_config_file(self) -> BlocksConfigDict:
        """The page for browsers, without the values of the API's endpoints, a third of all components.

        It shows none of them, and would look through them whenever something changes; callers get them all.
        """
        config = super().get_config_file()
        shown = {one["id"] for one in config["components"] if one["type"] != "api"}
        for page in config["page"].values():
            page["components"] = [one for one in page["components"] if one in shown]
            page["layout"] = {
                **page["layout"],
                "children": [one for one in page["layout"]["children"] if one["id"] in shown],
            }
        return config

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        """Raises `gr.Error`, one sentence, for a call with too few values or with a file."""
        if block_fn.fn is None:
            raise gr.Error(_NOT_HERE, print_exception=False)
        check_values(str(block_fn.api_name), len(block_fn.inputs), inputs)

    async def call_function(self, *given: Any, **options: Any) -> dict[str, Any]:
        """Raises `gr.Error`, one sentence, for an event that tells of a file."""
        told = (one._data for one in (*given, *options.values()) if isinstance(one, gr.EventData))
        if any(map(holds_file, told)):
            raise gr.Error(_WRONG, print_exception=False)
        return await super().call_function(*given, **options)

    async def preprocess_data(self, *given: Any, **options: Any) -> list[Any]:
        """Raises `gr.Error`, one sentence, for a value that its component cannot take."""
        try:
            return await super().preprocess_data(*given, **options)
        except Exception as exc:  # the border to the caller: gradio would print each with its trace
            logger.debug("a value that its component cannot take: %s", type(exc).__name__)
            said = exc.message if isinstance(exc, gr.Error) and not exc.print_exception else _WRONG
            raise gr.Error(said, print_exception=False) from exc


def build_page(
    models: Checkpoints,
    stores: StoreHost,
    plots: Plots | None = None,
    report_url: str | None = None,
    per_address: int = PER_ADDRESS,
    load_space: "Callable[[], SharedSpace] | None" = None,
    classifier: Path | None = None,
) -> gr.Blocks:
    """The whole page with its API; nothing is loaded or opened yet.

    Args:
        plots: draws measurements.
        report_url: where readers report a problem.
        per_address: sessions that one address may have.
        load_space: gives the space of films and sentences when it is first needed; None where none is here.
        classifier: folder of the classifier of 160 findings; without one, reports are mined by rules alone.
    """
    sessions, queue = Sessions(per_address=per_address), ModelQueue()
    names = [host.name for host in models.hosts]
    with Page(title="Viewbox", analytics_enabled=False) as page:
        api = Api(models, stores)  # first, so that no event of the page takes an endpoint's name
        api.publish()
        ScrutinyApi(api).publish()
        StudiesApi(api, models.studies).publish()
        similar = SimilarCases(models, stores, classifier)
        ReportsApi(stores, similar, classifier).publish()
        space = SpaceHost(load_space, models, stores)
        search = WordSearch(space, stores)
        PromptsApi(api, space, search).publish()
        top = gr.HTML(banner("en"), elem_id="vb-banner")
        message = gr.HTML(alert(""), elem_id="vb-message")
        lanes = Lanes(sessions, queue, message)
        model = model_panel(names, bool(report_url))  # behind the button in the bar
        tabs = gr.Tabs(elem_id="vb-tabs")
        prompts = prompt_panel()
        parts = case_layout(tabs, top, model, message, prompts)
        events = CaseEvents(models, stores, sessions, parts, lanes, queue)
        quiz_tab(page, tabs, quiz_actions(models, stores, sessions), lanes)
        reports = reports_tab(tabs, sessions, similar, search, lanes, classifier)
        learn_tab(tabs, names, sessions.language, lanes, stores)
        about_tab(tabs, About(models, plots), sessions.language, lanes)
        opened = events.connect(page, *reports.cards)
        connect_prompts(prompts, space, sessions, lanes, opened)
        if report_url:
            connect_report(report_url, model, sessions, lanes)
        # A refusal belongs to the tab in which it was made.
        tabs.select(None, None, [message], js=f"() => {json.dumps(alert(''))}", **QUIET)

        def leave(request: gr.Request) -> None:
            sessions.clear(request.session_hash)
            events.cases.left(request)

        page.unload(leave)
    page.queue(api_open=False, default_concurrency_limit=1)
    page._queue = FairQueue(FilmDecoder(DECODERS), api.left, blocks=page, default_concurrency_limit=1)
    return page


def launch(
    page: gr.Blocks,
    host: str,
    port: int,
    *,
    noindex: bool = False,
    behind_proxies: bool = False,
    ancestors: str = "'self'",
) -> None:
    """Serve the page at once, in the background, with its tools for language models.

    `ancestors` are the pages that may show it in a frame.
    """
    options = _launch_options(noindex, ancestors)
    if behind_proxies:
        proxies = Middleware(ProxyHeadersMiddleware, trusted_hosts=_OWN_NETWORKS)
        options["app_kwargs"]["middleware"].insert(0, proxies)
    page.launch(server_name=host, server_port=port, prevent_thread_lock=True, **options)
    join_logs("uvicorn", "uvicorn.error")
    complete_tools(page.mcp_server_obj.mcp_server)


def _launch_options(noindex: bool, ancestors: str) -> dict[str, Any]:
    """The options of gradio's `launch` with which the page looks right and keeps nothing.

    No run history (it would keep films in the browser), no uploads, no server-side rendering, no sharing;
    with `noindex`, search engines are asked to leave the page out.
    """
    return {
        "theme": theme(),
        "css": CSS,
        "head": HEAD,
        "i18n": translations(),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
        "mcp_server": True,
        "max_file_size": BODY_LIMIT,
        "state_session_capacity": CAPACITY,
        "app_kwargs": {
            "middleware": [
                Middleware(Guards, ancestors=ancestors),
                Middleware(Gate),
                Middleware(FilmRoute),
                Middleware(AnswerStream),
                Middleware(HeadRoute, noindex=noindex),
            ],
            "exception_handlers": {
                **dict.fromkeys((FnIndexInferError, KeyError, TypeError), no_such_call),
                RequestValidationError: malformed,
            },
        },
    }
