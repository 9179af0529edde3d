# ruff: noqa
# The part of a tuple is saved under a name of its own.

def before(x: f32[4], d_y: f32):
    s: f32 = prod(x, dim=(0,))              # train.py:1
    gradient_0: (f32[4],) = gradient(s, x)  # train.py:2
    y: f32 = sum(gradient_0[0], dim=(0,))   # train.py:3
    d_x: f32[4] = mul(gradient_0[0], d_y)   # train.py:3 ~grad
    return y, d_x


class after:
    def forward(x: f32[4]):
        s: f32 = prod(x, dim=(0,))              # train.py:1
        gradient_0: (f32[4],) = gradient(s, x)  # train.py:2
        y: f32 = sum(gradient_0[0], dim=(0,))   # train.py:3
        return y, saved(gradient_0[0])

    def backward(gradient_0_0: f32[4], d_y: f32):
        d_x: f32[4] = mul(gradient_0_0, d_y)  # train.py:3 ~grad
        return d_x
