"""The text branch on reports: gaps first, labels next, resumable, and what each side of the split is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.model.fusion import FusionModel
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalText, Study
from tests.doubles.command import command
from tests.doubles.example_reports import toy_reports_settings, write_indexed_archive
from training.corpora import open_corpus
from training.corpora.labelled_film import Film
from training.corpora.reports import fold_of, indexed_reports, mined_reports, side_of
from training.masked_language import Corpus, MaskedLanguage, by_length
from training.run import GAPS_FILE, Run
from training.settings import TrainingSettings

train = command("train")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an Open-i archive of 150 reports, a third with each of two findings."""
    folder = tmp_path_factory.mktemp("data")
    write_indexed_archive(folder)
    return folder


def settings(**changes: object) -> TrainingSettings:
    return toy_reports_settings(("indication", "findings", "impression"), **changes)


def films(data: Path) -> list[Film]:
    return open_corpus.load("openi", data)


def test_reports_are_a_corpus_without_films(data: Path) -> None:
    found = films(data)
    assert {film.split for film in found} == {"train", "validation", "test"}
    assert all((fold_of(film.film_id) == 0) == (film.split == "test") for film in found)
    first = next(film for film in found if film.film_id == "CXR0")
    assert first.study().radiograph is None and set(first.text.sections) == {"indication", "findings"}
    assert [name for name, value in first.states[FINDINGS].items() if value] == ["Effusion"]
    assert set(first.states[FINDINGS]) == set(FINDINGS.classes) and not first.weights


def test_mined_labels_are_weighed_and_never_tested_on(data: Path) -> None:
    archive = data / "openi" / "NLMCXR_reports.tgz"
    gold, mined = ({f.film_id: f for f in read(archive)} for read in (indexed_reports, mined_reports))
    for film_id, film in mined.items():
        if side_of(film_id) == "train":
            assert film.states == gold[film_id].states  # the toy sentences are plain
            assert all(0 < weight <= 1 for weight in film.weights[FINDINGS].values())
        else:
            assert film.states == gold[film_id].states and not film.weights


def test_gaps_are_words_and_the_pad_is_never_guessed() -> None:
    tokens = torch.tensor([[2, 9, 9, 9, 9, 9, 9, 3], [2, 9, 9, 3, 0, 0, 0, 0]]).repeat(200, 1)
    corpus = Corpus(tokens, tokens > 0, (0, 1, 2, 3, 4), mask_id=4, vocabulary=20)
    generator = torch.Generator().manual_seed(0)
    seen, mask, guessed, true = corpus.batch(np.arange(400), 0.5, generator)
    assert (true[guessed] == 9).all() and torch.equal(mask, tokens > 0)
    assert torch.equal(seen[~guessed], true[~guessed])
    share = guessed.sum() / (tokens == 9).sum()
    masked, kept = (seen[guessed] == 4).float().mean(), (seen[guessed] == 9).float().mean()
    assert abs(share - 0.5) < 0.05 and abs(masked - 0.8) < 0.05 and 0.07 < kept < 0.17
    assert (seen[guessed] >= 4).all()


def test_batches_by_length_hold_every_row_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 500)
    order = by_length(np.random.default_rng(1).permutation(500), lengths, 16, (0, 0))
    assert sorted(order) == list(range(500))
    waste = [lengths[order[i : i + 16]] for i in range(0, 496, 16)]
    padding = sum(rows.max() * len(rows) - rows.sum() for rows in waste)
    assert padding < 0.2 * lengths.sum()


def test_gaps_then_labels_then_a_checkpoint_that_explains_its_words(data: Path, tmp_path: Path) -> None:
    run = Run(settings(), films(data), tmp_path / "run", tmp_path / "cache")
    stage = torch.load(tmp_path / "run" / GAPS_FILE, weights_only=True)
    assert stage["epoch"] == 2 and stage["losses"][-1] < stage["losses"][0] and "optimizer" not in stage
    learnt = run.average.module.encoders["text"].transformer.state_dict()
    assert all(torch.equal(learnt[name], tensor) for name, tensor in stage["transformer"].items())
    run.train()
    run.export()
    assert run.history[-1]["auroc_findings"] > 0.95 and run.best_epoch == 15  # the last, whatever came before
    pipeline = DiagnosisPipeline.from_pretrained(tmp_path / "run" / "checkpoint")
    assert pipeline.config.modalities == ("text",) and 0.2 <= pipeline.config.temperatures["findings"] <= 5
    study = Study(text=ClinicalText({"findings": "Small left pleural effusion. Spine level 3."}))
    (answer,) = pipeline.predict(study, source="openi").tasks
    assert answer.most_probable == "Effusion"
    target = next(t for t in pipeline.targets if t.class_name == "Effusion")
    account = list(pipeline.explain(study, target))[-1]
    assert account.image is None and account.relative_delta < 0.05
    strongest = max(account.words, key=lambda word: word.attribution)
    assert strongest.word.lower() in ("small", "left", "pleural", "effusion"), strongest


def test_a_stage_that_was_killed_ends_with_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.masked_language import MaskedLanguageStage

    small = settings(masked_language=MaskedLanguage(epochs=3, batch_size=16))
    whole = Run(small, films(data), tmp_path / "whole", tmp_path / "cache")

    class Killed(Exception):
        pass

    save, saved = MaskedLanguageStage._save, []

    def dies_after_the_second(stage: MaskedLanguageStage) -> None:
        if len(saved) == 2:
            raise Killed
        saved.append(1)
        save(stage)

    monkeypatch.setattr(MaskedLanguageStage, "_save", dies_after_the_second)
    with pytest.raises(Killed):
        Run(small, films(data), tmp_path / "broken", tmp_path / "cache")
    monkeypatch.setattr(MaskedLanguageStage, "_save", save)
    resumed = Run(small, films(data), tmp_path / "broken", tmp_path / "cache")
    again = Run(small, films(data), tmp_path / "broken", tmp_path / "cache")  # the stage is over: read only
    for other in (resumed, again):
        pairs = zip(whole.average.state_dict().values(), other.average.state_dict().values(), strict=True)
        for a, b in pairs:
            torch.testing.assert_close(a, b)


def test_the_command_trains_on_reports(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "toy.json"
    import json

    config.write_text(json.dumps(settings(epochs=1, corpora=("openi-mined",)).to_json()))
    out = tmp_path / "out"
    where = ["--config", str(config), "--data", str(data), "--out", str(out), "--cache", str(tmp_path / "c")]
    assert train(where) == 0
    model, processor, _ = FusionModel.from_pretrained(out / "checkpoint")
    assert processor.config.is_post_read and list(model.encoders) == ["text"]
    sides = [line.split(",")[3] for line in (out / "checkpoint" / "split.csv").read_text().splitlines()[1:]]
    assert len(sides) == 150 and set(sides) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"opacity_weight": 1.0}, "opacity_weight"),
        ({"contrastive_weight": 1.0}, "contrastive_weight"),
        ({"focal_gamma": -1.0}, "out of range"),
    ],
)
def test_settings_that_a_model_cannot_follow_are_one_sentence(
    changes: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ViewboxError, match=sentence):
        settings(**changes)
