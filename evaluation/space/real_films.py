"""A space that has seen synthetic films alone, asked of real ones: where it fails is the lesson.

On Cohen's films: film to clinical note and back, the diagnosis taken out of the notes, and the extent of
disease. On SIIM's: the appearance. Both from sentences alone.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases.importers import covid_chestxray
from evaluation.metrics.bootstrap import as_json, bracketed, measured, patient_draws
from evaluation.metrics.one_label import Scored, auroc, macro, spearman
from evaluation.space.recall import both_ways
from evaluation.space.zero_shot import answers, questions
from modeling.labels import APPEARANCE, GRADING
from modeling.model.shared_space import SharedSpace
from training.corpora import open_corpus
from training.corpora.labelled_film import Film
from training.corpora.published_films import read_published

_EXTENTS = ("Mild airspace disease.", "Severe airspace disease.")
_DIAGNOSES = (
    r"covid\W?19", "covid", r"sars\W?cov\W?2", "sars", "mers", r"(?:2019\W?)?n?cov", "(?:novel )?coronavirus",
    "pneumocystis", "jirovecii", "pcp", r"streptococc\w+", "klebsiella", "mycoplasma", "legionella", "lipoid",
    "varicella", "ards", r"e\.? ?coli", "influenza", r"aspergill\w+", r"tubercul\w+", "nocardia",
    "chlamydophila", r"staphylococc\w+", "mrsa", "herpes", "h1n1", "cap", r"pneumonia\w*",
)  # fmt: skip
_NAMED = re.compile(rf"(?i)\b(?:{'|'.join(_DIAGNOSES)})\b")
"""What names a diagnosis of that collection."""


def masked(note: str) -> str:
    """A note without the names of diagnoses."""
    return " ".join(_NAMED.sub(" ", note).split())


def measure_real(checkpoint: Path, data: Path, most: int = 0) -> dict[str, Any]:
    """Recall on Cohen's notes, and zero-shot answers on Cohen's and SIIM's films; `most`: films of each.

    Raises ViewboxError: a corpus is not there or cannot be read.
    """
    space = SharedSpace.from_pretrained(checkpoint)
    cohen = open_corpus.load("cohen", data)[: most or None]
    siim = [film for film in open_corpus.load("siim", data) if film.split == "validation"][: most or None]
    return {
        "cohen": _notes(space, cohen, _notes_in(data)) | {"extent": _extent(space, cohen)},
        "siim": _appearance(space, siim),
    }


def _vectors(space: SharedSpace, films: Sequence[Film]) -> np.ndarray:
    return space.embed_films([film.study().radiograph for film in films]).numpy()


def _notes_in(data: Path) -> dict[str, str]:
    """Film -> its clinical note, without diagnoses."""
    rows = read_published(covid_chestxray.rows, data / "cohen.parquet")
    return {row.published: masked(row.report.get("findings", "")) for row in rows}


def _notes(space: SharedSpace, films: Sequence[Film], known: Mapping[str, str]) -> dict[str, Any]:
    """The first film of each patient that has a note, against the notes of all of them."""
    first: dict[str, tuple[Film, str]] = {}
    for film in films:
        note = known.get(film.film_id, "")
        if re.search(r"\w", note):
            first.setdefault(film.patient, (film, note))
    kept, notes = zip(*first.values(), strict=True)
    words = [len(re.findall(r"\w+", note)) for note in notes]
    unknown = [len(space.unknown_words(note)) for note in notes]
    texts = space.embed_texts(notes).numpy()
    own = np.eye(len(kept), dtype=bool)
    found = both_ways(_vectors(space, kept), texts, own, ("film", "note"))
    return {"patients": len(kept), "words unknown": round(sum(unknown) / sum(words), 4), **found}


def _extent(space: SharedSpace, films: Sequence[Film]) -> dict[str, Any]:
    """Spearman's rank correlation of "severe" against "mild" with the readers' grading."""
    kept = [film for film in films if film.labels.get(GRADING)]
    truth = np.array([GRADING.index(film.labels[GRADING]) for film in kept])
    severe = answers(space, _vectors(space, kept), _EXTENTS)[:, 1]
    draws = patient_draws(np.array([film.patient for film in kept]))
    return {
        "films": len(kept),
        "prompts": [*_EXTENTS],
        "spearman": as_json(measured(lambda w: spearman(severe, truth, w), draws)),
    }


def _appearance(space: SharedSpace, films: Sequence[Film]) -> dict[str, Any]:
    kept = [film for film in films if film.labels.get(APPEARANCE)]
    truth = np.array([APPEARANCE.index(film.labels[APPEARANCE]) for film in kept])
    vectors, draws = _vectors(space, kept), patient_draws(np.array([film.patient for film in kept]))
    area, found = macro(auroc), {}
    for wording in questions()["appearance"]["wordings"]:
        scored = Scored(answers(space, vectors, wording["prompts"]), truth)
        found[" / ".join(wording["prompts"])] = as_json(measured(lambda w, s=scored: area(s, w), draws))
    return {"films": len(kept), "macro_auroc": found}


def lines(found: Mapping[str, Any]) -> str:
    """The measures as lines to read."""
    cohen, siim = found["cohen"], found["siim"]
    told = [f"Cohen: {cohen['patients']} patients with a note; {cohen['words unknown']:.0%} of words unknown"]
    for way in ("film -> note", "note -> film"):
        row = cohen[way]["own"]["recall_at_10"]
        told.append(f"{way}: recall@10 {_said(row)}, base rate {row['base_rate']:.3f}")
    extent = cohen["extent"]
    told.append(f"extent of {extent['films']} films: Spearman's rho {_said(extent['spearman'])}")
    told += [
        f"SIIM, {siim['films']} films, {name}: {_said(one)}" for name, one in siim["macro_auroc"].items()
    ]
    return "\n".join(told)


def _said(one: Mapping[str, Any]) -> str:
    return bracketed(one["value"], one["95"])
