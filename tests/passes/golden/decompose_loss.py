# ruff: noqa
# A loss opens to stable arithmetic; its result keeps the user's name.

def before(z: f32[4], y: f32[4]):
    loss: f32 = binary_cross_entropy_with_logits(z, y)  # train.py:1
    return loss


def after(z: f32[4], y: f32[4]):
    neg_0: f32[4] = neg(z)                  # train.py:1 ~binary_cross_entropy_with_logits
    softplus_0: f32[4] = softplus(neg_0)    # train.py:1 ~binary_cross_entropy_with_logits
    mul_0: f32[4] = mul(y, softplus_0)      # train.py:1 ~binary_cross_entropy_with_logits
    sub_0: f32[4] = sub(1, y)               # train.py:1 ~binary_cross_entropy_with_logits
    softplus_1: f32[4] = softplus(z)        # train.py:1 ~binary_cross_entropy_with_logits
    mul_1: f32[4] = mul(sub_0, softplus_1)  # train.py:1 ~binary_cross_entropy_with_logits
    add_0: f32[4] = add(mul_0, mul_1)       # train.py:1 ~binary_cross_entropy_with_logits
    loss: f32 = mean(add_0, dim=(0,))       # train.py:1 ~binary_cross_entropy_with_logits
    return loss
