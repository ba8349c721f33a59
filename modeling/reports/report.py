"""A report as the miner reads it: its sections, and what in them is markup."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modeling.errors import ViewboxError


class ReportError(ViewboxError):
    """Reports cannot be read as given."""


SECTION_NAMES = ("comparison", "indication", "findings", "impression")
WHOLE = "report"
"""The section of a report that names none."""
VOCABULARY = json.loads(Path(__file__).with_name("vocabulary.json").read_text(encoding="utf-8"))
"""Headings of sections, columns of tables, and words that tell a report's language."""
HEADINGS = {name: section for section, names in VOCABULARY["headings"].items() for name in names}
"""Heading in a plain-text report -> section. A heading stands alone on its line, or ends in a colon: at a
line's start, or (with a capital) behind a sentence."""
_NAMES = "|".join(sorted(HEADINGS, key=len, reverse=True))
_HEADING = re.compile(
    rf"^[ \t*#]*(?P<name>{_NAMES})[ \t*]*[:：][ \t*]*|^[ \t*#]*(?P<bare>{_NAMES})[ \t*]*$"
    rf"|(?<=[.!?;\])][ \t])[ \t]*(?=(?-i:[A-Z]))(?P<inner>{_NAMES})[ \t]*:"
    rf"|(?<=[ \t])(?P<capital>(?-i:{_NAMES.upper()}|Findings|Impression|Conclusion|Recommendations?))[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_BLANK_LINE = re.compile(r"\n\s*\n")
_NEW_LINE = re.compile(r"\n(?=[ \t]*[A-Z])")
_MARKUP = re.compile(
    r"<(?i:script|style)\b[^<>]{0,300}>(?:[^<]|<(?!/?(?i:script|style)))*</(?i:script|style)\s*>"
    r"|</?[A-Za-z][^<>]{0,300}>|&(?:[A-Za-z]{2,8}|#\d{1,5});|<!--.{0,500}?-->",
    re.DOTALL,
)


@dataclass(frozen=True)
class Report:
    """A radiology report: the text of each section by its lower-case name."""

    report_id: str
    sections: Mapping[str, str] = field(default_factory=dict)  # `report` where the text names none
    headings: tuple[str, ...] = ()  # MeSH major headings that indexers gave it; never read by the miner

    @classmethod
    def from_text(cls, text: str, report_id: str = "") -> "Report":
        """Cut plain text at its section headings; text without any is one section, `report`."""
        found = list(_HEADING.finditer(text))
        if not found:
            return cls(report_id, {WHOLE: text})
        sections: dict[str, str] = {}
        if text[: found[0].start()].strip():
            sections[WHOLE] = text[: found[0].start()]
        ends = [match.start() for match in found[1:]] + [len(text)]
        for match, end in zip(found, ends, strict=True):
            name = HEADINGS[(match["name"] or match["bare"] or match["inner"] or match["capital"]).lower()]
            body = text[match.end() : end]
            sections[name] = f"{sections[name]}\n\n{body}" if name in sections else body
        last = list(sections)[-1]
        is_read = "findings" in sections or "impression" in sections
        if not is_read and last in ("comparison", "indication", "technique"):
            # The reading stands unnamed below the last heading's own paragraph.
            body = sections[last].lstrip()
            end = _BLANK_LINE if _BLANK_LINE.search(body) else _NEW_LINE
            sections[last], rest = [*end.split(body, maxsplit=1), ""][:2]
            sections[WHOLE] = f"{sections[WHOLE]}\n\n{rest}" if WHOLE in sections else rest
        return cls(report_id, {name: body for name, body in sections.items() if body.strip()})

    def text(self, names: tuple[str, ...] | None = None) -> str:
        """The named sections (all of them by default) one after the other."""
        chosen = self.sections if names is None else [name for name in names if name in self.sections]
        return "\n\n".join(self.sections[name] for name in chosen if self.sections[name].strip())


def blank_markup(text: str) -> str:
    """The text with HTML tags, scripts and entities turned into as many spaces: places stay as they are."""
    if "<" not in text and "&" not in text:
        return text
    return _MARKUP.sub(lambda match: " " * len(match.group()), text)
