"""Where gradc differs from PyTorch's operator database on purpose, or lacks an op, and why."""

from __future__ import annotations

_SPARSE = "gradc has no sparse tensors"
_SOURCE = "compiles CUDA source"
_INTERNAL = "an op of torch's own internals, which programs do not call"
_FUNCTIONALIZED = "a copying form of a view that torch's compiler uses; programs write view(...).clone()"
_MASKED = "torch.masked is a prototype"
_PACKED = "a factorization in LAPACK's packed form; programs use linalg.qr and linalg.solve"
_RARE = "a special function that few programs use; not built yet"
_RARE_POOL = "pooling at random places, which few programs use; not built yet"
_SCALED = "8-bit matrix products of accelerators"

REFUSED: dict[str, str] = {
    "nn.functional.fractional_max_pool2d": _RARE_POOL,
    "nn.functional.fractional_max_pool3d": _RARE_POOL,
    "sparse.sampled_addmm": _SPARSE,
    "sparse.mm": _SPARSE,
    "to_sparse": _SPARSE,
    "jiterator_unary": _SOURCE,
    "jiterator_binary": _SOURCE,
    "jiterator_4inputs_with_extra_args": _SOURCE,
    "jiterator_binary_return_by_ref": _SOURCE,
    "jiterator_2inputs_2outputs": _SOURCE,
    "torch._scaled_mm_v2": _SCALED,
    "torch._scaled_mm": _SCALED,
    "torch.ops.aten._safe_softmax.default": _INTERNAL,
    "torch.ops.aten._flash_attention_forward": _INTERNAL,
    "torch.ops.aten._efficient_attention_forward": _INTERNAL,
    "_softmax_backward_data": _INTERNAL,
    "_native_batch_norm_legit": _INTERNAL,
    "_batch_norm_with_update": _INTERNAL,
    "_upsample_bilinear2d_aa": _INTERNAL,
    "_unsafe_masked_index": _INTERNAL,
    "_unsafe_masked_index_put_accumulate": _INTERNAL,
    "_chunk_cat": _INTERNAL,
    "_segment_reduce": _INTERNAL,
    "max_pool2d_with_indices_backward": _INTERNAL,
    "native_dropout_backward": _INTERNAL,
    "native_group_norm": _INTERNAL,
    "native_layer_norm": _INTERNAL,
    "native_batch_norm": _INTERNAL,
    "grid_sampler_2d": _INTERNAL,
    "grid_sampler_3d": _INTERNAL,
    "hash_tensor": _INTERNAL,
    **dict.fromkeys(
        ["expand_copy", "diagonal_copy", "alias_copy", "as_strided_copy", "view_copy", "permute_copy", "slice",
         "split_with_sizes_copy", "unbind_copy", "unfold_copy", "squeeze_copy", "unsqueeze_copy", "transpose_copy",
         "t_copy"], _FUNCTIONALIZED),
    **dict.fromkeys(
        [f"masked.{name}" for name in
         ("sum", "prod", "cumsum", "cumprod", "amax", "amin", "argmax", "argmin", "mean", "median", "norm", "var",
          "std", "softmax", "log_softmax", "softmin", "normalize", "logaddexp", "logsumexp")], _MASKED),
    **dict.fromkeys(["geqrf", "ormqr", "linalg.ldl_factor", "linalg.ldl_factor_ex", "linalg.ldl_solve"], _PACKED),
    "histogramdd": "counts in boxes of several dimensions; not built yet",
    **dict.fromkeys(
        [f"special.{name}" for name in
         ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t",
          "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "hermite_polynomial_h",
          "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p", "modified_bessel_k0",
          "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
          "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
          "shifted_chebyshev_polynomial_w", "spherical_bessel_j0")], _RARE),
    "ormqr": "LAPACK's own form of Q, which programs get from linalg.qr",
    "__rdiv__": "an operator of Python 2",
    "chalf": "complex numbers of two half precision floats: NumPy has no such type",
}
"""Entries of the database, by OpInfo.name, that gradc does not have."""

_INTEGER_MEANS = {"int64": "a mean of integers, which torch truncates, is refused"}
_TIES = {"values int64": "which of equal elements comes first is the sort's choice",
         "values bool": "which of equal elements comes first is the sort's choice"}
_UNREAD = {"gradient": "torch has a gradient for the half of the factor that it does not read; here it is 0"}
_OVERLAP = {"silent": "a result is computed before it is written, so it may be written over its operands"}
_GAUGE = {"values": "signs and phases of vectors are LAPACK's choice", "gradient": "it depends on these signs"}
_SIGN_OF_TRUTH = {"raises bool": "the sign of a truth value is refused"}
_OR = {"bool": "adding truth values in place of `or` is refused"}

DIFFERS: dict[str, dict[str, str]] = {
    "abs": {"inplace silent": "abs_ of complex numbers writes their sizes"},
    "addbmm": {"inplace": "torch's resizes a tensor that does not have the shape of the result"},
    "argsort": _TIES,
    "as_strided_partial_views": dict.fromkeys(
        ("values", "raises"), "the samples are views, of which the memory around is not translated"),
    "as_strided_scatter": {"gradient": "torch's own is wrong, see torch_calls.py",
                           "inplace gradient": "torch's own is wrong"},
    "cholesky_inverse": _UNREAD,
    "cholesky_solve": _UNREAD,
    "index_add": _OR,
    "index_put": _OR,
    "istft": {"gradient": "torch gives the window no gradient"},
    "kthvalue": _TIES,
    "linalg.eig": {"out values": "signs and phases of vectors are LAPACK's choice"},
    "linalg.eigh": {"out values": "signs and phases of vectors are LAPACK's choice"},
    "linalg.householder_product": {"requires_grad": "a product of no reflections depends on nothing"},
    "linalg.lstsq": {"requires_grad": "an empty vector of residuals depends on nothing", "out": "there is none"},
    "lgamma": {"bool": "truth values are refused"},
    "logcumsumexp": {"complex128": "the logarithm of a sum of complex numbers is refused",
                     "gradient float32": "torch's is less accurate than 1e-4"},
    "nn.functional.avg_pool1d": _INTEGER_MEANS,
    "nn.functional.avg_pool2d": _INTEGER_MEANS,
    "nn.functional.avg_pool3d": _INTEGER_MEANS,
    "nn.functional.batch_norm": {"raises": "an empty vector, without channels, is refused"},
    "nn.functional.local_response_norm": _INTEGER_MEANS,
    "linalg.matrix_power": {"requires_grad": "the power 0 depends on nothing"},
    "masked_select": _OVERLAP,
    "matrix_exp": {"values float32": "torch's is less accurate than 1e-4"},
    "mode": _TIES,
    "narrow_copy": {"errors": "a dimension out of range is an IndexError here, as in narrow"},
    "pca_lowrank": _GAUGE,
    "__rpow__": {"raises int64": "NumPy refuses negative powers of integers, which torch rounds to 0"},
    "put": _OR,
    "round": {"alias special.round silent": "integers are round already, under both names"},
    "scatter": _OR,
    "scatter_add": _OR,
    "scatter_reduce": _OR,
    "sgn": _SIGN_OF_TRUTH,
    "sign": _SIGN_OF_TRUTH,
    "sort": _TIES,
    "svd_lowrank": _GAUGE,
    "take": _OVERLAP,
    "topk": _TIES,
}
"""By OpInfo.name or formatted_name: what is not compared, by one of the keys of comparing.Problem, and why."""

UNSEEDED: dict[str, str] = {
    **dict.fromkeys(["empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted",
                     "resize_", "resize_as_"], "uninitialised memory"),
}
"""Ops of which only shapes and types are compared, and why."""
