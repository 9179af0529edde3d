# ruff: noqa
# Forward and backward of a layer: what only the backward needs is computed in the backward's block.

def before(x: f32[4, 3], w: f32[3], d_loss: f32):
    z: f32[4] = matmul(x, w)                       # train.py:1
    y: f32[4] = tanh(z)                            # train.py:1
    mul_0: f32[4] = mul(y, y)                      # train.py:1 ~grad
    sub_0: f32[4] = sub(1, mul_0)                  # train.py:1 ~grad
    loss: f32 = sum(y, dim=(0,))                   # train.py:2
    expand_0: f32[4] = expand(d_loss, shape=(4,))  # train.py:2 ~grad
    d_z: f32[4] = mul(expand_0, sub_0)             # train.py:1 ~grad
    t_0: f32[3, 4] = t(x)                          # train.py:1 ~grad
    d_w: f32[3] = matmul(t_0, d_z)                 # train.py:1 ~grad
    return loss, d_w


def after(x: f32[4, 3], w: f32[3], d_loss: f32):
    z: f32[4] = matmul(x, w)                       # train.py:1
    expand_0: f32[4] = expand(d_loss, shape=(4,))  # train.py:2 ~grad
    with pointwise_0(z, expand_0) as (y, d_z):     # train.py:1 ~grad
        y: f32[4] = tanh(z)                        # train.py:1
        mul_0: f32[4] = mul(y, y)                  # train.py:1 ~grad
        sub_0: f32[4] = sub(1, mul_0)              # train.py:1 ~grad
        d_z: f32[4] = mul(expand_0, sub_0)         # train.py:1 ~grad
    loss: f32 = sum(y, dim=(0,))                   # train.py:2
    t_0: f32[3, 4] = t(x)                          # train.py:1 ~grad
    d_w: f32[3] = matmul(t_0, d_z)                 # train.py:1 ~grad
    return loss, d_w
