# ruff: noqa
# Attributes count.

def before(x: f32[4, 4]):
    a: f32[4] = sum(x, dim=(0,))  # train.py:1
    b: f32[4] = sum(x, dim=(1,))  # train.py:2
    c: f32[4] = sum(x, dim=(0,))  # train.py:3
    d: f32[4] = mul(b, c)         # train.py:4
    return a, d


def after(x: f32[4, 4]):
    a: f32[4] = sum(x, dim=(0,))  # train.py:1
    b: f32[4] = sum(x, dim=(1,))  # train.py:2
    d: f32[4] = mul(b, a)         # train.py:4
    return a, d
