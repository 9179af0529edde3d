# ruff: noqa
# A constant that both parts need is made twice and not saved.

def before(x: f32[4], d_y: f32):
    constant_0: f32[4] = constant(value=array([1.0, 2.0, 3.0, 4.0], f32))  # train.py:1
    sin_0: f32[4] = sin(x)                    # train.py:2
    weighed: f32[4] = mul(constant_0, sin_0)  # train.py:2
    y: f32 = sum(weighed, dim=(0,))           # train.py:3
    mul_0: f32[4] = mul(constant_0, d_y)      # train.py:2 ~grad
    cos_0: f32[4] = cos(x)                    # train.py:2 ~grad
    d_x: f32[4] = mul(mul_0, cos_0)           # train.py:2 ~grad
    return y, d_x


class after:
    def forward(x: f32[4]):
        constant_0: f32[4] = constant(value=array([1.0, 2.0, 3.0, 4.0], f32))  # train.py:1
        sin_0: f32[4] = sin(x)                    # train.py:2
        weighed: f32[4] = mul(constant_0, sin_0)  # train.py:2
        y: f32 = sum(weighed, dim=(0,))           # train.py:3
        return y, saved(x)

    def backward(x: f32[4], d_y: f32):
        constant_0: f32[4] = constant(value=array([1.0, 2.0, 3.0, 4.0], f32))  # train.py:1
        mul_0: f32[4] = mul(constant_0, d_y)  # train.py:2 ~grad
        cos_0: f32[4] = cos(x)                # train.py:2 ~grad
        d_x: f32[4] = mul(mul_0, cos_0)       # train.py:2 ~grad
        return d_x
