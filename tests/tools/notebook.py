"""A notebook's code cells run in this process, without Jupyter: what they print and show, as it is kept.

    python -m tests.tools.notebook docs/quickstart.ipynb

runs them and writes the outputs anew.
"""

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image


def run(path: Path) -> list[dict[str, Any]]:
    """The notebook's code cells with fresh outputs, in order, all in one namespace."""
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        cell["execution_count"], cell["outputs"] = number, _outputs("".join(cell["source"]), names, number)
    return cells


def _outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    *statements, last = ast.parse(source).body
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if not isinstance(last, ast.Expr):
            statements.append(last)
        exec(compile(ast.Module(statements, []), f"cell {number}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if text := printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if value is not None:
        shown = {"data": _shown(value), "execution_count": number, "metadata": {}}
        outputs.append(shown | {"output_type": "execute_result"})
    return outputs


def _shown(value: Any) -> dict[str, Any]:
    if not isinstance(value, Image.Image):
        return {"text/plain": [repr(value)]}
    buffer = io.BytesIO()
    value.save(buffer, "JPEG", quality=85)
    size = f"<{value.width} x {value.height} picture>"
    return {"image/jpeg": base64.b64encode(buffer.getvalue()).decode(), "text/plain": [size]}


def main(path: Path) -> None:
    """Write the outputs of a run into the notebook."""
    notebook, fresh = json.loads(path.read_text("utf-8")), iter(run(path))
    notebook["cells"] = [next(fresh) if c["cell_type"] == "code" else c for c in notebook["cells"]]
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
