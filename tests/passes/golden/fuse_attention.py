# ruff: noqa
# The softmax of an attention keeps its name inside; what a later gradient reads of it is a result.

def before(q: f32[4, 3], k: f32[3, 5], v: f32[5, 3], d_y: f32[4, 3]):
    z: f32[4, 5] = matmul(q, k)                     # train.py:1
    u: f32[4, 5] = mul(z, 0.57)                     # train.py:1
    m: f32[4, 1] = amax(u, dim=(1,), keepdim=True)  # train.py:2 ~softmax
    c: f32[4, 5] = sub(u, m)                        # train.py:2 ~softmax
    e: f32[4, 5] = exp(c)                           # train.py:2 ~softmax
    s: f32[4, 1] = sum(e, dim=(1,), keepdim=True)   # train.py:2 ~softmax
    p: f32[4, 5] = div(e, s)                        # train.py:2 ~softmax
    y: f32[4, 3] = matmul(p, v)                     # train.py:3
    t_0: f32[5, 4] = t(p)                           # train.py:3 ~grad
    d_v: f32[5, 3] = matmul(t_0, d_y)               # train.py:3 ~grad
    return y, d_v


def after(q: f32[4, 3], k: f32[3, 5], v: f32[5, 3], d_y: f32[4, 3]):
    with attention_0(q, k, v) as (p, y):                    # train.py:3 ~the ops of attention
        z: f32[4, 5] = matmul(q, k)                         # train.py:1
        u: f32[4, 5] = mul(z, 0.57)                         # train.py:1
        with softmax_0(u) as p:                             # train.py:2 ~softmax ~the ops of softmax
            m: f32[4, 1] = amax(u, dim=(1,), keepdim=True)  # train.py:2 ~softmax
            c: f32[4, 5] = sub(u, m)                        # train.py:2 ~softmax
            e: f32[4, 5] = exp(c)                           # train.py:2 ~softmax
            s: f32[4, 1] = sum(e, dim=(1,), keepdim=True)   # train.py:2 ~softmax
            p: f32[4, 5] = div(e, s)                        # train.py:2 ~softmax
        y: f32[4, 3] = matmul(p, v)                         # train.py:3
    t_0: f32[5, 4] = t(p)                                   # train.py:3 ~grad
    d_v: f32[5, 3] = matmul(t_0, d_y)                       # train.py:3 ~grad
    return y, d_v
