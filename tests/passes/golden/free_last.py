# ruff: noqa
# A value dies behind its last reader; inputs, outputs and the parts of a tuple do not.

def before(x: f32[4], y: f32[4]):
    a: f32[4] = exp(x)                      # train.py:1
    b: f32[4] = mul(a, y)                   # train.py:2
    s: f32 = sum(b, dim=(0,))               # train.py:3
    gradient_0: (f32[4],) = gradient(s, x)  # train.py:4
    c: f32[4] = div(b, gradient_0[0])       # train.py:5
    d: f32[4] = neg(c)                      # train.py:6
    return c, d


def after(x: f32[4], y: f32[4]):
    a: f32[4] = exp(x)                      # train.py:1
    b: f32[4] = mul(a, y)                   # train.py:2
    del a                                   # train.py:2
    s: f32 = sum(b, dim=(0,))               # train.py:3
    gradient_0: (f32[4],) = gradient(s, x)  # train.py:4
    del s                                   # train.py:4
    c: f32[4] = div(b, gradient_0[0])       # train.py:5
    del b, gradient_0                       # train.py:5
    d: f32[4] = neg(c)                      # train.py:6
    return c, d
