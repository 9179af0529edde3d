# ruff: noqa
# x * 1 of whole numbers by a fraction, and x + 1 that is no log1p: nothing applies.

def before(x: i64[4], y: f32[4]):
    to_0: f32[4] = to(x, dtype=f32)  # train.py:1
    add_0: f32[4] = add(to_0, 1)     # train.py:1
    z: f32[4] = exp(add_0)           # train.py:1
    mul_0: f32[4] = mul(y, 1.5)      # train.py:2
    return z, mul_0


def after(x: i64[4], y: f32[4]):
    to_0: f32[4] = to(x, dtype=f32)  # train.py:1
    add_0: f32[4] = add(to_0, 1)     # train.py:1
    z: f32[4] = exp(add_0)           # train.py:1
    mul_0: f32[4] = mul(y, 1.5)      # train.py:2
    return z, mul_0
