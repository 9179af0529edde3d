# ruff: noqa
# The second derivative: the second gradient goes through what the first has become.

def before(x: f32):
    y: f32 = tanh(x)                                        # train.py:1
    gradient_0: (f32,) = gradient(y, x, create_graph=True)  # train.py:2
    gradient_1: (f32,) = gradient(gradient_0[0], x)         # train.py:3
    return gradient_0[0], gradient_1[0]


def after(x: f32):
    y: f32 = tanh(x)                                   # train.py:1
    d_y: f32 = full(shape=(), value=1.0, dtype=f32)    # train.py:2 ~grad
    mul_0: f32 = mul(y, y)                             # train.py:1 ~grad
    sub_0: f32 = sub(1, mul_0)                         # train.py:1 ~grad
    d_x: f32 = mul(d_y, sub_0)                         # train.py:1 ~grad
    d_d_x: f32 = full(shape=(), value=1.0, dtype=f32)  # train.py:3 ~grad
    d_sub_0: f32 = mul(d_d_x, d_y)                     # train.py:1 ~grad
    d_mul_0: f32 = neg(d_sub_0)                        # train.py:1 ~grad
    mul_3: f32 = mul(d_mul_0, y)                       # train.py:1 ~grad
    mul_4: f32 = mul(d_mul_0, y)                       # train.py:1 ~grad
    d_y_1: f32 = add(mul_3, mul_4)                     # train.py:1 ~grad
    mul_5: f32 = mul(y, y)                             # train.py:1 ~grad
    sub_1: f32 = sub(1, mul_5)                         # train.py:1 ~grad
    d_x_1: f32 = mul(d_y_1, sub_1)                     # train.py:1 ~grad
    return d_x, d_x_1
