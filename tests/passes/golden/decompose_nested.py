# ruff: noqa
# What opens to composites is opened again.

def before(z: f32[4, 3], target: i64[4]):
    loss: f32 = cross_entropy(z, target)  # train.py:1
    return loss


def after(z: f32[4, 3], target: i64[4]):
    amax_0: f32[4, 1] = amax(z, dim=(1,), keepdim=True)              # train.py:1 ~cross_entropy ~log_softmax
    sub_0: f32[4, 3] = sub(z, amax_0)                                # train.py:1 ~cross_entropy ~log_softmax
    exp_0: f32[4, 3] = exp(sub_0)                                    # train.py:1 ~cross_entropy ~log_softmax
    sum_2: f32[4, 1] = sum(exp_0, dim=(1,), keepdim=True)            # train.py:1 ~cross_entropy ~log_softmax
    log_0: f32[4, 1] = log(sum_2)                                    # train.py:1 ~cross_entropy ~log_softmax
    log_softmax_0: f32[4, 3] = sub(sub_0, log_0)                     # train.py:1 ~cross_entropy ~log_softmax
    ne_0: bool[4] = ne(target, -100)                                 # train.py:1 ~cross_entropy
    where_0: i64[4] = where(ne_0, target, 0)                         # train.py:1 ~cross_entropy
    unsqueeze_0: i64[4, 1] = unsqueeze(where_0, dim=1)               # train.py:1 ~cross_entropy
    gather_0: f32[4, 1] = gather(log_softmax_0, unsqueeze_0, dim=1)  # train.py:1 ~cross_entropy
    squeeze_0: f32[4] = squeeze(gather_0, dim=(1,))                  # train.py:1 ~cross_entropy
    neg_0: f32[4] = neg(squeeze_0)                                   # train.py:1 ~cross_entropy
    where_1: f32[4] = where(ne_0, neg_0, 0.0)                        # train.py:1 ~cross_entropy
    sum_0: f32 = sum(where_1, dim=(0,))                              # train.py:1 ~cross_entropy
    to_0: i64[4] = to(ne_0, dtype=i64)                               # train.py:1 ~cross_entropy
    sum_1: i64 = sum(to_0, dim=(0,))                                 # train.py:1 ~cross_entropy
    to_1: f32 = to(sum_1, dtype=f32)                                 # train.py:1 ~cross_entropy
    loss: f32 = div(sum_0, to_1)                                     # train.py:1 ~cross_entropy
    return loss
