# ruff: noqa
# What opens to composites is opened again.

def before(z: f32[4, 3]):
    y: f32[4, 3] = selu(z)  # train.py:1
    return y


def after(z: f32[4, 3]):
    gt_0: bool[4, 3] = gt(z, 0)                          # train.py:1 ~selu ~elu
    gt_1: bool[4, 3] = gt(z, 0)                          # train.py:1 ~selu ~elu
    where_0: f32[4, 3] = where(gt_1, 0.0, z)             # train.py:1 ~selu ~elu
    expm1_0: f32[4, 3] = expm1(where_0)                  # train.py:1 ~selu ~elu
    mul_0: f32[4, 3] = mul(1.6732632423543772, expm1_0)  # train.py:1 ~selu ~elu
    elu_0: f32[4, 3] = where(gt_0, z, mul_0)             # train.py:1 ~selu ~elu
    y: f32[4, 3] = mul(1.0507009873554805, elu_0)        # train.py:1 ~selu
    return y
