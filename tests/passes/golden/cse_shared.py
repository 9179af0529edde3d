# ruff: noqa
# Equal expressions are computed once, operands of a sum in either order; 1 and 1.0 are not equal.

def before(x: f32[4], y: f32[4], n: i64[4]):
    a: f32[4] = exp(x)        # train.py:1
    b: f32[4] = exp(x)        # train.py:2
    c: f32[4] = add(a, y)     # train.py:3
    d: f32[4] = add(y, b)     # train.py:4
    e: i64[4] = add(n, 1)     # train.py:5
    f: i64[4] = add(n, True)  # train.py:6
    g: f32[4] = sub(a, y)     # train.py:7
    h: f32[4] = sub(y, a)     # train.py:8
    return c, d, e, f, g, h


def after(x: f32[4], y: f32[4], n: i64[4]):
    a: f32[4] = exp(x)        # train.py:1
    c: f32[4] = add(a, y)     # train.py:3
    e: i64[4] = add(n, 1)     # train.py:5
    f: i64[4] = add(n, True)  # train.py:6
    g: f32[4] = sub(a, y)     # train.py:7
    h: f32[4] = sub(y, a)     # train.py:8
    return c, c, e, f, g, h
