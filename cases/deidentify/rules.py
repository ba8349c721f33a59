"""Patterns of what names somebody, a day or a place in a free text (`rules.toml`), and their placeholders."""

import re
import tomllib
from pathlib import Path

_DATA = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))


def _whole(pattern: str, fragments: dict[str, str]) -> str:
    return re.sub("<([A-Z_]+)>", lambda name: fragments[name[1]], pattern)


_FRAGMENTS: dict[str, str] = {}
for _name, _pattern in _DATA["fragments"].items():
    _FRAGMENTS[_name] = _whole(_pattern, _FRAGMENTS)
CAPITAL = _FRAGMENTS["CAPITAL"]
LEFT, RIGHT = _FRAGMENTS["LEFT"], _FRAGMENTS["RIGHT"]
"""The edges of a word, where Chinese characters, which stand without spaces, count as its outside."""
RULES = {kind: tuple(_whole(p, _FRAGMENTS) for p in patterns) for kind, patterns in _DATA["rules"].items()}
"""Kind -> patterns; a rule names what it finds by its kind."""
PLACEHOLDERS: dict[str, str] = _DATA["placeholders"]
ORDER: list[str] = _DATA["order"]
"""Of two finds of one length, the earlier kind counts."""
