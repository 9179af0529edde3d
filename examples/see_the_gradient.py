"""A function, its gradient, and every graph between them: print them, read them, and run the text again."""

import gradc as torch
from gradc import ir
from gradc.inspect.slices import slice_for

softplus = torch.nn.functional.softplus


@torch.compile
def loss(x, w):
    z = x @ w
    return softplus(z).sum()


torch.manual_seed(0)
x = torch.randn(4, 3)
w = torch.randn(3, requires_grad=True)

# A call traces and compiles. What comes back is an eager tensor, whose backward is compiled as well.
value = loss(x, w)
value.backward()
print("the loss is", value.item(), "and its gradient", w.grad.tolist(), end="\n\n")

# Each stage is a graph, and its text is Python. `differentiate` has added the gradient, as a mathematician would.
for stage in ("traced", "differentiate", "simplify", "free"):
    print(f"--- {stage}\n{loss.stages[stage]}\n")

# The part of a graph that computes one value.
gradient = slice_for(loss.stages["simplify"], "d_w")
print(f"--- only d_w\n{gradient}\n")

# The text is the graph: it parses back, and runs on tensors.
again = ir.parse(str(gradient))
one = torch.ones(())
given = {"x": x, "w": w.detach()}
d_w = again(*[given.get(value.name, one) for value in again.inputs])
print("run from its text:", d_w.tolist())
assert torch.allclose(d_w, w.grad)
