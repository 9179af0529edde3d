"""`gradc.compile`: a function that runs as one XLA program per kind of arguments."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradc.compiler import naming
from gradc.compiler.arguments import leaves, signature
from gradc.compiler.backward import CompiledBackward
from gradc.compiler.budget import in_bytes
from gradc.compiler.effects import UNSEEN, Effect, Effects, Refusing
from gradc.compiler.generalise import Numbers, generalised
from gradc.compiler.guards import Guards
from gradc.compiler.history import Stages, rows, show
from gradc.compiler.interop import to_jax
from gradc.compiler.options import DEFAULT, Options
from gradc.compiler.promotion import promoted
from gradc.compiler.report import CacheInfo, EffectsInfo, ProgramInfo, check_allowed, description, difference
from gradc.compiler.rerun import Rerun, Step
from gradc.compiler.specialisation import Specialisation
from gradc.compiler.stages import LoweredStage
from gradc.compiler.trace import trace
from gradc.compiler.watch import Watch
from gradc.dtypes import get_default_dtype
from gradc.errors import ArgumentError, TraceError
from gradc.ir import Graph
from gradc.locations import UNKNOWN
from gradc.modes import current, set_grad_enabled
from gradc.passes.cse import identity
from gradc.passes.order import chosen
from gradc.tensor import Tensor

RECOMPILE_LIMIT = 8
"""Programs kept for arguments of one kind; needing more is a sign of a value that ought to be a tensor."""

RERUN_LIMIT = 64
"""Programs made for a function whose Python runs at every call; more are a sign that each call is another one."""

LOOKED_AT = "lower()"
"""Why a program was made that nobody called for."""

BACKENDS = ("xla", "numpy", "inductor", "eager", "aot_eager", "cudagraphs")
MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
"""What PyTorch's programs ask for; all of it but "numpy" is XLA."""


class _Kind:
    """What is known of the calls with arguments of one kind.

    `names` are those of the tensors among the arguments; `programs` are whole calls as programs, tried in order;
    `effects` says why there is none, and the Python runs at every call; `eager` why not even that can be.
    """

    __slots__ = ("description", "names", "programs", "effects", "eager", "changing")

    def __init__(self, description: dict[str, str], names: list[str]) -> None:
        self.description = description
        self.names = names
        self.programs: list[Specialisation] = []
        self.effects: list[Effect] = []
        self.eager: str | None = None
        self.changing = Numbers()


class CompiledFunction:
    """A function under `gradc.compile`. Calling it traces, compiles or reuses, and runs.

    What it does not have itself it has from the function: `compile(model).parameters()` are the model's.
    """

    def __init__(self, function: Callable[..., Any], options: Options = DEFAULT) -> None:
        functools.update_wrapper(self, function, updated=())  # a module's attributes are to stay the module's
        self.function = function
        self.options = options
        self._kinds: dict[Any, _Kind] = {}
        self._trees: dict[Any, Step] = {}
        self._last: Specialisation | None = None
        self._info = CacheInfo()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        modes = current()
        if modes.trace is not None:
            return self.function(*args, **kwargs)  # inside another compiled function it is part of that one
        tensors: list[Tensor] = []
        numbers: list[Any] = []
        positional = signature(args, tensors, numbers)
        named = signature(kwargs, tensors, numbers) if kwargs else None
        aliases = _aliases(tensors) if len(tensors) > 1 else None
        key = positional, named, modes.grad, modes.inference, modes.autocast, get_default_dtype(), aliases
        kind = self._kinds.get(key)
        reason = None
        if kind is not None:
            for found in kind.programs:
                broken = found.other_number(numbers) if found.fixed else None
                if broken is None and found.guards.hold():
                    self._last = found
                    self._info.hits += 1
                    if numbers:
                        found.numbers[:] = numbers
                    return (found.written or found.write())(found, tensors)
                reason = reason or broken or found.guards.broken()
            if kind.eager is not None:
                return self.function(*args, **kwargs)
            if kind.effects:
                return self._run(kind, args, kwargs, tensors, None)
            now = description(self.function, args, kwargs)
            if now != kind.description:
                reason, kind.description = difference(kind.description, now), now
        else:
            kind = _Kind(description(self.function, args, kwargs), naming.of_arguments(self.function, args, kwargs))
            reason = self._new_kind(kind)
        title = graph_title(self.function)
        check_allowed(title, reason or "its first call")
        self._kinds[key] = kind
        program = self._for_all_numbers(kind, args, kwargs, tensors, numbers, reason or "")
        if program is not None:
            return program(tensors)
        known = len(kind.programs)
        result = self._first_run(kind, args, kwargs, tensors, reason or "the first call")
        if len(kind.programs) > known:  # not so where the Python has to run from now on
            kind.programs[0].fixed = {i: identity(x) for i, x in enumerate(numbers)}
        if len(kind.programs) > RECOMPILE_LIMIT:
            warnings.warn(f"{title} was traced more than {RECOMPILE_LIMIT} times for arguments of one kind, because of "
                          f"what it reads besides them; the last time, {reason}", RuntimeWarning, stacklevel=2)
            del kind.programs[RECOMPILE_LIMIT:]
        return result

    def _for_all_numbers(self, kind: _Kind, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor],
                         numbers: list[Any], reason: str) -> Specialisation | None:
        """A program that reads at every call the numbers that were seen to change, where one has changed."""
        before = len(kind.changing.arguments) + len(kind.changing.entries)
        for program in kind.programs:
            kind.changing.arguments |= {i for i, x in program.fixed.items() if identity(numbers[i]) != x}
            changed = program.guards.changed_number()
            if changed is not None:
                kind.changing.entries[id(changed[0]), changed[1]] = changed
        if len(kind.changing.arguments) + len(kind.changing.entries) == before:
            return None
        start, values = time.perf_counter(), list(numbers)
        found = generalised(self.function, args, kwargs, tensors, kind.changing, values)
        if found is None:
            return None
        program = Specialisation(found[0], time.perf_counter() - start, self.options)
        program.fixed, program.numbers = found[1], values
        kind.programs.insert(0, program)
        self._info.misses += 1
        self._made(program, reason)
        return program

    def _new_kind(self, kind: _Kind) -> str | None:
        """Why the arguments are of a kind of their own: the difference to the last new kind."""
        before = list(self._kinds.values())
        return difference(before[-1].description, kind.description) if before else None

    def _first_run(self, kind: _Kind, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor],
                   reason: str) -> Any:
        """Run, watching whether the whole call can be a program from now on."""
        self._info.misses += 1
        if self.options.fullgraph:
            program = self._specialise(args, kwargs, tensors, reason)
            kind.programs.insert(0, program)
            return program(tensors)
        effects = Effects()
        try:
            return self._run(kind, args, kwargs, tensors, Watch(effects), reason)
        except TraceError as problem:
            if effects.committed or any(effect.kind in ("write", "call") for effect in effects.found):
                raise  # something has happened, and must not happen again
            kind.eager = str(problem)
        warnings.warn(f"{graph_title(self.function)} runs without being compiled: {kind.eager}", RuntimeWarning,
                      stacklevel=3)
        return self.function(*args, **kwargs)

    def _run(self, kind: _Kind, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor],
             watch: Watch | None, reason: str = "") -> Any:
        """Run the function's Python, its ops deferred. If `watch` saw nothing, the whole call becomes a program."""
        function, modes = self.function, current()
        effects = Effects() if watch is None else watch.effects
        names = {} if watch is None else naming.of_tensors(function, args, kwargs)
        root = self._trees.setdefault((modes.grad, modes.autocast), Step())
        rerun = Rerun(function, root, names, effects, tensors, self.options, watch is not None)
        args, kwargs = rerun.begin(kind.names, args, kwargs)
        with rerun.on(grad=modes.grad, autocast=modes.autocast):
            if watch is None:
                result = function(*args, **kwargs)
                rerun.check_errors()
            else:
                settings, reached = get_default_dtype(), Guards()
                reached.reach(naming.code_of(function), (function, *leaves((args, kwargs))))
                with watch.on():
                    result = function(*args, **kwargs)
                    watch.returned(result)
                if get_default_dtype() is not settings or current().grad is not modes.grad:
                    effects.note("write", "changes the default dtype, or whether gradients are recorded", UNKNOWN)
                changed = None if effects else reached.broken()
                if changed is not None:  # by a function of C that was handed what changes it
                    effects.note("write", f"changes {changed}", UNKNOWN)
                rerun.check_errors()
                program = promoted(rerun, function, (args, kwargs), result, watch, self.options)
                if program is not None:
                    self._made(program, reason)
                    kind.programs.insert(0, program)
                    del result
            if watch is None or program is None:
                rerun.flush()
            grad = current().grad
        if grad is not modes.grad:  # the function has turned gradients on or off and left them so
            set_grad_enabled(grad)
        for made in rerun.compiled:
            self._made(made, reason or "values that were read led to another path")
        if len(self._info) > RERUN_LIMIT and watch is None and rerun.compiled:
            kind.eager = f"it needed more than {RERUN_LIMIT} programs: {next(iter(kind.effects))}"
            warnings.warn(f"{graph_title(function)} runs without being compiled from now on: {kind.eager}",
                          RuntimeWarning, stacklevel=3)
        if watch is None or program is None:
            kind.effects = kind.effects or list(effects.found) or [UNSEEN]
            return result
        return program(tensors)

    def _made(self, program: Specialisation, reason: str) -> None:
        self._last = program
        self._info.programs.append(ProgramInfo(reason, program.seconds, len(program.forward)))

    def _specialise(self, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor],
                    reason: str) -> Specialisation:
        start = time.perf_counter()
        watch = Watch(Refusing()) if reason != LOOKED_AT else None
        traced = trace(self.function, args, kwargs, tensors, watch)
        if watch is not None:
            traced.guards.follow(self.function, leaves((args, kwargs)), watch.codes)
            for what in traced.guards.unseen:
                watch.effects.note("object", f"uses {what}, whose changes cannot be seen", UNKNOWN)
        program = Specialisation(traced, time.perf_counter() - start, self.options)
        self._made(program, reason)
        return program

    def __getattr__(self, name: str) -> Any:
        if name == "function":  # not set yet, as while unpickling
            raise AttributeError(name)
        return getattr(self.function, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A compiled method is bound like any other."""
        return self if instance is None else functools.partial(self, instance)

    def to_jax(self, *args: Any, **kwargs: Any) -> Any:
        """The function as a pure one of jax arrays, for arguments like these; see gradc.to_jax."""
        return to_jax(self, *args, **kwargs)

    # What can be seen

    def lower(self, *args: Any, **kwargs: Any) -> LoweredStage:
        """Trace and lower for these arguments without running; `.compile()` then compiles ahead of time."""
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return LoweredStage(self._specialise(args, kwargs, tensors, LOOKED_AT))

    @property
    def last(self) -> Specialisation:
        """The specialisation that ran last. Raises ArgumentError before the first call."""
        if self._last is None:
            raise ArgumentError(f"{graph_title(self.function)} has not been called yet: call it, or lower it for some "
                                f"arguments, to have something to see")
        return self._last

    @property
    def stages(self) -> Mapping[str, Any]:
        """The graph after each pass, by the pass's name, in order. The last, "lowered", prints as `code`."""
        return Stages(self.last.stages)

    def report(self) -> None:
        """Print a table of the passes of the last program: time, nodes, FLOPs, bytes and peak, each with its change."""
        found = rows(self.last.stages, self.last.seconds)
        show(f"{graph_title(self.function)}: what each pass made of it", found)

    @property
    def code(self) -> str:
        """The jax.numpy source that runs."""
        return str(self.last.code)

    def cache_info(self) -> CacheInfo:
        """The programs that were made, why each was, the seconds that it cost, and how many calls found one."""
        return self._info

    def effects(self) -> EffectsInfo:
        """What the function reads and writes besides its arguments and results, and what it repeats at every call."""
        repeats = dict.fromkeys(effect for kind in self._kinds.values() for effect in kind.effects)
        eager = next((kind.eager for kind in self._kinds.values() if kind.eager), None)
        reads: dict[str, None] = {}
        writes: dict[str, None] = {}
        for program in [p for kind in self._kinds.values() for p in kind.programs]:
            program.name_state(reads, writes)
        return EffectsInfo(list(reads), list(writes), list(repeats), eager)


CompiledBackward.compile = lambda function, backend: CompiledFunction(
    function, Options(fullgraph=True, backend=backend))


def graph_title(function: Any) -> str:
    """What to call a function in a message."""
    return str(getattr(function, "__name__", type(function).__name__))


def _aliases(tensors: list[Tensor]) -> Any:
    """Which of the arguments are the same tensor, or lie in the same memory and where; None if all are apart."""
    if len({id(t._storage) for t in tensors}) == len(tensors):
        return None
    first: dict[int, int] = {}
    places = [(first.setdefault(id(t), i), first.setdefault(id(t._storage), i)) for i, t in enumerate(tensors)]
    return tuple([place if tensors[place[1]] is t else (*place, _offset(t, tensors[place[1]]), t.stride())
                  for place, t in zip(places, tensors, strict=True)])


def _offset(tensor: Tensor, other: Tensor) -> int:
    """How many bytes the memory of one tensor begins behind that of the other."""
    start, origin = (x._array.__array_interface__["data"][0] for x in (tensor, other))
    return int(start - origin)


def compile(function: Callable[..., Any] | None = None, *, fullgraph: bool = False, dynamic: bool | None = None,
            backend: str = "xla", mode: str | None = None, options: Any = None, disable: bool = False,
            passes: Sequence[Any] = (), check: str | None = None, memory_budget: int | str | None = None,
            compiler_options: Mapping[str, Any] | None = None) -> Any:
    """Make a function run as one XLA program, traced anew when the kind of its arguments changes.

    Works on pure functions, modules, and whole training steps: parameters, gradients and optimizer state that the
    function touches are found, carried as state, updated in place and donated. `@compile` and `@compile(...)` both do.

    Where a function does more than compute on tensors, or reads values, its Python runs at every call and its ops are
    computed in as few programs as that allows; `fullgraph=True` refuses instead, with the line.

    `backend="numpy"` makes a NumPy function of the graph, at no compile cost, in place of an XLA program.

    `passes` are a user's own passes and rules, see passes/order.py. `check="each"` runs the graph in the interpreter
    before and after every pass, at each call, and says which pass, rule and node changed the numbers, if one did.

    `memory_budget`, in bytes or as "64MB", bounds what a program takes besides its arguments, by XLA's own account:
    as much of the forward part is computed again as that needs. `compiler_options` are XLA's.

    Raises TraceError, at the first call, for what cannot be traced, if `fullgraph`; ArgumentError then for a
    `memory_budget` that cannot be met, with the least that can be.
    Source  torch.compile, jax.jit
    """
    if backend not in BACKENDS or mode not in MODES:
        wrong, known = (f"backend {backend!r}", BACKENDS) if backend not in BACKENDS else (f"mode {mode!r}", MODES)
        raise ArgumentError(f"compile: {wrong} is not known; there is {known}; PyTorch's names mean 'xla' and the "
                            f"default")
    if memory_budget is not None and backend == "numpy":
        raise ArgumentError("compile: memory_budget is met on XLA's account of a program; there is none with "
                            "backend='numpy'")
    if check not in (None, "each"):
        raise ArgumentError(f"compile: check is None or 'each', got {check!r}")
    if dynamic:
        raise ArgumentError("compile: a program of gradc has fixed shapes; dynamic=True is not supported")
    if function is None:
        return lambda given: compile(given, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
                                     options=options, disable=disable, passes=passes, check=check,
                                     memory_budget=memory_budget, compiler_options=compiler_options)
    if disable or isinstance(function, CompiledFunction):
        return function
    if not callable(function):
        raise ArgumentError(f"compile: expected a function or a module, got {type(function).__name__}")
    return CompiledFunction(function, Options(fullgraph=fullgraph, passes=chosen(passes), check=check,
                                              memory_budget=in_bytes(memory_budget),
                                              compiler_options=dict(compiler_options or {}),
                                              backend="numpy" if backend == "numpy" else "xla"))


def make_ir(function: Callable[..., Any]) -> Callable[..., Graph]:
    """`make_ir(f)(*args)` is the traced graph of f for these arguments; nothing runs. As jax.make_jaxpr."""
    function = function.function if isinstance(function, CompiledFunction) else function

    @functools.wraps(function, updated=())
    def traced(*args: Any, **kwargs: Any) -> Graph:
        tensors: list[Tensor] = []
        signature((args, kwargs), tensors)
        return trace(function, args, kwargs, tensors).graph.replace(history=("traced",))

    return traced

