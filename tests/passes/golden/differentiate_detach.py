# ruff: noqa
# No gradient flows through detach, nor to what it is not asked for; afterwards it is gone.

def before(x: f32[3], w: f32[3]):
    y: f32[3] = mul(x, w)                      # train.py:1
    detach_0: f32[3] = detach(y)               # train.py:2
    z: f32[3] = mul(y, detach_0)               # train.py:2
    loss: f32 = sum(z, dim=(0,))               # train.py:3
    gradient_0: (f32[3],) = gradient(loss, w)  # train.py:4
    return gradient_0[0], detach_0


def after(x: f32[3], w: f32[3]):
    y: f32[3] = mul(x, w)                               # train.py:1
    z: f32[3] = mul(y, y)                               # train.py:2
    loss: f32 = sum(z, dim=(0,))                        # train.py:3
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)  # train.py:4 ~grad
    reshape_0: f32[1] = reshape(d_loss, shape=(1,))     # train.py:3 ~grad
    d_z: f32[3] = expand(reshape_0, shape=(3,))         # train.py:3 ~grad
    d_y: f32[3] = mul(d_z, y)                           # train.py:2 ~grad
    d_w: f32[3] = mul(d_y, x)                           # train.py:1 ~grad
    return d_w, y
