"""A large set of reports, mined and placed: what `viewbox mine --index` does."""

import hashlib
import re
import resource
import time
from pathlib import Path
from typing import Any

from modeling.findings.placing import placed
from modeling.findings.reader import FindingReader
from modeling.progress import progress
from modeling.reports.mining import Miner
from modeling.reports.reading import each_report
from modeling.reports.rules import DEFAULT_RULES, RuleSet
from modeling.retrieval.report_index import ReportIndex, index_reports
from training.labelling import further_line


def indexed(
    reports_at: Path,
    folder: Path,
    classifier: Path,
    *,
    rules: Path | None = None,
    text_column: str = "",
    like: str | None = None,
) -> dict[str, Any]:
    """The index with what is in it, and the reports most like a finding in some words.

    Raises ViewboxError: the words are like no finding, the reports cannot be read, or the folder holds
    something else.
    """
    start, work = time.perf_counter(), time.process_time()
    reader, miner = FindingReader.load(classifier), Miner(RuleSet.load(rules or DEFAULT_RULES))
    asked = None if like is None else _asked(like, reader)  # refused before the reports are read
    source = _source(reports_at, rules or DEFAULT_RULES)
    with progress(what="mining and placing", unit="report") as bar:
        for done in index_reports(folder, each_report(reports_at, text_column), reader, miner, source):
            bar.update(done - bar.n)
    index = ReportIndex.open(folder)
    seconds = time.perf_counter() - start
    found = () if asked is None else index.nearest(reader.vectors([asked.lower()])[0])
    return {
        "reports": len(index),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - work, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "mined": index.mined_counts(),
        "further": index.counts(),
        "asked": asked,
        "like": [
            {
                "report_id": one.report_id,
                "similarity": round(one.similarity, 4),
                "findings": list(one.findings),
            }
            for one in found
        ],
    }


def _asked(words: str, reader: FindingReader) -> str:
    """What is searched for: the words, or for Chinese, which the encoder cannot read, the nearest finding."""
    nearest = placed(words, reader=reader)[0].finding
    return " ".join(words.split()) if re.search("[a-zA-Z]", words) else str(nearest.name)


def _source(reports_at: Path, rules: Path) -> str:
    """Names the reports and the rules, so that an index is not gone on with by others."""
    size = reports_at.stat().st_size if reports_at.is_file() else "folder"
    by = hashlib.sha256(rules.read_bytes()).hexdigest()[:16]
    return f"{reports_at.name} {size}, rules {by}"


def lines(found: dict[str, Any]) -> str:
    """As lines to read."""
    told = ", ".join(f"{name} {n}" for name, n in found["mined"].items())
    head = f"{found['reports']} reports in the index; {found['seconds']} s, peak {found['peak_gb']} GB"
    near = [
        f"{one['similarity']:.3f}  {one['report_id']}  {', '.join(one['findings'])}" for one in found["like"]
    ]
    asked = [] if found["asked"] is None else [f"most like '{found['asked']}':"]
    return "\n".join([head, f"mined: {told}", further_line(found["further"]), *asked, *near])
