# ruff: noqa
# The new values of inputs are needed as much as results.

def before(w: f32[4], d_w: f32[4]):
    step: f32[4] = mul(d_w, 0.1)    # train.py:1
    unused: f32[4] = mul(d_w, 0.2)  # train.py:2
    w_1: f32[4] = sub(w, step)      # train.py:3
    return updates(w=w_1)


def after(w: f32[4], d_w: f32[4]):
    step: f32[4] = mul(d_w, 0.1)  # train.py:1
    w_1: f32[4] = sub(w, step)    # train.py:3
    return updates(w=w_1)
