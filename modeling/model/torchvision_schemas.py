"""Lets `import torchvision` work where its native extension cannot be loaded.

PyPI's torchvision is linked to CUDA. Beside a CPU-only torch its extension does not load, and
`import torchvision` (which timm and transformers need for plain Python code only) ends in "operator
torchvision::nms does not exist": the package registers shape functions for operators that the extension
would have declared. Declaring the two schemas is enough. Nothing here computes; calling such an operator
still fails, and Viewbox calls none.
"""

import ctypes
import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    for extension in Path(spec.origin).parent.glob("_C*.so"):
        try:
            ctypes.CDLL(str(extension))
        except OSError:
            return False
    return True


def declare_missing_schemas() -> None:
    """Declare torchvision's operator schemas, once, only when its native extension cannot be loaded."""
    global _library
    if _library is not None or _extension_loads():
        return
    _library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        _library.define(schema)
