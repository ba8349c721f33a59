"""A report as the miner reads it: its sections, and each section's sentences with their places."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SECTION_NAMES = ("comparison", "indication", "findings", "impression")
WHOLE = "report"
"""The section of a report that names none."""

HEADINGS = {
    "comparison": "comparison",
    "comparisons": "comparison",
    "indication": "indication",
    "clinical indication": "indication",
    "history": "indication",
    "clinical history": "indication",
    "reason for exam": "indication",
    "reason for examination": "indication",
    "findings": "findings",
    "finding": "findings",
    "report": "findings",
    "impression": "impression",
    "impressions": "impression",
    "conclusion": "impression",
    "technique": "technique",
    "examination": "technique",
    "exam": "technique",
    "procedure": "technique",
    "final report": WHOLE,
}
"""Heading in a plain-text report -> section. A heading stands at a line's start and ends in a colon (or, for
FINAL REPORT, in nothing)."""

_HEADING = re.compile(
    r"^[ \t]*(?:(?P<name>"
    + "|".join(sorted(HEADINGS, key=len, reverse=True))
    + r")[ \t]*:|(?P<bare>final report)[ \t]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[a-z)])\.(?=[A-Z])|\n\s*\n|\n(?=\s*(?:\d{1,2}[.)]|[-*•])\s)")
_MARKUP = re.compile(
    r"<(?i:script|style)\b[^<>]{0,300}>(?:[^<]|<(?!/?(?i:script|style)))*</(?i:script|style)\s*>"
    r"|</?[A-Za-z][^<>]{0,300}>|&(?:[A-Za-z]{2,8}|#\d{1,5});|<!--.{0,500}?-->",
    re.DOTALL,
)
_LETTER = re.compile(r"[A-Za-z]")
LONGEST_SENTENCE = 1000
"""Characters: what has no full stop for longer is cut at a space, so that no rule reaches across a page."""


@dataclass(frozen=True)
class Report:
    """A radiology report by section.

    Attributes:
        report_id: as the archive has it.
        sections: lower-case section name -> text; `report` where the text names no section.
        headings: MeSH major headings that indexers gave it; never read by the miner.
    """

    report_id: str
    sections: Mapping[str, str] = field(default_factory=dict)
    headings: tuple[str, ...] = ()

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
            name = HEADINGS[(match["name"] or match["bare"]).lower()]
            body = text[match.end() : end]
            sections[name] = f"{sections[name]}\n\n{body}" if name in sections else body
        if not {"findings", "impression", WHOLE} & set(sections):
            # The reading stands unnamed below the last heading's own paragraph.
            last = list(sections)[-1]
            own, _, rest = sections[last].lstrip().partition("\n\n")
            sections |= {last: own, WHOLE: rest}
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


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST_SENTENCE:
        space = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
        middle = space if space > 0 else start + LONGEST_SENTENCE
        yield start, middle
        start = middle
    yield start, end


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence stands: [start, end) in the text, blanks at its ends left out."""
    start = 0
    for stop, following in [(m.start(), m.end()) for m in _SENTENCE_END.finditer(text)] + [(len(text),) * 2]:
        for first, last in _cut(text, start, stop):
            piece = text[first:last]
            stripped = piece.strip()
            if stripped and _LETTER.search(stripped):
                begin = first + len(piece) - len(piece.lstrip())
                yield begin, begin + len(stripped)
        start = following
