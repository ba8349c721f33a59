"""Templates of `interface/html/templates/` as markup: every value is escaped, and none may be missing.

A template calls `say`, `word_for` and the others of `texts.WORDS` as Python does, without the language: that
is the `language` it was rendered in. `ui` holds what templates share (`macros.html`).
"""

import re
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup

from interface.language import texts

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, /, **values: Any) -> Markup:
    """A template, by its path, with its values; raises `UndefinedError` for a name without one."""
    return Markup(_environment().get_template(template).render(values))


def macros(template: str) -> Any:
    """The macros of a template that needs no language, for Python: `macros("macros.html").note(sentence)`."""
    return _environment().get_template(template).module


def ui() -> Any:
    """The macros that templates share: `ui().note(sentence)`."""
    return macros("macros.html")


def written(value: float | None, digits: int = 3) -> str:
    """So many decimals; a dash for a number that is not there."""
    if value is None or isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """Three decimals, always with a sign."""
    return f"{'+' if value >= 0 else '−'}{abs(value):.3f}"


def percent(share: float | None, digits: int = 0) -> str:
    """A share from 0 to 1 as such."""
    return "–" if share is None or isnan(share) else f"{100 * share:.{digits}f} %"


class _Lines(Extension):
    """Lets templates be indented: a line break beside a tag or a block is nothing, elsewhere a space."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        beside = re.sub(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])", "", source.strip())
        return re.sub(r"\s*\n\s*", " ", beside)


_OVERRIDES = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)))
"""Signs that turn the direction of what follows, beyond the value that they stand in, and halves of signs."""


def _in_its_place(value: Any) -> Any:
    return value.translate(_OVERRIDES) if type(value) is str else value


@cache
def _environment() -> Environment:
    environment = Environment(
        finalize=_in_its_place,
        loader=FileSystemLoader(TEMPLATES),
        extensions=[_Lines],
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.filters |= {"number": written, "signed": signed, "percent": percent}
    environment.globals |= {word.__name__: _in_its_language(word) for word in texts.WORDS}
    environment.globals["ui"] = environment.get_template("macros.html").module
    return environment


def _in_its_language(function: Any) -> Any:
    """A function of `texts`, whose language is the template's."""

    @pass_context
    def worded(context: Context, *args: Any, **values: Any) -> Any:
        return function(*args, language=context["language"], **values)

    return worded
