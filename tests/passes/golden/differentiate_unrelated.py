# ruff: noqa
# What does not lead to an output has a gradient of zeros.

def before(x: f32[3], y: f32[2]):
    loss: f32 = sum(x, dim=(0,))                         # train.py:1
    gradient_0: (f32[3], f32[2]) = gradient(loss, x, y)  # train.py:2
    return gradient_0[0], gradient_0[1]


def after(x: f32[3], y: f32[2]):
    loss: f32 = sum(x, dim=(0,))                          # train.py:1
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)    # train.py:2 ~grad
    reshape_0: f32[1] = reshape(d_loss, shape=(1,))       # train.py:1 ~grad
    d_x: f32[3] = expand(reshape_0, shape=(3,))           # train.py:1 ~grad
    d_y: f32[2] = full(shape=(2,), value=0.0, dtype=f32)  # train.py:2 ~grad
    return d_x, d_y
