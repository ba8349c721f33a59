"""Many studies in one pass say what each says alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from modeling.batch import predict_batch
from modeling.pipeline import DiagnosisPipeline
from modeling.study import Modality, Photometric, Study
from tests.doubles.toys import toy_checkpoint, toy_radiograph, toy_study

SUBSETS = [
    (Modality.IMAGE, Modality.TABLE, Modality.TEXT),
    (Modality.IMAGE,),
    (Modality.TABLE,),
    (Modality.TEXT, Modality.IMAGE),
    (Modality.TEXT,),
]


@pytest.mark.parametrize("fusion", ["product", "concat", "gated", "cross_attention"])
def test_a_batch_says_what_each_study_says_alone(fusion: str, tmp_path: Path) -> None:
    pipeline = DiagnosisPipeline.from_pretrained(
        toy_checkpoint(tmp_path / "toy", fusion, temperatures={"appearance": 2.0}, sources=("siim",))
    )
    studies = [toy_study(subset, seed) for seed, subset in enumerate(SUBSETS * 2)]
    studies[1] = dataclasses.replace(
        studies[1], radiograph=toy_radiograph(7, (64, 130), photometric=Photometric.MONOCHROME1)
    )
    sources = ["siim", "cohen"] * 5
    for study, source, scored in zip(
        studies, sources, predict_batch(pipeline, studies, sources), strict=True
    ):
        alone = pipeline.predict(study, source=source)
        assert scored.prediction is not None and scored.problem == ""
        assert (scored.prediction.notes, scored.prediction.given) == (alone.notes, alone.given)
        for one, other in zip(scored.prediction.tasks, alone.tasks, strict=True):
            assert (one.task, one.classes, one.modalities) == (other.task, other.classes, other.modalities)
            np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)
            np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
        assert set(scored.embedding) == set(study.modalities)
        assert all(np.isfinite(v).all() and v.ndim == 1 for v in scored.embedding.values())


def test_a_study_that_says_nothing_stops_no_other(checkpoint: Path) -> None:
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    empty, whole = predict_batch(pipeline, [Study(), toy_study()])
    assert empty.prediction is None and empty.problem.startswith(
        "There is nothing that this checkpoint reads"
    )
    assert whole.prediction is not None
    (alone,) = predict_batch(pipeline, [Study()])
    assert alone.prediction is None and alone.embedding == {}
    assert predict_batch(pipeline, []) == []


def test_the_film_decides_its_embedding(checkpoint: Path) -> None:
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    one, other, again = predict_batch(pipeline, [toy_study(seed=1), toy_study(seed=2), toy_study(seed=1)])
    assert np.allclose(one.embedding[Modality.IMAGE], again.embedding[Modality.IMAGE], atol=1e-5)
    assert not np.allclose(one.embedding[Modality.IMAGE], other.embedding[Modality.IMAGE], atol=1e-3)
