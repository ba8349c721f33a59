"""Topics of a corpus of reports: NMF of TF-IDF (Lee and Seung 1999) or LDA of word counts (Blei et al. 2003).

Coherence is NPMI over the corpus itself (Bouma 2009; Roeder et al. 2015), and agreement is with the index
terms that come with the reports (MeSH on Open-i), which the topics never see.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfTransformer

from modeling.errors import ViewboxError
from modeling.reports.affirmed import affirmed_text, reading_text
from modeling.reports.mining import Miner
from modeling.reports.report import Report, ReportError
from modeling.reports.topic_browser import Keyword, Topic, TopicBrowser, TopicCase
from modeling.reports.topic_measures import common_headings, measure, npmi

Method = Literal["nmf", "lda"]
KEYWORDS = 10
FEWEST_REPORTS = 8
"""Below this a topic would be one report each."""
CASES = 50
MANY_REPORTS = 20_000
"""From here on NMF goes by mini batches: as good on 160,000 reports and several times faster."""

WORDS = r"(?u)\b[^\W\d_]{3,}\b"
STOP_WORDS = sorted(ENGLISH_STOP_WORDS)
TOO_FEW_WORDS = "The reports share too few words for topics; give more reports."


@dataclass(frozen=True)
class TopicSettings:
    """What decides the topics; the same settings and reports give the same topics.

    Attributes:
        affirmed_only: leave out what a report denies or calls normal (English reports only).
    """

    topics: int = 20
    method: Method = "nmf"
    seed: int = 0
    affirmed_only: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.topics <= 200:
            raise ViewboxError("Ask for 2 to 200 topics.")


def topic_text(report: Report, miner: Miner | None) -> str:
    """What topics are made of: findings and impression (else all), redactions and markup out.

    Args:
        miner: leaves out the sentences that affirm nothing and say that something is absent or normal: else
            half of all topics are wordings of "normal", and "no pneumothorax" makes one of pneumothorax.
    """
    return reading_text(report) if miner is None else affirmed_text(report, miner)


def topics_of_store(reports: Sequence[Report]) -> TopicBrowser:
    """Topics of a store's reports, however many there are: about the square root of their number, at most 20.

    Raises:
        ReportError: too few reports, or too few words that they share.
    """
    if len(reports) < FEWEST_REPORTS:
        raise ReportError(
            "Topics need at least {number} reports; here are {count}.",
            number=FEWEST_REPORTS,
            count=len(reports),
        )
    wanted = max(2, min(TopicSettings.topics, round(len(reports) ** 0.5)))
    return find_topics(reports, TopicSettings(wanted), or_fewer=True)


def find_topics(
    reports: Sequence[Report], settings: TopicSettings, *, or_fewer: bool = False
) -> TopicBrowser:
    """Fit topics to all reports and measure them.

    Args:
        or_fewer: make fewer topics where the reports share too few words for so many.

    Raises:
        ReportError: too few reports or too few different words for so many topics.
    """
    miner = Miner() if settings.affirmed_only else None
    texts = [topic_text(report, miner) for report in reports]
    fewest = max(2, min(20, len(texts) // 500))
    counter = CountVectorizer(
        stop_words=STOP_WORDS, token_pattern=WORDS, min_df=fewest, max_df=0.6, dtype=np.float32
    )
    try:
        counts = counter.fit_transform(texts)
    except ValueError as exc:  # sklearn's word for: nothing is left
        raise ReportError(TOO_FEW_WORDS) from exc
    most = min(counts.shape) - 1
    if or_fewer:
        if most < 2:
            raise ReportError(TOO_FEW_WORDS)
        settings = replace(settings, topics=min(settings.topics, most))
    if settings.topics > most:
        raise ReportError(
            "{count} reports with {words} shared words cannot make {number} topics; ask for fewer.",
            count=counts.shape[0],
            words=counts.shape[1],
            number=settings.topics,
        )
    document_topics, topic_words = _factorise(counts, settings)
    return _browser(reports, counts, counter.get_feature_names_out(), document_topics, topic_words)


def _factorise(counts: csr_matrix, settings: TopicSettings) -> tuple[np.ndarray, np.ndarray]:
    """(reports, topics) and (topics, words), rows that sum to 1 (to 0 for a report without words)."""
    if settings.method == "lda":
        model = LatentDirichletAllocation(
            settings.topics,
            learning_method="online",
            batch_size=2048,
            max_iter=10,
            random_state=settings.seed,
        )
        weights = model.fit_transform(counts)
        weights[np.diff(counts.indptr) == 0] = 0
    else:
        tfidf = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
        if counts.shape[0] >= MANY_REPORTS:
            model = MiniBatchNMF(
                settings.topics, init="nndsvda", batch_size=4096, max_iter=30, random_state=settings.seed
            )
        else:
            model = NMF(settings.topics, init="nndsvda", max_iter=300, tol=1e-3, random_state=settings.seed)
        weights = model.fit_transform(tfidf)
    return _shares(weights), _shares(model.components_)


def _shares(rows: np.ndarray) -> np.ndarray:
    sums = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, sums, out=np.zeros_like(rows), where=sums > 0)


def _browser(
    reports: Sequence[Report], counts: csr_matrix, names: np.ndarray, weights: np.ndarray, words: np.ndarray
) -> TopicBrowser:
    known = weights.sum(axis=1) > 0
    main = np.where(known, weights.argmax(axis=1), -1)
    sizes = np.bincount(main[known], minlength=len(words))
    order = np.argsort(-sizes, kind="stable")
    topics = []
    for number, column in enumerate(order):
        best = _keywords(words[column])
        members = np.flatnonzero(main == column)
        nearest = members[np.argsort(-weights[members, column], kind="stable")][:CASES]
        topics.append(
            Topic(
                number=number,
                keywords=tuple(Keyword(str(names[w]), round(float(words[column, w]), 5)) for w in best),
                share=round(float(sizes[column] / len(reports)), 5),
                coherence=round(npmi(counts, best), 4),
                headings=common_headings([reports[i] for i in members]),
                cases=tuple(
                    TopicCase(reports[i].report_id, round(float(weights[i, column]), 4)) for i in nearest
                ),
            )
        )
    rank = {int(column): number for number, column in enumerate(order)}
    numbers = np.array([rank.get(int(topic), -1) for topic in main])
    main_topic = {reports[i].report_id: int(numbers[i]) for i in np.flatnonzero(known)}
    if not known.all():
        topics.append(_nothing_said(reports, np.flatnonzero(~known), len(topics)))
        main_topic |= {reports[i].report_id: len(order) for i in np.flatnonzero(~known)}
        numbers[~known] = len(order)
    return TopicBrowser(tuple(topics), main_topic, measure(topics, reports, numbers))


def _keywords(shares: np.ndarray) -> np.ndarray:
    """The words that weigh most in a topic; of few reports a topic may have few words."""
    best = np.argsort(-shares, kind="stable")[:KEYWORDS]
    return best[: max(2, int((shares[best] > 0).sum()))]


def _nothing_said(reports: Sequence[Report], members: np.ndarray, number: int) -> Topic:
    """The reports that none of the topics' words is left of: a group of their own, without keywords."""
    cases = tuple(TopicCase(reports[i].report_id, 1.0) for i in members[:CASES])
    headings = common_headings([reports[i] for i in members])
    return Topic(number, (), round(len(members) / len(reports), 5), 0.0, headings, cases)
