"""What modules save and load besides tensors, and the hooks around it, as in PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc

torch = pytest.importorskip("torch")

Log = list[Any]


def counting(t: Any) -> Any:
    """A module with state that is no tensor."""

    class Counting(t.nn.Linear):  # type: ignore[misc]
        count = 3

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    return Counting(1, 1)


def extra_state(t: Any) -> Log:
    net = t.nn.Sequential(counting(t))
    state = net.state_dict()
    state["0._extra_state"] = {"count": 7}
    net.load_state_dict(state)
    del state["0._extra_state"]
    missing = net.load_state_dict(state, strict=False)
    unexpected = t.nn.Sequential(t.nn.Linear(1, 1)).load_state_dict(net.state_dict(), strict=False)
    return [list(net.state_dict()), net[0].count, list(missing), list(unexpected)]


def hooks(t: Any) -> Log:
    seen: Log = []
    net = t.nn.Sequential(t.nn.Linear(1, 1))
    net[0].register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append(("before", prefix, keep_vars)))
    net[0].register_state_dict_post_hook(lambda module, state, prefix, metadata: seen.append((list(state), prefix)))
    net[0].register_load_state_dict_pre_hook(
        lambda module, state, prefix, metadata, strict, missing, unexpected, errors: state.update(
            {f"{prefix}weight": state.pop(f"{prefix}old")}))
    handle = net[0].register_load_state_dict_post_hook(
        lambda module, keys: seen.append((type(module).__name__, list(keys))))
    state = net.state_dict()
    state["0.old"] = state.pop("0.weight")
    net.load_state_dict(state)
    handle.remove()
    state = net.state_dict()
    state["0.old"] = state.pop("0.weight")
    net.load_state_dict(state)
    return seen


def versions(t: Any) -> Log:
    seen: Log = []

    class Versioned(t.nn.Linear):  # type: ignore[misc]
        _version = 5

        def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
            seen.append((prefix, local_metadata.get("version")))
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    net = t.nn.Sequential(Versioned(1, 1))
    net.load_state_dict(net.state_dict())
    net.load_state_dict(dict(net.state_dict()))
    copy.deepcopy(net)
    return [*seen, list(net.state_dict()._metadata)]


def submodules(t: Any) -> Log:
    net = t.nn.Sequential(t.nn.Linear(1, 1))
    net.set_submodule("0", t.nn.Sequential(t.nn.ReLU()))
    net.set_submodule("0.0", t.nn.Tanh())
    seen: Log = [repr(net)]
    for path, strict in (("", False), ("0.1", True), ("0.training", False)):
        try:
            net.set_submodule(path, t.nn.ReLU(), strict)
        except (ValueError, AttributeError) as problem:
            seen.append(str(problem))
    return seen


def dictionary(t: Any) -> Log:
    held = t.nn.ParameterDict({"b": t.ones(2), "a": t.nn.Parameter(t.zeros(1, 3)), "note": 3})
    held.update([("c", t.ones(1))])
    seen: Log = [repr(held), list(held), [name for name, _ in held.named_parameters()], len(held), "c" in held]
    seen += [held.pop("c").tolist(), held.popitem()[0], held.get("none", 4), held.setdefault("d", t.ones(1)).tolist()]
    seen += [list(held | {"z": t.ones(1)}), list(held.copy().keys()), [k for k, _ in held.items()]]
    seen.append(list(reversed(held)))
    held.clear()
    return [*seen, repr(held), len(list(held.values()))]


@pytest.mark.parametrize("act", [extra_state, hooks, versions, submodules, dictionary])
def test_as_in_torch(act: Callable[[Any], Log]) -> None:
    assert act(gradc) == act(torch)


def test_casting_by_type_and_other_places() -> None:
    net = gradc.nn.Linear(2, 1)
    assert net.type(gradc.float64) is net and net.weight.dtype is gradc.float64 and net.share_memory() is net
    with pytest.raises((RuntimeError, AssertionError), match="CUDA"):
        net.cuda()
    np.testing.assert_array_equal(net.to_empty(device="cpu").weight.shape, (1, 2))
