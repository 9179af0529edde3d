# ruff: noqa
# A value that is read twice gets the sum of two cotangents.

def before(x: f32[3]):
    y: f32[3] = sin(x)                                   # train.py:1
    z: f32[3] = mul(y, x)                                # train.py:2
    loss: f32 = sum(z, dim=(0,))                         # train.py:3
    gradient_0: (f32[3], f32[3]) = gradient(loss, x, y)  # train.py:4
    return gradient_0[0], gradient_0[1]


def after(x: f32[3]):
    y: f32[3] = sin(x)                                  # train.py:1
    z: f32[3] = mul(y, x)                               # train.py:2
    loss: f32 = sum(z, dim=(0,))                        # train.py:3
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)  # train.py:4 ~grad
    reshape_0: f32[1] = reshape(d_loss, shape=(1,))     # train.py:3 ~grad
    d_z: f32[3] = expand(reshape_0, shape=(3,))         # train.py:3 ~grad
    d_y: f32[3] = mul(d_z, x)                           # train.py:2 ~grad
    mul_1: f32[3] = mul(d_z, y)                         # train.py:2 ~grad
    cos_0: f32[3] = cos(x)                              # train.py:1 ~grad
    mul_2: f32[3] = mul(d_y, cos_0)                     # train.py:1 ~grad
    d_x: f32[3] = add(mul_1, mul_2)                     # train.py:1 ~grad
    return d_x, d_y
