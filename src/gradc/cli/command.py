"""The parser of the command line, and the way from words to commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from gradc.cli.demonstration import demonstrate
from gradc.cli.problem import Problem
from gradc.cli.run import run_command
from gradc.cli.show_ir import show_ir
from gradc.version import __version__

EXAMPLES = """\
examples:
  gradc run train.py --epochs 3                   run a program that was written for PyTorch
  gradc run --missing train.py                    list what it uses and gradc lacks
  gradc demo                                      train a network on handwritten digits, eager and compiled
  gradc ir model.py:loss "f32[4,3] f32[3]"        the optimised graph of a function on tensors of these types
  gradc ir model.py:loss "f32[4,3] f32[3]" --grad w --stage differentiate
                                                  the graph with the gradient with respect to w, as it was derived
  gradc ir model.py:loss "f32[4,3] f32[3]" --stage hlo
                                                  what XLA made of it
"""

IR_EXAMPLES = """\
A type is an element type and a shape: f32[4,3], i64[32], f32 for a scalar. Element types are f16 bf16 f32 f64 i8 i16
i32 i64 u8 bool c64 c128. Stages are the compiler's passes, then jax (the source that runs), jaxpr, stablehlo and hlo.

examples:
  gradc ir model.py:loss "f32[4,3] f32[3]" --list
  gradc ir model.py:loss "f32[4,3] f32[3]" --grad all --stage split
"""


def parser() -> argparse.ArgumentParser:
    """The parser of `gradc`."""
    top = argparse.ArgumentParser(
        prog="gradc", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="PyTorch's eager tensors and autograd on NumPy, and a graph compiler whose every stage is "
                    "readable Python.")
    top.add_argument("--version", action="version", version=f"gradc {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    text = "run a program that was written for PyTorch"
    program = commands.add_parser("run", help=text, description=text.capitalize() + ": `import torch`, and imports of "
                                  "its submodules, are answered by gradc.")
    program.add_argument("--missing", action="store_true", help="list the names that it uses and gradc lacks")
    program.add_argument("file", metavar="FILE.py")
    program.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the program's own arguments")
    program.set_defaults(run=lambda given: run_command(given.file, given.arguments, given.missing))

    text = "train a small network on handwritten digits, eager and compiled, side by side"
    demo = commands.add_parser("demo", help=text, description=text.capitalize() + ".")
    demo.add_argument("--epochs", type=_positive, default=20, metavar="N", help="times through the images (20)")
    demo.add_argument("--seed", type=int, default=0, metavar="S", help="of initial weights and batches (0)")
    demo.add_argument("--no-progress", dest="progress", action="store_false", help="do not show progress bars")
    demo.set_defaults(run=lambda given: demonstrate(given.epochs, given.seed, given.progress))

    text = "print the graph of a function at a stage of the compiler"
    ir = commands.add_parser("ir", help=text, description=text.capitalize() + ".", epilog=IR_EXAMPLES,
                             formatter_class=argparse.RawDescriptionHelpFormatter)
    ir.add_argument("target", metavar="FILE.py:FUNCTION", help="a function, module or method in a Python file")
    ir.add_argument("types", nargs="?", default="", metavar='"TYPES"', help='its arguments, as "f32[4,3] f32[3]"')
    ir.add_argument("--stage", metavar="NAME", help="a pass, or jax, jaxpr, stablehlo, hlo (the last pass)")
    ir.add_argument("--grad", metavar="NAMES|all", help="arguments that require grad, as x,w: shows their gradients")
    ir.add_argument("--list", action="store_true", help="list the stages with their size and time")
    ir.set_defaults(run=lambda given: show_ir(given.target, given.types, given.stage, given.grad, given.list))
    return top


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code: 0, 1 if what it ran failed, 2 if the words make no sense."""
    given = parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except Problem as problem:
        print(f"gradc: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `gradc ir ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
