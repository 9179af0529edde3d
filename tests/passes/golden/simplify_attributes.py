# ruff: noqa
# What is nearly log_softmax, and two triangles: attributes that a rule has at two nodes must be the same at both, and
# are only in the last line.

def before(x: f32[3, 3], y: f32[3, 3]):
    amax_0: f32[3, 1] = amax(x, dim=(1,), keepdim=True)
    sub_0: f32[3, 3] = sub(x, amax_0)
    exp_0: f32[3, 3] = exp(sub_0)
    sum_0: f32[1, 3] = sum(exp_0, dim=(0,), keepdim=True)
    div_0: f32[3, 3] = div(exp_0, sum_0)
    log_0: f32[3, 3] = log(div_0)
    tril_0: f32[3, 3] = tril(x)
    tril_1: f32[3, 3] = tril(tril_0, diagonal=-1)
    tril_2: f32[3, 3] = tril(y, diagonal=1)
    tril_3: f32[3, 3] = tril(tril_2, diagonal=1)
    return log_0, tril_1, tril_3


def after(x: f32[3, 3], y: f32[3, 3]):
    amax_0: f32[3, 1] = amax(x, dim=(1,), keepdim=True)
    sub_0: f32[3, 3] = sub(x, amax_0)
    exp_0: f32[3, 3] = exp(sub_0)
    sum_0: f32[1, 3] = sum(exp_0, dim=(0,), keepdim=True)
    div_0: f32[3, 3] = div(exp_0, sum_0)
    log_0: f32[3, 3] = log(div_0)
    tril_0: f32[3, 3] = tril(x)
    tril_1: f32[3, 3] = tril(tril_0, diagonal=-1)
    tril_3: f32[3, 3] = tril(y, diagonal=1)  # ?:0 ~tril_tril
    return log_0, tril_1, tril_3
