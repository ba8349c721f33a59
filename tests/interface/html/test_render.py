"""Templates escape what they are given, miss nothing, and speak the reader's language."""

import re

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from interface.html.render import TEMPLATES, _environment, render, ui

HOSTILE = "<script>alert('1')</script>\"'&\u202e"


def drawn(source: str, **values: object) -> str:
    return _environment().from_string(source).render(values)


@pytest.mark.parametrize(
    "markup",
    [
        "{{ ui.note(x) }}",
        "{{ ui.alert(x) }}",
        "{{ ui.heading(x) }}",
        "{{ ui.subheading(x) }}",
        "{{ ui.tag(x) }}",
        "{{ ui.thumbnail(x, x) }}",
        "{% call ui.details(x) %}{{ x }}{% endcall %}",
        "{{ ui.table(x, [x], [[x, x]]) }}",
        "{{ ui.signed_row(x, x, 0.5, 1, [x]) }}",
        "{% call ui.bars_table(x, x, [x]) %}{{ x }}{% endcall %}",
        '<p title="{{ x }}">{{ x }}</p>',
    ],
)
def test_hostile_values_come_out_escaped(markup: str) -> None:
    found = drawn(markup, x=HOSTILE)
    assert "<script>" not in found and "\u202e" not in found and "&lt;script&gt;" in found
    assert HOSTILE not in re.sub("&[a-z#0-9]+;", "", found)


def test_markup_is_not_escaped_twice() -> None:
    inner = ui().note("a & b")
    assert isinstance(inner, Markup)
    assert drawn("{{ ui.table('', [], [[x]]) }}", x=inner).count("a &amp; b") == 1


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        drawn("<p>{{ nobody_gave_this }}</p>")


def test_a_template_speaks_the_language_it_was_rendered_in() -> None:
    assert drawn("{{ say('page.title') }}", language="en") != drawn(
        "{{ say('page.title') }}", language="zh-Hant"
    )
    with pytest.raises(KeyError):
        drawn("{{ say('page.title') }}")


def test_line_breaks_are_not_part_of_the_page_but_those_of_a_value_are() -> None:
    source = (
        '<ul>\n  {% for x in values %}\n    <li>{{ x }}</li>\n  {% endfor %}\n</ul>\n<p class="a"\n  id="b">'
    )
    assert drawn(source, values=["1\n 2"]) == '<ul><li>1\n 2</li></ul><p class="a" id="b">'


def test_every_template_compiles() -> None:
    names = [path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")]
    assert "macros.html" in names
    for name in names:
        _environment().get_template(name)


def test_a_template_gives_markup() -> None:
    assert isinstance(render("macros.html"), Markup)
