"""Which of 160 findings a report affirms, and in which sentence: findings' words as a classifier's weights.

Sentences become vectors by `WordEncoder`; a finding's words, tuned on synonyms and on denials and moved by
one map that all findings share, are its weights; a report's strongest sentence counts. What is measured of
it stands in the checkpoint's card and in `docs/findings.md`.

Shape letters: N reports, S sentences, K findings, D width.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from modeling.errors import CheckpointError
from modeling.findings.knowledge import Finding, coded, knowledge
from modeling.findings.word_encoder import WordEncoder, vocabulary_of_json
from modeling.reports.report import WHOLE, Report, blank_markup
from modeling.reports.words import sentences

CONFIG_FILE, WEIGHTS_FILE, VOCABULARY_FILE = "config.json", "model.safetensors", "vocabulary.json"
SOFTNESS = 0.5
"""Of the maximum over a report's sentences (log-sum-exp), in logits, as in training."""
SECTIONS_READ = ("findings", "impression")
SILENT = -30.0
"""Logit of a report without a sentence."""


@dataclass(frozen=True)
class Said:
    """A finding that a report affirms by the classifier, and its strongest sentence.

    Attributes:
        margin: logits above the finding's operating point, 0 or more.
        band: how often Open-i's reports have it (`head`, `medium`, `tail`): by it precision was measured.
        section, start, end: where the sentence stands, [start, end) in the section's text.
    """

    finding: Finding
    margin: float
    band: str
    section: str
    start: int
    end: int


@dataclass(frozen=True)
class Sentenced:
    """A report's sentences: their words in small letters, and (section, start, end) of each."""

    texts: tuple[str, ...]
    places: tuple[tuple[str, int, int], ...]


def sentenced(report: Report) -> Sentenced:
    """The sentences of findings and impression; of a report that names neither, those of the unnamed text."""
    chosen = [name for name in SECTIONS_READ if report.sections.get(name, "").strip()] or [WHOLE]
    found = [
        (" ".join(text[start:end].lower().split()), (name, start, end))
        for name in chosen
        for text in (blank_markup(report.sections.get(name, "")),)
        for start, end in sentences(text)
    ]
    return Sentenced(tuple(text for text, _ in found), tuple(place for _, place in found))


@dataclass(frozen=True, eq=False)
class FindingReader:
    """The classifier of a checkpoint folder.

    Attributes:
        projection: (D, D) what is added to the identity to tune sentences' vectors.
        weights, bias: (D, K) and (K,), from tuned vectors to logits.
        points: (K,) the operating point of each finding in logits; infinite where none could be set.
        bands: (K,) `head`, `medium`, `tail` or "" for each.
        record: what was measured: band -> precision and recall at the operating points.
        name: of the folder, with the hash of its weights.
    """

    encoder: WordEncoder
    projection: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    points: np.ndarray
    bands: tuple[str, ...]
    record: Mapping[str, Any]
    name: str

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Raises CheckpointError: no such checkpoint, or its files are not those that were written."""
        folder = Path(folder)
        try:
            config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
            for file, expected in config["sha256"].items():
                if hashlib.sha256((folder / file).read_bytes()).hexdigest() != expected:
                    changed = "{file} of {name} is not the file that was published; get the checkpoint again."
                    raise CheckpointError(changed, file=file, name=folder.name)
            vocabulary = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
            tensors = load_file(folder / WEIGHTS_FILE)
            encoder = WordEncoder.of_tensors(vocabulary_of_json(vocabulary), tensors)
            parts = [tensors[n].astype(np.float32) for n in ("projection", "weights", "bias", "points")]
            classes = [str(name) for name in knowledge().task.classes]
            if config["classes"] != classes:
                raise ValueError("it knows other findings")
            named = f"{folder.name} sha256:{config['sha256'][WEIGHTS_FILE][:16]}"
            return cls(encoder, *parts, tuple(config["bands"]), config["record"], named)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as exc:
            template = "There is no classifier of findings in '{name}', or it is not whole; get it again."
            raise CheckpointError(template, name=folder.name) from exc

    @property
    def findings(self) -> tuple[Finding, ...]:
        """K findings, in their order."""
        return tuple(knowledge().findings.values())

    @property
    def width(self) -> int:
        """Of a vector, D."""
        return self.encoder.width

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(S, D) float32 sentences in the space in which findings' words lie, each of length 1."""
        raw = self.encoder(texts)
        near = raw + raw @ self.projection
        return near / np.maximum(np.linalg.norm(near, axis=1, keepdims=True), 1e-9)

    def strengths(self, vectors: np.ndarray) -> np.ndarray:
        """(S, D) vectors of sentences -> (S, K) logits without bias."""
        return vectors @ self.weights

    def logits(self, strengths: np.ndarray) -> np.ndarray:
        """(S, K) strengths of one report's sentences -> (K,) logits of the report."""
        if not len(strengths):
            return np.full(len(self.bias), SILENT, np.float32)
        most = strengths.max(axis=0)
        return most + SOFTNESS * np.log(np.exp((strengths - most) / SOFTNESS).sum(axis=0)) + self.bias

    def read(self, report: Report) -> tuple[Said, ...]:
        """The findings above their operating points, those furthest above first."""
        return self.read_all([report])[0]

    def read_all(self, reports: Iterable[Report]) -> list[tuple[Said, ...]]:
        """`read` of many; equal sentences are encoded once."""
        return [self._said(found, strengths) for found, strengths in self._strong(reports)]

    def margins(self, reports: Iterable[Report]) -> np.ndarray:
        """(N, K) logits of each report above the operating points."""
        return np.stack([self.logits(strengths) for _, strengths in self._strong(reports)]) - self.points

    def _strong(self, reports: Iterable[Report]) -> list[tuple[Sentenced, np.ndarray]]:
        """Each report's sentences and their (S, K) strengths."""
        found = [sentenced(report) for report in reports]
        rows: dict[str, int] = {}
        inside = [[rows.setdefault(text, len(rows)) for text in one.texts] for one in found]
        strengths = self.strengths(self.vectors(list(rows)))
        return [(one, strengths[of]) for one, of in zip(found, inside, strict=True)]

    def _said(self, found: Sentenced, strengths: np.ndarray) -> tuple[Said, ...]:
        if not found.texts:
            return ()
        margins = self.logits(strengths) - self.points
        every = self.findings
        chosen = sorted(np.flatnonzero(margins >= 0), key=lambda k: -margins[k])
        strongest = strengths.argmax(axis=0)
        return tuple(
            Said(every[k], float(margins[k]), self.bands[k], *found.places[strongest[k]]) for k in chosen
        )

    @cached_property
    def phrases(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of names and synonyms: whose each is (P,), their vectors before and after tuning, (P, D) each."""
        texts = [(phrase.lower(), k) for k, one in enumerate(self.findings) for phrase in one.phrases]
        words = [text for text, _ in texts]
        return np.array([k for _, k in texts]), self.encoder(words), self.vectors(words)

    def likeness(self, words: str) -> tuple[np.ndarray, np.ndarray]:
        """(K,) cosines of some words with each finding's nearest phrase, before and after tuning."""
        owner, plain, tuned = self.phrases
        alike = (plain @ self.encoder([words])[0], tuned @ self.vectors([words])[0])
        best = np.full((2, len(self.findings)), -1.0)
        for row, cosines in zip(best, alike, strict=True):
            np.maximum.at(row, owner, cosines)
        return best[0], best[1]


def said_json(said: Sequence[Said], report: Report) -> list[dict[str, Any]]:
    """As JSON, for every door: code and place in the hierarchy, and the sentence that says so."""
    return [
        {
            "finding": str(one.finding.name),
            "above": round(one.margin, 3),
            "band": one.band,
            "section": one.section,
            "span": [one.start, one.end],
            "sentence": report.sections[one.section][one.start : one.end],
            **coded(one.finding),
        }
        for one in said
    ]


@lru_cache(maxsize=2)
def reader_at(folder: str | Path) -> FindingReader:
    """`FindingReader.load`, once a folder."""
    return FindingReader.load(folder)
