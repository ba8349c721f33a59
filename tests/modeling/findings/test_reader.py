"""The classifier that ships: it reads findings with their sentences, and refuses files that were changed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hub_config.settings import FINDING_CLASSIFIER
from modeling.errors import CheckpointError
from modeling.findings.knowledge import knowledge
from modeling.findings.reader import FindingReader, reader_at, said_json, sentenced
from modeling.findings.word_encoder import Vocabulary, WordEncoder, words_of
from modeling.reports.report import Report

REPORT = Report.from_text(
    "INDICATION: Azygos lobe?\n"
    "FINDINGS: The heart is enlarged. There is an azygos fissure. No pneumothorax.\n"
    "IMPRESSION: Scoliosis of the thoracic spine."
)


@pytest.fixture(scope="module")
def reader() -> FindingReader:
    return reader_at(FINDING_CLASSIFIER)


def named(reader: FindingReader, text: str) -> set[str]:
    return {str(one.finding.name) for one in reader.read(Report.from_text(text))}


def test_findings_are_read_with_the_sentence_that_says_so(reader: FindingReader) -> None:
    said = {row["finding"]: row for row in said_json(reader.read(REPORT), REPORT)}
    assert {"Azygos lobe", "Scoliosis", "Cardiomegaly"} <= said.keys() and "Pneumothorax" not in said
    lobe = said["Azygos lobe"]
    assert lobe["sentence"] == "There is an azygos fissure." and lobe["section"] == "findings"
    assert lobe["hierarchy"][-1] == "Azygos lobe" and lobe["icd10cm"]["code"].startswith("Q")
    assert said["Scoliosis"]["sentence"] == "Scoliosis of the thoracic spine."
    assert all(row["above"] >= 0 for row in said.values())


@pytest.mark.parametrize(
    "text", ["No scoliosis. No azygos lobe.", "The lungs are clear.", "", "   ", "肺野清晰。"]
)
def test_nothing_is_read_where_nothing_is_said(reader: FindingReader, text: str) -> None:
    assert not named(reader, text)


def test_one_report_is_read_as_among_many(reader: FindingReader) -> None:
    other = Report("b", {"findings": "Old rib fracture. " * 3})
    alone, many = reader.read(REPORT), reader.read_all([other, REPORT, other])
    assert [one.finding for one in many[1]] == [one.finding for one in alone]
    assert many[0] == many[2] and np.allclose(
        [a.margin for a in alone], [a.margin for a in many[1]], atol=1e-3
    )


def test_a_long_report_is_read_too(reader: FindingReader) -> None:
    assert named(reader, "word " * 50_000 + ". Hiatal hernia.") >= {"Hiatal hernia"}


def test_without_findings_and_impression_the_unnamed_text_is_read() -> None:
    assert sentenced(Report.from_text("Clear. Old.")).texts == ("clear.", "old.")
    assert [place[0] for place in sentenced(REPORT).places] == ["findings"] * 3 + ["impression"]


def test_it_is_small_hashed_and_carded(reader: FindingReader) -> None:
    assert sum(file.stat().st_size for file in FINDING_CLASSIFIER.iterdir()) <= 2.5 * 2**20
    assert len(reader.points) == len(knowledge().findings) == len(reader.bands)
    card = (FINDING_CLASSIFIER / "README.md").read_text(encoding="utf-8")
    measured = json.loads((FINDING_CLASSIFIER / "metrics.json").read_text())["operating_points"]
    for band, row in measured.items():
        assert f"| {band} | {row['findings']} |" in card and f"{row['precision']:.3f}" in card
        assert reader.record[band]["precision"] == row["precision"]


def test_changed_or_missing_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no classifier of findings in 'nowhere'"):
        FindingReader.load(tmp_path / "nowhere")
    folder = shutil.copytree(FINDING_CLASSIFIER, tmp_path / "words")
    vocabulary = folder / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text().replace("effusion", "confusion"))
    with pytest.raises(
        CheckpointError, match=r"vocabulary\.json of words is not the file that was published"
    ):
        FindingReader.load(folder)


def test_a_sentence_is_words_pairs_and_pieces() -> None:
    vocabulary = Vocabulary.of(["no", "effusion"], ["no effusion"], (50, 5, 5))
    rows = vocabulary.features("No effusion")
    assert len(vocabulary) == 63 and rows[0] == 0 and 1 in rows and 2 in rows
    assert sum(row < 3 for row in rows) == 3 and max(rows) < 63
    assert vocabulary.features("?!") and not vocabulary.features("  ")
    assert words_of("Kerley-B 3.5cm") == ["kerley", "-", "b", "3", ".", "5", "cm"]


def test_an_encoder_survives_its_file() -> None:
    vocabulary = Vocabulary.of(["heart"], [], (20, 3, 3))
    random = np.random.default_rng(0)
    shapes = [(27, 4), (4, 6), (6,), (6, 3), (3,), (4, 3)]
    encoder = WordEncoder(vocabulary, *(random.standard_normal(s).astype(np.float32) for s in shapes))
    texts = ["large heart", "heart", "", "something else"]
    again = WordEncoder.of_tensors(vocabulary, encoder.tensors())
    assert np.allclose(np.linalg.norm(encoder(texts), axis=1), 1, atol=1e-5)
    assert np.allclose(encoder(texts), again(texts), atol=0.05) and encoder([]).shape == (0, 3)
    with pytest.raises(ValueError, match="rows for"):
        WordEncoder.of_tensors(Vocabulary.of([], [], (1, 1, 1)), encoder.tensors())
