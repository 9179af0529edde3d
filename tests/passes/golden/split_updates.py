# ruff: noqa
# New values of inputs are made in the forward part; what the gradients alone need is not.

def before(x: f32[4], count: i64, d_y: f32[4]):
    count_1: i64 = add(count, 1)   # train.py:1
    y: f32[4] = mul(x, x)          # train.py:2
    mul_0: f32[4] = mul(x, 2.0)    # train.py:2 ~grad
    d_x: f32[4] = mul(d_y, mul_0)  # train.py:2 ~grad
    return y, d_x, updates(count=count_1)


class after:
    def forward(x: f32[4], count: i64):
        count_1: i64 = add(count, 1)  # train.py:1
        y: f32[4] = mul(x, x)         # train.py:2
        return y, updates(count=count_1), saved(x)

    def backward(x: f32[4], d_y: f32[4]):
        mul_0: f32[4] = mul(x, 2.0)    # train.py:2 ~grad
        d_x: f32[4] = mul(d_y, mul_0)  # train.py:2 ~grad
        return d_x
