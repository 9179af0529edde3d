"""gradc.func against torch.func: the same program on both gives the same numbers, or the same kind of error."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import gradc


def numbers(tree):
    """A tree of tensors as nested tuples of arrays."""
    if isinstance(tree, dict):
        return {key: numbers(item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        return tuple(map(numbers, tree))
    return tree.detach().numpy() if hasattr(tree, "detach") else tree


def same(found, wanted):
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, item in wanted.items():
            same(found[key], item)
    elif isinstance(wanted, tuple):
        assert isinstance(found, tuple) and len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same(a, b)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        assert np.asarray(found).dtype == np.asarray(wanted).dtype


def mlp(t, x, w):
    return t.tanh(x @ w["a"] + w["b"]).sum()


def weights(t):
    return {"a": t.arange(12.0).reshape(4, 3) / 10, "b": t.ones(3) / 7}


def batch(t):
    return t.arange(20.0).reshape(5, 4) / 10 - 1


def ensemble(t):
    t.manual_seed(0)
    models = [t.nn.Linear(4, 2) for _ in range(3)]
    parameters, buffers = t.func.stack_module_state(models)
    base = models[0]

    def call(p, b, x):
        return t.func.functional_call(base, (p, b), (x,))

    return t.vmap(call, in_dims=(0, 0, None))(parameters, buffers, batch(t))


def tied(t):
    class Tied(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = t.nn.Linear(3, 3, bias=False)
            self.b = self.a

        def forward(self, x):
            return self.b(self.a(x))

    module = Tied()
    inside = t.func.functional_call(module, {"a.weight": t.eye(3) * 2}, t.ones(3))
    return inside, module.a.weight.shape[0]


PROGRAMS = {
    "grad of a tree": lambda t: t.func.grad(lambda w: mlp(t, batch(t), w))(weights(t)),
    "grad, several arguments, aux": lambda t: t.func.grad(
        lambda x, y: ((x * y).sum(), {"x": x * 2}), argnums=(1, 0), has_aux=True)(t.ones(2), t.arange(2.0)),
    "grad, negative argnum": lambda t: t.func.grad(lambda x, y: x * y, argnums=-1)(t.tensor(3.0), t.tensor(2.0)),
    "grad_and_value": lambda t: t.func.grad_and_value(lambda x: x.exp().sum())(t.arange(3.0)),
    "unused argument": lambda t: t.func.grad(lambda x, y: y.sum(), argnums=0)(t.ones(2), t.ones(3)),
    "per-example gradients": lambda t: t.vmap(t.func.grad(lambda w, x: mlp(t, x, w)), in_dims=(None, 0))(
        weights(t), batch(t)),
    "vmap, out_dims": lambda t: t.vmap(lambda x, y: (x * y, x.sum()), in_dims=(1, None), out_dims=(1, 0))(
        batch(t), t.ones(5)),
    "vmap, tree of in_dims": lambda t: t.vmap(lambda w, x: x @ w["a"] + w["b"], in_dims=({"a": None, "b": 0}, 0))(
        {"a": t.ones(4, 3), "b": t.arange(15.0).reshape(5, 3)}, batch(t)),
    "vmap, chunks": lambda t: t.vmap(lambda x: x.cumsum(0), chunk_size=2)(batch(t)),
    "vmap, keyword arguments": lambda t: t.vmap(lambda x, y: x + y)(batch(t), y=t.ones(4)),
    "vmap, result the same for all": lambda t: t.vmap(lambda x: (x, t.ones(2)))(batch(t)),
    "vmap of vmap": lambda t: t.vmap(t.vmap(lambda x, y: x * y, in_dims=(0, None)), in_dims=(None, 0))(
        t.arange(3.0), t.arange(4.0)),
    "vmap, in place": lambda t: t.vmap(lambda x: x.clone().mul_(2).add_(x[0]))(batch(t)),
    "vmap, indexing and masks": lambda t: t.vmap(lambda x: t.where(x > 0, x, x.flip(0)))(batch(t)),
    "vjp of a tree": lambda t: t.func.vjp(lambda x, y: {"p": x * y, "s": x.sum()}, t.arange(2.0), t.ones(2))[1](
        {"p": t.ones(2), "s": t.tensor(2.0)}),
    "vjp, aux": lambda t: t.func.vjp(lambda x: (x**2, x + 1), t.arange(2.0), has_aux=True)[::2],
    "vmap of a vjp": lambda t: t.vmap(t.func.vjp(lambda x: x.sin() * x.sum(), t.arange(3.0))[1])(t.eye(3)),
    "jvp, aux": lambda t: t.func.jvp(lambda x: (x**2, x + 1), (t.arange(3.0),), (t.ones(3),), has_aux=True),
    "jvp, two arguments": lambda t: t.func.jvp(lambda x, y: (x @ y, y.sum()), (batch(t), t.ones(4)),
                                               (batch(t) * 2, t.arange(4.0))),
    "jvp through views and writes": lambda t: t.func.jvp(
        lambda x: t.cat([x.clone()[1:].mul_(x[:-1]), x.t()[:1]]), (t.arange(1.0, 5.0),), (t.ones(4),)),
    "jacrev, two arguments, aux": lambda t: t.func.jacrev(
        lambda x, y: (x.outer(y), x), argnums=(0, 1), has_aux=True)(t.arange(2.0), t.arange(3.0)),
    "jacfwd of a tree": lambda t: t.func.jacfwd(lambda x: {"a": x**2, "b": x.sum()})(t.arange(3.0)),
    "jacrev, chunks": lambda t: t.func.jacrev(lambda x: x.cumsum(0) * x, chunk_size=2)(t.arange(5.0)),
    "hessian": lambda t: t.func.hessian(lambda x, y: (x**3 * y).sum(), argnums=(0, 1))(t.arange(2.0), t.ones(2)),
    "linearize": lambda t: t.func.linearize(lambda x: x.sin(), t.arange(3.0))[1](t.ones(3)),
    "hessian-vector product": lambda t: t.func.jvp(t.func.grad(lambda x: (x**4).sum()), (t.arange(3.0),),
                                                   (t.ones(3),))[1],
    "functional_call": lambda t: t.func.functional_call(t.nn.Linear(2, 1), {"weight": t.ones(1, 2),
                                                                            "bias": t.zeros(1)}, (t.ones(3, 2),)),
    "an ensemble": ensemble,
    "tied weights": tied,
    "control flow on values": lambda t: t.func.jacrev(lambda x: x * 2 if x.sum() > 0 else x * 3)(t.ones(2)),
    "shared value read in vmap": lambda t: t.vmap(lambda x, s: x * s.item(), in_dims=(0, None))(
        batch(t), t.tensor(3.0)),
    "autograd.grad inside vmap": lambda t: t.vmap(
        lambda x: t.func.vjp(lambda v: v.prod(), x)[1](t.tensor(1.0)))(batch(t) + 2),
    "vmap, random": lambda t: (t.manual_seed(0), t.vmap(lambda x: x + t.rand(2), randomness="different")(t.zeros(3)),
                               t.vmap(lambda x: x + t.rand(2), randomness="same")(t.zeros(3)))[1:],
    "no_grad inside": lambda t: t.func.grad(lambda x: (x * x.detach()).sum())(t.arange(3.0)),
    "grad under no_grad": lambda t: t.no_grad()(t.func.grad(lambda x: (x**2).sum()))(t.arange(3.0)),
    "complex": lambda t: t.func.vjp(lambda z: z * z, t.tensor([1 + 2j, 3 - 1j]))[1](t.tensor([1 + 0j, 1j])),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_torch(name):
    same(numbers(PROGRAMS[name](gradc)), numbers(PROGRAMS[name](pytest.importorskip("torch"))))


ERRORS = {
    "grad of a vector": lambda t: t.func.grad(lambda x: x * 2)(t.ones(2)),
    "grad of a number": lambda t: t.func.grad(lambda x: x * 2)(2.0),
    "grad of integers": lambda t: t.func.grad(lambda x: x.sum())(t.arange(3)),
    "grad returns a number": lambda t: t.func.grad(lambda x: 3.0)(t.ones(2)),
    "argnum out of range": lambda t: t.func.grad(lambda x: x.sum(), argnums=2)(t.ones(2)),
    "backward inside": lambda t: t.func.grad(lambda x: (x.sum().backward(), x.sum())[1])(t.ones(2)),
    "no aux": lambda t: t.func.grad(lambda x: x.sum(), has_aux=True)(t.ones(2)),
    "sizes differ": lambda t: t.vmap(lambda x, y: x)(t.ones(2), t.ones(3)),
    "in_dims do not match": lambda t: t.vmap(lambda x, y: x, in_dims=(0,))(t.ones(2), t.ones(2)),
    "in_dim out of range": lambda t: t.vmap(lambda x: x, in_dims=2)(t.ones(2)),
    "in_dims all None": lambda t: t.vmap(lambda x: x, in_dims=None)(t.ones(2)),
    "mapping a number": lambda t: t.vmap(lambda x, y: x, in_dims=(0, 0))(t.ones(2), 3),
    "out_dims do not match": lambda t: t.vmap(lambda x: x, out_dims=(0, 0))(t.ones(2)),
    "a value of one example": lambda t: t.vmap(lambda x: x.item())(t.ones(2)),
    "a branch": lambda t: t.vmap(lambda x: x if x > 0 else -x)(t.ones(2)),
    "result is no tensor": lambda t: t.vmap(lambda x: 3)(t.ones(2)),
    "random": lambda t: t.vmap(lambda x: x + t.rand(()))(t.ones(2)),
    "writing what is shared": lambda t: t.vmap(lambda x, y: y.add_(x), in_dims=(0, None))(t.ones(2), t.ones(())),
    "chunk_size": lambda t: t.vmap(lambda x: x, chunk_size=0)(t.ones(2)),
    "jvp of lists": lambda t: t.func.jvp(lambda x: x, [t.ones(2)], [t.ones(2)]),
    "jvp, wrong tangent": lambda t: t.func.jvp(lambda x: x, (t.ones(2),), (t.ones(3),)),
    "vjp, wrong structure": lambda t: t.func.vjp(lambda x: (x, x), t.ones(2))[1](t.ones(2)),
    "functional_call, unknown name": lambda t: t.func.functional_call(t.nn.Linear(1, 1), {"wait": t.ones(1)}, (),
                                                                      strict=True),
    "stack nothing": lambda t: t.func.stack_module_state([]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_of_torchs_kind(name):
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as wanted:  # noqa: PT011 - whatever torch raises
        ERRORS[name](torch)
    kind = next(c for c in wanted.type.__mro__ if c.__module__ == "builtins")
    with pytest.raises(kind):
        ERRORS[name](gradc)


def test_a_stand_in_that_escapes_is_an_ordinary_tensor():
    kept = []
    gradc.func.grad(lambda x: (kept.append(x), x**2)[1])(gradc.tensor(3.0))
    assert not (kept[0] + 1).requires_grad


def test_parameters_from_outside_keep_their_gradient():
    w = gradc.tensor([1.0, 2.0], requires_grad=True)
    slopes = gradc.vmap(gradc.func.grad(lambda x, w: (w * x**2).sum()), in_dims=(0, None))(gradc.ones(3, 2), w)
    slopes.sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]


def test_the_module_is_as_before_when_a_functional_call_fails():
    module = gradc.nn.Linear(2, 1)
    weight = module.weight
    with pytest.raises(RuntimeError):
        gradc.func.functional_call(module, {"weight": gradc.ones(3, 3)}, (gradc.ones(2),))
    assert module.weight is weight


def test_compiled_functional_call_is_traced_once():
    module = gradc.nn.Linear(2, 1)

    @gradc.compile
    def call(weight, x):
        return gradc.func.functional_call(module, {"weight": weight}, (x,))

    for i in range(3):
        weight, x = gradc.full((1, 2), float(i)), gradc.ones(4, 2)
        expected = gradc.func.functional_call(module, {"weight": weight}, (x,))
        np.testing.assert_allclose(call(weight, x).detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    assert len(call.cache_info()) == 1


def test_forward_mode_is_a_module_of_autograd():
    forward_ad = importlib.import_module("gradc.autograd.forward_ad")
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(gradc.tensor(3.0), gradc.tensor(1.0))
        primal, tangent = forward_ad.unpack_dual(dual * dual)
    assert (primal.item(), tangent.item(), primal.requires_grad) == (9.0, 6.0, False)
