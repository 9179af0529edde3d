"""Keep less of a forward and compute it again in backward, as torch.utils.checkpoint.

The form without reentrant autograd is built on saved-tensor hooks: what the function saves is packed to nothing but its
place in the order of saving. The first value that backward needs makes the function run again; what it saves this time
is handed out. Inside a compiled function `checkpoint` is one node, whose backward has the function's ops once more.

Source  Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016)
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from gradc import locations
from gradc.autograd.function import Function
from gradc.autograd.graph import saved_tensors_hooks
from gradc.control.checkpoint import checkpoint_in_trace
from gradc.engine import backward, is_restricted
from gradc.errors import GradcError, GradError
from gradc.locations import Location
from gradc.modes import current, enable_grad, set_grad_enabled
from gradc.nn.containers import Sequential
from gradc.node import Packed
from gradc.ops.drawing import fork_rng, get_rng_state, set_rng_state
from gradc.tensor import Tensor, wrap

__all__ = ["CheckpointError", "CheckpointFunction", "checkpoint", "checkpoint_sequential",
           "set_checkpoint_debug_enabled", "set_checkpoint_early_stop"]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


class CheckpointError(GradcError, RuntimeError):
    """A function that did not do the same when it ran again."""


def noop_context_fn() -> Contexts:
    """The contexts of forward and of the second run if there are none."""
    return contextlib.nullcontext(), contextlib.nullcontext()


_early_stop: ContextVar[bool | None] = ContextVar("whether checkpoints stop early", default=None)
_debug: ContextVar[bool | None] = ContextVar("whether checkpoints record lines", default=None)


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Inside, checkpoints do, or do not, stop their second run as soon as all that was saved is there again."""
    token = _early_stop.set(enable)
    try:
        yield
    finally:
        _early_stop.reset(token)


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Inside, all checkpoints are, or are not, made with `debug`."""
    token = _debug.set(enabled)
    try:
        yield
    finally:
        _debug.reset(token)


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               context_fn: Callable[[], Contexts] = noop_context_fn, determinism_check: str = "default",
               debug: bool = False, early_stop: bool = True, preserve_rng_state: bool = True, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, whose intermediate values are not kept but computed again in backward.

    `use_reentrant=False` works with autograd.grad, keyword arguments and nesting; True is PyTorch's older form, a node
    whose backward runs a backward. With `debug`, errors show the line of each saved value in both runs.

    Raises CheckpointError, in backward, if the second run saves other tensors than the first.
    Source  torch.utils.checkpoint.checkpoint
    """
    if use_reentrant is None:
        warnings.warn("torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
                      "use_reentrant=False is recommended; without it this is use_reentrant=True, as in PyTorch before "
                      "2.9.", stacklevel=2)
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if current().trace is not None:
        return checkpoint_in_trace(function, args, kwargs)
    if use_reentrant:
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    whole = _debug.get()
    debug = debug if whole is None else whole
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    forward_context, again_context = context_fn()
    stops = _early_stop.get()
    frame = _Frame(function, args, kwargs, again_context, get_rng_state() if preserve_rng_state else None,
                   early_stop if stops is None else stops, determinism_check == "default", debug)
    if not current().grad:
        return function(*args, **kwargs)
    frame.keep_arguments()
    with saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        result = function(*args, **kwargs)
        frame.complete = True
        return result
    raise GradError("torch.utils.checkpoint: the forward context provided by context_fn suppressed an exception raised "
                    "during the checkpointed forward. This is not supported because checkpoint cannot return a value "
                    "for a failed forward.")


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, *,
                          preserve_rng_state: bool = True) -> Any:
    """A chain of functions, or a Sequential, in `segments` parts that are checkpoints, all but the last."""
    if use_reentrant is None:
        warnings.warn("torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed "
                      "explicitly. use_reentrant=False is recommended; without it this is use_reentrant=True.",
                      stacklevel=2)
        use_reentrant = True
    parts = list(functions.children()) if isinstance(functions, Sequential) else list(functions)
    size = len(parts) // segments
    end = size * (segments - 1)
    for start in range(0, end, size or 1):
        input = checkpoint(_chain(parts[start : start + size]), input, use_reentrant=use_reentrant,
                           preserve_rng_state=preserve_rng_state)
    return _chain(parts[end:])(input)


def _chain(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return run


# Without reentrant autograd


class _Place:
    """What a saved tensor is packed to; it lives as long as the node that saved it."""


class _Stop(Exception):
    """All that was saved is there again: the rest of the second run is not needed."""


class _Frame:
    """One checkpointed call: how to run it again, and the places of what it saved."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any],
                 context: AbstractContextManager[Any], generator: Tensor | None, early_stop: bool, checks: bool,
                 debug: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.context = context
        self.generator = generator
        self.early_stop = early_stop
        self.checks = checks
        self.debug = debug
        self.complete = False
        self.places: list[weakref.ref[_Place]] = []
        self.types: list[Any] = []
        self.lines: list[Location] = []
        self.found: weakref.WeakKeyDictionary[_Place, Tensor] = weakref.WeakKeyDictionary()

    def keep_arguments(self) -> None:
        """Hold the arguments as the graph holds what it saves: packed by the hooks around, and guarded."""
        hooks = current().saving
        self.args = tuple([_Argument(x, hooks) if isinstance(x, Tensor) else x for x in self.args])

    def pack(self, tensor: Tensor) -> _Place:
        place = _Place()
        self.places.append(weakref.ref(place))
        self.types.append(tensor.type_)
        if self.debug:
            self.lines.append(locations.here())
        return place

    def unpack(self, place: _Place) -> Tensor:
        if place not in self.found:
            _Again(self).run()
        return self.found.pop(place)


class _Argument:
    """A tensor that a checkpoint was called with."""

    def __init__(self, tensor: Tensor, hooks: Any) -> None:
        self.held: Any = tensor if hooks is None else Packed(tensor, hooks)
        self.tracked = tensor.requires_grad
        self.guard = (tensor._storage, tensor._storage.version)

    def read(self) -> Tensor:
        if not isinstance(self.held, Tensor):
            return wrap(self.held.opened()).requires_grad_(self.tracked)
        storage, version = self.guard
        if storage.version != version:
            writer = "" if storage.writer is None else f" by {storage.writer[0]} at{locations.quote(storage.writer[1])}"
            raise GradError(f"one of the variables needed for gradient computation has been modified by an inplace "
                            f"operation: a checkpoint was called with it ({self.held.type_}), then it was written"
                            f"{writer}\n    Call the function with a clone().")
        return self.held


class _Again:
    """The second run of a checkpointed call."""

    def __init__(self, frame: _Frame) -> None:
        self.frame = frame
        self.types: list[Any] = []
        self.lines: list[Location] = []
        self.beyond = False

    def run(self) -> None:
        """Fill `found` with what is saved now.

        Raises CheckpointError if it is not what was saved at first.
        """
        frame = self.frame
        args = [x.read() if isinstance(x, _Argument) else x for x in frame.args]
        with fork_rng(enabled=frame.generator is not None), frame.context, enable_grad(), \
                saved_tensors_hooks(self.pack, lambda tensor: tensor):
            if frame.generator is not None:
                set_rng_state(frame.generator)
            with contextlib.suppress(_Stop):
                frame.function(*args, **frame.kwargs)
        if self.beyond:
            return
        if len(self.types) != len(frame.types):
            raise self._error("A different number of tensors was saved during the original forward and recomputation."
                              f"\nNumber of tensors saved during forward: {len(frame.types)}"
                              f"\nNumber of tensors saved during recomputation: {len(self.types)}.")
        other = [i for i, (a, b) in enumerate(zip(frame.types, self.types, strict=True)) if a != b]
        if other and frame.checks:
            raise self._error("Recomputed values for the following tensors have different metadata than during the "
                              "forward pass.\n" + "\n".join(
                                  f"tensor at position {i}:\nsaved metadata: {frame.types[i]}\n"
                                  f"recomputed metadata: {self.types[i]}" for i in other))

    def pack(self, tensor: Tensor) -> Tensor:
        frame, i = self.frame, len(self.types)
        tensor = tensor.detach() if tensor.requires_grad else tensor  # type: ignore[attr-defined]
        self.types.append(tensor.type_)
        if frame.debug:
            self.lines.append(locations.here())
        if i >= len(frame.places):
            if not frame.complete:  # a backward inside of the function, whose own run is not over
                self.beyond = True
                return tensor
            raise self._error("trying to save more tensors during recomputation than during the original forward pass.")
        place = frame.places[i]()
        if place is not None:
            frame.found[place] = tensor
        if frame.early_stop and i + 1 == len(frame.places):
            raise _Stop
        return tensor

    def _error(self, what: str) -> CheckpointError:
        text = f"torch.utils.checkpoint: {what}"
        if not self.frame.debug:
            return CheckpointError(text + "\nTip: to see the line of each saved tensor in both runs, pass `debug=True` "
                                          "to checkpoint, or use set_checkpoint_debug_enabled(True).")
        for title, lines, types in (("original forward", self.frame.lines, self.frame.types),
                                    ("recomputation", self.lines, self.types)):
            text += f"\nSaved during the {title}:" + "".join(
                f"{locations.quote(line)}   {type}" for line, type in zip(lines, types, strict=True))
        return CheckpointError(text)


# With reentrant autograd


class CheckpointFunction(Function):
    """The node of a checkpoint whose backward runs the function once more, with a graph, and goes back through it."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        if not any(isinstance(x, Tensor) and x.requires_grad for x in args):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4)
        ctx.function = function
        ctx.generator = get_rng_state() if preserve_rng_state else None
        ctx.args = [None if isinstance(x, Tensor) else x for x in args]
        ctx.tensors = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        ctx.save_for_backward(*[args[i] for i in ctx.tensors])
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if is_restricted():
            raise GradError("When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing "
                            "an `inputs` parameter to .backward(). To resolve this error, you can either set "
                            "use_reentrant=False, or call .backward() without passing the `inputs` argument.")
        args = list(ctx.args)
        for i, x in zip(ctx.tensors, ctx.saved_tensors, strict=True):
            args[i] = x.detach().requires_grad_(x.requires_grad)
        with fork_rng(enabled=ctx.generator is not None), set_grad_enabled(True):
            if ctx.generator is not None:
                set_rng_state(ctx.generator)
            outputs = ctx.function(*args)
        results = outputs if isinstance(outputs, tuple) else (outputs,)
        used = [(y, g) for y, g in zip(results, grads, strict=True) if isinstance(y, Tensor) and y.requires_grad]
        if not used:
            raise GradError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([y for y, _ in used], [g for _, g in used])
        return (None, None, *[x.grad if isinstance(x, Tensor) else None for x in args])
