"""Attributes, classes, properties, closures and functions that carry state."""

import contextlib
import contextvars
import copy
import dataclasses
import functools
import operator
import threading
import types
import weakref

from impure_programs.case import Case, impure
from impure_programs.containers import numbers


class Thing:
    """An object with attributes."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


@impure
def attribute_written(t):
    model = Thing(last=None)

    def step(x):
        model.last = x.shape[0]
        return x * 2

    return Case(step, lambda i: (t.arange(3.0 + i),), lambda: model.last)


@impure
def attribute_counter(t):
    model = Thing(calls=0)

    def step(x):
        model.calls += 1
        return x * model.calls

    return Case(step, numbers(t), lambda: model.calls)


@impure
def attribute_counter_unread(t):
    model = Thing(calls=0)

    def step(x):
        model.calls += 1
        return x * 2

    return Case(step, numbers(t), lambda: model.calls)


@impure
def attribute_of_an_argument(t):
    model = Thing(calls=0)

    def step(model, x):
        model.calls = model.calls + 1
        return x * 2

    return Case(step, lambda i: (model, t.arange(3.0)), lambda: model.calls)


@impure
def attribute_changed_by_the_caller(t):
    model = Thing(scale=1.0)

    def arguments(i):
        model.scale = 2.0 ** i
        return (t.arange(3.0),)

    return Case(lambda x: x * model.scale, arguments)


@impure
def attribute_of_an_argument_changed(t):
    model = Thing(scale=1.0)

    def arguments(i):
        model.scale = 2.0 ** i
        return (model, t.arange(3.0))

    return Case(lambda model, x: x * model.scale, arguments)


@impure
def attribute_tensor_replaced_by_the_function(t):
    model = Thing(hidden=t.zeros(3))

    def step(x):
        model.hidden = t.tanh(model.hidden + x)
        return model.hidden * 2

    return Case(step, numbers(t), lambda: model.hidden)


@impure
def attribute_tensor_replaced_by_the_caller(t):
    model = Thing(weight=t.ones(3))

    def arguments(i):
        model.weight = t.ones(3) * i
        return (t.arange(3.0),)

    return Case(lambda x: x * model.weight, arguments)


@impure
def attribute_of_an_attribute_changed(t):
    model = Thing(config=Thing(inner=Thing(scale=1.0)))

    def arguments(i):
        if i == 1:
            model.config.inner.scale = 3.0
        if i == 2:
            model.config = Thing(inner=Thing(scale=7.0))
        return (t.arange(3.0),)

    return Case(lambda x: x * model.config.inner.scale, arguments)


@impure
def attribute_deleted(t):
    model = Thing(bias=1.0)

    def step(x):
        if hasattr(model, "bias"):
            del model.bias
            return x + 1
        return x

    return Case(step, numbers(t), lambda: sorted(vars(model)))


@impure
def attribute_that_appears(t):
    model = Thing()

    def arguments(i):
        if i == 1:
            model.bias = 4.0
        return (t.arange(3.0),)

    return Case(lambda x: x + getattr(model, "bias", 0.0), arguments)


@impure
def attribute_written_by_name(t):
    model = Thing()

    def step(x):
        setattr(model, f"size_{len(vars(model))}", x.shape[0])
        return x * 2

    return Case(step, numbers(t), lambda: vars(model))


@impure
def attributes_written_through_vars(t):
    model = Thing(n=0)

    def step(x):
        vars(model)["n"] += 2
        return x * model.n

    return Case(step, numbers(t), lambda: model.n)


@impure
def slots(t):
    class Slotted:
        __slots__ = ("calls",)

    model = Slotted()
    model.calls = 0

    def step(x):
        model.calls += 1
        return x * model.calls

    return Case(step, numbers(t), lambda: model.calls)


@impure
def dataclass_field(t):
    @dataclasses.dataclass
    class State:
        calls: int = 0
        scale: float = 1.0

    state = State()

    def step(x):
        state.calls += 1
        state.scale *= 0.5
        return x * state.scale

    return Case(step, numbers(t), lambda: (state.calls, state.scale))


@impure
def class_attribute_counter(t):
    class Model:
        made = 0

        def __init__(self):
            Model.made += 1

    def step(x):
        return x * Model().made

    return Case(step, numbers(t), lambda: Model.made)


@impure
def class_attribute_changed_by_the_caller(t):
    class Model:
        scale = 1.0

    model = Model()

    def arguments(i):
        Model.scale = i + 1.0
        return (t.arange(3.0),)

    return Case(lambda x: x * model.scale, arguments)


@impure
def property_that_counts(t):
    class Model:
        reads = 0

        @property
        def scale(self):
            self.reads += 1
            return 2.0

    model = Model()
    return Case(lambda x: x * model.scale, numbers(t), lambda: model.reads)


@impure
def cached_property(t):
    class Model:
        computed = 0

        @functools.cached_property
        def scale(self):
            self.computed += 1
            return 2.0

    model = Model()

    def arguments(i):
        if i == 2:
            del model.scale
        return (t.arange(3.0),)

    return Case(lambda x: x * model.scale, arguments, lambda: model.computed)


@impure
def setattr_that_counts(t):
    class Model:
        def __init__(self):
            self.__dict__["writes"] = 0

        def __setattr__(self, name, value):
            self.__dict__["writes"] += 1
            self.__dict__[name] = value

    model = Model()

    def step(x):
        model.size = x.shape[0]
        return x * 2

    return Case(step, numbers(t), lambda: model.writes)


@impure
def getattr_that_computes(t):
    class Model:
        asked = ()

        def __getattr__(self, name):
            self.asked += (name,)
            return 2.0

    model = Model()
    return Case(lambda x: x * model.anything, numbers(t), lambda: model.asked)


@impure
def getitem_that_counts(t):
    class Table:
        reads = 0

        def __getitem__(self, key):
            self.reads += 1
            return self.reads

    table = Table()
    return Case(lambda x: x * table["a"], numbers(t), lambda: table.reads)


@impure
def callable_object(t):
    class Scale:
        calls = 0

        def __call__(self, x):
            self.calls += 1
            return x * self.calls

    scale = Scale()
    return Case(lambda x: scale(x), numbers(t), lambda: scale.calls)


@impure
def compiled_method(t):
    class Model:
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    model = Model()
    return Case(model.forward, numbers(t), lambda: model.calls)


@impure
def method_replaced_by_the_caller(t):
    model = Thing(activation=lambda x: x * 2)

    def arguments(i):
        if i == 1:
            model.activation = lambda x: x * 3
        return (t.arange(3.0),)

    return Case(lambda x: model.activation(x), arguments)


@impure
def method_of_a_class_replaced(t):
    class Model:
        def activation(self, x):
            return x * 2

    model = Model()

    def arguments(i):
        if i == 1:
            Model.activation = lambda self, x: x * 3
        return (t.arange(3.0),)

    return Case(lambda x: model.activation(x), arguments)


@impure
def class_of_an_object_replaced(t):
    class Double:
        def __call__(self, x):
            return x * 2

    class Triple(Double):
        def __call__(self, x):
            return x * 3

    model = Double()

    def arguments(i):
        model.__class__ = Triple if i == 1 else Double
        return (t.arange(3.0),)

    return Case(lambda x: model(x), arguments)


@impure
def simple_namespace(t):
    state = types.SimpleNamespace(n=0)

    def step(x):
        state.n += 1
        return x + state.n

    return Case(step, numbers(t), lambda: state.n)


@impure
def thread_local(t):
    local = threading.local()
    local.n = 0

    def step(x):
        local.n += 1
        return x * local.n

    return Case(step, numbers(t), lambda: local.n)


@impure
def context_variable(t):
    level = contextvars.ContextVar("level", default=1)

    def arguments(i):
        level.set(i + 1)
        return (t.arange(3.0),)

    return Case(lambda x: x * level.get(), arguments)


@impure
def context_variable_set_inside(t):
    level = contextvars.ContextVar("level", default=1)

    def step(x):
        level.set(level.get() + 1)
        return x * 2

    return Case(step, numbers(t), lambda: level.get())


@impure
def weak_reference_dies(t):
    target = Thing()
    reference = weakref.ref(target)

    def arguments(i):
        nonlocal target
        if i == 1:
            target = None
        return (t.arange(3.0),)

    return Case(lambda x: x if reference() is None else x * 2, arguments)


@impure
def weak_dictionary(t):
    alive = [Thing(), Thing(), Thing()]
    table = weakref.WeakValueDictionary(enumerate(alive))

    def arguments(i):
        if i:
            alive.pop()
        return (t.arange(3.0),)

    return Case(lambda x: x * len(table), arguments)


@impure
def nonlocal_counter(t):
    calls = 0

    def step(x):
        nonlocal calls
        calls += 1
        return x * calls

    return Case(step, numbers(t), lambda: calls)


@impure
def nonlocal_float(t):
    scale = 1.0

    def step(x):
        nonlocal scale
        scale *= 0.5
        return x * scale

    return Case(step, numbers(t), lambda: scale)


@impure
def nonlocal_tensor(t):
    total = t.zeros(3)

    def step(x):
        nonlocal total
        total = total + x
        return total * 2

    return Case(step, numbers(t), lambda: total)


@impure
def nonlocal_changed_by_the_caller(t):
    scale = 1.0

    def arguments(i):
        nonlocal scale
        scale = i + 1.0
        return (t.arange(3.0),)

    return Case(lambda x: x * scale, arguments)


@impure
def nonlocal_of_a_called_function(t):
    calls = 0

    def scale():
        nonlocal calls
        calls += 1
        return calls

    return Case(lambda x: x * scale(), numbers(t), lambda: calls)


@impure
def nonlocal_flag_read_by_a_called_function(t):
    flag = False

    def inner(x):
        return x * 2 if flag else x

    def arguments(i):
        nonlocal flag
        flag = i == 1
        return (t.arange(3.0),)

    return Case(lambda x: inner(x), arguments)


@impure
def mutable_default(t):
    def step(x, seen=[]):  # noqa: B006
        seen.append(1)
        return x * len(seen)

    return Case(step, numbers(t), lambda: step.__defaults__)


@impure
def defaults_replaced_by_the_caller(t):
    def scale(x, factor=1.0):
        return x * factor

    def arguments(i):
        scale.__defaults__ = (i + 1.0,)
        return (t.arange(3.0),)

    return Case(lambda x: scale(x), arguments)


@impure
def keyword_defaults_replaced(t):
    def scale(x, *, factor=1.0):
        return x * factor

    def arguments(i):
        scale.__kwdefaults__["factor"] = i + 1.0
        return (t.arange(3.0),)

    return Case(lambda x: scale(x), arguments)


@impure
def code_replaced_by_the_caller(t):
    def inner(x):
        return x * 2

    def other(x):
        return x * 3

    def arguments(i):
        if i == 1:
            inner.__code__ = other.__code__
        return (t.arange(3.0),)

    return Case(lambda x: inner(x), arguments)


@impure
def function_attribute(t):
    def step(x):
        helper.calls += 1
        return x * helper.calls

    def helper():
        pass

    helper.calls = 0
    return Case(step, numbers(t), lambda: helper.calls)


@impure
def decorator_that_counts(t):
    calls = []

    def counted(function):
        @functools.wraps(function)
        def wrapper(*args):
            calls.append(function.__name__)
            return function(*args)

        return wrapper

    @counted
    def inner(x):
        return x * 2

    return Case(lambda x: inner(x) + 1, numbers(t), lambda: calls)


@impure
def lru_cache_counts(t):
    computed = []

    @functools.lru_cache
    def factor(n):
        computed.append(n)
        return n + 1.0

    def arguments(i):
        if i == 2:
            factor.cache_clear()
        return (t.arange(3.0), i % 2)

    return Case(lambda x, n: x * factor(n), arguments, lambda: computed)


@impure
def partial_replaced(t):
    holder = {"f": functools.partial(operator.mul, 2.0)}

    def arguments(i):
        holder["f"] = functools.partial(operator.mul, i + 1.0)
        return (t.arange(3.0),)

    return Case(lambda x: holder["f"](x), arguments)


@impure
def context_manager_with_effects(t):
    log = []

    @contextlib.contextmanager
    def section(name):
        log.append(f"enter {name}")
        yield
        log.append(f"exit {name}")

    def step(x):
        with section("a"):
            return x * 2

    return Case(step, numbers(t), lambda: log)


@impure
def descriptor_that_counts(t):
    class Counting:
        reads = 0

        def __get__(self, instance, owner):
            Counting.reads += 1
            return 2.0

    class Model:
        scale = Counting()

    model = Model()
    return Case(lambda x: x * model.scale, numbers(t), lambda: Counting.reads)


@impure
def finally_with_effects(t):
    log = []

    def step(x):
        try:
            return x * 2
        finally:
            log.append("done")

    return Case(step, numbers(t), lambda: log)


@impure
def deepcopy_inside(t):
    made = []
    model = Thing(scale=[2.0])

    def step(x):
        clone = copy.deepcopy(model)
        clone.scale[0] += 1
        made.append(clone.scale[0])
        return x * clone.scale[0]

    return Case(step, numbers(t), lambda: (made, model.scale))


@impure
def closures_made_in_a_loop(t):
    made = []

    def step(x):
        made.append(lambda: len(made))
        return x * made[0]()

    return Case(step, numbers(t), lambda: [f() for f in made])


@impure
def object_returned_is_new(t):
    results = []

    def view(result):
        results.append(result)
        return len({id(r) for r in results})

    return Case(lambda x: {"value": x * 2, "extra": [1]}, numbers(t), view=view)


@impure
def recursion_with_a_counter(t):
    depth = []

    def down(x, n):
        depth.append(n)
        return x if n == 0 else down(x * 2, n - 1)

    return Case(down, lambda i: (t.arange(3.0), i), lambda: depth)


@impure
def argument_identity(t):
    one, other = Thing(), Thing()
    return Case(lambda x, a, b: x * 2 if a is b else x, lambda i: (t.arange(3.0), one, one if i == 1 else other),
                view=lambda result: result)


@impure
def argument_type(t):
    return Case(lambda x, n: x * 2 if isinstance(n, bool) else x * 3 if isinstance(n, float) else x,
                lambda i: (t.arange(3.0), (1, True, 1.0)[i]))


@impure
def enclosing_loop_variable(t):
    names = [1, 2, 3]
    functions = []
    for n in names:
        functions.append(lambda x: x * n)  # noqa: B023

    def arguments(i):
        nonlocal n
        n = 10 * i
        return (t.arange(3.0),)

    return Case(lambda x: functions[0](x), arguments)
