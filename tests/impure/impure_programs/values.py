"""Values of tensors that the Python function reads."""

import math

import numpy as np

from impure_programs.case import Case, impure
from impure_programs.containers import numbers


def signs(t):
    """Vectors whose sum is positive, negative, positive."""
    return lambda i: (t.tensor([1.0, 2.0, 3.0]) * (-1.0) ** i,)


@impure
def branch(t):
    def step(x):
        if x.sum() > 0:
            return x * 2
        return x * 3

    return Case(step, signs(t))


@impure
def branch_expression(t):
    return Case(lambda x: x * 2 if x.sum() > 0 else x * 3, signs(t))


@impure
def branch_with_an_effect(t):
    log = []

    def step(x):
        if x.sum() > 0:
            log.append("positive")
        else:
            log.append("negative")
        return x * 2

    return Case(step, signs(t), lambda: log)


@impure
def loop_while(t):
    def step(x):
        while x.sum() < 100:
            x = x * 2
        return x

    return Case(step, lambda i: (t.ones(3) * (i + 1),))


@impure
def loop_over_a_number_of_steps(t):
    def step(x, n):
        for _ in range(int(n)):
            x = x + 1
        return x

    return Case(step, lambda i: (t.arange(3.0), t.tensor(i)))


@impure
def item_as_a_factor(t):
    return Case(lambda x: x * x.sum().item(), numbers(t))


@impure
def item_returned(t):
    return Case(lambda x: (x * 2, x.sum().item()), numbers(t))


@impure
def item_appended(t):
    losses = []

    def step(x):
        losses.append(x.sum().item())
        return x * 2

    return Case(step, numbers(t), lambda: losses)


@impure
def float_of_a_tensor(t):
    return Case(lambda x: x * math.sqrt(float(x.sum())), numbers(t))


@impure
def tolist_of_a_tensor(t):
    return Case(lambda x: x * sorted(x.tolist())[-1], signs(t))


@impure
def numpy_of_a_tensor(t):
    return Case(lambda x: x * float(np.median(np.asarray(x))), numbers(t))


@impure
def any_of_a_tensor(t):
    return Case(lambda x: x * 2 if bool((x > 2).any()) else x, signs(t))


@impure
def isnan_check(t):
    skipped = []

    def step(x):
        if t.isnan(x).any():
            skipped.append(1)
            return t.zeros(3)
        return x * 2

    return Case(step, lambda i: (t.tensor([1.0, float("nan") if i == 1 else 2.0, 3.0]),), lambda: skipped)


@impure
def assertion(t):
    def step(x):
        assert x.sum() > 0, "the sum must be positive"
        return x * 2

    return Case(step, signs(t))


@impure
def raise_by_value(t):
    def step(x):
        if x.sum() < 0:
            raise ValueError("negative")
        return x * 2

    return Case(step, signs(t))


@impure
def raise_caught_inside(t):
    def check(x):
        if x.sum() < 0:
            raise ValueError("negative")

    def step(x):
        try:
            check(x)
        except ValueError:
            return x * 0
        return x * 2

    return Case(step, signs(t))


@impure
def raise_after_an_append(t):
    log = []

    def step(x, n):
        log.append(n)
        if n == 1:
            raise KeyError("midway")
        return x * 2

    return Case(step, lambda i: (t.arange(3.0), i), lambda: log)


@impure
def raise_and_then_finally(t):
    log = []

    def step(x, n):
        try:
            if n == 1:
                raise RuntimeError("midway")
            return x * 2
        finally:
            log.append(n)

    return Case(step, lambda i: (t.arange(3.0), i), lambda: log)


@impure
def raise_after_a_write(t):
    weight = t.zeros(3)

    def step(x, n):
        weight.add_(x)
        if n == 1:
            raise RuntimeError("midway")
        return weight * 2

    return Case(step, lambda i: (t.ones(3), i), lambda: weight)


@impure
def early_return(t):
    log = []

    def step(x):
        if x[0] < 0:
            return x
        log.append("late")
        return x * 2

    return Case(step, signs(t), lambda: log)


@impure
def iteration_over_rows(t):
    def step(x):
        total = 0
        for row in x:
            total = total + row * len(x)
        return total

    return Case(step, lambda i: (t.ones(2 + i, 3) if hasattr(t, "nn") else t.ones((2 + i, 3)),))


@impure
def membership(t):
    return Case(lambda x: x * 2 if 2.0 in x else x, lambda i: (t.arange(2.0 + i),))


@impure
def sort_by_value(t):
    def step(a, b):
        first, second = sorted([a, b], key=lambda v: float(v.sum()))
        return first - second

    return Case(step, lambda i: (t.ones(3) * i, t.ones(3)))


@impure
def builtin_max(t):
    return Case(lambda a, b: max(a, b) * 2, lambda i: (t.tensor(float(i)), t.tensor(1.0)))


@impure
def dictionary_by_value(t):
    table = {}

    def step(x):
        table[int(x.sum())] = x.shape[0]
        return x * 2

    return Case(step, numbers(t), lambda: table)


@impure
def index_by_value(t):
    names = ["a", "b", "c"]
    return Case(lambda x: (x * 2, names[int(x.argmax())]), lambda i: (t.tensor([float(i == k) for k in range(3)]),))


@impure
def shape_by_value(t):
    return Case(lambda x: x[x > 1], numbers(t))


@impure
def shape_decides(t):
    seen = []

    def step(x):
        seen.append(x.shape[0])
        return x * 2 if x.shape[0] > 3 else x.sum()

    return Case(step, lambda i: (t.arange(3.0 + i % 2),), lambda: seen)


@impure
def string_by_value(t):
    return Case(lambda x: (x * 2, f"{float(x[0]):.1f} of {len(x)}"), numbers(t))


@impure
def string_by_shape(t):
    return Case(lambda x: (x * 2, "x".join(str(n) for n in x.shape)), lambda i: (t.arange(3.0 + i),))


@impure
def string_argument(t):
    return Case(lambda x, kind: x * 2 if kind == "double" else x, lambda i: (t.arange(3.0), ("double", "plain")[i % 2]))


@impure
def python_float_argument(t):
    return Case(lambda x, rate: (x * rate, rate), lambda i: (t.arange(3.0), 0.5 + i))


@impure
def python_float_branch(t):
    return Case(lambda x, rate: x * 2 if rate > 1 else x * rate, lambda i: (t.arange(3.0), 0.5 + i))


@impure
def python_int_division(t):
    return Case(lambda x, n: x * (n // 2) + n % 2, lambda i: (t.arange(3.0), i))


@impure
def warm_up_by_step(t):
    state = {"step": 0}

    def step(x):
        state["step"] += 1
        rate = min(1.0, state["step"] / 2)
        return x * rate

    return Case(step, numbers(t), lambda: state)


@impure
def stop_after_patience(t):
    state = {"best": float("inf"), "bad": 0}

    def step(x):
        loss = float((x * x).sum())
        if loss < state["best"]:
            state.update(best=loss, bad=0)
        else:
            state["bad"] += 1
        return state["bad"] > 0

    return Case(step, numbers(t), lambda: state)


@impure
def every_second_call(t):
    state = {"step": 0}

    def step(x):
        state["step"] += 1
        return x * 10 if state["step"] % 2 == 0 else x

    return Case(step, numbers(t), lambda: state)


@impure
def moving_average_of_a_float(t):
    state = {"average": 0.0}

    def step(x, loss):
        state["average"] = 0.9 * state["average"] + 0.1 * loss
        return x * state["average"]

    return Case(step, lambda i: (t.arange(3.0), i + 1.0), lambda: state)


@impure
def generator_function_inside(t):
    log = []

    def rows(x):
        for i in range(3):
            log.append(i)
            yield x * i

    return Case(lambda x: sum(rows(x)), numbers(t), lambda: log)


@impure
def generator_returned(t):
    log = []

    def step(x):
        for i in range(2):
            log.append(i)
            yield x * i

    return Case(step, numbers(t), lambda: log, list)


@impure
def exception_handled_with_an_effect(t):
    log = []

    def attempt(n):
        try:
            return {0: "zero"}[n]
        except KeyError as problem:
            log.append(repr(problem))
            return "none"

    return Case(lambda x, n: (x * 2, attempt(n)), lambda i: (t.arange(3.0), i), lambda: log)
