# ruff: noqa
# Tensors of one value become numbers.

def before(x: f32[4]):
    full_0: f32[1] = full(shape=(1,), value=2.0, dtype=f32)  # train.py:1
    sqrt_0: f32[1] = sqrt(full_0)                            # train.py:1
    expand_0: f32[4] = expand(sqrt_0, shape=(4,))            # train.py:2
    y: f32[4] = mul(x, expand_0)                             # train.py:2
    return y


def after(x: f32[4]):
    y: f32[4] = mul(x, 1.4142135)  # train.py:2 ~mul_with_full
    return y
