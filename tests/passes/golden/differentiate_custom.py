# ruff: noqa
# A Function of the user's own: its backward is opened where the gradient passes it, and its forward stays for now.

def before(x: f32[3]):
    a: f32[3] = mul(x, 2)                      # train.py:20
    def scaled_exp(x: f32[3]):  # gradc · train.py:5
        y: f32[3] = exp(x)         # train.py:6
        gt_0: bool[3] = gt(y, 1)   # train.py:7
        mul_0: f32[3] = mul(y, 3)  # train.py:8
        return mul_0, saved(y, gt_0)
    def scaled_exp_backward(y: f32[3], gt_0: bool[3], d_mul_0: f32[3]):  # gradc · train.py:11
        d: f32[3] = mul(d_mul_0, y)         # train.py:12
        to_0: f32[3] = to(gt_0, dtype=f32)  # train.py:13
        mul_0: f32[3] = mul(d, to_0)        # train.py:13
        return mul_0
    z: (f32[3], f32[3], bool[3]) = custom(scaled_exp, scaled_exp_backward, a)  # train.py:21
    loss: f32 = sum(z[0], dim=(0,))            # train.py:22
    gradient_0: (f32[3],) = gradient(loss, x)  # train.py:23
    return loss, gradient_0[0]


def after(x: f32[3]):
    a: f32[3] = mul(x, 2)                               # train.py:20
    def scaled_exp(x: f32[3]):  # gradc · train.py:5
        y: f32[3] = exp(x)         # train.py:6
        gt_0: bool[3] = gt(y, 1)   # train.py:7
        mul_0: f32[3] = mul(y, 3)  # train.py:8
        return mul_0, saved(y, gt_0)
    def scaled_exp_backward(y: f32[3], gt_0: bool[3], d_mul_0: f32[3]):  # gradc · train.py:11
        d: f32[3] = mul(d_mul_0, y)         # train.py:12
        to_0: f32[3] = to(gt_0, dtype=f32)  # train.py:13
        mul_0: f32[3] = mul(d, to_0)        # train.py:13
        return mul_0
    z: (f32[3], f32[3], bool[3]) = custom(scaled_exp, scaled_exp_backward, a)  # train.py:21
    loss: f32 = sum(z[0], dim=(0,))                     # train.py:22
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)  # train.py:23 ~grad
    reshape_0: f32[1] = reshape(d_loss, shape=(1,))     # train.py:22 ~grad
    d_z_0: f32[3] = expand(reshape_0, shape=(3,))       # train.py:22 ~grad
    d: f32[3] = mul(d_z_0, z[1])                        # train.py:12 ~grad
    to_0: f32[3] = to(z[2], dtype=f32)                  # train.py:13 ~grad
    d_a: f32[3] = mul(d, to_0)                          # train.py:13 ~grad
    d_x: f32[3] = mul(d_a, 2)                           # train.py:20 ~grad
    return loss, d_x
