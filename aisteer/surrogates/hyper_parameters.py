"""Hyper-parameters of a Gaussian process: where they live, and their maximum a posteriori."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gpytorch.kernels import Kernel
from gpytorch.means import ConstantMean
from linear_operator.utils.errors import NanError, NotPSDError
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from aisteer.surrogates.kernels import Candidate
from aisteer.surrogates.noise import MixedNoise

__all__ = ["Modules", "most_probable"]

Array = NDArray[np.float64]

_SUBSET = 300
_ITERATIONS = 100
_POLISH = 8
_LOST = 1e10


class _Surprise(torch.autograd.Function):
    r"""Minus the log density of residuals :math:`r` with covariance :math:`K`, less its constant.

    Its gradients are :math:`(K^{-1} - \alpha\alpha^T)/2` and :math:`\alpha = K^{-1} r`. To differentiate the
    factorisation step by step would take thrice the time, and the memory of all that lies between.
    """

    @staticmethod
    def forward(context: Any, covariance: Tensor, residual: Tensor) -> Tensor:
        factor = torch.linalg.cholesky(covariance)
        white = torch.linalg.solve_triangular(factor, residual.unsqueeze(-1), upper=False)
        context.save_for_backward(factor, white)
        total: Tensor = 0.5 * white.square().sum() + factor.diagonal().log().sum()
        return total

    @staticmethod
    def backward(context: Any, scale: Tensor) -> tuple[Tensor, Tensor]:
        factor, white = context.saved_tensors
        alpha = torch.linalg.solve_triangular(factor.mT, white, upper=True)
        slope = torch.cholesky_inverse(factor).addmm_(alpha, alpha.mT, alpha=-1.0).mul_(0.5 * scale)
        return slope, scale * alpha.squeeze(-1)


class Modules(torch.nn.Module):
    """The parts that hold hyper-parameters, for ``n`` outcomes."""

    def __init__(self, candidate: Candidate, variances: Tensor) -> None:
        super().__init__()
        self.kernel: Kernel = candidate.make().double()
        # Beside a kernel of long reach, such as Tanimoto's, a mean that is learned drifts far away from a
        # handful of outcomes and takes every candidate that nothing is known of with it.
        self.mean = ConstantMean().double().requires_grad_(requires_grad=candidate.learned_mean)
        self.likelihood = MixedNoise(variances).double()
        named = [*self.kernel.named_priors(), *self.likelihood.named_priors()]
        self.priors = [(module, prior, closure) for _, module, prior, closure, _ in named]

    def covariance(self, x: Tensor) -> Tensor:
        """Of noisy outcomes at ``x``, ``n x n``."""
        dense: Tensor = self.kernel(x).to_dense()
        return dense + torch.diag_embed(self.likelihood.noise_covar.variances())

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Minus the log posterior density of the hyper-parameters."""
        total: Tensor = _Surprise.apply(  # type: ignore[no-untyped-call]
            self.covariance(x), y - self.mean.constant
        )
        for module, prior, closure in self.priors:
            total = total - prior.log_prob(closure(module)).sum()
        return total


def most_probable(candidate: Candidate, x: Tensor, y: Tensor, variances: Tensor) -> tuple[Modules, str]:
    """Modules with the most probable hyper-parameters; a large set is first fitted on a part of it.

    Args:
        candidate: The kernel.
        x: Inputs, shape ``n x d``.
        y: Standardised outcomes, shape ``n``.
        variances: Of their noise in that unit, ``nan`` where not known, shape ``n``.

    Returns:
        The modules, and words where the fit failed: they are those of the prior then.
    """
    modules, iterations = Modules(candidate, variances), _ITERATIONS
    if len(y) > _SUBSET:
        part = np.linspace(0, len(y) - 1, _SUBSET).astype(int)
        start, _ = most_probable(candidate, x[part], y[part], variances[part])
        modules.load_state_dict(start.state_dict())
        iterations = _POLISH
    if _descend(modules, x, y, iterations):
        return modules, ""
    words = "The hyper-parameters could not be fitted; those of the prior are used, so trust it less."
    return Modules(candidate, variances), words


@dataclass(frozen=True, slots=True)
class _Knob:
    """A parameter of the search; ``floor`` where it is searched on a logarithmic scale above that."""

    parameter: torch.nn.Parameter
    floor: float | None


def _knobs(modules: Modules) -> list[_Knob]:
    """The free parameters; those that their constraint does not transform are positive scales."""
    found = []
    for name, parameter in modules.named_parameters():
        if not parameter.requires_grad:
            continue
        path, _, raw = name.rpartition(".")
        constraint = getattr(modules.get_submodule(path), f"{raw}_constraint", None)
        floor = float(constraint.lower_bound) if constraint is not None and not constraint.enforced else None
        found.append(_Knob(parameter, floor))
    return found


def _descend(modules: Modules, x: Tensor, y: Tensor, iterations: int) -> bool:
    """Minimise the loss by L-BFGS-B, in place; whether that worked."""
    knobs = _knobs(modules)
    parameters = [knob.parameter for knob in knobs]
    begin = np.concatenate([_read(knob) for knob in knobs])
    low = [None if k.floor is None else math.log(k.floor) for k in knobs for _ in range(k.parameter.numel())]

    def evaluate(vector: Array) -> tuple[float, Array]:
        _turn(knobs, vector)
        try:
            loss = modules.loss(x, y)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        except (NotPSDError, NanError, RuntimeError, ValueError):  # LinAlgError is a RuntimeError
            return _LOST, np.zeros_like(vector)
        by_log = [
            g if knob.floor is None else g * knob.parameter.detach()
            for knob, g in zip(knobs, gradients, strict=True)
        ]
        return float(loss.detach()), torch.cat([g.reshape(-1) for g in by_log]).numpy()

    first = evaluate(begin)[0]
    found = minimize(
        evaluate,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=[(bound, None) for bound in low],
        options={"maxiter": iterations, "ftol": 1e-7, "gtol": 1e-4},
    )
    _turn(knobs, found.x)
    return bool(np.isfinite(found.fun) and found.fun <= first and found.fun < _LOST)


def _read(knob: _Knob) -> Array:
    value: Array = knob.parameter.detach().numpy().ravel().copy()
    return value if knob.floor is None else np.log(value)


def _turn(knobs: list[_Knob], vector: Array) -> None:
    place = 0
    with torch.no_grad():
        for knob in knobs:
            size = knob.parameter.numel()
            part = torch.as_tensor(vector[place : place + size]).reshape(knob.parameter.shape)
            knob.parameter.copy_(part if knob.floor is None else part.exp().clamp_min(knob.floor))
            place += size
