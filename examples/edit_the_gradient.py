"""A gradient as text, changed by hand, and trained with.

The gradient of a loss is dumped. One line is added to the text, so that no error counts for more than 1, and the parsed
result takes the place of backward. One point of the data is wrong by far: the plain gradient follows it, the changed
one does not.

    python examples/edit_the_gradient.py
"""

import gradc as torch
from gradc.ir import parse, verify


def gradient(weight, x, y):
    error = x @ weight - y
    loss = error.square().sum()
    return torch.autograd.grad(loss, weight)[0]


torch.manual_seed(0)
truth = torch.tensor([2.0, -1.0, 0.5])
x = torch.randn(64, 3)
y = x @ truth
y[0] = 1000.0

compiled = torch.compile(gradient)
compiled(torch.zeros(3, requires_grad=True), x, y)
text = str(compiled.stages["simplify"])
print(f"The gradient:\n\n{text}\n")

lines = text.splitlines()
place = next(i for i, line in enumerate(lines) if line.strip().startswith("error:"))
lines.insert(place + 1, "    clipped: f32[64] = clamp(error, -1.0, 1.0)")
edited = parse("\n".join(lines).replace("mul(2, error)", "mul(2, clipped)"))
verify(edited)
print(f"The gradient with one line more:\n\n{edited}\n")


def distance_after_training(slope):
    weight = torch.zeros(3)
    for _ in range(300):
        weight = weight - 0.01 * slope(weight, x, y)
    return (weight - truth).norm().item()


plain = distance_after_training(parse(text))
clipped = distance_after_training(edited)
print(f"distance from the truth: {plain:.3f} with the gradient, {clipped:.3f} with the clipped one")
assert clipped < plain / 10
