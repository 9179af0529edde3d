"""Ahead-of-time stages that can be looked at: lowered, and compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradc.errors import ArgumentError

if TYPE_CHECKING:
    from gradc.compiler.specialisation import Specialisation


class LoweredStage:
    """A function lowered to jax.numpy for one kind of arguments. `compile()` hands it to XLA."""

    kinds = ("gradc", "jax", "jaxpr", "stablehlo")

    def __init__(self, specialisation: Specialisation) -> None:
        self.specialisation = specialisation

    def as_text(self, kind: str = "gradc") -> str:
        """The program as "gradc" (the final graph), "jax" (the source that runs), "jaxpr" or "stablehlo" text.

        Raises ArgumentError for another kind.
        """
        if kind not in self.kinds:
            raise ArgumentError(f"as_text: there is no {kind!r} text at this stage; choose from "
                                f"{', '.join(self.kinds)}")
        lowered = self.specialisation.lowered
        if kind == "gradc":
            return str(self.specialisation.final)
        if kind == "jax":
            return lowered.source
        return lowered.jaxpr() if kind == "jaxpr" else str(lowered.lower().as_text("stablehlo"))

    def compile(self, compiler_options: dict[str, Any] | None = None) -> CompiledStage:
        """Compile ahead of time with XLA."""
        return CompiledStage(self.specialisation, self.specialisation.lowered.lower().compile(compiler_options))


class CompiledStage(LoweredStage):
    """A compiled program: also its "hlo" text, and what XLA says of its memory and cost."""

    kinds = (*LoweredStage.kinds, "hlo")

    def __init__(self, specialisation: Specialisation, compiled: Any) -> None:
        super().__init__(specialisation)
        self.compiled = compiled

    def as_text(self, kind: str = "gradc") -> str:
        """The program as "gradc", "jax", "jaxpr", "stablehlo" or "hlo" (what XLA optimised) text."""
        return str(self.compiled.as_text()) if kind == "hlo" else super().as_text(kind)

    def memory_analysis(self) -> Any:
        """XLA's account of the bytes of arguments, outputs, temporaries and code (jax.stages.Compiled)."""
        return self.compiled.memory_analysis()

    def cost_analysis(self) -> dict[str, float]:
        """XLA's estimates, such as "flops" and "bytes accessed" (jax.stages.Compiled)."""
        found = self.compiled.cost_analysis()
        return dict(found[0] if isinstance(found, (list, tuple)) else found)
