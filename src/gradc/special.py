"""Special functions, as torch.special."""

from __future__ import annotations

from gradc.ops.activation import log_softmax, logit, sigmoid, softmax
from gradc.ops.elementary import erf, erfc, erfinv, exp2, expm1, log1p
from gradc.ops.reduction import logsumexp
from gradc.ops.rounding import round
from gradc.ops.special import (
    digamma,
    entr,
    erfcx,
    i0,
    i0e,
    i1,
    i1e,
    igamma,
    igammac,
    lgamma,
    log_ndtr,
    mvlgamma,
    ndtr,
    ndtri,
    polygamma,
    sinc,
    xlog1py,
    xlogy,
    zeta,
)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln",
    "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "modified_bessel_i0",
    "modified_bessel_i1", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py",
    "xlogy", "zeta",
]

expit = sigmoid
gammainc, gammaincc, gammaln, multigammaln, psi = igamma, igammac, lgamma, mvlgamma, digamma
modified_bessel_i0, modified_bessel_i1 = i0, i1
