# ruff: noqa
# Two groups that would need each other stay apart: b needs the sum of a.

def before(x: f32[4]):
    a: f32[4] = exp(x)         # train.py:1
    c: f32[4] = neg(a)         # train.py:2
    s: f32 = sum(a, dim=(0,))  # train.py:3
    b: f32[4] = mul(c, s)      # train.py:4
    d: f32[4] = add(b, a)      # train.py:5
    return d, c


def after(x: f32[4]):
    a: f32[4] = exp(x)                 # train.py:1
    s: f32 = sum(a, dim=(0,))          # train.py:3
    with pointwise_0(a, s) as (c, d):  # train.py:5
        c: f32[4] = neg(a)             # train.py:2
        b: f32[4] = mul(c, s)          # train.py:4
        d: f32[4] = add(b, a)          # train.py:5
    return d, c
