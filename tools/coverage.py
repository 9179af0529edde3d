"""Writes docs/coverage.md, and, where PyTorch is installed, its public names into src/gradc/torch_names.txt.

    python tools/coverage.py            write both
    python tools/coverage.py --check    exit with 1 if either is not what would be written
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

import gradc  # noqa: E402, F401
from gradc import coverage  # noqa: E402

PAGE = ROOT / "docs" / "coverage.md"

INTERNAL = re.compile(
    r"BroadcastingList\d|DType|TYPE_CHECKING|.*has_torch_function.*|handle_torch_function|.*_notes|assert_int_or_pair|"
    r"boolean_dispatch|ScalingType|SwizzleType|GRID_SAMPLE_.*|.*DataPipe|DataChunk|.*_datapipes?.*|argument_validation|"
    r"runtime_validation.*|non_deterministic|smm|sspaddmm|hspmm|has_(lapack|mkl|openmp|spectral)|AVG|SUM|bit|.*_copy|.*_backward|(cudnn|miopen|mkldnn|fbgemm|quantize|dequantize|fake_quantize|fused|native|sym|q|mkl)_.*|"
    r"quantized_.*|choose_qparams.*|batch_norm_.+|q(u?)int\d.*|bits.*|u?int[1-7]|float[48]_.*|qscheme|.*Storage|"
    r"per_(channel|tensor)_.*|sparse_(bsc|bsr|csc|csr|coo)|.*_(autocast_(ipu|xla|gpu|cpu)).*|prepare_multi.*|"
    r"profiler_.*|(ccol|col|crow|row)_indices.*|get_file_path|classproperty|compiled_with.*|USE_.*|PRIVATE_OPS|"
    r"legacy_.*|.*_vulkan.*|affine_grid_generator|unsafe_.*|hsmm|dsmm|saddmm|spmm|import_ir_module.*|parse_.*|merge_.*|"
    r"fork|wait|unify_type_list|vitals_enabled|set_vital|read_vitals|autocast_(in|de)crement.*|norm_except_dim|slice_inverse|"
    r"init_num_threads|cpp|torch|return_types|classes|ops|library|package|monitor|mtia|xpu|futures|masked|"
    r"(q_)?(zero_point|scale).*|int_repr|.*_qparams.*|.*quantiz.*|typename|windows|quasirandom|torch_version|storage|"
    r"get_num_interop_threads|set_num_interop_threads|align_.*|rename_?|refine_names|has_names|names|.*_sparse.*|"
    r"grid_sampler.*|mps|ipu|xla|hpu|map_?2?_|is_(mkldnn|vulkan|xla|xpu|ipu|mps|mtia|maia|meta|nested|neg|vulkan)|"
    r"dim_order|apply_|module_load|reinforce|volatile|storage_type|set_source.*|retains_.*flag|nnz|itemsize_")
"""Names of PyTorch's machinery, of quantised, sparse and named tensors, and of devices that gradc does not know."""

CLASSES = {"Generator", "Size", "Tensor"}
"""Classes of torch that are for users although they have no docstring; the rest is the machinery of TorchScript."""

DIFFERS = {
    "torch.compile": "compiles to XLA by tracing; modes, backends and options of PyTorch's are accepted and have no "
                     "meaning",
    "torch.jit.script": "is torch.compile: the function is traced, and Python's control flow is not compiled",
    "torch.jit.trace": "is torch.compile: what is called with other shapes is traced again",
    "torch.load": "never runs code from a file: weights_only=False is refused",
    "torch.save": "writes PyTorch's own format, of tensors, numbers, text and containers only",
    "torch.utils.data.DataLoader": "workers are threads, unless multiprocessing_context asks for processes",
    "torch.use_deterministic_algorithms": "remembered; gradc's algorithms always are",
    "torch.device": "other devices than the CPU can be named, and hold no tensors",
    "torch.set_num_threads": "remembered; NumPy and XLA choose their threads when they start",
    "torch.set_float32_matmul_precision": "remembered; the CPU multiplies in full precision",
    "torch.cuda.is_available": "False: eager tensors live on the host, compiled functions run where XLA puts them",
}
"""What gradc has under the same name, and how it is not the same."""


def public(space: str) -> list[str]:
    """The public names of a namespace of the installed PyTorch."""
    if space == "torch.Tensor":
        owner: Any = importlib.import_module("torch").Tensor
        names = [name for name in dir(owner) if not name.startswith("_")]
    else:
        owner = importlib.import_module(space)
        names = [*getattr(owner, "__all__", dir(owner)), *(dir(owner) if space == "torch" else ())]
    inside = {name for name in names if not name.startswith("_") and hasattr(owner, name)}
    modules = {name for name in {*coverage.NAMESPACES, *coverage.INSTEAD} if name.rpartition(".")[0] == space}
    found = {name for name in inside if not INTERNAL.fullmatch(name) and _belongs(space, name, getattr(owner, name))}
    return sorted(found | {name.rpartition(".")[2] for name in modules if _exists(name)})


def _exists(name: str) -> bool:
    """Whether PyTorch has a module or a name, imported or not: what has been imported must not matter here."""
    space, _, last = name.rpartition(".")
    owner = sys.modules["torch"].Tensor if space == "torch.Tensor" else importlib.import_module(space)
    return hasattr(owner, last) or (space != "torch.Tensor" and importlib.util.find_spec(name) is not None)


def _belongs(space: str, name: str, thing: Any) -> bool:
    if isinstance(thing, ModuleType):
        return False  # whether it is there depends on what has been imported; coverage.NAMESPACES says which count
    home = getattr(thing, "__module__", None)
    if isinstance(home, str) and home.split(".")[0] in ("typing", "typing_extensions", "collections", "contextlib",
                                                        "functools", "enum", "dataclasses", "warnings", "math"):
        return False
    if space == "torch" and isinstance(thing, type) and name[0].isupper():
        return name in CLASSES or name.endswith("Tensor") or name.endswith("Error")
    return not (space == "torch" and name in ("builtins", "TYPE_CHECKING"))


def written_names() -> str:
    """The text of torch_names.txt."""
    import torch

    version = torch.__version__.partition("+")[0]
    paragraphs = [f"# PyTorch {version} has these public names; written by tools/coverage.py"]
    for space in coverage.NAMESPACES:
        paragraphs.append(textwrap.fill(f"{space}: {' '.join(public(space))}", 120, subsequent_indent="    ",
                                        break_on_hyphens=False, break_long_words=False))
    return "\n\n".join(paragraphs) + "\n"


def import_all() -> None:
    """Import what gradc has of PyTorch's modules."""
    for space in coverage.NAMESPACES:
        name = coverage.own(space)
        if space != "torch.Tensor" and importlib.util.find_spec(name.rpartition(".")[0] or name) is not None:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                continue


def written_page() -> str:
    """The text of docs/coverage.md."""
    sections, summary = [], []
    totals = [0, 0]
    for space, names in coverage.torch_names().items():
        yes = [name for name in names if coverage.has(f"{space}.{name}")]
        no = [name for name in names if name not in yes]
        differs = [name for name in yes if f"{space}.{name}" in DIFFERS]
        summary.append(f"| [`{space}`](#{space.replace('.', '').lower()}) | {len(yes)} | {len(names)} |")
        totals = [totals[0] + len(yes), totals[1] + len(names)]
        lines = [f"## {space}", ""]
        for title, found in (("Yes", [n for n in yes if n not in differs]), ("No", no)):
            if found:
                lines += [textwrap.fill(f"**{title}:** " + ", ".join(f"`{n}`" for n in found), 120), ""]
        lines += [f"* **Differs:** `{name}` {DIFFERS[f'{space}.{name}']}." for name in differs] + [""] * bool(differs)
        sections.append("\n".join(lines))
    head = textwrap.fill(
        f"Which public names of PyTorch {coverage.torch_version()} gradc has. Names of quantised, sparse and named "
        f"tensors, of other devices, and of PyTorch's machinery are left out. `tools/coverage.py` writes this page. "
        f"`gradc\0run\0--missing\0FILE.py` lists what a program needs.", 120).replace("\0", " ")
    summary.append(f"| all | {totals[0]} | {totals[1]} |")
    table = "\n".join(["| Namespace | gradc has | of |", "|---|--:|--:|", *summary])
    return f"# Coverage\n\n{head}\n\n{table}\n\n" + "\n".join(sections).rstrip() + "\n"


def main(words: list[str]) -> int:
    """Write or check both files."""
    import_all()
    stale = False
    texts = [(PAGE, written_page)]
    if importlib.util.find_spec("torch") is not None:
        texts.insert(0, (coverage.NAMES, written_names))
    for path, text in texts:
        made = text()
        if not path.exists() or path.read_text(encoding="utf-8") != made:
            stale = True
            if "--check" not in words:
                path.write_text(made, encoding="utf-8")
                coverage.torch_names.cache_clear()
    if "--check" in words and stale:
        print("docs/coverage.md or torch_names.txt is not up to date: run python tools/coverage.py")
    return int(stale and "--check" in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
