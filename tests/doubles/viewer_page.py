"""A page with nothing but the film viewer, for a browser: films of known sizes, maps, and what it tells."""

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
import numpy as np
from PIL import Image
from starlette.middleware import Middleware

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from interface.browser.look import CSS, HEAD, theme
from interface.browser.routes import FilmRoute
from interface.case_tab.viewer import film_value, map_layer, mask_of, viewer
from interface.language.texts import Language
from interface.models.held_film import HeldFilm, hold
from modeling.labels import APPEARANCE, Target
from modeling.study import Modality, Radiograph, Study
from tests.doubles.served import free_port

SHAPES = [(500, 420), (360, 480), (2500, 2000), (300, 300)]
HIDDEN = 3


def film(seed: int, shape: tuple[int, int]) -> Radiograph:
    """A smooth 12-bit film with two dark fields and a little noise."""
    rng = np.random.default_rng(seed)
    base = Image.fromarray(rng.normal(0.0, 1.0, (12, 10)).astype(np.float32))
    broad = np.asarray(base.resize(shape[::-1], Image.Resampling.BICUBIC))
    y, x = np.linspace(0, 1, shape[0])[:, None], np.linspace(0, 1, shape[1])
    fields = sum(np.exp(-(((x - c) / 0.13) ** 2) - ((y - 0.45) / 0.3) ** 2) for c in (0.3, 0.7))
    values = 4096 * (0.6 - 0.45 * fields + 0.05 * broad) + rng.normal(0, 8, shape)
    return Radiograph(values.clip(0, 4095).astype(np.uint16), 12)


class Desk:
    """What the page shows, for one browser."""

    def __init__(self, language: Language) -> None:
        self.language, self.case, self.film = language, None, None

    def open(self, number: float) -> dict:
        """Put a case on screen."""
        number = int(number)
        licence = Licence("private", False, False) if number == HIDDEN else SYNTHETIC_LICENCE
        provenance = Provenance("phantom", "p", "Viewbox tests", synthetic=number != 1)
        self.case = Case(f"CASE-{number}", Study(film(number, SHAPES[number])), licence, provenance)
        self.film: HeldFilm | None = hold(self.case)
        return film_value(self.case, self.film, self.language)

    def explain(self, number: float) -> dict:
        """A map of the case on screen, for one of its classes."""
        noise = np.random.default_rng(int(number)).normal(0, 1e-5, (9, 7)).astype(np.float32)
        image = np.asarray(Image.fromarray(noise).resize((180, 224), Image.Resampling.BICUBIC))
        target = Target(APPEARANCE, APPEARANCE.classes[int(number)])
        told = {"method": "integrated_gradients", "baseline": "black", "read": (Modality.IMAGE,)}
        layer = map_layer(image, self.case, target, self.language, **told)
        return film_value(self.case, self.film, self.language, layers=(layer,))


def told(value: dict) -> str:
    """The marked region on a grid of 11 x 11, as text."""
    mask = mask_of(value, (11, 11))
    return "nothing" if mask is None else " ".join(f"{y}{x}" for y, x in np.argwhere(mask))


def event(event: gr.EventData) -> str:
    """The same from the event's own data."""
    return told(event._data)


@contextmanager
def viewer_page(language: Language) -> Iterator[str]:
    """Serve the page; gives its address."""
    desk, quiet = Desk(language), {"show_progress": "hidden"}
    with gr.Blocks(title="Viewer", analytics_enabled=False) as page, gr.Tabs(), gr.Tab("look"):
        figure = viewer("vb-figure")
        number = gr.Number(0, label="number", precision=0)
        gr.Button("open").click(desk.open, number, figure, **quiet)
        gr.Button("explain").click(desk.explain, number, figure, **quiet)
        region, sent = gr.Textbox(label="region", interactive=True), gr.Textbox(label="sent")
        gr.Button("ask").click(told, figure, region, **quiet)
        gr.Button("put back").click(None, js="() => window.viewboxViewer.unmark('vb-figure')")
        figure.marked(event, None, sent, **quiet)
        page.load(desk.open, number, figure, **quiet)
    port = free_port()
    looks = {"theme": theme(), "css": CSS, "head": HEAD, "ssr_mode": False, "footer_links": []}
    route = {"middleware": [Middleware(FilmRoute)]}
    page.launch(server_port=port, prevent_thread_lock=True, quiet=True, app_kwargs=route, **looks)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        page.close(verbose=False)
