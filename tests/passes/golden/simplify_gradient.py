# ruff: noqa
# The gradient of softplus(x @ w).sum(), in six lines: where the cotangent was all ones, no trace of it is left.

def before(x: f32[3, 4], w: f32[4, 5]):
    logits: f32[3, 5] = matmul(x, w)
    losses: f32[3, 5] = softplus(logits)
    loss: f32 = sum(losses, dim=(0, 1))
    d_loss: f32 = full(shape=(), value=1.0, dtype=f32)
    reshape_0: f32[1, 1] = reshape(d_loss, shape=(1, 1))
    d_losses: f32[3, 5] = expand(reshape_0, shape=(3, 5))
    sigmoid_0: f32[3, 5] = sigmoid(logits)
    d_logits: f32[3, 5] = mul(d_losses, sigmoid_0)
    t_0: f32[4, 3] = t(x)
    d_w: f32[4, 5] = matmul(t_0, d_logits)
    return d_w


def after(x: f32[3, 4], w: f32[4, 5]):
    logits: f32[3, 5] = matmul(x, w)
    sigmoid_0: f32[3, 5] = sigmoid(logits)
    t_0: f32[4, 3] = t(x)
    d_w: f32[4, 5] = matmul(t_0, sigmoid_0)
    return d_w
