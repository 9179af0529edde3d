# ruff: noqa
# Forward saves what backward reads of it.

def before(x: f32[4, 3], w: f32[3], d_loss: f32):
    z: f32[4] = matmul(x, w)          # train.py:1
    y: f32[4] = tanh(z)               # train.py:1
    loss: f32 = sum(y, dim=(0,))      # train.py:2
    mul_0: f32[4] = mul(y, y)         # train.py:1 ~grad
    sub_0: f32[4] = sub(1, mul_0)     # train.py:1 ~grad
    d_z: f32[4] = mul(d_loss, sub_0)  # train.py:1 ~grad
    t_0: f32[3, 4] = t(x)             # train.py:1 ~grad
    d_w: f32[3] = matmul(t_0, d_z)    # train.py:1 ~grad
    return loss, d_w


class after:
    def forward(x: f32[4, 3], w: f32[3]):
        z: f32[4] = matmul(x, w)      # train.py:1
        y: f32[4] = tanh(z)           # train.py:1
        loss: f32 = sum(y, dim=(0,))  # train.py:2
        return loss, saved(y, x)

    def backward(y: f32[4], x: f32[4, 3], d_loss: f32):
        mul_0: f32[4] = mul(y, y)         # train.py:1 ~grad
        sub_0: f32[4] = sub(1, mul_0)     # train.py:1 ~grad
        d_z: f32[4] = mul(d_loss, sub_0)  # train.py:1 ~grad
        t_0: f32[3, 4] = t(x)             # train.py:1 ~grad
        d_w: f32[3] = matmul(t_0, d_z)    # train.py:1 ~grad
        return d_w
