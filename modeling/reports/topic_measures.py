"""What topics are worth: how well their words go together, and how well they agree with index terms."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.metrics import normalized_mutual_info_score

from modeling.reports.report import Report
from modeling.reports.topic_browser import Topic

HEADINGS = 3
"""Index terms shown with a topic."""


def npmi(counts: csr_matrix, words: np.ndarray) -> float:
    """Mean normalised pointwise mutual information of all pairs of words, -1 to 1, over documents.

    Args:
        counts: (documents, words), anything but 0 where a word stands in a document.
        words: columns, at least two.
    """
    present = (counts[:, words] > 0).astype(np.float64)
    documents = counts.shape[0]
    together = (present.T @ present).toarray() / documents
    alone = np.diag(together)
    first, second = np.triu_indices(len(words), k=1)
    joint = together[first, second]
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(joint / (alone[first] * alone[second])) / -np.log(joint)
    information[joint == 0] = -1.0  # never together
    information[joint == 1] = 1.0
    return float(information.mean())


def head(heading: str) -> str:
    """What a heading is about, its qualifiers left out: Opacity of Opacity/lung/base/left."""
    return heading.split("/")[0].strip()


def common_headings(members: Sequence[Report]) -> tuple[tuple[str, float], ...]:
    """The `HEADINGS` most common headings of some reports, each with its share of them."""
    counts = Counter(name for report in members for name in {head(h) for h in report.headings})
    return tuple((name, round(n / len(members), 3)) for name, n in counts.most_common(HEADINGS))


def measure(topics: Sequence[Topic], reports: Sequence[Report], numbers: np.ndarray) -> dict[str, Any]:
    """Coherence, and agreement of each report's main topic with its index terms beside what chance gives.

    `purity` is the share of reports that have their topic's most common heading; `purity_one_topic` is that
    of one topic for all, `purity_shuffled` that of the same topics dealt at random. NMI is with the first
    heading.
    """
    answer: dict[str, Any] = {
        "reports": len(reports),
        "reports_without_keyword": sum(not topics[n].keywords for n in numbers),
        "npmi": round(float(np.mean([topic.coherence for topic in topics if topic.keywords])), 4),
    }
    indexed = [i for i, report in enumerate(reports) if report.headings]
    if indexed:
        heads = [[head(h) for h in reports[i].headings] for i in indexed]
        chosen = numbers[indexed]
        shuffled = np.random.default_rng(0).permutation(chosen)
        first = [names[0] for names in heads]
        answer |= {
            "indexed_reports": len(indexed),
            "nmi": round(float(normalized_mutual_info_score(first, chosen)), 4),
            "nmi_shuffled": round(float(normalized_mutual_info_score(first, shuffled)), 4),
            "purity": _purity(heads, chosen),
            "purity_one_topic": _purity(heads, np.zeros_like(chosen)),
            "purity_shuffled": _purity(heads, shuffled),
        }
    return answer


def _purity(heads: Sequence[Sequence[str]], numbers: np.ndarray) -> float:
    counts: dict[int, Counter[str]] = {}
    for names, number in zip(heads, numbers, strict=True):
        counts.setdefault(int(number), Counter()).update(set(names))
    return round(sum(counter.most_common(1)[0][1] for counter in counts.values()) / len(heads), 4)
