# ruff: noqa
# What frees more than it takes comes as soon as it can: one large value is alive at a time.

def before(x: f32[4]):
    a: f32[100, 4] = expand(x, shape=(100, 4))  # train.py:1
    b: f32[100, 4] = exp(a)                     # train.py:2
    c: f32[100, 4] = sin(a)                     # train.py:3
    d: f32[100, 4] = cos(a)                     # train.py:4
    e: f32 = sum(b, dim=(0, 1))                 # train.py:5
    f: f32 = sum(c, dim=(0, 1))                 # train.py:6
    g: f32 = sum(d, dim=(0, 1))                 # train.py:7
    h: f32 = add(e, f)                          # train.py:8
    i: f32 = add(h, g)                          # train.py:9
    return i


def after(x: f32[4]):
    a: f32[100, 4] = expand(x, shape=(100, 4))  # train.py:1
    b: f32[100, 4] = exp(a)                     # train.py:2
    e: f32 = sum(b, dim=(0, 1))                 # train.py:5
    c: f32[100, 4] = sin(a)                     # train.py:3
    f: f32 = sum(c, dim=(0, 1))                 # train.py:6
    h: f32 = add(e, f)                          # train.py:8
    d: f32[100, 4] = cos(a)                     # train.py:4
    g: f32 = sum(d, dim=(0, 1))                 # train.py:7
    i: f32 = add(h, g)                          # train.py:9
    return i
