"""Where products are computed in a narrow dtype."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from gradc import dtypes
from gradc.errors import ArgumentError, GradcError
from gradc.modes import current, enter


class AutocastError(GradcError, RuntimeError):
    """A device that autocast does not know."""


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows a kind of device. All computing is on the CPU, or where XLA puts it."""
    return device_type in ("cpu", "cuda")


class autocast:
    """Compute products in a narrow dtype and losses in float32, as torch.amp.autocast; a context or a decorator.

    Inside, linear, matmul, convolution and attention cast their float operands to `dtype`; losses, norms of matrices,
    factorizations and prod cast theirs to float32. What an op does is its field `autocast`. float64 is left alone.

    Source  torch.amp.autocast, with the lists of the CPU
    """

    def __init__(self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
                 ) -> None:
        if not isinstance(device_type, str):
            raise ArgumentError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise AutocastError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = dtypes.of(dtype) if dtype is not None else \
            dtypes.bfloat16 if device_type == "cpu" else dtypes.float16
        if enabled and self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            warnings.warn(f"In {device_type.upper()} autocast, but the target dtype is not supported. Disabling "
                          f"autocast.\n{device_type.upper()} Autocast only supports dtype of torch.bfloat16, "
                          f"torch.float16 currently.", UserWarning, stacklevel=2)
            enabled = False
        self.enabled = bool(enabled)
        self._before: list[Any] = []

    def __enter__(self) -> autocast:
        modes = current()
        self._before.append(modes.autocast)
        enter(modes.replace(autocast=self.fast_dtype if self.enabled else None))
        return self

    def __exit__(self, *exception: object) -> None:
        enter(current().replace(autocast=self._before.pop()))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run every call of `function` under autocast."""
        @functools.wraps(function)
        def cast(*args: Any, **kwargs: Any) -> Any:
            with autocast(self.device, self.fast_dtype, self.enabled):
                return function(*args, **kwargs)

        return cast
