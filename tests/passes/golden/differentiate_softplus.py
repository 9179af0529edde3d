# ruff: noqa
# The gradient of softplus(x @ w).sum(): the weights' cotangent is a product with sigmoid.

def before(x: f32[4, 3], w: f32[3]):
    z: f32[4] = matmul(x, w)                   # train.py:1
    softplus_0: f32[4] = softplus(z)           # train.py:2
    loss: f32 = sum(softplus_0, dim=(0,))      # train.py:2
    gradient_0: (f32[3],) = gradient(loss, w)  # train.py:3
    return loss, gradient_0[0]


def after(x: f32[4, 3], w: f32[3]):
    z: f32[4] = matmul(x, w)                              # train.py:1
    softplus_0: f32[4] = softplus(z)                      # train.py:2
    loss: f32 = sum(softplus_0, dim=(0,))                 # train.py:2
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)    # train.py:3 ~grad
    reshape_0: f32[1] = reshape(d_loss, shape=(1,))       # train.py:2 ~grad
    d_softplus_0: f32[4] = expand(reshape_0, shape=(4,))  # train.py:2 ~grad
    sigmoid_0: f32[4] = sigmoid(z)                        # train.py:2 ~grad
    d_z: f32[4] = mul(d_softplus_0, sigmoid_0)            # train.py:2 ~grad
    reshape_1: f32[4] = reshape(d_z, shape=(4,))          # train.py:1 ~grad
    d_w: f32[3] = matmul(reshape_1, x)                    # train.py:1 ~grad
    return loss, d_w
