"""Topics of a corpus of reports: `python -m training.topics REPORTS [--topics N] [--out FILE.json]`.

REPORTS is what `training.labelling` reads; how topics are found and measured stands in
`modeling/reports/topics.py`.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from modeling.errors import ViewboxError
from modeling.reports.reading import read_reports
from modeling.reports.topic_browser import TopicBrowser
from modeling.reports.topics import TopicSettings, find_topics


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Find topics; 0 on success, 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m training.topics", description=__doc__)
    parser.add_argument("reports", type=Path, help="Open-i archive, folder, XML or text file, or CSV (.gz)")
    parser.add_argument("--topics", type=int, default=20)
    parser.add_argument("--method", choices=("nmf", "lda"), default="nmf")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep-denied", action="store_true", help="leave what a report denies in its text")
    parser.add_argument("--text-column", default="", help="the CSV column that holds the report")
    parser.add_argument("--heading-column", default="", help="the CSV column of index terms")
    parser.add_argument("--out", type=Path, help="write the topics for the browser on screen")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        settings = TopicSettings(options.topics, options.method, options.seed, not options.keep_denied)
        reports = read_reports(options.reports, options.text_column, options.heading_column)
        browser = find_topics(reports, settings)
        if options.out:
            browser.save(options.out)
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 1
    seconds = round(time.perf_counter() - start, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    if options.json:
        topics = [
            {"topic": t.number, "name": t.name, "share": t.share, "npmi": t.coherence} for t in browser.topics
        ]
        print(json.dumps(browser.measures | {"seconds": seconds, "peak_gb": peak, "topics": topics}))
    else:
        print(f"{topic_table(browser)}\n{seconds} s, peak {peak} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
