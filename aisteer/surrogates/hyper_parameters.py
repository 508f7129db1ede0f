"""Hyper-parameters of a Gaussian process: where they live, and their maximum a posteriori."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gpytorch.kernels import Kernel
from gpytorch.means import ConstantMean
from gpytorch.priors import GammaPrior, LogNormalPrior
from linear_operator.utils.errors import NanError, NotPSDError
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from aisteer.surrogates.closed_form import ClosedForm
from aisteer.surrogates.fidelity_kernel import direct
from aisteer.surrogates.kernels import Candidate
from aisteer.surrogates.noise import MixedNoise

__all__ = ["Modules", "fitted_on", "most_probable", "refined"]

Array = NDArray[np.float64]

_EVERY_ONE_UP_TO = 100
_STEP = 1.1
_SUBSET = 300
_ITERATIONS = 100
_POLISH = 8
_LOST = 1e10


def fitted_on(n: int) -> int:
    """Of ``n`` outcomes those that hyper-parameters are fitted on: up to 100 all, then in steps of a tenth."""
    if n <= _EVERY_ONE_UP_TO:
        return n
    step = math.floor(math.log(n / _EVERY_ONE_UP_TO) / math.log(_STEP) + 1e-9)
    return min(n, round(_EVERY_ONE_UP_TO * _STEP**step))


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
        self.closed = ClosedForm.of(self.kernel)

    def covariance(self, x: Tensor) -> Tensor:
        """Of noisy outcomes at ``x``, ``n x n``."""
        if self.closed is not None and not torch.is_grad_enabled():
            self.closed.refresh()
            dense = self.closed.pairs(x, x).covariance
        else:
            dense = direct(self.kernel, x, x)
        return dense + torch.diag_embed(self.likelihood.noise_covar.variances())

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Minus the log posterior density of the hyper-parameters."""
        total: Tensor = _Surprise.apply(  # type: ignore[no-untyped-call]
            self.covariance(x), y - self.mean.constant
        )
        for module, prior, closure in self.priors:
            total = total - prior.log_prob(closure(module)).sum()
        return total

    def loss_and_slopes(self, x: Tensor, y: Tensor) -> tuple[float, list[Tensor]]:
        """The loss, and its slopes by the free parameters: in closed form where the kernel has one."""
        free = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if self.closed is None:
            loss = self.loss(x, y)
            slopes = torch.autograd.grad(loss, free, allow_unused=True, materialize_grads=True)
            return float(loss.detach()), list(slopes)
        with torch.no_grad():
            value, by_name = _closed_loss(self, self.closed, x, y)
        return value, [by_name[id(parameter)] for parameter in free]


def _closed_loss(
    modules: Modules, closed: ClosedForm, x: Tensor, y: Tensor
) -> tuple[float, dict[int, Tensor]]:
    """The loss, and its slopes by raw parameters, keyed by their identity."""
    closed.refresh()
    noise = modules.likelihood.noise_covar
    pairs = closed.pairs(x, x, slopes=True)
    covariance = pairs.covariance.clone()
    covariance.diagonal().add_(noise.variances())
    factor = torch.linalg.cholesky(covariance)
    white = torch.linalg.solve_triangular(factor, (y - modules.mean.constant).unsqueeze(-1), upper=False)
    alpha = torch.linalg.solve_triangular(factor.mT, white, upper=True)
    total = 0.5 * white.square().sum() + factor.diagonal().log().sum()
    weights = torch.cholesky_inverse(factor).addmm_(alpha, alpha.mT, alpha=-1.0).mul_(0.5)
    by_log = closed.slopes_by_hyper_parameters(x, pairs, weights)
    by_log["noise"] = (weights.diagonal()[noise.learned].sum() * noise.noise).reshape(1)
    slopes = {id(modules.mean.raw_constant): -alpha.sum().reshape(modules.mean.raw_constant.shape)}
    holders = {"variance": (closed.scaled, "outputscale"), "noise": (noise, "noise")}
    if closed.matern is not None:
        holders["lengths"] = (closed.matern, "lengthscale")
    if closed.choices is not None:
        holders["reaches"] = (closed.choices, "lengthscale")
    for name, (module, scale) in holders.items():
        raw = getattr(module, f"raw_{scale}")
        value = getattr(module, scale).detach().reshape(-1)
        prior = getattr(module, f"{scale}_prior")
        density, rise = _log_density(prior, value)
        total = total - density
        by_value = by_log[name] / value - rise
        if getattr(module, f"raw_{scale}_constraint").enforced:
            by_value = by_value * torch.sigmoid(raw).reshape(-1)
        slopes[id(raw)] = by_value.reshape(raw.shape)
    return float(total), slopes


def _log_density(prior: LogNormalPrior | GammaPrior, value: Tensor) -> tuple[Tensor, Tensor]:
    """The log density of positive scales under their prior, summed, and its slope by each."""
    logarithm = value.log()
    if isinstance(prior, GammaPrior):
        shape, rate = prior.concentration, prior.rate
        constant = shape * torch.log(rate) - torch.lgamma(shape)
        return (constant + (shape - 1.0) * logarithm - rate * value).sum(), (shape - 1.0) / value - rate
    middle, width = prior.loc, prior.scale
    away = (logarithm - middle) / width
    density = -0.5 * away.square() - logarithm - torch.log(width) - 0.5 * math.log(2.0 * math.pi)
    return density.sum(), -(1.0 + away / width) / value


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
    if len(y) > _SUBSET:
        part = np.linspace(0, len(y) - 1, _SUBSET).astype(int)
        start, trouble = most_probable(candidate, x[part], y[part], variances[part])
        every = refined(start, candidate, x, y, variances)
        if every is None:
            every = Modules(candidate, variances)
            every.load_state_dict(start.state_dict())
        return every, trouble
    modules = Modules(candidate, variances)
    if _descend(modules, x, y, _ITERATIONS):
        return modules, ""
    words = "The hyper-parameters could not be fitted; those of the prior are used, so trust it less."
    return Modules(candidate, variances), words


def refined(start: Modules, candidate: Candidate, x: Tensor, y: Tensor, variances: Tensor) -> Modules | None:
    """Modules that fit better than ``start`` does, after a few steps from there; ``None`` if none was found."""
    modules = Modules(candidate, variances)
    modules.load_state_dict(start.state_dict())
    return modules if _descend(modules, x, y, _POLISH) else None


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
    begin = np.concatenate([_read(knob) for knob in knobs])
    low = [None if k.floor is None else math.log(k.floor) for k in knobs for _ in range(k.parameter.numel())]

    def evaluate(vector: Array) -> tuple[float, Array]:
        _turn(knobs, vector)
        try:
            loss, gradients = modules.loss_and_slopes(x, y)
        except (NotPSDError, NanError, RuntimeError, ValueError):  # LinAlgError is a RuntimeError
            return _LOST, np.zeros_like(vector)
        by_log = [
            g if knob.floor is None else g * knob.parameter.detach()
            for knob, g in zip(knobs, gradients, strict=True)
        ]
        return loss, torch.cat([g.reshape(-1) for g in by_log]).numpy()

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
