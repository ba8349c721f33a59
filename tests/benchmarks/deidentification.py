"""What is found of planted identities: `python -m tests.benchmarks.deidentification [--only PART]`.

Recall by kind with its 95 % interval (Wilson 1927), words wrongly taken out of real reports, false alarms on
real films and seconds. The corpus is made here (`tests/doubles/planted_*.py`); real reports and films are
read from `--data` where they are. docs/deidentification.md holds what it printed.
"""

import argparse
import io
import math
import re
import sys
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cases.deidentify.burned_text import can_read, naming_lines
from cases.deidentify.pixels import TextLine, text_lines
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.deidentify.text import clean_text
from cases.importers.films import Work, outcome
from cases.importers.rows import ImportSettings
from cases.importers.run import LAYOUTS
from cases.reading.dicom import read_radiograph
from cases.reading.picture_metadata import without_metadata
from tests.doubles import planted_films as films
from tests.doubles.planted_files import PlantedFile, high_bits, planted_dicom, planted_pictures
from tests.doubles.planted_texts import Planted, planted_names, planted_numbers

SALT = Pseudonymiser(b"0123456789abcdef-of-a-benchmark")
Recall = dict[str, tuple[int, int]]
"""Kind -> how many were found, of how many."""


def wilson(found: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    z = 1.959964
    middle = (found + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * math.sqrt(found * (count - found) / count + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def counted(finds: Iterable[tuple[str, bool]]) -> Recall:
    """Finds and misses by kind, in the order in which the kinds come."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for kind, is_found in finds:
        counts[kind].append(is_found)
    return {kind: (sum(answers), len(answers)) for kind, answers in counts.items()}


def table(title: str, recall: Recall) -> str:
    """A table in Markdown."""
    lines = [f"| {title} | found | of | recall | 95 % |", "|---|---|---|---|---|"]
    for kind, (found, count) in recall.items():
        low, high = wilson(found, count)
        lines.append(f"| {kind} | {found} | {count} | {found / count:.0%} | {low:.0%} to {high:.0%} |")
    return "\n".join(lines) + "\n"


# --- free text ----------------------------------------------------------------------------------------------


def text_recall(texts: Iterable[Planted]) -> Recall:
    """Share of sentences in which no part of what was planted is left."""
    return counted((f"{p.language}: {p.kind}", p.is_gone_from(clean_text(p.text).text)) for p in texts)


def open_i_sections(data: Path, step: int) -> Iterator[str]:
    """Sections of every `step`-th Open-i report, which its publisher cleaned: what goes now goes wrongly."""
    with tarfile.open(data / "openi" / "NLMCXR_reports.tgz") as archive:
        for member in [m for m in archive if m.name.endswith(".xml")][::step]:
            file = archive.extractfile(member)
            assert file is not None, "a report is a file"
            yield from re.findall(r'<AbstractText Label="[A-Z]+">([^<]+)<', file.read().decode())


def wrongly_taken(texts: Iterable[str]) -> tuple[int, int, list[str]]:
    """Words taken out, words in all, and the texts that lost some; the publisher's XXXX is no word."""

    def count(text: str) -> int:
        return sum("XXXX" not in word for word in re.sub(r"\[[a-z0-9 ]+\]", "", text).split())

    words, taken, examples = 0, 0, []
    for text in texts:
        lost = count(text) - count(clean_text(text).text)
        words, taken = words + count(text), taken + lost
        examples += [text] if lost else []
    return taken, words, examples


# --- files --------------------------------------------------------------------------------------------------


def dicom_recall(files: Iterable[PlantedFile]) -> Recall:
    """Share of planted values of which nothing is in the document that an import makes of a file."""
    return counted(find for file in files for find in _dicom_finds(file))


def _dicom_finds(file: PlantedFile) -> Iterator[tuple[str, bool]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "Q60001ZK_Wilhelmina"
        folder.mkdir()
        (folder / "Q60002ZK.dcm").write_bytes(file.data)
        (row,) = LAYOUTS["dicom"].rows(str(folder), ImportSettings(pseudonyms=SALT))
        result = outcome(row, "", Work(SALT, False, "hold"))
    assert result.document is not None, result.reason
    kept = repr(result).encode() + result.document["film"]["bytes"]
    names = (("name of the file", b"Q60002ZK"), ("name of the folder", b"Q60001ZK"))
    yield from ((kind, secret not in kept) for kind, secret in (*file.secrets, *names))


def picture_recall(files: Iterable[PlantedFile]) -> Recall:
    """Share of planted blocks that are gone, where the picture is still the same to the pixel."""

    def gone(file: PlantedFile) -> bool:
        kept = without_metadata(file.data)[0]
        before, after = (np.asarray(Image.open(io.BytesIO(data))) for data in (file.data, kept))
        return np.array_equal(before, after) and not any(secret in kept for _, secret in file.secrets)

    return counted((file.name, gone(file)) for file in files)


def high_bit_recall(count: int) -> Recall:
    """Films whose words above the stored bits are gone from the pixels."""
    made = (high_bits(seed) for seed in range(count))
    gone = (("words above the stored bits", np.array_equal(read_radiograph(d).pixels, f)) for d, f in made)
    return counted(gone)


# --- pixels -------------------------------------------------------------------------------------------------

Finder = Callable[[np.ndarray], list[TextLine]]


def pixel_finds(
    grounds: Iterable[np.ndarray], finder: Finder, sizes: Iterable[int] = films.SIZES
) -> list[tuple[films.PlantedLine, bool]]:
    """Every planted line, and whether it was found: each ground with each size and tone."""
    found = []
    for number, film in enumerate(grounds):
        for size in sizes:
            for tone in films.TONES:
                planted, lines = films.planted_film(film, size, tone, seed=1000 * number + size)
                answer = finder(planted)
                found += [(line, line.is_found_in(answer, film.shape)) for line in lines]
    return found


def pixel_recall(found: list[tuple[films.PlantedLine, bool]]) -> Recall:
    """Recall of legible lines by size, tone, ground, place and kind, and of those that are not legible."""
    legible = [(line, is_found) for line, is_found in found if line.contrast >= films.LEGIBLE]
    rows = [(f"{line.size} px", is_found) for line, is_found in legible]
    for name in ("tone", "ground", "place", "kind"):
        rows += sorted((f"{name}: {getattr(line, name)}", is_found) for line, is_found in legible)
    rows += [("all legible lines", is_found) for _, is_found in legible]
    rows += [("not legible", is_found) for line, is_found in found if line.contrast < films.LEGIBLE]
    return counted(rows)


def real_films(data: Path, name: str, step: int) -> Iterator[np.ndarray]:
    """Every `step`-th film of a set, (H, W) uint8, at most 512 pixels a side."""
    import pyarrow.parquet as pq

    table = pq.read_table(data / f"{name}.parquet", columns=["image"])
    for row in table.column("image").to_pylist()[::step]:
        picture = row["bytes"] if isinstance(row, dict) else row
        yield np.asarray(Image.open(io.BytesIO(picture)).convert("L"))


def report_texts(options: argparse.Namespace) -> None:
    """Print what free text keeps, and what it loses wrongly."""
    print(table("free text", text_recall((*planted_names(), *planted_numbers(60)))))
    if (options.data / "openi").exists():
        for name, change in (("as published", str), ("in capitals", str.upper)):
            begun = time.monotonic()
            taken, words, examples = wrongly_taken(map(change, open_i_sections(options.data, options.step)))
            spent = time.monotonic() - begun
            print(f"Open-i {name}: {taken} of {words:,} words taken, {1000 * taken / words:.2f} per 1,000;"
                  f" {1000 * spent / words:.1f} s per 1,000 words\n")  # fmt: skip
            for text in examples[: options.examples]:
                print(f"  {text} -> {clean_text(text).text}\n")


def report_pixels(options: argparse.Namespace) -> None:
    """Print what is found in pixels, by the look of letters alone and read, and what is found wrongly."""
    finders: dict[str, Finder] = {"by look": text_lines} | ({"read": naming_lines} if can_read() else {})
    for name, finder in finders.items():
        grounds = films.phantoms(options.films, options.keep)
        print(table(f"burned-in text, {name}", pixel_recall(pixel_finds(grounds, finder))), flush=True)
        for source in ("hannover", "nih_sample"):
            if not (options.data / f"{source}.parquet").exists():
                continue
            begun, answers = time.monotonic(), []
            for film in real_films(options.data, source, options.step):
                answers.append(bool(finder(film)))
            spent = (time.monotonic() - begun) / len(answers)
            print(
                f"{source}, {name}: {sum(answers)} of {len(answers)} films held, {spent:.2f} s a film\n",
                flush=True,
            )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("text", "files", "pixels"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "viewbox-phantoms")
    parser.add_argument(
        "--films", type=int, default=2, help="phantoms of 1500 pixels under the planted lines"
    )
    parser.add_argument("--step", type=int, default=4, help="of the real reports and films, every STEP-th")
    parser.add_argument("--examples", type=int, default=0, help="reports to show that lost words wrongly")
    options = parser.parse_args()
    if options.only in (None, "files"):
        print(table("DICOM file", dicom_recall(map(planted_dicom, range(10))) | high_bit_recall(10)))
        print(table("picture file", picture_recall(f for n in range(10) for f in planted_pictures(n))))
    if options.only in (None, "text"):
        report_texts(options)
    if options.only in (None, "pixels"):
        report_pixels(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
