"""Lists, dictionaries, sets and iterators that a function reads or writes."""

import array
import heapq
import itertools
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np

from impure_programs.case import Case, impure


def numbers(t):
    """A vector that differs between calls."""
    return lambda i: (t.arange(3.0) + i,)


@impure
def list_append(t):
    seen = []

    def step(x):
        seen.append(len(seen))
        return x * 2

    return Case(step, numbers(t), lambda: seen)


@impure
def list_append_of_a_tensor(t):
    seen = []

    def step(x):
        seen.append(x * 2)
        return x * 3

    return Case(step, numbers(t), lambda: seen)


@impure
def list_pop(t):
    waiting = [1, 2, 3, 4]

    def step(x):
        return x * waiting.pop()

    return Case(step, numbers(t), lambda: waiting)


@impure
def list_item(t):
    cells = [0, 0]

    def step(x):
        cells[0] += 1
        return x + cells[0]

    return Case(step, numbers(t), lambda: cells)


@impure
def list_extend_and_slice(t):
    cells = [1]

    def step(x):
        cells.extend([2, 3])
        cells[1:2] = [7, 8]
        return x * len(cells)

    return Case(step, numbers(t), lambda: cells)


@impure
def list_sort(t):
    cells = [3, 1, 2]

    def step(x):
        cells.sort(reverse=cells[0] < cells[-1])
        return x * cells[0]

    return Case(step, numbers(t), lambda: cells)


@impure
def list_augmented_assignment(t):
    holder = {"cells": [1]}
    other = holder["cells"]

    def step(x):
        holder["cells"] += [2]
        return x * len(other)

    return Case(step, numbers(t), lambda: (holder, other))


@impure
def list_of_numbers_grown_by_the_caller(t):
    factors = [2.0]

    def arguments(i):
        factors.append(i)
        return (t.arange(3.0),)

    return Case(lambda x: x * sum(factors), arguments)


@impure
def list_of_tensors_grown_by_the_caller(t):
    terms = [t.ones(3)]

    def arguments(i):
        terms.append(t.ones(3) * i)
        return (t.arange(3.0),)

    def step(x):
        for term in terms:
            x = x + term
        return x

    return Case(step, arguments)


@impure
def tuple_replaced_by_the_caller(t):
    sizes = (2, 3)

    def arguments(i):
        nonlocal sizes
        sizes = (2 + i, 3)
        return (t.arange(3.0),)

    return Case(lambda x: x * sizes[0], arguments)


@impure
def dict_new_key(t):
    table = {}

    def step(x):
        table[len(table)] = "seen"
        return x * 2

    return Case(step, numbers(t), lambda: table)


@impure
def dict_counter(t):
    table = {"calls": 0}

    def step(x):
        table["calls"] += 1
        return x * table["calls"]

    return Case(step, numbers(t), lambda: table)


@impure
def dict_metrics_of_tensors(t):
    metrics = {}

    def step(x):
        metrics["sum"] = x.sum()
        return x * 2

    return Case(step, numbers(t), lambda: metrics)


@impure
def dict_delete(t):
    table = {0: "a", 1: "b", 2: "c", 3: "d"}

    def step(x):
        table.pop(next(iter(table)))
        return x * len(table)

    return Case(step, numbers(t), lambda: table)


@impure
def dict_order_changed_by_the_caller(t):
    table = {"double": 2.0, "add": 1.0}

    def arguments(i):
        table["double"] = table.pop("double")  # now it is last
        return (t.arange(3.0),)

    def step(x):
        for name, value in table.items():
            x = x * value if name == "double" else x + value
        return x

    return Case(step, arguments)


@impure
def dict_key_added_by_the_caller(t):
    table = {"a": 1.0}

    def arguments(i):
        if i == 1:
            table["bias"] = 5.0
        return (t.arange(3.0),)

    return Case(lambda x: x + table["bias"] if "bias" in table else x, arguments)


@impure
def dict_get_with_default(t):
    table = {}

    def arguments(i):
        table.update({"rate": 0.5} if i else {})
        return (t.arange(3.0),)

    return Case(lambda x: x * table.get("rate", 1.0), arguments)


@impure
def dict_setdefault(t):
    table = {}

    def step(x):
        return x * table.setdefault("first", 2 + len(table))

    def arguments(i):
        if i == 2:
            table.clear()
            table["other"] = 1
        return (t.arange(3.0),)

    return Case(step, arguments, lambda: table)


@impure
def dict_argument_written(t):
    def step(x, batch):
        batch["result"] = x * 2
        return x.sum()

    return Case(step, lambda i: (t.arange(3.0) + i, {"result": None}))


@impure
def list_argument_appended(t):
    history = []

    def step(x, history):
        history.append(x.shape[0])
        return x * len(history)

    return Case(step, lambda i: (t.arange(3.0) + i, history), lambda: history)


@impure
def list_argument_popped(t):
    def step(items):
        return items.pop() + items.pop()

    return Case(step, lambda i: ([t.ones(2) * i, t.ones(2), t.zeros(2)],))


@impure
def defaultdict_of_lists(t):
    groups = defaultdict(list)

    def step(x):
        groups[x.shape[0] % 2].append(x.shape[0])
        return x * 2

    return Case(step, lambda i: (t.arange(3.0 + i),), lambda: dict(groups))


@impure
def counter_update(t):
    counts = Counter()

    def step(x):
        counts.update(["calls", f"shape {x.shape[0]}"])
        return x * counts["calls"]

    return Case(step, numbers(t), lambda: dict(counts))


@impure
def deque_window(t):
    window = deque(maxlen=2)

    def step(x):
        window.append(len(window) + 1)
        return x * sum(window)

    return Case(step, numbers(t), lambda: list(window))


@impure
def ordered_dict_move_to_end(t):
    table = OrderedDict(a=1, b=2, c=3)

    def step(x):
        table.move_to_end(next(iter(table)))
        return x * next(iter(table.values()))

    return Case(step, numbers(t), lambda: list(table))


@impure
def set_add(t):
    shapes = set()

    def step(x):
        shapes.add(x.shape[0])
        return x * len(shapes)

    return Case(step, lambda i: (t.arange(3.0 + i % 2),), lambda: sorted(shapes))


@impure
def set_changed_by_the_caller(t):
    enabled = {"bias"}

    def arguments(i):
        (enabled.discard if i == 1 else enabled.add)("bias")
        return (t.arange(3.0),)

    return Case(lambda x: x + 1 if "bias" in enabled else x, arguments)


@impure
def heap_push(t):
    heap = []

    def step(x):
        heapq.heappush(heap, -len(heap))
        return x * heap[0]

    return Case(step, numbers(t), lambda: heap)


@impure
def array_of_numbers(t):
    cells = array.array("d", [1.0, 2.0])

    def step(x):
        cells[0] += 1
        return x * cells[0]

    return Case(step, numbers(t), lambda: list(cells))


@impure
def bytes_written(t):
    buffer = bytearray(b"abc")

    def step(x):
        buffer[0] += 1
        return x * 2

    return Case(step, numbers(t), lambda: bytes(buffer))


@impure
def numpy_array_written(t):
    counts = np.zeros(2)

    def step(x):
        counts[0] += 1
        return x * 2

    return Case(step, numbers(t), lambda: counts)


@impure
def numpy_array_changed_by_the_caller(t):
    mask = np.ones(3, np.float32)

    def arguments(i):
        mask[i] = 0
        return (t.arange(3.0) + 1,)

    return Case(lambda x: x * t.tensor(mask), arguments)


@impure
def nested_containers(t):
    tree = {"a": [{"n": 0}]}

    def step(x):
        tree["a"][0]["n"] += 1
        tree["a"].append({"n": len(tree["a"])})
        return x * tree["a"][0]["n"]

    return Case(step, numbers(t), lambda: tree)


@impure
def generator_advanced(t):
    def powers():
        value = 1
        while True:
            yield value
            value *= 2

    factors = powers()
    return Case(lambda x: x * next(factors), numbers(t), lambda: next(factors))


@impure
def count_advanced(t):
    ticket = itertools.count(1)
    return Case(lambda x: x * next(ticket), numbers(t), lambda: repr(ticket))


@impure
def cycle_advanced(t):
    signs = itertools.cycle([1, -1])
    return Case(lambda x: x * next(signs), numbers(t))


@impure
def iterator_argument_consumed(t):
    factors = iter([2, 3, 5, 7])
    return Case(lambda x, factors: x * next(factors), lambda i: (t.arange(3.0), factors))


@impure
def iterator_of_tensors(t):
    batches = iter([t.ones(2) * i for i in range(5)])
    return Case(lambda x: x + next(batches), lambda i: (t.arange(2.0),))


@impure
def exhausted_iterator(t):
    batches = iter([1.0])
    return Case(lambda x: x * sum(batches), numbers(t))


@impure
def result_list_changed_by_the_caller(t):
    def spoil(result):
        seen = [len(result), result[0]]
        result.clear()
        return seen

    return Case(lambda x: [x * 2, 3], numbers(t), view=spoil)


@impure
def result_is_the_callers_list(t):
    kept = [1, 2]

    def spoil(result):
        result[1].append(0)
        return result[1] is kept

    return Case(lambda x: (x * 2, kept), numbers(t), lambda: kept, spoil)


@impure
def same_tensor_in_two_containers(t):
    shared = t.ones(3)
    first, second = {"w": shared}, [shared]

    def step(x):
        first["w"].add_(x)
        return x * second[0]

    return Case(step, numbers(t), lambda: (first, second))


@impure
def list_entry_replaced_by_a_tensor(t):
    cells = [t.zeros(3)]

    def step(x):
        cells[0] = cells[0] + x
        return cells[0] * 2

    return Case(step, numbers(t), lambda: cells)


@impure
def memo_by_hand(t):
    memo = {}

    def step(x, n):
        if n not in memo:
            memo[n] = n * 10
        return x * memo[n]

    return Case(step, lambda i: (t.arange(3.0), i % 2), lambda: memo)


@impure
def memo_of_tensors(t):
    memo = {}

    def step(x):
        if "scale" not in memo:
            memo["scale"] = x * 2
        return x + memo["scale"]

    return Case(step, numbers(t), lambda: memo)


@impure
def list_appended_by_a_function_of_c(t):
    seen = []

    def step(x):
        list(map(seen.append, [len(seen)]))
        return x * len(seen)

    return Case(step, numbers(t), lambda: list(seen))


@impure
def deque_consumes(t):
    seen = []

    def step(x):
        deque(map(seen.append, [1, 2]), maxlen=0)
        return x + len(seen)

    return Case(step, numbers(t), lambda: len(seen))


@impure
def the_same_list_twice(t):
    def step(x):
        once = [x + 1]
        both = {"a": once, "b": once}
        both["a"].append(x)
        return both, both["a"] is both["b"]

    return Case(step, numbers(t))
