"""Baseline films beside a checkpoint: gathered, written, read, and refused where they are damaged."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from modeling.errors import CheckpointError
from modeling.explain.baselines import (
    BASELINES_FILE,
    CELLS,
    gather_baselines,
    load_baselines,
    placed,
    square_film,
    write_baselines,
)
from tests.doubles.toys import toy_radiograph

WHOLE = (0.5, 99.5)


def test_what_is_gathered_comes_back(tmp_path: Path) -> None:
    films = [toy_radiograph(seed, shape) for seed, shape in enumerate(((91, 70), (60, 80), (128, 128)))]
    gathered = gather_baselines(iter(films), films[:2], WHOLE)
    by_hand = np.mean([square_film(film, WHOLE) for film in films], axis=0)
    assert gathered.mean == pytest.approx(by_hand, abs=1e-6)
    assert gathered.normals.shape == (2, CELLS, CELLS)
    write_baselines(tmp_path, gathered)
    assert (tmp_path / BASELINES_FILE).stat().st_size < 4 * CELLS**2
    read = load_baselines(tmp_path)
    assert read.mean == pytest.approx(gathered.mean, abs=1 / 255)
    assert read.normals == pytest.approx(gathered.normals, abs=1 / 255)
    assert placed(read.mean, (30, 47)).shape == (30, 47)


def test_a_checkpoint_may_have_none_or_only_some(tmp_path: Path) -> None:
    assert load_baselines(tmp_path).mean is None and len(load_baselines(tmp_path).normals) == 0
    write_baselines(tmp_path, gather_baselines([], [toy_radiograph()], WHOLE))
    assert load_baselines(tmp_path).mean is None and len(load_baselines(tmp_path).normals) == 1


@pytest.mark.parametrize("damage", ["bytes", "other tensors", "numbers"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / BASELINES_FILE
    if damage == "bytes":
        path.write_bytes(b"no safetensors")
    elif damage == "other tensors":
        save_file({"weight": torch.zeros(3)}, path)
    else:
        save_file({"normals": torch.zeros(1, 4, 4)}, path)
    with pytest.raises(CheckpointError, match="fetch the checkpoint again"):
        load_baselines(tmp_path)
