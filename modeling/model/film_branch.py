"""A checkpoint's film branch as ONNX, with its processor in JSON, for programs without Viewbox or PyTorch."""

import json
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from modeling.model.encoders import Encoded
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.study import Modality

ONNX_FILE = "film.onnx"
SPEC_FILE = "film_onnx.json"


class FilmBranch(nn.Module):
    """What a checkpoint answers from a film where neither table nor text is given."""

    def __init__(self, model: FusionModel, processor: StudyProcessor) -> None:
        super().__init__()
        self.model, self.processor = model, processor
        self.tasks = [task.name for task in model.config.tasks if Modality.IMAGE in task.modalities]

    def forward(self, film: Tensor) -> tuple[Tensor, ...]:
        """(B, h, w) brightness in [0, 1], black around the film -> each task's probabilities (B, K)."""
        batch, width = len(film), self.model.config.width
        none = film.new_zeros(batch, 0, dtype=torch.bool)
        absent = Encoded(film.new_zeros(batch, width), film.new_zeros(batch, 0, width), none, none.any(dim=1))
        encoder = self.model.encoders[Modality.IMAGE]
        features = encoder.feature_map(self.processor.normalise(film))
        given = encoder.encode(features, film.new_ones(batch, dtype=torch.bool))
        logits = self.model.decide(
            {name: given if name == Modality.IMAGE else absent for name in self.model.encoders}
        )
        return tuple(self._probabilities(task, logits[task]) for task in self.tasks)

    def _probabilities(self, task: str, logits: Tensor) -> Tensor:
        scaled = logits / self.model.config.temperatures.get(task, 1.0)
        return (
            scaled.sigmoid() if self.model.config.spec(task).kind == "multilabel" else scaled.softmax(dim=1)
        )


def film_branch_files(folder: Path) -> dict[str, bytes]:
    """File name -> content: the network, and the processor with every task's classes; the same each time.

    Raises:
        CheckpointError: the folder is no checkpoint.
        ImportError: PyTorch's exporter is not there (onnx, onnxscript).
    """
    model, processor, _ = FusionModel.from_pretrained(folder)
    branch, image = FilmBranch(model, processor).eval(), processor.config.image
    example = torch.zeros(1, image.size, image.size)
    names = {"input_names": ["film"], "output_names": [str(task) for task in branch.tasks]}
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # PyTorch's, about itself
        exported = torch.onnx.export(branch, (example,), **names, dynamo=True, verbose=False)
    for node in exported.model.graph.all_nodes():
        node.metadata_props.clear()  # where on this machine each line of code lies
    with tempfile.TemporaryDirectory() as scratch:
        exported.save(Path(scratch) / ONNX_FILE)
        network = (Path(scratch) / ONNX_FILE).read_bytes()
    spec = {"size": image.size, "percentiles": image.percentiles}
    spec["tasks"] = {str(task): model.config.spec(task).classes for task in branch.tasks}
    return {ONNX_FILE: network, SPEC_FILE: (json.dumps(spec, indent=1) + "\n").encode()}
