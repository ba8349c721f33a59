"""Film and text of phantoms learn to lie together, and the checkpoint carries nothing of it."""

from pathlib import Path

import pytest
import torch

from cases.phantom import PhantomSettings, generate_cases
from cases.phantom.making import write_corpus
from modeling.configuration import FusionConfig, ImageProcessing, ProcessorConfig, TextProcessing
from modeling.model.fusion import FusionModel
from tests.doubles.toys import toy_text_encoder
from training.corpora import open_corpus
from training.corpora.labelled_film import Film
from training.run import Run
from training.settings import TrainingSettings

PAIRS = 20


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    folder = tmp_path_factory.mktemp("phantoms")
    write_corpus(
        generate_cases(PAIRS + 4, seed=5, settings=PhantomSettings(size=64)), folder / "phantoms.parquet"
    )
    return open_corpus.load("phantom", folder)


def settings(**changes: object) -> TrainingSettings:
    text = toy_text_encoder().to_json()
    text["transformers"] |= {"vocab_size": 200, "max_position_embeddings": 64}
    model = {
        "tasks": [{"name": "appearance", "modalities": ["image", "text"]}],
        "image": {"name": "test_vit"},
        "text": text,
        "width": 32,
    }
    values = {
        "name": "toy", "corpora": ("phantom",), "model": FusionConfig.from_json(model),
        "processor": ProcessorConfig(image=ImageProcessing(size=32), text=TextProcessing(max_tokens=64)),
        "epochs": 35, "batch_size": 20, "learning_rate": 3e-3, "averaging": 0.5, "table_dropout": 0.0,
        "image_dropout": 0.0, "keep": "last", "contrastive_weight": 1.0,
    }  # fmt: skip
    return TrainingSettings(**(values | changes))


@torch.no_grad()
def found_first(run: Run) -> float:
    """Share of training films whose own text is the nearest of all (and of texts, whose film is)."""
    trained = run.accelerator.unwrap_model(run.model).eval()
    rows = run.batches.train[:PAIRS]
    outputs = trained(run.batches.plain(rows))
    similar = outputs.film @ outputs.text.T
    own = torch.arange(len(rows))
    first = [(similar.argmax(dim=1) == own).float().mean(), (similar.argmax(dim=0) == own).float().mean()]
    return float(sum(first) / 2)


@pytest.mark.slow
def test_after_a_few_steps_a_film_finds_its_own_text(films: list[Film], tmp_path: Path) -> None:
    run = Run(settings(), films, tmp_path / "run", tmp_path / "cache")
    before = found_first(run)
    run.train()
    assert before < 0.3 and found_first(run) > 0.5, (before, found_first(run))  # chance: 1 in 20
    run.export()
    model, _, _ = FusionModel.from_pretrained(tmp_path / "run" / "checkpoint")
    assert not [name for name in model.state_dict() if "shared" in name]


def test_without_the_term_there_is_no_shared_space(films: list[Film], tmp_path: Path) -> None:
    run = Run(settings(contrastive_weight=0.0, epochs=1), films, tmp_path / "run", tmp_path / "cache")
    assert run.model.shared is None and run.model(run.batches.plain(run.batches.train)).paired is None
    losses = run._optimise(run.batches.training(run.batches.train.tolist(), 0))
    assert set(losses) == {"appearance"}
