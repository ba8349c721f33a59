"""The patterns of `rules.toml`, each with the fragments that it names written out."""

import re
import tomllib
from pathlib import Path

_DATA = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
FRAGMENTS: dict[str, str] = {}


def _whole(pattern: str) -> str:
    return re.sub("<([A-Z_]+)>", lambda name: FRAGMENTS[name[1]], pattern)


for _name, _pattern in _DATA["fragments"].items():
    FRAGMENTS[_name] = _whole(_pattern)
LEFT, RIGHT = FRAGMENTS["LEFT"], FRAGMENTS["RIGHT"]
"""The edges of a word, where characters of Chinese, Japanese and Korean count as its outside."""
UNSPACED = f"[{FRAGMENTS['CJK']}]"
"""A character of those three: no space stands between their words, or a particle hangs on the name."""
RULES = {kind: tuple(map(_whole, patterns)) for kind, patterns in _DATA["rules"].items()}
"""Kind -> patterns; a rule names what it finds by its kind."""
ORDER: list[str] = _DATA["order"]
"""Of two finds of one length, the earlier kind counts."""
PLACEHOLDERS: dict[str, str] = _DATA["placeholders"]
PHONE_REGIONS: list[str] = _DATA["phone_regions"]
