"""Named endpoints for reports: labels mined from a text, topics, and cases that resemble each other."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from interface.api.tool_calls import for_api
from interface.models.stores import StoreHost
from interface.reports_tab.found_cases import StoreTopics
from interface.reports_tab.similar_index import Found, SimilarCases
from interface.reports_tab.tab import LONGEST_REPORT, miner_of
from modeling.answers import Json, plain, warnings_json
from modeling.errors import CheckpointError, ViewboxError
from modeling.findings.knowledge import codes_json
from modeling.findings.placing import placed_unless_named, placement_json, reader_or_none
from modeling.retrieval.index import Neighbour
from modeling.study import Modality

if TYPE_CHECKING:
    from modeling.reports.mining import Mention
    from modeling.reports.report import Report

LONGEST_WAIT = 300.0
"""Seconds that a caller waits at most for the first comparison of all cases."""


class ReportsApi:
    """The endpoints; nothing of a report is kept."""

    def __init__(self, stores: StoreHost, similar: SimilarCases, classifier: Path | None = None) -> None:
        """`classifier`: folder of `modeling.findings.reader`; without one no further findings are told."""
        self._stores, self._similar, self._classifier = stores, similar, classifier
        self._topics = StoreTopics()

    def publish(self) -> None:
        """Register the endpoints; they wait for no model work."""
        for work in (self.mine_report, self.similar_cases, self.report_topics):
            gr.api(for_api(work), api_name=work.__name__, concurrency_limit=4, concurrency_id="reports")

    def mine_report(self, report: str, rules: str = "") -> Json:
        """Labels of a report: 14 findings by rules, others by a classifier; where sentences point."""
        from modeling.reports.pointing import sentences_json
        from modeling.reports.report import Report

        if not isinstance(report, str) or not report.strip():
            raise ViewboxError("Give the text of a report.")
        if len(report) > LONGEST_REPORT:
            raise ViewboxError(
                "The report is longer than {most} characters; shorten it.", most=LONGEST_REPORT
            )
        miner, read = miner_of(str(rules or "")), Report.from_text(report)
        labels = miner.label(read)
        findings = {
            name: {
                "value": str(label.value),
                "positive": miner.positive(labels, name),
                "mentions": [_mention_json(mention, read) for mention in label.mentions],
                **codes_json([name])[name],
            }
            for name, label in labels.findings.items()
        }
        because = [read.sections[m.section][m.sentence_start : m.sentence_end] for m in labels.called_normal]
        answer = {"normal": labels.normal, "normal_because": because, "findings": findings}
        answer["sentences"] = sentences_json(read, miner)
        like = placement_json(placed_unless_named(report, labels, reader_or_none(self._classifier)))
        further, fault = self._further(read)
        notes = [*labels.notes, *fault]
        return answer | {"further": further, "notes": notes, **({"like": like} if like else {})}

    def _further(self, report: "Report") -> tuple[list[Json], list[str]]:
        """What the classifier of 160 findings reads, and why not where it cannot be opened."""
        if self._classifier is None:
            return [], []
        from modeling.findings.reader import reader_at, said_json

        try:
            return said_json(reader_at(self._classifier).read(report), report), []
        except CheckpointError as exc:
            return [], [str(exc)]

    def similar_cases(
        self, case_id: str, k: int = 5, image: float = 1.0, table: float = 1.0, text: float = 1.0
    ) -> Json:
        """The stored cases most like one, and the most like it with another label; never the same patient."""
        weights = {}
        for modality, weight in zip(Modality, (image, table, text), strict=True):
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise ViewboxError("Give each weight as a number of 0 or more, and at least one above 0.")
            weights[modality] = float(weight)
        if not isinstance(case_id, str) or not case_id.strip():
            raise ViewboxError("Give the ID of a case; list_cases names them.")
        case = self._stores.case(case_id.strip())
        self._wait()
        found, judged = self._similar.find(case, case.study, k, weights), self._similar.judged(case)
        return {
            **({"refusal": None, "warnings": []} if judged is None else warnings_json(judged)),
            "case_id": case.case_id,
            "label": found.query.label or None,
            "films_by": found.compared.films_by or "brightness",
            "compared": found.among,
            "searched_by": "the store" if found.in_store else "this process",
            "why_not_the_store": found.why_here or None,
            "similar": [_neighbour_json(one, found) for one in found.alike],
            "contrast": [_neighbour_json(one, found) for one in found.contrast],
        }

    def report_topics(self) -> Json:
        """Topics of the reports in the store: keywords with weights, coherence (NPMI), and cases."""
        self._wait()
        compared = self._similar.compared
        found = self._topics.of(compared)
        topics = [
            {
                "share": topic.share,
                "npmi": topic.coherence if topic.keywords else None,
                "keywords": {keyword.word: keyword.weight for keyword in topic.keywords},
                "cases": {case.report_id: case.share for case in topic.cases},
                "sentences": [
                    {"case_id": s.report_id, "text": s.text, "share": s.share} for s in topic.sentences
                ],
            }
            for topic in found.topics
            if topic.share > 0
        ]
        counts = {"reports": found.measures["reports"], "not_read": compared.left_out}
        return {**counts, "npmi": found.measures["npmi"], "topics": topics}

    def _wait(self) -> None:
        """Until all cases are compared; the caller is told how many are, as `gradio_client` shows it."""
        end, progress = time.monotonic() + LONGEST_WAIT, gr.Progress()
        for state in self._similar.steps():
            progress((state.done, state.total or None), desc="Comparing the cases", unit="cases")
            if time.monotonic() > end:
                return


def _mention_json(mention: "Mention", report: "Report") -> Json:
    """A mention with the words and the sentence that it stands in, and the cue that decided."""
    text = report.sections[mention.section]
    return {
        "value": str(mention.value),
        "section": mention.section,
        "span": [mention.start, mention.end],
        "text": text[mention.start : mention.end],
        "sentence": text[mention.sentence_start : mention.sentence_end],
        "rule": mention.rule,
        "cue": text[mention.cue_start : mention.cue_end] if mention.cue_start >= 0 else "",
    }


def _neighbour_json(one: Neighbour, found: Found) -> Json:
    """A neighbour with the reasons and its own text."""
    return {
        "case_id": one.case_id,
        "similarity": one.similarity,
        "by_modality": {str(m): value for m, value in one.parts.items()},
        "label": one.label or None,
        "shared_findings": list(one.shared_findings),
        "other_findings": list(one.other_findings),
        "shared_fields": list(one.shared_fields),
        "differing_fields": [
            {"name": d.name, "here": plain(d.here), "there": plain(d.there)} for d in one.differing_fields
        ],
        "text": dict(found.shelf[one.case_id].report),
    }
