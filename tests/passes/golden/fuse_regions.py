# ruff: noqa
# A function with a name, the block that only it reads, and a sum with what it alone reads and what alone reads it.

def before(x: f32[4, 5], w: f32[5]):
    a: f32[4, 5] = mul(x, w)                        # train.py:1
    b: f32[4, 5] = tanh(a)                          # train.py:1
    m: f32[4, 1] = amax(b, dim=(1,), keepdim=True)  # train.py:2 ~softmax
    c: f32[4, 5] = sub(b, m)                        # train.py:2 ~softmax
    e: f32[4, 5] = exp(c)                           # train.py:2 ~softmax
    s: f32[4, 1] = sum(e, dim=(1,), keepdim=True)   # train.py:2 ~softmax
    p: f32[4, 5] = div(e, s)                        # train.py:2 ~softmax
    d: f32[4, 5] = log(p)                           # train.py:3
    h: f32[4, 5] = mul(p, d)                        # train.py:3
    t_0: f32[5, 4] = t(p)                           # train.py:4
    r: f32[4] = sum(h, dim=(1,))                    # train.py:3
    n: f32[4] = neg(r)                              # train.py:3
    return n, t_0


def after(x: f32[4, 5], w: f32[5]):
    with softmax_0(x, w) as p:                          # train.py:2 ~softmax ~only p reads b
        a: f32[4, 5] = mul(x, w)                        # train.py:1
        b: f32[4, 5] = tanh(a)                          # train.py:1
        m: f32[4, 1] = amax(b, dim=(1,), keepdim=True)  # train.py:2 ~softmax
        c: f32[4, 5] = sub(b, m)                        # train.py:2 ~softmax
        e: f32[4, 5] = exp(c)                           # train.py:2 ~softmax
        s: f32[4, 1] = sum(e, dim=(1,), keepdim=True)   # train.py:2 ~softmax
        p: f32[4, 5] = div(e, s)                        # train.py:2 ~softmax
    t_0: f32[5, 4] = t(p)                               # train.py:4
    with reduction_0(p) as n:                           # train.py:3 ~only r reads h, only n reads r
        d: f32[4, 5] = log(p)                           # train.py:3
        h: f32[4, 5] = mul(p, d)                        # train.py:3
        r: f32[4] = sum(h, dim=(1,))                    # train.py:3
        n: f32[4] = neg(r)                              # train.py:3
    return n, t_0
