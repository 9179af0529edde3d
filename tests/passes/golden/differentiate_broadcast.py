# ruff: noqa
# Over the dimensions along which an operand was repeated, its cotangent is summed.

def before(x: f32[4, 3], b: f32[3], s: f32, d_z: f32[4, 3]):
    y: f32[4, 3] = add(x, b)                                         # train.py:1
    z: f32[4, 3] = mul(y, s)                                         # train.py:2
    gradient_0: (f32[3], f32) = gradient(z, d_z, b, s, seeded=True)  # train.py:3
    return gradient_0[0], gradient_0[1]


def after(x: f32[4, 3], b: f32[3], s: f32, d_z: f32[4, 3]):
    y: f32[4, 3] = add(x, b)           # train.py:1
    z: f32[4, 3] = mul(y, s)           # train.py:2
    d_y: f32[4, 3] = mul(d_z, s)       # train.py:2 ~grad
    mul_1: f32[4, 3] = mul(d_z, y)     # train.py:2 ~grad
    d_s: f32 = sum(mul_1, dim=(0, 1))  # train.py:2 ~grad
    d_b: f32[3] = sum(d_y, dim=(0,))   # train.py:1 ~grad
    return d_b, d_s
