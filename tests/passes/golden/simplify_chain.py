# ruff: noqa
# What one rule makes the next one finds; numbers and broadcasts that change nothing go.

def before(x: f32[4], b: f32):
    neg_0: f32[4] = neg(x)                            # train.py:1
    neg_1: f32[4] = neg(neg_0)                        # train.py:1
    mul_0: f32[4] = mul(neg_1, 1)                     # train.py:2
    reshape_0: f32[1] = reshape(b, shape=(1,))        # train.py:3
    expand_0: f32[4] = expand(reshape_0, shape=(4,))  # train.py:3
    y: f32[4] = add(mul_0, expand_0)                  # train.py:3
    return y


def after(x: f32[4], b: f32):
    y: f32[4] = add(x, b)  # train.py:3 ~add_expand
    return y
