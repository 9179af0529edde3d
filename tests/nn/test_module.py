"""Modules: registration, traversal, state, hooks, initialisation, printing; as PyTorch where it is installed."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn
from gradc.errors import GradcError


class Net(nn.Module):
    """Two layers that share nothing, a buffer, and a parameter that is not used."""

    def __init__(self, t: Any = gradc) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 1, bias=False)
        self.scale = nn.Parameter(gradc.tensor([2.0]))
        self.register_parameter("unused", None)
        self.register_buffer("count", gradc.zeros(1))
        self.register_buffer("scratch", gradc.zeros(1), persistent=False)

    def forward(self, x: gradc.Tensor) -> gradc.Tensor:
        return self.second(self.first(x).relu()) * self.scale


NAMES = ["scale", "first.weight", "first.bias", "second.weight"]


# Registration


def test_members_by_name() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_parameters(prefix="net")] == [f"net.{name}" for name in NAMES]
    assert [name for name, _ in net.named_buffers()] == ["count", "scratch"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "second"]
    assert list(net._parameters) == ["scale", "unused"] and net._parameters["unused"] is None
    assert net.unused is None and net.second.bias is None


def test_shared_members_count_once() -> None:
    layer = nn.Linear(2, 2)
    both = nn.Sequential(layer, layer)
    assert len(list(both.parameters())) == 2 and len(list(both.modules())) == 2 and len(list(both.children())) == 1
    assert [name for name, _ in both.named_modules(remove_duplicate=False)] == ["", "0", "1"]


def test_paths() -> None:
    net = nn.Sequential(OrderedDict(inner=Net()))
    assert net.get_submodule("inner.first") is net.inner.first and net.get_submodule("") is net
    assert net.get_parameter("inner.first.bias") is net.inner.first.bias
    assert net.get_buffer("inner.count") is net.inner.count
    for find, path, message in [(net.get_submodule, "inner.third", "Net has no attribute `third`"),
                                (net.get_submodule, "inner.scale", "`scale` is not an nn.Module"),
                                (net.get_parameter, "inner.count", "`count` is not an nn.Parameter"),
                                (net.get_buffer, "inner.scale", "`scale` is not a buffer")]:
        with pytest.raises(AttributeError, match=message):
            find(path)


def test_assignment_moves_a_name_from_one_kind_to_another() -> None:
    net = Net()
    net.count = None  # a buffer keeps its place
    assert "count" in net._buffers
    net.scale = None
    assert net._parameters["scale"] is None
    net.first = None
    assert net._modules["first"] is None and [name for name, _ in net.named_parameters()] == ["second.weight"]
    net.count = nn.Parameter(gradc.ones(1))
    assert "count" not in net._buffers and "count" in net._parameters
    net.note = 3
    net.note = nn.Linear(1, 1)
    assert "note" in net._modules
    del net.note, net.count
    assert not hasattr(net, "note") and "count" not in net._parameters


def test_views_of_the_members_can_be_written() -> None:
    net = Net()
    net._parameters["scale"] = nn.Parameter(gradc.tensor([3.0]))
    assert net.scale.item() == 3
    del net._modules["first"]
    assert not hasattr(net, "first") and len(net._modules) == 1
    assert repr(nn.ReLU()._modules) == "{}"


class Early(nn.Module):
    def __init__(self, value: Any) -> None:
        self.value = value


@pytest.mark.parametrize("act, error, message", [
    (lambda net: setattr(net.first, "weight", gradc.ones(3, 2)), TypeError,
     r"^cannot assign 'torch.FloatTensor' as parameter 'weight' \(torch.nn.Parameter or None expected\)$"),
    (lambda net: setattr(net, "first", 3), TypeError, "cannot assign 'int' as child module 'first'"),
    (lambda net: setattr(net, "count", [1]), TypeError, "cannot assign 'list' as buffer 'count'"),
    (lambda net: net.register_parameter("p", gradc.ones(1)), TypeError,
     r"cannot assign 'torch.FloatTensor' object to parameter 'p' \(torch.nn.Parameter or None required\)"),
    (lambda net: net.register_parameter("a.b", None), KeyError, "parameter name can.*t contain"),
    (lambda net: net.register_parameter("", None), KeyError, "parameter name can.*t be empty string"),
    (lambda net: net.register_parameter("forward", None), KeyError, "attribute 'forward' already exists"),
    (lambda net: net.register_parameter(3, None), TypeError, "parameter name should be a string. Got int"),
    (lambda net: net.register_buffer("b", 3), TypeError, "cannot assign 'int' object to buffer 'b'"),
    (lambda net: net.register_buffer("first", None), KeyError, "attribute 'first' already exists"),
    (lambda net: net.add_module("m", 3), TypeError, "int is not a Module subclass"),
    (lambda net: net.add_module("m.n", None), KeyError, "module name can.*t contain"),
    (lambda net: net.missing, AttributeError, "'Net' object has no attribute 'missing'"),
    (lambda net: delattr(net, "missing"), AttributeError, "missing"),
    (lambda net: Early(nn.Parameter(gradc.ones(1))), AttributeError,
     r"cannot assign parameters before Module.__init__\(\) call"),
    (lambda net: Early(nn.ReLU()), AttributeError, r"cannot assign module before Module.__init__\(\) call"),
    (lambda net: net.train("yes"), ValueError, "training mode is expected to be boolean"),
    (lambda net: net.to(gradc.int64), TypeError, "nn.Module.to only accepts floating point or complex dtypes"),
    (lambda net: net.to("cuda"), RuntimeError, "cuda"),
    (lambda net: nn.Module()(3), NotImplementedError, r'Module \[Module\] is missing the required "forward" function'),
    (lambda net: nn.Linear(3, 2)(gradc.ones(1, 4)), RuntimeError,
     r"mat1 and mat2 shapes cannot be multiplied \(1x4 and 3x2\)"),
    (lambda net: nn.Sequential(nn.ReLU())[1], IndexError, "index 1 is out of range"),
    (lambda net: nn.Sequential(nn.ReLU()) + [nn.ReLU()], ValueError, "add operator supports only objects of Seq"),
    (lambda net: nn.ModuleList(3), TypeError, "ModuleList.extend should be called with an iterable, but got int"),
    (lambda net: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda net: nn.Embedding(3, 2)(gradc.tensor([3])), IndexError, "index out of range in self"),
    (lambda net: nn.Embedding(3, 2, padding_idx=3), AssertionError, "Padding_idx must be within num_embeddings"),
])
def test_errors(act: Callable[[Net], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        act(Net())
    assert isinstance(caught.value, GradcError) or act.__code__.co_names == ("delattr",)


# Calls and hooks


def test_keyword_arguments() -> None:
    class Affine(nn.Module):
        def forward(self, x: Any, *, by: float = 1.0) -> Any:
            return x * by

    assert Affine()(3.0, by=2.0) == 6.0


def test_hooks_replace_arguments_and_result() -> None:
    seen: list[Any] = []
    layer = nn.Identity()

    def before(module: nn.Module, args: Any) -> Any:
        seen.append(("before", module is layer, args))
        return args[0] + 1

    def after(module: nn.Module, args: Any, result: Any) -> Any:
        seen.append(("after", args, result))
        return result * 10

    first, second = layer.register_forward_pre_hook(before), layer.register_forward_hook(after)
    assert layer(1) == 20
    assert seen == [("before", True, (1,)), ("after", (2,), 2)]
    first.remove()
    assert layer(1) == 10
    with second:
        pass
    assert layer(1) == 1


def test_hooks_with_keywords_order_and_errors() -> None:
    seen: list[str] = []

    class Failing(nn.Module):
        def forward(self, x: int, fail: bool = False) -> int:
            if fail:
                raise ValueError("no")
            return x

    layer = Failing()
    layer.register_forward_hook(lambda *_: seen.append("late"))
    layer.register_forward_hook(lambda *_: seen.append("early"), prepend=True)
    layer.register_forward_hook(lambda *_: seen.append("always"), always_call=True)
    layer.register_forward_hook(lambda module, args, kwargs, result: seen.append(str(kwargs)), with_kwargs=True)
    handle = layer.register_forward_pre_hook(lambda module, args, kwargs: (args, {"fail": True}), with_kwargs=True)
    with pytest.raises(ValueError, match="no"):
        layer(1)
    assert seen == ["always"]
    handle.remove()
    assert layer(1) == 1 and seen == ["always", "early", "late", "always", "{}"]
    layer.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"forward pre-hook must return None or a tuple of \(new_args, new_kwargs\)"):
        layer(1)


# Changing all of it


def test_zero_grad() -> None:
    layer = nn.Linear(2, 1)
    layer(gradc.ones(2)).sum().backward()
    held = layer.weight.grad
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad is held and held.tolist() == [[0, 0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_training_mode_and_requires_grad() -> None:
    net = nn.Sequential(nn.Dropout(), Net())
    assert net.training and not net.eval().training and not net[1].first.training
    x = gradc.ones(1, 2)
    assert gradc.equal(net(x), net(x))
    assert net.train()[0].training
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_apply_visits_children_first() -> None:
    visited: list[str] = []
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).apply(lambda module: visited.append(module._get_name()))
    assert visited == ["ReLU", "Tanh", "Sequential", "Sequential"]


def test_to_keeps_the_parameters() -> None:
    net = Net()
    net(gradc.ones(1, 2)).sum().backward()
    before = list(net.parameters())
    assert net.to(gradc.float64) is net and net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in before} == {p.grad.dtype for p in before} == {net.count.dtype} == {gradc.float64}
    assert net.float().scale.dtype is gradc.float32 and net.to("cpu").cpu() is net
    assert net.to(gradc.ones(1, dtype=gradc.float64)).scale.dtype is gradc.float64


def test_copies() -> None:
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.first.weight is not net.first.weight and gradc.equal(other.first.weight, net.first.weight)
        assert [name for name, _ in other.named_parameters()] == NAMES
        assert all(p.requires_grad and isinstance(p, nn.Parameter) for p in other.parameters())
        other.scale = None
        assert net.scale is not None


# State


def test_state_dict() -> None:
    net = Net()
    state = net.state_dict()
    assert list(state) == ["scale", "count", "first.weight", "first.bias", "second.weight"]
    assert not state["scale"].requires_grad and net.state_dict(keep_vars=True)["scale"] is net.scale
    other = Net()
    assert repr(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert all(gradc.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    assert other.scale is not net.scale and other.scale.requires_grad


def test_state_dict_by_assignment() -> None:
    layer, loaded = nn.Linear(2, 1), {"weight": gradc.ones(1, 2), "bias": nn.Parameter(gradc.ones(1))}
    layer.load_state_dict(loaded, assign=True)
    assert layer.bias is loaded["bias"] and isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad


def test_state_dict_that_does_not_fit() -> None:
    layer = nn.Linear(2, 1)
    with pytest.raises(RuntimeError) as caught:
        layer.load_state_dict({"weight": gradc.ones(1, 3)})
    assert str(caught.value) == (
        'Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: "bias". \n\tsize mismatch for '
        "weight: copying a param with shape torch.Size([1, 3]) from checkpoint, the shape in current model is "
        "torch.Size([1, 2]).")
    with pytest.raises(RuntimeError, match='Unexpected key\\(s\\) in state_dict: "1.a.b", "more", "0.extra". '):
        nn.Sequential(layer).load_state_dict({
            "0.weight": gradc.ones(1, 2), "0.bias": gradc.ones(1), "0.extra": gradc.ones(1), "1.a.b": gradc.ones(1),
            "more": gradc.ones(1)})
    keys = layer.load_state_dict({"weight": gradc.ones(1, 2), "other": gradc.ones(1)}, strict=False)
    assert keys.missing_keys == ["bias"] and keys.unexpected_keys == ["other"]
    with pytest.raises(RuntimeError, match='parameter named "bias", expected torch.Tensor'):
        layer.load_state_dict({"weight": gradc.ones(1, 2), "bias": [1.0]})
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        layer.load_state_dict([])


# Containers


def test_sequential() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert list(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))._modules) == ["a", "b"]
    assert len(net) == 2 and net[-1] is net[1] and list(net) == [net[0], net[1]]
    assert isinstance(net[:1], nn.Sequential) and net[:1][0] is net[0]
    net.append(nn.Linear(3, 1)).insert(0, nn.Identity())
    assert [type(m).__name__ for m in net] == ["Identity", "Linear", "ReLU", "Linear"]
    assert net(gradc.ones(5, 2)).shape == (5, 1)
    del net[0]
    net[1] = nn.Tanh()
    assert list(net._modules) == ["0", "1", "2"] and isinstance(net.pop(1), nn.Tanh) and len(net) == 2
    assert len(net + net) == 4 and len(net * 3) == 6 and len(2 * net) == 4
    net += net
    net *= 2
    assert len(net) == 8 and len(net.extend([nn.ReLU()])) == 9
    del net[1:]
    assert len(net) == 1


def test_lists_and_dictionaries() -> None:
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    layers += [nn.ReLU()]
    assert len(layers) == 3 and len(layers[1:]) == 2 and len(layers + layers) == 6
    layers.insert(1, nn.Identity())
    assert list(layers._modules) == ["0", "1", "2", "3"] and isinstance(layers[1], nn.Identity)
    table = nn.ModuleDict({"a": nn.ReLU()})
    table["b"] = nn.Linear(1, 1)
    table.update([["c", nn.Tanh()]])
    assert list(table) == list(table.keys()) == ["a", "b", "c"] and "b" in table and len(table) == 3
    assert table.pop("a")(gradc.ones(1)) == 1 and len(list(table.parameters())) == 2
    assert [type(m).__name__ for m in table.values()] == ["Linear", "Tanh"]
    table.clear()
    assert not list(table.items())
    held = nn.ParameterList([gradc.ones(2), nn.Parameter(gradc.ones(3))])
    assert len(list(held.parameters())) == 2 and held[-1].shape == (3,) and len(held[:1]) == 1
    held += [gradc.zeros(1)]
    assert [name for name, _ in held.named_parameters()] == ["0", "1", "2"]


# Printing, and PyTorch


def test_sequential_prints_as_in_torch() -> None:
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)")


MODULES: dict[str, Callable[[Any], Any]] = {
    "nested": lambda nn: nn.Sequential(OrderedDict(a=nn.Sequential(nn.ReLU(inplace=True)), b=nn.Identity())),
    "empty": lambda nn: nn.Sequential(),
    "list": lambda nn: nn.ModuleList([nn.Linear(1, 2), nn.Linear(1, 2), nn.Sequential(nn.ReLU(), nn.ReLU())]),
    "dict": lambda nn: nn.ModuleDict({"x": nn.Linear(1, 2, bias=False)}),
    "shapes": lambda nn: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 3)), nn.Dropout(0.3, True)),
    "embedding": lambda nn: nn.Sequential(nn.Embedding(5, 3), nn.Embedding(5, 3, padding_idx=-1)),
    "activations": lambda nn: nn.Sequential(
        nn.ReLU6(), nn.SiLU(), nn.ELU(2.0, True), nn.LeakyReLU(0.2), nn.Hardtanh(-2, 2), nn.Sigmoid(), nn.Tanh(),
        nn.LogSigmoid(), nn.Softsign(), nn.Tanhshrink(), nn.GELU("tanh"), nn.Softplus(2), nn.Softmax(1),
        nn.Softmin(dim=0), nn.LogSoftmax(-1)),
    "losses": lambda nn: nn.Sequential(
        nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(beta=2.0), nn.BCELoss(), nn.BCEWithLogitsLoss(), nn.NLLLoss(),
        nn.CrossEntropyLoss(label_smoothing=0.1)),
}


@pytest.mark.parametrize("name", MODULES)
def test_printing_equals_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert repr(MODULES[name](nn)) == repr(MODULES[name](torch.nn))


@pytest.mark.parametrize("name", MODULES)
def test_initial_state_equals_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    gradc.manual_seed(5)
    torch.manual_seed(5)
    ours, theirs = MODULES[name](nn).state_dict(), MODULES[name](torch.nn).state_dict()
    assert list(ours) == list(theirs)
    for key in ours:
        np.testing.assert_array_equal(ours[key].numpy(), theirs[key].numpy())


def test_initial_weights_are_known() -> None:
    gradc.manual_seed(0)
    assert repr(nn.Linear(2, 1).weight.detach()) == "tensor([[-0.0053,  0.3793]])"


INITIALISATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "uniform_": lambda init, x: init.uniform_(x, -1, 2),
    "normal_": lambda init, x: init.normal_(x, 1, 2),
    "constant_": lambda init, x: init.constant_(x, 3),
    "ones_": lambda init, x: init.ones_(x),
    "zeros_": lambda init, x: init.zeros_(x),
    "eye_": lambda init, x: init.eye_(x),
    "kaiming_uniform_": lambda init, x: init.kaiming_uniform_(x, nonlinearity="relu", mode="fan_out"),
    "kaiming_normal_": lambda init, x: init.kaiming_normal_(x, 0.3),
    "xavier_uniform_": lambda init, x: init.xavier_uniform_(x, init.calculate_gain("tanh")),
    "xavier_normal_": lambda init, x: init.xavier_normal_(x),
    "trunc_normal_": lambda init, x: init.trunc_normal_(x),
    "trunc_normal_ far out": lambda init, x: init.trunc_normal_(x, 0.0, 1.0, 1.5, 2.5),
}


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_initialisation_equals_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    gradc.manual_seed(5)
    torch.manual_seed(5)
    ours, theirs = nn.Parameter(gradc.empty(7, 5)), torch.nn.Parameter(torch.empty(7, 5))
    assert INITIALISATIONS[name](nn.init, ours) is ours
    INITIALISATIONS[name](torch.nn.init, theirs)
    np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("act, message", [
    (lambda: nn.init.xavier_normal_(gradc.ones(3)), "Fan in and fan out can not be computed"),
    (lambda: nn.init.kaiming_normal_(gradc.ones(3, 3), mode="fan"), "Mode fan not supported"),
    (lambda: nn.init.calculate_gain("sin"), "Unsupported nonlinearity sin"),
    (lambda: nn.init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    (lambda: nn.init.eye_(gradc.ones(3)), "Only tensors with 2 dimensions are supported"),
])
def test_initialisation_errors(act: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_nothing_to_initialise() -> None:
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        nn.Linear(0, 2)
