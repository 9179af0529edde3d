# ruff: noqa
# log(sigmoid(x)) is -softplus(-x), which neither overflows nor loses digits.

def before(x: f32[4]):
    sigmoid_0: f32[4] = sigmoid(x)  # train.py:1
    y: f32[4] = log(sigmoid_0)      # train.py:1
    return y


def after(x: f32[4]):
    neg_0: f32[4] = neg(x)                # train.py:1 ~log_sigmoid
    softplus_0: f32[4] = softplus(neg_0)  # train.py:1 ~log_sigmoid
    y: f32[4] = neg(softplus_0)           # train.py:1 ~log_sigmoid
    return y
