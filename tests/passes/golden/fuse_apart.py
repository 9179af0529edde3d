# ruff: noqa
# Nodes need not stand together; a sum in between that one of them needs, and another shape, do part them.

def before(x: f32[4], y: f32[4], w: f32[4, 4]):
    a: f32[4] = exp(x)         # train.py:1
    m: f32[4] = matmul(w, x)   # train.py:2
    b: f32[4] = mul(a, y)      # train.py:3
    s: f32 = sum(b, dim=(0,))  # train.py:4
    c: f32[4] = add(b, m)      # train.py:5
    d: f32[4] = div(c, s)      # train.py:6
    e: f32[4] = neg(d)         # train.py:7
    f: f32[4, 4] = mul(w, e)   # train.py:8
    g: f32[4, 4] = exp(f)      # train.py:8
    return b, g


def after(x: f32[4], y: f32[4], w: f32[4, 4]):
    m: f32[4] = matmul(w, x)         # train.py:2
    with pointwise_0(x, y) as b:     # train.py:3
        a: f32[4] = exp(x)           # train.py:1
        b: f32[4] = mul(a, y)        # train.py:3
    s: f32 = sum(b, dim=(0,))        # train.py:4
    with pointwise_1(b, m, s) as e:  # train.py:7
        c: f32[4] = add(b, m)        # train.py:5
        d: f32[4] = div(c, s)        # train.py:6
        e: f32[4] = neg(d)           # train.py:7
    with pointwise_2(w, e) as g:     # train.py:8
        f: f32[4, 4] = mul(w, e)     # train.py:8
        g: f32[4, 4] = exp(f)        # train.py:8
    return b, g
