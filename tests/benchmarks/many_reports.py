"""Many reports out of few, to time `viewbox mine --index` on: sentences of Open-i shuffled among reports.

    python -m tests.benchmarks.many_reports NLMCXR_reports.tgz reports.jsonl --number 160000

Every second sentence is another report's of the same section, and in every third one a word is another's, so
that most sentences are new ones, as in a hospital. What comes out is no report of anybody.
"""

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from modeling.reports.reading import read_reports
from modeling.reports.report import Report
from modeling.reports.words import sentences

SECTIONS = ("findings", "impression")
SWAPPED, CHANGED = 0.5, 0.33


def sentences_of(reports: Sequence[Report]) -> dict[str, list[list[str]]]:
    """Section -> the sentences of each report that has it."""
    found: dict[str, list[list[str]]] = {name: [] for name in SECTIONS}
    for report in reports:
        for name in SECTIONS:
            text = report.sections.get(name, "")
            inside = [text[start:end] for start, end in sentences(text)]
            if inside:
                found[name].append(inside)
    return found


def many(
    found: Mapping[str, Sequence[Sequence[str]]], number: int, seed: int = 0
) -> Iterator[dict[str, str]]:
    """So many reports as rows of a table: id, findings, impression."""
    chance = random.Random(seed)
    words = [word for inside in found["findings"] for text in inside for word in text.strip(".").split()]

    def sentence(name: str, own: str) -> str:
        text = chance.choice(chance.choice(found[name])) if chance.random() < SWAPPED else own
        if chance.random() < CHANGED:
            parts = text.split()
            parts[chance.randrange(len(parts))] = chance.choice(words)
            text = " ".join(parts)
        return text if text.endswith(".") else f"{text}."

    for n in range(number):
        row = {name: " ".join(sentence(name, s) for s in chance.choice(found[name])) for name in SECTIONS}
        yield {"id": f"made-{n:06}", **row}


def main() -> None:
    """Write the table; see the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--number", type=int, default=160_000)
    given = parser.parse_args()
    found = sentences_of(read_reports(given.reports))
    with given.out.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in many(found, given.number))


if __name__ == "__main__":
    main()
