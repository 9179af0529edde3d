"""nn.utils: clipping, parametrizations, padded and packed sequences, against PyTorch."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn, optim
from gradc.nn.utils import parametrizations, parametrize, rnn

RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.standard_normal((4, 3)).astype(np.float32)
BIAS = RANDOM.standard_normal(4).astype(np.float32)
INPUT = RANDOM.standard_normal((5, 3)).astype(np.float32)


def linear(library: Any) -> Any:
    layer = library.nn.Linear(3, 4)
    with library.no_grad():
        layer.weight.copy_(library.from_numpy(WEIGHT.copy()))
        layer.bias.copy_(library.from_numpy(BIAS.copy()))
    return layer


def values(x: Any) -> Any:
    return x.detach().numpy()


# Clipping


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 2, 3.5, float("inf"), 0.0])
@pytest.mark.parametrize("max_norm", [0.1, 100.0])
def test_clip_grad_norm_equals_torch(norm_type: float, max_norm: float) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (gradc, torch):
        layer = linear(library)
        (layer(library.from_numpy(INPUT.copy())) ** 2).sum().backward()
        total = library.nn.utils.clip_grad_norm_(layer.parameters(), max_norm, norm_type)
        found.append([total.item(), *[values(p.grad) for p in layer.parameters()]])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-6)


def test_clip_grad_value_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (gradc, torch):
        layer = linear(library)
        (layer(library.from_numpy(INPUT.copy())) ** 2).sum().backward()
        library.nn.utils.clip_grad_value_(layer.parameters(), 1.5)
        found.append(values(layer.weight.grad))
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_norms_that_are_not_finite() -> None:
    p = nn.Parameter(gradc.ones(2))
    p.grad = gradc.tensor([1.0, float("inf")])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == float("inf")
    assert nn.utils.get_total_norm([]).item() == 0


def test_clipping_is_part_of_a_compiled_step() -> None:
    def train(compiled: bool) -> Any:
        layer = linear(gradc)
        optimizer = optim.SGD(layer.parameters(), lr=0.1)

        def step(x: gradc.Tensor) -> gradc.Tensor:
            optimizer.zero_grad()
            layer(x).square().sum().backward()
            total = nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
            optimizer.step()
            return total

        run = gradc.compile(step) if compiled else step
        norms = [run(gradc.from_numpy(INPUT)).item() for _ in range(4)]
        return [*norms, *values(layer.weight).ravel()]

    np.testing.assert_allclose(train(True), train(False), rtol=1e-5)


def test_parameters_as_a_vector() -> None:
    layer = linear(gradc)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (16,)
    nn.utils.vector_to_parameters(vector.detach() * 2, layer.parameters())
    np.testing.assert_allclose(values(layer.weight), 2 * WEIGHT)


# Parametrizations


NORMALIZED = {
    "weight_norm": lambda t, m: t.nn.utils.parametrizations.weight_norm(m),
    "weight_norm of all": lambda t, m: t.nn.utils.parametrizations.weight_norm(m, dim=None),
    "weight_norm of columns": lambda t, m: t.nn.utils.parametrizations.weight_norm(m, dim=1),
    "spectral_norm": lambda t, m: t.nn.utils.parametrizations.spectral_norm(m),
    "old weight_norm": lambda t, m: t.nn.utils.weight_norm(m),
    "old spectral_norm": lambda t, m: t.nn.utils.spectral_norm(m, n_power_iterations=2),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", NORMALIZED)
def test_normalized_weights_train_as_in_torch(name: str, compiled: bool) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for library in (torch, gradc):
        library.manual_seed(0)
        layer = NORMALIZED[name](library, linear(library))
        optimizer = library.optim.SGD(layer.parameters(), lr=0.05)

        def step(x: Any, layer: Any = layer, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (layer(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = gradc.compile(step) if compiled and library is gradc else step
        losses = [run(library.from_numpy(INPUT.copy())).item() for _ in range(4)]
        layer.eval()
        losses.append(layer(library.from_numpy(INPUT.copy())).sum().item())
        found.append((losses, {key: values(x) for key, x in layer.state_dict().items()}))
    assert found[1][0] == pytest.approx(found[0][0], rel=2e-5)
    assert list(found[0][1]) == list(found[1][1])
    for key, x in found[0][1].items():
        np.testing.assert_allclose(found[1][1][key], x, rtol=2e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("add, remove", [(nn.utils.weight_norm, nn.utils.remove_weight_norm),
                                         (nn.utils.spectral_norm, nn.utils.remove_spectral_norm)])
def test_the_old_forms_are_removed(add: Any, remove: Any) -> None:
    layer = add(linear(gradc))
    with pytest.raises(RuntimeError, match="Cannot register two"):
        add(layer)
    before = values(layer.weight)
    remove(layer)
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    np.testing.assert_array_equal(values(layer.weight), before)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="not found in"):
        remove(layer)


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).t()

    def right_inverse(self, x: Any) -> Any:
        return x.triu()


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return 2 * x


def test_parametrizations() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert gradc.equal(layer.weight, layer.weight.t())
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert sorted(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    layer.weight = gradc.ones(3, 3)
    assert layer.parametrizations.weight.original.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    parametrize.register_parametrization(layer, "weight", Doubled())
    assert layer.weight.tolist() == [[2, 2, 2]] * 3
    other = copy.deepcopy(layer)
    with gradc.no_grad():
        layer.parametrizations.weight.original.zero_()
    assert other.weight.sum().item() == 18 and layer.weight.sum().item() == 0
    with parametrize.cached():
        assert other.weight is other.weight
    assert other.weight is not other.weight
    with pytest.raises(RuntimeError, match=r"only supported through state_dict\(\)"):
        pickle.dumps(layer)
    parametrize.remove_parametrizations(other, "weight")
    assert type(other) is nn.Linear and other.weight.tolist() == [[2, 2, 2]] * 3 and other.weight.is_leaf


def test_a_parametrization_can_be_removed_to_the_original() -> None:
    layer = parametrize.register_parametrization(linear(gradc), "weight", Doubled())
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_array_equal(values(layer.weight), WEIGHT)
    parametrizations.weight_norm(layer)
    with pytest.raises(ValueError, match="Cannot leave unparametrized"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    np.testing.assert_allclose(values(layer.weight), WEIGHT, rtol=1e-6)


class Narrow(nn.Module):
    def forward(self, x: Any) -> Any:
        return x[:1]


@pytest.mark.parametrize("act, error, message", [
    (lambda m: parametrize.register_parametrization(m, "other", Doubled()), ValueError, "does not have a parameter, a"),
    (lambda m: parametrize.register_parametrization(m, "weight", Narrow()), ValueError, "may not change the shape"),
    (lambda m: parametrize.remove_parametrizations(m, "weight"), ValueError, "does not have a parametrization on"),
    (lambda m: setattr(parametrize.register_parametrization(m, "weight", Doubled()), "weight", gradc.ones(4, 3)),
     RuntimeError, "parametrization Doubled does not implement right_inverse"),
    (lambda m: parametrizations.spectral_norm(m, "none"), ValueError, "has no parameter or buffer with name 'none'"),
    (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), ValueError, "to be positive"),
    (lambda m: parametrizations.spectral_norm(m, dim=2), IndexError, "Dimension out of range"),
])
def test_errors(act: Any, error: type[Exception], message: str) -> None:
    layer = linear(gradc)
    with pytest.raises(error, match=message):
        act(layer)


# Sequences


SEQUENCES = [RANDOM.standard_normal((n, 2)).astype(np.float32) for n in (2, 4, 1, 4)]


def packs(library: Any, batch_first: bool, padding: float) -> list[Any]:
    """What all functions for sequences give, and the gradient through them."""
    tools = library.nn.utils.rnn
    sequences = [library.from_numpy(x.copy()).requires_grad_() for x in SEQUENCES]
    padded = tools.pad_sequence(sequences, batch_first, padding)
    packed = tools.pack_padded_sequence(padded, library.tensor([2, 4, 1, 4]), batch_first, enforce_sorted=False)
    again, lengths = tools.pad_packed_sequence(packed, batch_first, padding, total_length=6)
    (packed.data ** 2).sum().backward()
    results = [padded, *packed, again, lengths, *tools.unpack_sequence(packed), *[x.grad for x in sequences]]
    ordered = tools.pack_sequence([sequences[1], sequences[0], sequences[2]])
    assert ordered.sorted_indices is None
    results += [*ordered[:2], *tools.unpad_sequence(padded.detach().clone(), lengths, batch_first)]
    return [np.asarray(values(x)) for x in results]


@pytest.mark.parametrize("batch_first", [False, True])
def test_sequences_equal_torch(batch_first: bool) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = packs(gradc, batch_first, -1.0), packs(torch, batch_first, -1.0)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, y)
        assert x.dtype == y.dtype


def test_padding_on_the_left() -> None:
    found = rnn.pad_sequence([gradc.tensor([1, 2]), gradc.tensor([3])], batch_first=True, padding_side="left")
    assert found.tolist() == [[1, 2], [0, 3]]


def test_packing_in_a_compiled_function() -> None:
    @gradc.compile
    def packed(x: gradc.Tensor) -> gradc.Tensor:
        return rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 2], batch_first=True), batch_first=True)[0]

    x = gradc.arange(6.0).reshape(2, 3)
    assert packed(x).tolist() == [[0, 1, 2], [3, 4, 0]]


@pytest.mark.parametrize("act, message", [
    (lambda x: rnn.pack_padded_sequence(x, [1, 3]), "`lengths` array must be sorted in decreasing order"),
    (lambda x: rnn.pack_padded_sequence(x, [3, 0]), "Length of all samples has to be greater than 0"),
    (lambda x: rnn.pack_padded_sequence(x, [3]), r"Expected `len\(lengths\)` to be equal to batch_size"),
    (lambda x: rnn.pack_padded_sequence(x, [9, 1]), "Expected `lengths` of at most 3"),
    (lambda x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]), total_length=2), "Expected total_length"),
    (lambda x: rnn.pad_sequence([]), "received an empty list of sequences"),
])
def test_lengths_that_do_not_fit(act: Any, message: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=message):
        act(gradc.ones(3, 2))
