"""Topics of a corpus of reports: NMF of TF-IDF (Lee and Seung 1999) or LDA of word counts (Blei et al. 2003).

Coherence is NPMI over the corpus itself (Bouma 2009; Roeder et al. 2015), and agreement is with the index
terms that come with the reports (MeSH on Open-i), which the topics never see.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_matrix, spmatrix
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfTransformer
from sklearn.metrics import normalized_mutual_info_score

from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, affirmed_sentences, affirmed_text, reading_text
from modeling.reports.report import Report, ReportError, blank_markup
from modeling.reports.words import sentences


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
class TopicSentence:
    """A sentence of a topic, of which that makes up `share`, 0 to 1."""

    report_id: str
    text: str
    share: float


@dataclass(frozen=True)
class Topic:
    """One topic of a corpus; its headings are index terms."""

    number: int  # its place, the most common topic first; the group without keywords comes last
    keywords: tuple[Keyword, ...]
    share: float  # of the reports whose main topic it is, 0 to 1
    coherence: float  # mean NPMI of its keywords, -1 to 1
    headings: tuple[tuple[str, float], ...] = ()  # those most common among its reports, with their share
    cases: tuple[TopicCase, ...] = ()  # the reports that it makes up most of
    sentences: tuple[
        TopicSentence, ...
    ] = ()  # different ones that it makes up most of, where they were asked for

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

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")


Method = Literal["nmf", "lda"]
KEYWORDS = 10
FEWEST_REPORTS = 8
"""Below this a topic would be one report each."""
CASES = 50
HEADINGS = 3
"""Index terms shown with a topic."""
MANY_REPORTS = 20_000
"""From here on NMF goes by mini batches: as good on 160,000 reports and several times faster."""
WORDS = r"(?u)\b[^\W\d_]{3,}\b"
STOP_WORDS = sorted(ENGLISH_STOP_WORDS)
TOO_FEW_WORDS = "The reports share too few words for topics; give more reports."


@dataclass(frozen=True)
class TopicSettings:
    """The same settings and reports give the same topics; `affirmed_only` is for English reports.

    `by_sentence`: give each sentence a topic too, and measure whether that fits it better than its report's.
    """

    topics: int = 20
    method: Method = "nmf"
    seed: int = 0
    affirmed_only: bool = True
    by_sentence: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.topics <= 200:
            raise ViewboxError("Ask for 2 to 200 topics.")


def topic_text(report: Report, miner: Miner | None) -> str:
    """The text that topics are made of: findings and impression (else all), redactions and markup out.

    A miner leaves out the sentences that affirm nothing and say that something is absent or normal: else
    half of all topics are wordings of "normal", and "no pneumothorax" makes one of pneumothorax.
    """
    return reading_text(report) if miner is None else affirmed_text(report, miner)


def topics_of_store(reports: Sequence[Report]) -> TopicBrowser:
    """Topics by the square root of the number of reports, at most 20. Raises ReportError: too few reports."""
    if len(reports) < FEWEST_REPORTS:
        few = (
            "Topics need at least {number} reports and here are {count}: paste one report above to find its"
            " findings, or import more reports into the store."
        )
        raise ReportError(few, number=FEWEST_REPORTS, count=len(reports))
    wanted = max(2, min(TopicSettings.topics, round(len(reports) ** 0.5)))
    return find_topics(reports, TopicSettings(wanted, by_sentence=True), or_fewer=True)


def find_topics(
    reports: Sequence[Report], settings: TopicSettings, *, or_fewer: bool = False
) -> TopicBrowser:
    """Fit topics (`or_fewer` where reports share too few words for so many) to all reports and measure them.

    Raises ReportError: too few reports or too few different words for so many topics.
    """
    miner = Miner() if settings.affirmed_only else None
    counts, counter = _word_counts([topic_text(report, miner) for report in reports])
    (count, words), number = counts.shape, settings.topics
    most = min(count, words) - 1
    if or_fewer and most < 2:
        raise ReportError(TOO_FEW_WORDS)
    if number > most and not or_fewer:
        many = "{count} reports with {words} shared words cannot make {number} topics; ask for fewer."
        raise ReportError(many, count=count, words=words, number=number)
    document_topics, topic_words, place = _factorise(counts, replace(settings, topics=min(number, most)))
    names = counter.get_feature_names_out()
    browser, rank = _browser(reports, counts, names, document_topics, topic_words)
    if not settings.by_sentence:
        return browser
    order = np.argsort(rank)
    return _with_sentences(browser, reports, miner, lambda texts: place(counter.transform(texts))[:, order])


def _word_counts(texts: Sequence[str]) -> tuple[csr_matrix, CountVectorizer]:
    """(reports, words) counts of the words that enough reports share, and what counted them."""
    fewest = max(2, min(20, len(texts) // 500))
    counter = CountVectorizer(
        stop_words=STOP_WORDS, token_pattern=WORDS, min_df=fewest, max_df=0.6, dtype=np.float32
    )
    try:
        return counter.fit_transform(texts), counter
    except ValueError as exc:  # sklearn's word for: nothing is left
        raise ReportError(TOO_FEW_WORDS) from exc


Place = Callable[[spmatrix], np.ndarray]
"""(texts, words) counts -> (texts, topics), rows that sum to 1 (to 0 for a text without words)."""


def _factorise(counts: csr_matrix, settings: TopicSettings) -> tuple[np.ndarray, np.ndarray, Place]:
    """(reports, topics) and (topics, words), rows that sum to 1 (0 without words); how texts are placed."""
    size = {"n_components": settings.topics, "random_state": settings.seed}
    if settings.method == "lda":
        model = LatentDirichletAllocation(**size, learning_method="online", batch_size=2048, max_iter=10)
        prepared: Callable[[spmatrix], spmatrix] = lambda given: given  # noqa: E731
    else:
        if counts.shape[0] >= MANY_REPORTS:
            model = MiniBatchNMF(**size, init="nndsvda", batch_size=4096, max_iter=30)
        else:
            model = NMF(**size, init="nndsvda", max_iter=300, tol=1e-3)
        prepared = TfidfTransformer(sublinear_tf=True).fit(counts).transform
    weights = _spoken(model.fit_transform(prepared(counts)), counts)

    def place(given: spmatrix) -> np.ndarray:
        return _shares(_spoken(model.transform(prepared(given)), given))

    return _shares(weights), _shares(model.components_), place


def _spoken(weights: np.ndarray, counts: spmatrix) -> np.ndarray:
    """Nothing for texts without words: LDA gives them what is usual."""
    weights[np.diff(counts.indptr) == 0] = 0
    return weights


def _shares(rows: np.ndarray) -> np.ndarray:
    sums = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, sums, out=np.zeros_like(rows), where=sums > 0)


def _browser(
    reports: Sequence[Report], counts: csr_matrix, names: np.ndarray, weights: np.ndarray, words: np.ndarray
) -> tuple[TopicBrowser, np.ndarray]:
    """The browser, and each topic's place in it."""
    known = weights.sum(axis=1) > 0
    main = np.where(known, weights.argmax(axis=1), -1)
    sizes = np.bincount(main[known], minlength=len(words))
    order = np.argsort(-sizes, kind="stable")
    topics = []
    for number, column in enumerate(order):
        best = _keywords(words[column])
        members = np.flatnonzero(main == column)
        nearest = members[np.argsort(-weights[members, column], kind="stable")][:CASES]
        cases = (TopicCase(reports[i].report_id, round(float(weights[i, column]), 4)) for i in nearest)
        keywords = tuple(Keyword(str(names[w]), round(float(words[column, w]), 5)) for w in best)
        share, coherence = round(float(sizes[column] / len(reports)), 5), round(npmi(counts, best), 4)
        headings = common_headings([reports[i] for i in members])
        topics.append(Topic(number, keywords, share, coherence, headings, tuple(cases)))
    if not known.all():
        topics.append(_nothing_said(reports, np.flatnonzero(~known), len(topics)))
    rank = np.argsort(order)
    numbers = np.array([rank[topic] if topic >= 0 else len(order) for topic in main])
    main_topic = {report.report_id: int(number) for report, number in zip(reports, numbers, strict=True)}
    return TopicBrowser(tuple(topics), main_topic, measure(topics, reports, numbers)), rank


def _keywords(shares: np.ndarray) -> np.ndarray:
    """The words that weigh most in a topic; of few reports a topic may have few words."""
    best = np.argsort(-shares, kind="stable")[:KEYWORDS]
    return best[: max(2, int((shares[best] > 0).sum()))]


def _nothing_said(reports: Sequence[Report], members: np.ndarray, number: int) -> Topic:
    """The reports that none of the topics' words is left of: a group of their own, without keywords."""
    cases = tuple(TopicCase(reports[i].report_id, 1.0) for i in members[:CASES])
    headings = common_headings([reports[i] for i in members])
    return Topic(number, (), round(len(members) / len(reports), 5), 0.0, headings, cases)


# --- each sentence's topic


SENTENCES = 3
"""Sentences shown with a topic."""


def _with_sentences(
    browser: TopicBrowser,
    reports: Sequence[Report],
    miner: Miner | None,
    place: Callable[[Sequence[str]], np.ndarray],
) -> TopicBrowser:
    """The browser with its topics' sentences and how well these fit; `place`: texts -> (texts, topics)."""
    said = [(report.report_id, text) for report in reports for text in _sentences(report, miner)]
    if not said:
        return browser
    shares = place([text for _, text in said])
    topics = list(browser.topics)
    for number in range(shares.shape[1]):
        best = np.argsort(-shares[:, number], kind="stable")[: 20 * SENTENCES]
        own = {
            said[n][1].strip().lower(): TopicSentence(*said[n], round(float(shares[n, number]), 4))
            for n in best
            if shares[n].argmax() == number and shares[n, number] > 0
        }
        topics[number] = replace(topics[number], sentences=tuple(own.values())[:SENTENCES])
    measures = browser.measures | _fit_of_sentences(said, shares, browser.main_topic, miner or Miner())
    return replace(browser, topics=tuple(topics), measures=measures)


def _sentences(report: Report, miner: Miner | None) -> list[str]:
    if miner is not None:
        places = affirmed_sentences(report, miner)
        return [blank_markup(report.sections[name][start:end]) for name, start, end in places]
    text = reading_text(report)
    return [text[start:end] for start, end in sentences(text)]


def _fit_of_sentences(
    said: Sequence[tuple[str, str]], shares: np.ndarray, main_topic: dict[str, int], miner: Miner
) -> dict[str, Any]:
    """NMI of each sentence's topic with the one finding that it names, beside its report's topic.

    `by_report` gives every sentence its report's topic, `shuffled` deals the sentences' own at random.
    """
    named = [{hit.owner for hit in miner.named(text)} & set(FINDINGS.classes) for _, text in said]
    chosen = [n for n, names in enumerate(named) if len(names) == 1 and shares[n].any()]
    measures: dict[str, Any] = {"sentences": len(said), "sentences_with_one_finding": len(chosen)}
    if len(chosen) < FEWEST_REPORTS:
        return measures
    findings = [next(iter(named[n])) for n in chosen]
    own = shares[chosen].argmax(axis=1)
    rows = {
        "by_sentence": own,
        "by_report": np.array([main_topic[said[n][0]] for n in chosen]),
        "shuffled": np.random.default_rng(0).permutation(own),
    }
    return measures | {
        f"sentence_nmi_{name}": round(float(normalized_mutual_info_score(findings, numbers)), 4)
        for name, numbers in rows.items()
    }


# --- what topics are worth: how well their words go together, and how well they agree with index terms


def npmi(counts: csr_matrix, words: np.ndarray) -> float:
    """Mean normalised pointwise mutual information, -1 to 1, of all pairs of at least two words (columns).

    `counts` are (documents, words), anything but 0 where a word stands in a document.
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
    """A heading without its qualifiers: Opacity of Opacity/lung/base/left."""
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
    if not indexed:
        return answer
    heads = [[head(h) for h in reports[i].headings] for i in indexed]
    chosen, first = numbers[indexed], [names[0] for names in heads]
    shuffled = np.random.default_rng(0).permutation(chosen)
    return answer | {
        "indexed_reports": len(indexed),
        "nmi": round(float(normalized_mutual_info_score(first, chosen)), 4),
        "nmi_shuffled": round(float(normalized_mutual_info_score(first, shuffled)), 4),
        "purity": _purity(heads, chosen),
        "purity_one_topic": _purity(heads, np.zeros_like(chosen)),
        "purity_shuffled": _purity(heads, shuffled),
    }


def _purity(heads: Sequence[Sequence[str]], numbers: np.ndarray) -> float:
    counts: dict[int, Counter[str]] = {}
    for names, number in zip(heads, numbers, strict=True):
        counts.setdefault(int(number), Counter()).update(set(names))
    return round(sum(counter.most_common(1)[0][1] for counter in counts.values()) / len(heads), 4)
