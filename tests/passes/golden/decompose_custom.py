# ruff: noqa
# A call of a Function is opened in its place; names that are taken are numbered, and the gradient is forgotten.

def before(y: f32[3]):
    def inner(x: f32[3]):
        exp_0: f32[3] = exp(x)  # train.py:4
        return exp_0
    def inner_backward(d_exp_0: f32[3]):
        return d_exp_0
    z: f32[3] = custom(inner, inner_backward, y)  # train.py:20
    def outer(x: f32[3]):
        def nested(x: f32[3]):
            y: f32[3] = neg(x)  # train.py:9
            return y
        y: f32[3] = custom(nested, x)  # train.py:12
        exp_0: f32[3] = exp(y)         # train.py:13
        return exp_0, saved(x)
    w: f32[3] = custom(outer, z)                  # train.py:21
    return w, y


def after(y: f32[3]):
    z: f32[3] = exp(y)    # train.py:4
    y_1: f32[3] = neg(z)  # train.py:9
    w: f32[3] = exp(y_1)  # train.py:13
    return w, y
