# ruff: noqa
# Indices that differ are joined by the number of the example, which keeps the examples in front.

def before(x: f32[5, 3], i: i64[4], shared_y: f32[6, 4]):
    row: f32[3] = getitem(x, index=(2,))                                # train.py:1
    at: f32[5, 4] = index(x, i, index=(slice(None, None, None), 'i0'))  # train.py:2
    of: f32[6, 4] = index(shared_y, i, index=(slice(None, None, None), 'i0'))  # train.py:3
    scalar: f32 = sum(row, dim=(0,))                                    # train.py:4
    shifted: f32[6, 4] = add(of, scalar)                                # train.py:5
    return row, at, shifted


def after(x: f32[3, 5, 3], i: i64[3, 4], shared_y: f32[6, 4]):
    row: f32[3, 3] = getitem(x, index=(slice(None, None, None), 2))  # train.py:1
    arange_0: i64[3] = arange(start=0, end=3, step=1, dtype=i64)     # train.py:2
    reshape_0: i64[3, 1] = reshape(arange_0, shape=(3, 1))           # train.py:2
    index_0: f32[3, 4, 5] = index(x, i, reshape_0, index=('i1', slice(None, None, None), 'i0'))  # train.py:2
    at: f32[3, 5, 4] = permute(index_0, dims=(0, 2, 1))              # train.py:2
    index_1: f32[6, 3, 4] = index(shared_y, i, index=(slice(None, None, None), 'i0'))  # train.py:3
    of: f32[3, 6, 4] = permute(index_1, dims=(1, 0, 2))              # train.py:3
    scalar: f32[3] = sum(row, dim=(1,))                              # train.py:4
    reshape_1: f32[3, 1, 1] = reshape(scalar, shape=(3, 1, 1))       # train.py:5
    shifted: f32[3, 6, 4] = add(of, reshape_1)                       # train.py:5
    return row, at, shifted
