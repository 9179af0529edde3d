"""A folder that shows by itself how two graphs differ: their texts, the arrays, and a program that runs both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradc.ir import Array, Graph, Node, Program
from gradc.tensor import Tensor

PROGRAM = '''"""Two graphs that ought to compute the same: before and after the pass {name}.

    python check.py
"""

from pathlib import Path

import numpy as np

import gradc
from gradc.ir import Array, parse
from gradc.ir.types import SCALARS

FOLDER = Path(__file__).parent
arrays = {{key: array.view(SCALARS[key.split()[1]].dtype.numpy)
          for key, array in np.load(FOLDER / "arrays.npz").items()}}
constants = [Array(array) for key, array in arrays.items() if key.startswith("constant")]
inputs = [gradc.from_numpy(array) for key, array in arrays.items() if key.startswith("input")]
for name in ("before", "after"):
    graph = parse((FOLDER / f"{{name}}.py").read_text())
    print(name, graph(*inputs), sep="\\n")
'''


def save(name: str, before: Graph | Program, after: Graph | Program, inputs: Sequence[Tensor]) -> Path:
    """Write a folder of its own, and return it."""
    folder = Path(tempfile.mkdtemp(prefix=f"gradc-{name.strip('<>')}-"))
    folder.joinpath("before.py").write_text(f"{before}\n", encoding="utf-8")
    folder.joinpath("after.py").write_text(f"{after}\n", encoding="utf-8")
    folder.joinpath("check.py").write_text(PROGRAM.format(name=name), encoding="utf-8")
    arrays = {f"input{i:04} {x.dtype.short}": x._array for i, x in enumerate(inputs)}
    large = {array.hash: array for graph in (before, after) for array in _arrays(graph)}
    arrays |= {f"constant{i:04} {x.dtype.short}": x.numpy for i, x in enumerate(large.values())}
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    return folder


def _arrays(graph: Any) -> Iterator[Array]:
    """The constants of a graph and of its regions."""
    if isinstance(graph, Program):
        yield from _arrays(graph.forward)
        yield from _arrays(graph.backward)
        return
    nodes: list[Node] = [*graph.nodes]
    while nodes:
        node = nodes.pop()
        yield from (x for x in node.attrs.values() if isinstance(x, Array))
        nodes.extend(inner for region in node.regions for inner in region.nodes)
