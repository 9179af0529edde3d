"""Adam, and AdamW, whose weight decay is not part of the gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradc.optim.formula import FormulaOptimizer
from gradc.optim.optimizer import OptimizerError, check_betas, check_rate, check_setting
from gradc.tensor import Tensor


class Settings(NamedTuple):
    """What a step reads of a group."""

    lr: Any
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    amsgrad: bool
    maximize: bool
    decoupled_weight_decay: bool


class Adam(FormulaOptimizer):
    """Steps of about the size lr, scaled by running means of the gradient and of its square, as torch.optim.Adam.

    `foreach`, `capturable` and `fused` choose among PyTorch's implementations and change nothing here; with
    `differentiable` the update is part of the graph.

    Source  Kingma and Ba 2015, "Adam: a method for stochastic optimization", with the reordering at the end of its
            section 2; Reddi et al. 2018 for amsgrad
    """

    Settings = Settings

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        check_rate(lr)
        check_setting("epsilon value", eps, eps >= 0)
        check_betas(betas)
        check_setting("weight_decay value", weight_decay, weight_decay >= 0)
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise OptimizerError("betas must be either both floats or both Tensors")
        for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
            if isinstance(value, Tensor) and foreach and not capturable:
                raise OptimizerError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        super().__init__(params, {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay})

    def moments(self, settings: Settings) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if settings.amsgrad else ("exp_avg", "exp_avg_sq")

    def coefficients(self, xp: Any, settings: Settings, now: Any, before: Any) -> tuple[Any, ...]:
        """The shares of old and new in both means, the constant in the denominator, the rate, and weight decay."""
        lr, (beta1, beta2) = settings.lr, settings.betas
        missing1, missing2 = [bias_correction(xp, beta, now[0]) for beta in (beta1, beta2)]
        root = xp.sqrt(missing2)
        decay = 1 - lr * settings.weight_decay if settings.decoupled_weight_decay else settings.weight_decay
        return 1 - beta1, beta2, 1 - beta2, settings.eps * root, lr * root / missing1, decay

    def update(self, xp: Any, coefficients: Any, settings: Settings, p: Any, g: Any, *state: Any) -> None:
        """m = beta1·m + (1 - beta1)·g; v = beta2·v + (1 - beta2)·g²; p = p - rate·m / (√v + eps)."""
        mean, square, *largest = state
        new1, old2, new2, eps, rate, _ = coefficients
        mean += (g - mean) * new1
        square *= old2
        square += g * g * new2
        if settings.amsgrad:
            square = xp.maximum(*largest, square, out=largest[0])
        p -= mean / (xp.sqrt(square) + eps) * rate


def bias_correction(xp: Any, beta: Any, step: Any) -> Any:
    """1 - beta^step: what a mean that started at zero has seen after `step` steps. In the form that rounds well."""
    if not isinstance(beta, Tensor) and not beta:
        return 1.0
    return -xp.expm1(step * xp.log(beta))


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: each step first scales p by 1 - lr·weight_decay.

    Source  torch.optim.AdamW; Loshchilov and Hutter 2019, "Decoupled weight decay regularization"
    """

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)
