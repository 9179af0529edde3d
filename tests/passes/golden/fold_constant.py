# ruff: noqa
# What is computed from constants is a constant.

def before(x: f32[3]):
    constant_0: f32[3] = constant(value=array([1.0, 2.0, 4.0], f32))  # train.py:1
    sum_0: f32 = sum(constant_0, dim=(0,))                            # train.py:2
    weights: f32[3] = div(constant_0, sum_0)                          # train.py:2
    y: f32[3] = mul(x, weights)                                       # train.py:3
    return y


def after(x: f32[3]):
    weights: f32[3] = constant(value=array([0.14285715, 0.2857143, 0.5714286], f32))  # train.py:2 ~fold
    y: f32[3] = mul(x, weights)  # train.py:3
    return y
