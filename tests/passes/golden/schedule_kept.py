# ruff: noqa
# An order that cannot be bettered stays.

def before(x: f32[4], y: f32[4]):
    a: f32[4] = exp(x)         # train.py:1
    b: f32[4] = mul(a, y)      # train.py:2
    s: f32 = sum(b, dim=(0,))  # train.py:3
    return s


def after(x: f32[4], y: f32[4]):
    a: f32[4] = exp(x)         # train.py:1
    b: f32[4] = mul(a, y)      # train.py:2
    s: f32 = sum(b, dim=(0,))  # train.py:3
    return s
