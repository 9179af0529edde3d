# ruff: noqa
# Of what a block computes, only its results can die behind it.

def before(x: f32[4]):
    with pointwise_0(x) as (a, c):  # train.py:2
        a: f32[4] = exp(x)          # train.py:1
        b: f32[4] = neg(a)          # train.py:2
        c: f32[4] = mul(a, b)       # train.py:2
    s: f32 = sum(a, dim=(0,))       # train.py:3
    d: f32[4] = sub(c, s)           # train.py:4
    return d


def after(x: f32[4]):
    with pointwise_0(x) as (a, c):  # train.py:2
        a: f32[4] = exp(x)          # train.py:1
        b: f32[4] = neg(a)          # train.py:2
        c: f32[4] = mul(a, b)       # train.py:2
    s: f32 = sum(a, dim=(0,))       # train.py:3
    del a                           # train.py:3
    d: f32[4] = sub(c, s)           # train.py:4
    del c, s                        # train.py:4
    return d
