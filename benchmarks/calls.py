"""What a call of a compiled training step costs on top of the call of the XLA program: guards, state, results.

    python benchmarks/calls.py

The step has 20 tensors of state: ten parameters and their momentum. The peer is `jax.jit` of the same program, called
with arrays on the device, whose results replace them; both donate the state.
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

import gradc
from gradc.compiler.compiled import CompiledFunction

LAYERS, WIDTH = 5, 4


def made() -> tuple[CompiledFunction, Any]:
    """A compiled step of a small network, called a few times, and its argument."""
    nn = gradc.nn
    gradc.manual_seed(0)
    model = nn.Sequential(*[layer for _ in range(LAYERS) for layer in (nn.Linear(WIDTH, WIDTH), nn.Tanh())])
    optimizer = gradc.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)

    @gradc.compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    x = gradc.ones(2, WIDTH)
    for _ in range(3):
        step(x)
    return step, x


def jitted(program: Any, x: Any) -> Any:
    """A call of the same program by jax.jit, its state going round."""
    import jax

    tensors = [x if tensor is None else tensor for tensor, _ in program.inputs]
    values = [program.draws[source.index]() if source.kind == "draw" else tensor.numpy(force=True)
              for source, tensor in zip(program.traced.inputs, tensors, strict=True)]
    with jax.enable_x64(True):
        arrays = [jax.device_put(np.array(v), may_alias=False) for v in values]
        run = jax.jit(program.lowered.function, donate_argnums=tuple(program.lowered.donated))
    places = [program.forward.inputs.index(v) for v in program.forward.updates]

    def call() -> Any:
        with jax.enable_x64(True):
            outputs = run(*arrays)
        for place, array in zip(places, outputs[program.returned :], strict=False):
            arrays[place] = array
        return outputs[0]

    return call


def main() -> None:
    """Measure, and write the table."""
    step, x = made()
    peer = jitted(step.last, x)
    hold = step.last.guards.hold
    calls = harness.measure(harness.Case("call", {"gradc": lambda: step(x), "jax": peer}, tolerance=1e-2))
    guards = harness.measure(harness.Case("guards", {"gradc": lambda: float(hold())}))
    ours, theirs, guard = (1e6 * m for m in (calls.medians["gradc"], calls.medians["jax"], guards.medians["gradc"]))
    text = (f"# A call of a compiled step with 20 tensors of state\n\n{harness.header()}\n\n"
            "| | µs | limit |\n|---|--:|--:|\n"
            f"| the call | {ours:.1f} | |\n| jax.jit of the same program | {theirs:.1f} | |\n"
            f"| on top of it | {ours - theirs:.1f} | 15 |\n| of that, the guards | {guard:.1f} | 10 |\n")
    print(text)
    harness.write("calls", text)


if __name__ == "__main__":
    main()
