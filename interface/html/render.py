"""Templates of `interface/html/templates/` as markup: every value is escaped, and none may be missing.

A template calls `say`, `word_for` and the other functions below as Python does, without the language: that is
the `language` it was rendered in. `ui` holds what templates share (`macros.html`).
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from markupsafe import Markup

from interface.language import texts

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, /, **values: Any) -> Markup:
    """A template with its values.

    Args:
        template: path below `TEMPLATES`.
        values: by the names that the template uses, `language` among them where it has words of its own.

    Raises:
        jinja2.UndefinedError: the template uses a name that has no value.
    """
    return Markup(_environment().get_template(template).render(values))


def ui() -> Any:
    """The macros that templates share, for a handler that shows one alone: `ui().note(sentence)`."""
    return _environment().globals["ui"]


def signed(value: float, digits: int = 3) -> str:
    """A number with a sign that is never a hyphen."""
    return f"{'+' if value >= 0 else '−'}{abs(value):.{digits}f}"


class _Lines(Extension):
    """Lets templates be indented: a line break beside a tag or a block is nothing, elsewhere a space."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        beside = re.sub(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])", "", source.strip())
        return re.sub(r"\s*\n\s*", " ", beside)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        extensions=[_Lines],
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.filters |= {"signed": signed}
    for name in ("say", "word_for", "field_label", "value_word", "listed", "translated", "question"):
        environment.globals[name] = _in_its_language(getattr(texts, name))
    environment.globals["ui"] = environment.get_template("macros.html").module
    return environment


def _in_its_language(function: Any) -> Any:
    """A function of `texts`, whose language is the template's."""

    @pass_context
    def worded(context: Context, *args: Any, **values: Any) -> Any:
        return function(*args, language=context["language"], **values)

    return worded
