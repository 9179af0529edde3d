"""What a function saves for its backward, by the user's line and in bytes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradc import locations
from gradc.compiler.compiled import CompiledFunction, compile
from gradc.errors import GradError
from gradc.ir import Graph, Location, Value, producers
from gradc.ir.memory import in_units


@dataclass(frozen=True)
class Saved:
    """A value that backward reads: where it was made and, of an input, that its memory is its owner's."""

    value: Value
    location: Location | None

    @property
    def nbytes(self) -> int:
        """The bytes that saving it takes."""
        return 0 if self.location is None else self.value.type.nbytes


class SavedValues(list[Saved]):
    """What a compiled function saves. Prints as a table: the lines of the user's code that cost most come first."""

    @property
    def nbytes(self) -> int:
        """The bytes that are kept from forward to backward."""
        return sum(each.nbytes for each in self)

    def __str__(self) -> str:
        if not self:
            return "nothing is saved"
        lines: dict[str, list[Saved]] = {}
        for each in self:
            at = each.location
            lines.setdefault("inputs" if at is None else f"{at.file}:{at.line}  {at.source()}", []).append(each)
        text = [f"{in_units(self.nbytes)} are saved in {len(self)} values"]
        for line, saved in sorted(lines.items(), key=lambda item: -sum(each.nbytes for each in item[1])):
            text.append(f"{in_units(sum(each.nbytes for each in saved)):>9}  {line.rstrip()}")
            text += [f"{'':>9}    {each.value}" for each in sorted(saved, key=lambda each: -each.nbytes)]
        return "\n".join(text)

    __repr__ = __str__


def saved_values(function: Callable[..., Any]) -> Callable[..., SavedValues]:
    """`saved_values(f)(*args)` is what the backward of f, compiled for these arguments, reads; nothing runs.

    Raises GradError if no result of f requires grad.
    """
    compiled = function if isinstance(function, CompiledFunction) else compile(function)

    @functools.wraps(compiled.function, updated=())
    def found(*args: Any, **kwargs: Any) -> SavedValues:
        program = compiled.lower(*args, **kwargs).specialisation
        if program.backward is None:
            raise GradError(f"print_saved: no result of {program.forward.name} requires grad, so nothing is saved"
                            f"{locations.quote(locations.here())}\n    An input needs requires_grad=True; what a "
                            f"backward() inside the function has used is not saved for one outside.")
        graph: Graph = program.stages["split"].forward  # type: ignore[union-attr]
        made = producers(graph)
        return SavedValues([Saved(v, made[v].loc if v in made else None) for v in graph.saved_values])

    return found


def print_saved(function: Callable[..., Any]) -> Callable[..., None]:
    """`print_saved(f)(*args)` prints what f, compiled, saves for its backward: by line of code, and in bytes.

    Source  jax.ad_checkpoint.print_saved_residuals
    """
    found = saved_values(function)

    @functools.wraps(found)
    def show(*args: Any, **kwargs: Any) -> None:
        print(found(*args, **kwargs))

    return show
