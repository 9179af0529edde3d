# ruff: noqa
# What no example changes is computed once; a composite that must see the examples apart is opened.

def before(x: f32[4], y: f32[2], shared_w: f32[2, 4], shared_b: f32[2]):
    decay: f32 = norm2(shared_w, dim=(0, 1))   # train.py:1
    z: f32[2] = linear(x, shared_w, shared_b)  # train.py:2
    a: f32[2] = softmax(z, dim=0)              # train.py:3
    loss: f32 = mse_loss(a, y)                 # train.py:4
    total: f32 = add(loss, decay)              # train.py:5
    return total, decay


def after(x: f32[3, 4], y: f32[3, 2], shared_w: f32[2, 4], shared_b: f32[2]):
    decay: f32 = norm2(shared_w, dim=(0, 1))      # train.py:1
    z: f32[3, 2] = linear(x, shared_w, shared_b)  # train.py:2
    a: f32[3, 2] = softmax(z, dim=1)              # train.py:3
    sub_0: f32[3, 2] = sub(a, y)                  # train.py:4 ~mse_loss
    sub_1: f32[3, 2] = sub(a, y)                  # train.py:4 ~mse_loss
    mul_0: f32[3, 2] = mul(sub_0, sub_1)          # train.py:4 ~mse_loss
    loss: f32[3] = mean(mul_0, dim=(1,))          # train.py:4 ~mse_loss
    total: f32[3] = add(loss, decay)              # train.py:5
    return total, decay
