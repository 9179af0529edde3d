# ruff: noqa
# A number in a rule stands for itself, and a rule keeps the type: log(x + 2) and a choice that broadcasts stay.

def before(x: f32[4], y: bool[4, 4]):
    add_0: f32[4] = add(x, 2)      # train.py:1
    a: f32[4] = log(add_0)         # train.py:1
    b: f32[4, 4] = where(y, x, x)  # train.py:2
    sub_0: f32[4] = sub(3, x)      # train.py:3
    c: f32[4] = log(sub_0)         # train.py:3
    return a, b, c


def after(x: f32[4], y: bool[4, 4]):
    add_0: f32[4] = add(x, 2)      # train.py:1
    a: f32[4] = log(add_0)         # train.py:1
    b: f32[4, 4] = where(y, x, x)  # train.py:2
    sub_0: f32[4] = sub(3, x)      # train.py:3
    c: f32[4] = log(sub_0)         # train.py:3
    return a, b, c
