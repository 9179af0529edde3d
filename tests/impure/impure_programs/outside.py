"""Globals, output, files, the environment, time and random numbers."""

import io
import logging
import math
import os
import random
import sys
import tempfile
import time
import uuid
import warnings
from pathlib import Path

import numpy as np

from impure_programs.case import Case, Noticed, impure
from impure_programs.containers import numbers

CALLS = 0
SCALE = 1.0
WEIGHT = None
TABLE = {}
LIMIT = 1


def activation(x):
    """Replaced by programs."""
    return x * 2


@impure
def global_counter(t):
    global CALLS
    CALLS = 0

    def step(x):
        global CALLS
        CALLS += 1
        return x * CALLS

    return Case(step, numbers(t), lambda: CALLS)


@impure
def global_written_unread(t):
    global LIMIT
    LIMIT = 0

    def step(x):
        global LIMIT
        LIMIT = x.shape[0]
        return x * 2

    return Case(step, lambda i: (t.arange(3.0 + i),), lambda: LIMIT)


@impure
def global_float_changed_by_the_caller(t):
    def arguments(i):
        global SCALE
        SCALE = i + 1.0
        return (t.arange(3.0),)

    return Case(lambda x: x * SCALE, arguments)


@impure
def global_tensor_replaced_by_the_caller(t):
    def arguments(i):
        global WEIGHT
        WEIGHT = t.ones(3) * i
        return (t.arange(3.0),)

    return Case(lambda x: x * WEIGHT, arguments)


@impure
def global_tensor_replaced_inside(t):
    global WEIGHT
    WEIGHT = t.zeros(3)

    def step(x):
        global WEIGHT
        WEIGHT = WEIGHT + x
        return x * 2

    return Case(step, numbers(t), lambda: WEIGHT)


@impure
def global_function_replaced_by_the_caller(t):
    def arguments(i):
        globals()["activation"] = (lambda x: x * 2) if i == 1 else (lambda x: x * 3)
        return (t.arange(3.0),)

    return Case(lambda x: activation(x), arguments)


@impure
def global_deleted_and_made(t):
    TABLE.clear()

    def step(x):
        globals()["TABLE"][len(TABLE)] = 1
        return x * len(TABLE)

    return Case(step, numbers(t), lambda: dict(TABLE))


@impure
def module_attribute_changed_by_the_caller(t):
    pi = math.pi

    def arguments(i):
        math.pi = 3.0 if i == 1 else pi
        return (t.arange(3.0),)

    return Case(lambda x: x * math.pi, arguments, lambda: setattr(math, "pi", pi))


@impure
def environment_read(t):
    def arguments(i):
        os.environ["GRADC_IMPURE"] = str(i + 1)
        return (t.arange(3.0),)

    return Case(lambda x: x * int(os.environ["GRADC_IMPURE"]), arguments)


@impure
def environment_getenv(t):
    def arguments(i):
        os.environ["GRADC_IMPURE"] = str(i + 1)
        return (t.arange(3.0),)

    return Case(lambda x: x * int(os.getenv("GRADC_IMPURE", "0")), arguments)


@impure
def environment_written(t):
    os.environ["GRADC_IMPURE"] = "0"

    def step(x):
        os.environ["GRADC_IMPURE"] = str(int(os.environ["GRADC_IMPURE"]) + 1)
        return x * 2

    return Case(step, numbers(t), lambda: os.environ["GRADC_IMPURE"])


@impure
def print_text(t):
    def step(x):
        print("called")
        return x * 2

    return Case(step, numbers(t))


@impure
def print_a_python_number(t):
    def step(x, n):
        print("step", n, sep=": ", end="!\n")
        return x * n

    return Case(step, lambda i: (t.arange(3.0), i))


@impure
def print_a_tensor(t):
    def step(x):
        print(x * 2)
        return x * 3

    return Case(step, numbers(t))


@impure
def print_a_formatted_value(t):
    def step(x):
        print(f"loss {float(x.sum()):.2f}")
        return x * 3

    return Case(step, numbers(t))


@impure
def print_to_stdout_write(t):
    def step(x):
        sys.stdout.write("written\n")
        return x * 3

    return Case(step, numbers(t))


@impure
def print_into_a_buffer(t):
    buffer = io.StringIO()

    def step(x):
        print("kept", file=buffer)
        return x * 3

    return Case(step, numbers(t), buffer.getvalue)


@impure
def buffer_written(t):
    buffer = io.StringIO()

    def step(x):
        buffer.write("a")
        return x * 3

    return Case(step, numbers(t), buffer.getvalue)


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def logger_with_records(name):
    logger, records = logging.getLogger(name), Records()
    logger.handlers[:] = [records]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger, records


@impure
def log_record(t):
    logger, records = logger_with_records("impure.plain")

    def step(x):
        logger.info("called with %s", tuple(x.shape))
        return x * 2

    return Case(step, numbers(t), lambda: records.lines)


@impure
def log_record_with_a_value(t):
    logger, records = logger_with_records("impure.value")

    def step(x):
        logger.info("loss %.3f", float(x.sum()))
        return x * 2

    return Case(step, numbers(t), lambda: records.lines)


@impure
def log_level_changed_by_the_caller(t):
    logger, records = logger_with_records("impure.level")

    def step(x):
        if logger.isEnabledFor(logging.DEBUG):
            return x * 2
        return x

    def arguments(i):
        logger.setLevel(logging.DEBUG if i == 1 else logging.INFO)
        return (t.arange(3.0),)

    return Case(step, arguments, lambda: records.lines)


@impure
def warning_given(t):
    def step(x):
        warnings.warn("careful", Noticed, stacklevel=1)
        return x * 2

    return Case(step, numbers(t))


def scratch():
    return Path(tempfile.mkdtemp(prefix="impure")) / "file.txt"


@impure
def file_written(t):
    path = scratch()

    def step(x):
        with open(path, "a") as file:
            file.write("line\n")
        return x * 2

    return Case(step, numbers(t), path.read_text)


@impure
def file_read(t):
    path = scratch()

    def arguments(i):
        path.write_text(str(i + 1))
        return (t.arange(3.0),)

    def step(x):
        with open(path) as file:
            return x * int(file.read())

    return Case(step, arguments)


@impure
def file_read_through_a_path(t):
    path = scratch()

    def arguments(i):
        path.write_text(str(i + 1))
        return (t.arange(3.0),)

    return Case(lambda x: x * int(path.read_text()), arguments)


@impure
def file_existence(t):
    path = scratch()

    def arguments(i):
        if i == 1:
            path.touch()
        return (t.arange(3.0),)

    return Case(lambda x: x * 2 if os.path.exists(path) else x, arguments)


@impure
def file_kept_open(t):
    path = scratch()
    file = open(path, "w")  # noqa: SIM115

    def step(x):
        file.write("x")
        return x * 2

    def state():
        file.flush()
        return path.read_text()

    return Case(step, numbers(t), state)


@impure
def directory_made(t):
    path = scratch()

    def step(x):
        os.mkdir(path.with_name(f"d{len(os.listdir(path.parent))}"))
        return x * 2

    return Case(step, numbers(t), lambda: sorted(os.listdir(path.parent)))


def counting_distinct(pick=lambda result: result[1]):
    """A view that tells how many different values have come back so far."""
    seen = set()

    def view(result):
        seen.add(pick(result))
        return len(seen)

    return view


@impure
def time_read(t):
    return Case(lambda x: (x * 2, time.perf_counter_ns()), numbers(t), view=counting_distinct())


@impure
def time_as_a_factor(t):
    def arguments(i):
        time.sleep(0.001)
        return (t.ones(3),)

    def view(result):
        seen.add(result.tolist()[0])
        return len(seen)

    seen = set()
    return Case(lambda x: x * (time.time() % 1000), arguments, view=view)


@impure
def time_measured(t):
    durations = []

    def step(x):
        start = time.perf_counter()
        y = x * 2
        durations.append(time.perf_counter() - start)
        return y

    return Case(step, numbers(t), lambda: len(set(durations)))


@impure
def random_python(t):
    random.seed(0)
    return Case(lambda x: x * random.random(), numbers(t), random.random)


@impure
def random_python_branch(t):
    random.seed(1)

    def step(x):
        if random.random() < 0.5:
            return x * 2
        return x * 3

    return Case(step, numbers(t))


@impure
def random_python_seeded_inside(t):
    def step(x):
        random.seed(3)
        return x * 2

    def arguments(i):
        random.seed(i)
        return (t.arange(3.0),)

    return Case(step, arguments, random.random)


@impure
def random_shuffle(t):
    random.seed(0)
    order = [0, 1, 2, 3]

    def step(x):
        random.shuffle(order)
        return x * order[0]

    return Case(step, numbers(t), lambda: order)


@impure
def random_numpy(t):
    np.random.seed(0)
    return Case(lambda x: x * float(np.random.rand()), numbers(t), np.random.rand)


@impure
def random_numpy_array(t):
    np.random.seed(0)
    return Case(lambda x: x + t.tensor(np.random.rand(3).astype(np.float32)), numbers(t), np.random.rand)


@impure
def random_numpy_generator(t):
    generator = np.random.default_rng(0)
    return Case(lambda x: x * generator.integers(100), numbers(t), lambda: generator.integers(100))


@impure
def random_framework(t):
    t.manual_seed(0)
    return Case(lambda x: x + t.rand(3), numbers(t), lambda: t.rand(2))


@impure
def random_framework_seeded_inside(t):
    def step(x):
        t.manual_seed(7)
        return x + t.rand(3)

    return Case(step, numbers(t), lambda: t.rand(2))


@impure
def random_framework_generator(t):
    generator = t.Generator()
    generator.manual_seed(3)
    return Case(lambda x: x + t.rand(3, generator=generator), numbers(t), lambda: t.rand(2, generator=generator))


@impure
def random_identifier(t):
    return Case(lambda x: (x * 2, uuid.uuid4().hex), numbers(t), view=counting_distinct())


@impure
def random_from_the_system(t):
    return Case(lambda x: (x * 2, os.urandom(8)), numbers(t), view=counting_distinct())


@impure
def default_dtype_changed_by_the_caller(t):
    def arguments(i):
        t.set_default_dtype(t.float64 if i == 1 else t.float32)
        return (t.tensor([1.0, 2.0], dtype=t.float32),)

    return Case(lambda x: (x * 2, t.ones(2)), arguments)


@impure
def default_dtype_changed_inside(t):
    def step(x):
        t.set_default_dtype(t.float64)
        return x * 2

    def state():
        found = str(t.get_default_dtype()).split(".")[-1]
        t.set_default_dtype(t.float32)
        return found

    return Case(step, numbers(t), state)


@impure
def grad_mode_changed_inside(t):
    def step(x):
        t.set_grad_enabled(False)
        return x * 2

    def state():
        found = t.is_grad_enabled()
        t.set_grad_enabled(True)
        return found

    return Case(step, numbers(t), state)


@impure
def grad_mode_changed_by_the_caller(t):
    w = t.ones(3, requires_grad=True)

    def arguments(i):
        t.set_grad_enabled(i != 1)
        return (t.arange(3.0),)

    return Case(lambda x: x * w, arguments, lambda: t.set_grad_enabled(True) and None, lambda y: y.requires_grad)


@impure
def working_directory(t):
    paths = [tempfile.mkdtemp(prefix="impure") for _ in range(3)]
    home = os.getcwd()

    def arguments(i):
        os.chdir(paths[i])
        return (t.arange(3.0),)

    def view(result):
        os.chdir(home)
        return paths.index(os.path.realpath(result[1]))

    return Case(lambda x: (x * 2, os.getcwd()), arguments, view=view)
