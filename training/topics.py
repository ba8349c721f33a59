"""Topics of a corpus of reports as lines: what `viewbox topics` prints."""

from typing import Any

from modeling.reports.topic_browser import TopicBrowser


def topic_rows(browser: TopicBrowser) -> list[dict[str, Any]]:
    """The topics as JSON types."""
    return [
        {"topic": t.number, "name": t.name, "share": t.share, "npmi": t.coherence} for t in browser.topics
    ]


def topic_table(browser: TopicBrowser) -> str:
    """The topics as lines to read."""
    lines = []
    for topic in browser.topics:
        headings = ", ".join(f"{name} {share:.0%}" for name, share in topic.headings)
        words = " ".join(keyword.word for keyword in topic.keywords)
        lines.append(
            f"{topic.number:>3} {topic.share:>6.1%} NPMI {topic.coherence:>6.3f}  {words or topic.name}"
        )
        lines[-1] += f"  [{headings}]"
    lines.append(", ".join(f"{name} {value}" for name, value in browser.measures.items()))
    return "\n".join(lines)
