# ruff: noqa
# A user's function computes all examples in both directions; the gradient of what they share is a sum.

def before(x: f32[3], shared_w: f32[3]):
    def scaled(x: f32[3], w: f32[3]):
        y: f32[3] = mul(x, w)  # train.py:8
        return y, saved(x, w)
    def scaled_backward(x: f32[3], w: f32[3], d_y: f32[3]):
        d_x: f32[3] = mul(d_y, w)  # train.py:12
        d_w: f32[3] = mul(d_y, x)  # train.py:12
        return d_x, d_w
    z: f32[3] = custom(scaled, scaled_backward, x, shared_w)  # train.py:20
    return z


def after(x: f32[3, 3], shared_w: f32[3]):
    def scaled(x: f32[3, 3], w: f32[3]):
        y: f32[3, 3] = mul(x, w)  # train.py:8
        return y, saved(x, w)
    def scaled_backward(x: f32[3, 3], w: f32[3], d_y: f32[3, 3]):
        d_x: f32[3, 3] = mul(d_y, w)        # train.py:12
        d_w: f32[3, 3] = mul(d_y, x)        # train.py:12
        sum_0: f32[3] = sum(d_w, dim=(0,))  # train.py:20
        return d_x, sum_0
    z: f32[3, 3] = custom(scaled, scaled_backward, x, shared_w)  # train.py:20
    return z
