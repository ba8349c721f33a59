"""How the page looks: system fonts (nothing is fetched), calm colours, a dark ground for films."""

from pathlib import Path

import gradio as gr

from interface.html.render import render
from interface.language.texts import LANGUAGES

_ASSETS = Path(__file__).parents[1] / "assets"


def _assets(kind: str) -> str:
    """Every stylesheet or script of the panels, joined in the order of their names."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(_ASSETS.glob(f"*.{kind}")))


CSS = _assets("css")

HEAD = str(render("head.html", languages=list(LANGUAGES), scripts=_assets("js")))

_SANS = ("system-ui", "Segoe UI", "Roboto", "Noto Sans TC", "PingFang TC", "Microsoft JhengHei", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")


def theme() -> gr.themes.Base:
    """Slate and teal, compact, readable."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        spacing_size="sm",
        radius_size="sm",
        text_size="md",
        font=_SANS,
        font_mono=_MONO,
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )
