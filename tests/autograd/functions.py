"""Programs with an autograd.Function: each makes its class from the library, and returns what is compared."""

from __future__ import annotations

from typing import Any


def tensors(torch: Any, *values: float, grad: bool = True) -> Any:
    return torch.tensor([*map(float, values)], requires_grad=grad)


def make(torch: Any, forward: Any, backward: Any, **more: Any) -> Any:
    """A Function of these static methods."""
    methods = {"forward": forward, "backward": backward, **more}
    return type("Made", (torch.autograd.Function,), {name: staticmethod(f) for name, f in methods.items()})


def several_outputs(torch: Any) -> Any:
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y, x + y, 7, None

    def backward(ctx: Any, g: Any, h: Any, *rest: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y + h, g * x + h * 2

    x, y = tensors(torch, 1, 2), tensors(torch, 3, 4)
    product, total, number, nothing = make(torch, forward, backward).apply(x, y)
    (product * 2 + total).sum().backward()
    return x.grad, y.grad, number, nothing, product.grad_fn is total.grad_fn


def one_output_used(torch: Any) -> Any:
    seen = []

    def backward(ctx: Any, *g: Any) -> Any:
        seen.extend(g)
        return g[1]

    x = tensors(torch, 1, 2)
    make(torch, lambda ctx, x: (x * 1, x * 2, x.long()), backward).apply(x)[1].sum().backward()
    return x.grad, *seen


def shared_output(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    x = tensors(torch, 1, 2)
    a, b = make(torch, forward, lambda ctx, g, h: g + h * 10).apply(x)
    (a + b * 3).sum().backward()
    return x.grad, a is b


def keyword_arguments(torch: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        return g * 2, g * 3

    x, y = tensors(torch, 1, 2), tensors(torch, 3, 4)
    make(torch, lambda ctx, x, y=None: x + y, backward).apply(x, y=y).sum().backward()
    return x.grad, y.grad


def defaults_with_setup_context(torch: Any) -> Any:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor, ctx.result = inputs[1], output

    made = make(torch, lambda x, factor=2: x * factor, lambda ctx, g: (g * ctx.factor * 5, None), setup_context=setup)
    x = tensors(torch, 1, 2)
    (made.apply(x) + made.apply(x, factor=3)).sum().backward()
    return (x.grad,)


def written_in_place(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    x = tensors(torch, 1, 2, 3, 4)
    whole = x * 1
    part = whole[1:3]
    result = make(torch, forward, lambda ctx, g: g * 30).apply(part)
    whole.sum().backward()
    return x.grad, whole, part, result is part


def written_and_used_again(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]

    x = tensors(torch, 0, 1)
    y = x * 2
    z = make(torch, forward, backward).apply(y) * y
    z.sum().backward()
    return x.grad, y


def second_order_through_saved_output(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    x = tensors(torch, 0, 1)
    made = make(torch, forward, lambda ctx, g: g * ctx.saved_tensors[0] * 10)
    first, = torch.autograd.grad(made.apply(x).sum(), x, create_graph=True)
    second, = torch.autograd.grad(first.sum(), x, create_graph=True)
    return first, second, *torch.autograd.grad(second.sum(), x)


def intermediates_are_constant_in_the_second_order(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        square = x * x
        ctx.save_for_backward(square, x)
        return square * x

    def backward(ctx: Any, g: Any) -> Any:
        square, x = ctx.saved_tensors
        return 3 * square * g + 0 * x

    x = tensors(torch, 1, 2)
    first, = torch.autograd.grad((make(torch, forward, backward).apply(x) * x).sum(), x, create_graph=True)
    return first, *torch.autograd.grad(first.sum(), x)


def input_as_output(torch: Any) -> Any:
    x = tensors(torch, 1, 2)
    y = make(torch, lambda ctx, x: x, lambda ctx, g: g * 5).apply(x)
    (y * x).sum().backward()
    return x.grad, y is x, y.data_ptr() == x.data_ptr() if hasattr(y, "data_ptr") else True


def partial_gradient(torch: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        return tuple(g * (i + 1) if need else None for i, need in enumerate(ctx.needs_input_grad))

    x, y, z = tensors(torch, 1, 2), tensors(torch, 3, 4, grad=False), tensors(torch, 5, 6)
    made = make(torch, lambda ctx, x, y, z: x + y + z, backward)
    return torch.autograd.grad(made.apply(x, y, z).sum(), [x, z])


def attributes_and_node(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.index, ctx.op, ctx.saved, ctx.label = 3, "mean", 4, "name"  # names that a node has uses for, too
        ctx.save_for_backward(x)
        return x * 2

    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.index * ctx.saved

    x = tensors(torch, 1, 2)
    y = make(torch, forward, backward).apply(x)
    node = y.grad_fn
    (y * 1).sum().backward(retain_graph=True)
    return x.grad, node.saved_tensors[0] is x, node.name(), node.needs_input_grad, len(node.next_functions)


def no_grad_and_detached(torch: Any) -> Any:
    made = make(torch, lambda ctx, x: x * 2, lambda ctx, g: g)
    x = tensors(torch, 1, 2)
    with torch.no_grad():
        y = made.apply(x)
    return y.requires_grad, made.apply(x.detach()).requires_grad, made.apply(x).requires_grad


def graph_inside_forward(torch: Any) -> Any:
    """A Function that differentiates inside of itself, as checkpointing does."""
    def forward(ctx: Any, x: Any) -> Any:
        with torch.enable_grad():
            inner = x.detach().requires_grad_()
            y = (inner ** 3).sum()
            slope, = torch.autograd.grad(y, inner)
        ctx.save_for_backward(slope)
        return y.detach()

    x = tensors(torch, 1, 2)
    (make(torch, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x) * 2).backward()
    return (x.grad,)


def unused_gradients(torch: Any) -> Any:
    x, y = tensors(torch, 1, 2), tensors(torch, 3, 4)
    made = make(torch, lambda ctx, x, y: x * y, lambda ctx, g: (g, None))
    made.apply(x, y).sum().backward()
    return x.grad, y.grad


PROGRAMS = [
    several_outputs, one_output_used, shared_output, keyword_arguments, defaults_with_setup_context, written_in_place,
    written_and_used_again, second_order_through_saved_output, intermediates_are_constant_in_the_second_order,
    input_as_output, partial_gradient, attributes_and_node, no_grad_and_detached, graph_inside_forward,
    unused_gradients,
]
