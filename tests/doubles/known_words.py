"""A toy sentence encoder, and reports that name findings by their words."""

import hashlib
from collections.abc import Sequence

import numpy as np

from modeling.findings.knowledge import knowledge
from modeling.reports.report import Report

WIDTH = 96


def toy(texts: Sequence[str]) -> np.ndarray:
    """(N, 96) the sum of a random direction for each word, at length 1."""
    rows = []
    for text in texts:
        seeds = [int.from_bytes(hashlib.md5(w.encode()).digest()[:4], "big") for w in text.split()]
        rows.append(sum(np.random.default_rng(seed).standard_normal(WIDTH) for seed in seeds))
    vectors = np.array(rows)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def report(number: int, *findings: str) -> Report:
    """A report that calls each finding by one of its words, in turn, and its index terms."""
    known = knowledge().findings
    said = [known[name].phrases[number % len(known[name].phrases)] for name in findings]
    text = " ".join(f"There is {words}." for words in said) or "The lungs are clear."
    headings = tuple(known[name].headings[0] for name in findings) or ("normal",)
    return Report(str(number), {"findings": f"{text} The bony thorax is intact."}, headings)


def reports() -> list[Report]:
    """200 reports: two frequent findings, and rare ones that five reports or one have."""
    often, rare = (
        ("Cardiomegaly", "Pleural effusion"),
        ("Bronchiectasis", "Azygos lobe", "Scoliosis", "Gallstones"),
    )
    every = [report(n, *(f for k, f in enumerate(often) if n % (k + 2) == 0)) for n in range(180)]
    every += [report(180 + n, rare[n % 3]) for n in range(15)] + [report(195, rare[3])]
    unread = [Report("none", {"impression": "Nothing."}, ("normal",)), Report("x", {"findings": "Clear."})]
    return every + unread
