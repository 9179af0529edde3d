"""Tensors that share memory, are written in place, or come back as themselves."""

import copy

import numpy as np

from impure_programs.case import Case, impure


@impure
def write_to_an_argument(t):
    def step(x):
        x.mul_(2)
        return x.sum()

    return Case(step, lambda i: (t.arange(3.0) + i,))


@impure
def write_to_a_captured_tensor(t):
    total = t.zeros(3)

    def step(x):
        total.add_(x)
        return total * 2

    return Case(step, lambda i: (t.ones(3) * i,), lambda: total)


@impure
def write_through_a_view(t):
    table = t.zeros(2, 3)

    def step(x):
        table[0].add_(x)
        table.view(6)[4] = 7.0
        return table.sum()

    return Case(step, lambda i: (t.ones(3) * i,), lambda: table)


@impure
def write_by_index(t):
    table = t.zeros(4)

    def step(x, i):
        table[i] = x.sum()
        return table * 2

    return Case(step, lambda i: (t.ones(3) * i, i), lambda: table)


@impure
def write_to_a_view_made_outside(t):
    table = t.zeros(2, 3)
    row = table[1]

    def step(x):
        row.add_(x)
        return table.sum()

    return Case(step, lambda i: (t.ones(3) * i,), lambda: (table, row))


@impure
def write_to_a_base_of_a_view_made_outside(t):
    table = t.zeros(2, 3)
    row = table[1]

    def step(x):
        table.add_(x)
        return row.sum()

    return Case(step, lambda i: (t.ones(3) * i,), lambda: (table, row))


@impure
def write_with_out(t):
    target = t.zeros(3)

    def step(x):
        t.mul(x, 2, out=target)
        return target + 1

    return Case(step, lambda i: (t.ones(3) * i,), lambda: target)


@impure
def write_through_detach(t):
    weight = t.ones(3)

    def step(x):
        weight.detach().mul_(x)
        return weight * 2

    return Case(step, lambda i: (t.ones(3) * (i + 1),), lambda: weight)


@impure
def write_through_data(t):
    weight = t.ones(3, requires_grad=True)

    def step(x):
        weight.data.mul_(x)
        return (weight * 2).sum().detach()

    return Case(step, lambda i: (t.ones(3) * (i + 1),), lambda: weight)


@impure
def data_assigned(t):
    weight = t.ones(3)

    def step(x):
        weight.data = x * 2
        return x + 1

    return Case(step, lambda i: (t.ones(3) * (i + 1),), lambda: weight)


@impure
def copy_into(t):
    target = t.zeros(3)

    def step(x):
        target.copy_(x * 2)
        return x + 1

    return Case(step, lambda i: (t.ones(3) * (i + 1),), lambda: target)


@impure
def same_argument_twice(t):
    def step(a, b):
        a.mul_(2)
        return a + b

    def arguments(i):
        x = t.ones(3) * (i + 1)
        return (x, x) if i != 1 else (x, t.ones(3))

    return Case(step, arguments)


@impure
def overlapping_views_as_arguments(t):
    def step(a, b):
        a.add_(10)
        return b * 2

    def arguments(i):
        x = t.arange(4.0)
        return (x[:3], x[1:]) if i != 1 else (x[:3], t.arange(3.0))

    return Case(step, arguments)


@impure
def base_and_view_as_arguments(t):
    def step(base, view):
        base.mul_(3)
        return view + 1

    def arguments(i):
        x = t.ones(2, 2) * (i + 1)
        return x, x[0]

    return Case(step, arguments)


@impure
def numpy_memory_shared_between_arguments(t):
    def step(a, b):
        a.add_(1)
        return b * 2

    def arguments(i):
        memory = np.ones(3, np.float32)
        return t.from_numpy(memory), t.from_numpy(memory)

    return Case(step, arguments)


@impure
def numpy_memory_changed_by_the_caller(t):
    memory = np.ones(3, np.float32)
    weight = t.from_numpy(memory)

    def arguments(i):
        memory[:] = i
        return (t.ones(3),)

    return Case(lambda x: x + weight, arguments)


@impure
def numpy_memory_written(t):
    memory = np.ones(3, np.float32)
    weight = t.from_numpy(memory)

    def step(x):
        weight.add_(x)
        return weight * 2

    return Case(step, lambda i: (t.ones(3),), lambda: memory)


@impure
def returns_its_argument(t):
    passed = []

    def arguments(i):
        passed[:] = [t.ones(3) * i]
        return tuple(passed)

    return Case(lambda x: x, arguments, view=lambda y: y is passed[0])


@impure
def returns_a_captured_tensor(t):
    weight = t.ones(3)
    return Case(lambda x: (x * 2, weight), lambda i: (t.ones(3) * i,), view=lambda r: r[1] is weight)


@impure
def returns_a_written_argument(t):
    def spoil(result):
        result.add_(100)
        return result

    return Case(lambda x: x.mul_(2), lambda i: (t.ones(3) * i,), view=spoil)


@impure
def returns_a_view_of_its_argument(t):
    passed = []

    def arguments(i):
        passed[:] = [t.ones(3) * i]
        return tuple(passed)

    def spoil(result):
        result.add_(100)
        return passed[0]

    return Case(lambda x: x[:2], arguments, view=spoil)


@impure
def returns_a_view_of_captured_state(t):
    table = t.zeros(2, 2)

    def spoil(result):
        result.add_(1)
        return table

    return Case(lambda x: table[0], lambda i: (t.ones(3) * i,), lambda: table, spoil)


@impure
def returns_the_same_tensor_twice(t):
    def spoil(result):
        first, second = result
        first.add_(1)
        return first is second, second

    def step(x):
        y = x * 2
        return y, y

    return Case(step, lambda i: (t.ones(3) * i,), view=spoil)


@impure
def returns_a_tensor_and_its_view(t):
    def spoil(result):
        result[1].add_(1)
        return result[0]

    def step(x):
        y = x * 2
        return y, y[:1]

    return Case(step, lambda i: (t.ones(3) * i,), view=spoil)


@impure
def results_kept_by_the_caller(t):
    weight, kept = t.zeros(3), []

    def step(x):
        weight.add_(x)
        return weight.clone()

    return Case(step, lambda i: (t.ones(3),), lambda: kept, lambda y: kept.append(y))


@impure
def captured_tensor_returned_then_written(t):
    weight, kept = t.zeros(3), []

    def step(x):
        weight.add_(x)
        return weight

    return Case(step, lambda i: (t.ones(3),), lambda: kept, lambda y: kept.append(y))


@impure
def captured_tensor_written_by_the_caller(t):
    weight = t.zeros(3)

    def arguments(i):
        weight.add_(1)
        return (t.ones(3),)

    return Case(lambda x: x * weight, arguments)


@impure
def captured_tensor_resized_by_the_caller(t):
    holder = {"w": t.ones(3)}

    def arguments(i):
        holder["w"] = t.ones(3, dtype=(t.float32, t.float64, t.int64)[i])
        return (t.ones(3),)

    return Case(lambda x: x * holder["w"], arguments)


@impure
def deepcopy_of_a_tensor(t):
    weight, snapshots = t.zeros(3), []

    def step(x):
        before = copy.deepcopy(weight)
        weight.add_(x)
        return weight - before

    return Case(step, lambda i: (t.ones(3) * i,), lambda: (weight, snapshots))


@impure
def swap_of_two_tensors(t):
    a, b = t.zeros(3), t.ones(3)

    def step(x):
        held = a.clone()
        a.copy_(b)
        b.copy_(held)
        return a * x

    return Case(step, lambda i: (t.ones(3) * 2,), lambda: (a, b))


@impure
def ring_buffer(t):
    buffer, position = t.zeros(2, 3), {"i": 0}

    def step(x):
        buffer[position["i"] % 2] = x
        position["i"] += 1
        return buffer.sum(0)

    return Case(step, lambda i: (t.ones(3) * i,), lambda: (buffer, position))


@impure
def chained_closure_state(t):
    cells = [t.zeros(3), t.zeros(3)]

    def step(x):
        cells[0], cells[1] = cells[1], cells[0]
        cells[0].add_(x)
        return cells[0] - cells[1]

    return Case(step, lambda i: (t.ones(3) * (i + 1),), lambda: cells)


@impure
def requires_grad_set_inside(t):
    weight = t.ones(3)

    def step(x):
        weight.requires_grad_(True)
        return x * 2

    return Case(step, lambda i: (t.ones(3),), lambda: weight.requires_grad)


@impure
def attribute_on_a_tensor(t):
    weight = t.ones(3)
    weight.scale = 1.0

    def arguments(i):
        weight.scale = i + 1.0
        return (t.ones(3),)

    return Case(lambda x: x * weight.scale, arguments)


@impure
def attribute_on_a_tensor_written(t):
    weight = t.ones(3)
    weight.calls = 0

    def step(x):
        weight.calls += 1
        return x * 2

    return Case(step, lambda i: (t.ones(3),), lambda: weight.calls)


@impure
def version_read(t):
    weight = t.ones(3)

    def arguments(i):
        weight.mul_(1)
        return (t.ones(3),)

    return Case(lambda x: x * weight._version, arguments)


@impure
def version_counted(t):
    weight = t.ones(3)

    def step(x):
        weight.add_(x)
        return x * 2

    return Case(step, lambda i: (t.ones(3),), lambda: weight._version > 0)
