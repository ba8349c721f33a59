"""Topics as data to browse: from a topic to its keywords to its cases, and back from a word or a case."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modeling.reports.report import ReportError


@dataclass(frozen=True)
class Keyword:
    """A word of a topic; `weight` is its share of the topic's words, 0 to 1."""

    word: str
    weight: float


@dataclass(frozen=True)
class TopicCase:
    """A report of a topic; `share` is how much of the report the topic makes up, 0 to 1."""

    report_id: str
    share: float


@dataclass(frozen=True)
class Topic:
    """One topic of a corpus.

    Attributes:
        number: its place, the most common topic first; the group without keywords comes last.
        share: of the reports whose main topic it is, 0 to 1; coherence: mean NPMI of its keywords, -1 to 1.
        headings: the index terms most common among its reports, with their share of them.
        cases: the reports that it makes up most of.
    """

    number: int
    keywords: tuple[Keyword, ...]
    share: float
    coherence: float
    headings: tuple[tuple[str, float], ...] = ()
    cases: tuple[TopicCase, ...] = ()

    @property
    def name(self) -> str:
        """Its first three keywords; the group of reports that say nothing more has none."""
        return ", ".join(keyword.word for keyword in self.keywords[:3]) or "nothing abnormal said"


@dataclass(frozen=True)
class TopicBrowser:
    """All topics of a corpus, the main topic's number by report id, and the measures of `topics.measure`."""

    topics: tuple[Topic, ...]
    main_topic: dict[str, int]
    measures: dict[str, Any]

    def with_word(self, word: str) -> list[Topic]:
        """The topics that have a word among their keywords, the one it weighs most in first."""
        weights = {t.number: k.weight for t in self.topics for k in t.keywords if k.word == word.lower()}
        return sorted((t for t in self.topics if t.number in weights), key=lambda t: -weights[t.number])

    def of_report(self, report_id: str) -> Topic:
        """A report's main topic. Raises ReportError: no such report was read."""
        if report_id not in self.main_topic:
            raise ReportError("No report {name} was among those that the topics come from.", name=report_id)
        return self.topics[self.main_topic[report_id]]

    def reports(self, number: int) -> list[str]:
        """Every report whose main topic this is, by id."""
        return sorted(report_id for report_id, topic in self.main_topic.items() if topic == number)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "TopicBrowser":
        """Read what `save` wrote. Raises ReportError: not there, or no topics in it."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            topics = tuple(_topic(**topic) for topic in data["topics"])
            return cls(topics, dict(data["main_topic"]), dict(data["measures"]))
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise ReportError("{path} holds no topics; make it with 'viewbox topics'.", path=path) from exc


def _topic(
    *, keywords: list[Any], headings: list[Any], cases: list[Any], number: int, share: float, coherence: float
) -> Topic:
    """A topic as JSON holds it."""
    words, reports = (Keyword(**word) for word in keywords), (TopicCase(**case) for case in cases)
    terms = tuple((str(name), float(part)) for name, part in headings)
    return Topic(int(number), tuple(words), float(share), float(coherence), terms, tuple(reports))
