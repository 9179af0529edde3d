# ruff: noqa
# Numbers are the same by type and digits.

def before(x: i64[4]):
    a: i64[4] = mul(x, 1)   # train.py:1
    b: i64[4] = mul(x, 10)  # train.py:2
    c: i64[4] = mul(x, 10)  # train.py:3
    return a, b, c


def after(x: i64[4]):
    a: i64[4] = mul(x, 1)   # train.py:1
    b: i64[4] = mul(x, 10)  # train.py:2
    return a, b, b
