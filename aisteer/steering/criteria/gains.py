r"""The expected gain of a normal variable, and its logarithm where the gain itself underflows.

With :math:`h(z) = \varphi(z) + z\,\Phi(z)`, the expected improvement over :math:`b` is :math:`\sigma h((\mu -
b)/\sigma)`. Of a target :math:`t` that was missed by :math:`d` so far, the closeness improves by

.. math:: (d - |y - t|)_+ = (y - (t - d))_+ - 2 (y - t)_+ + (y - (t + d))_+

so its expectation is a sum of three such terms.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["log_closer", "log_h", "log_ndtr"]

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_NODES, _WEIGHTS = (torch.as_tensor(part) for part in np.polynomial.legendre.leggauss(12))
_SOUND = 0.1
"""What has to be left of the three terms for their sum to be exact to 15 digits or so."""


def log_ndtr(z: Tensor) -> Tensor:
    """The logarithm of the normal distribution function."""
    found: Tensor = torch.special.log_ndtr(z)
    return found


def log_h(z: Tensor) -> Tensor:
    """The logarithm of the expected positive part of a normal variable with mean ``z`` and variance 1."""
    near = z.clamp_min(-1.0)
    value = torch.log(torch.exp(-0.5 * near * near - _LOG_SQRT_2PI) + near * torch.special.ndtr(near))
    middle = z.clamp(-1e3, -1.0)
    tail = torch.log1p(middle * math.sqrt(math.pi / 2) * torch.special.erfcx(-middle / math.sqrt(2)))
    tail = tail - 0.5 * middle * middle - _LOG_SQRT_2PI
    distant = z.clamp_max(-1e3)
    beyond = -0.5 * distant * distant - _LOG_SQRT_2PI - 2.0 * torch.log(-distant)
    return torch.where(z > -1.0, value, torch.where(z > -1e3, tail, beyond))


def log_closer(mean: Tensor, std: Tensor, reach: Tensor) -> Tensor:
    """The logarithm of the expected ``(reach - |y|)_+`` of a normal variable ``y``; all of one shape.

    Args:
        mean: How far the mean is from the target.
        std: Positive.
        reach: How near to the target one is already, positive.
    """
    away, span = mean.abs() / std, reach / std
    most = log_h(span - away)
    middle, least = log_h(-away), log_h(-away - span)
    left = 1.0 - 2.0 * torch.exp(middle - most) + torch.exp(least - most)
    sound = left > _SOUND
    three = most + torch.log(torch.where(sound, left, 1.0))
    # Else the reach is short against the standard deviation, and the density is smooth across it.
    direct = _integrated(away[~sound], span[~sound])
    return torch.log(std) + three.masked_scatter(~sound, direct)


def _integrated(away: Tensor, span: Tensor) -> Tensor:
    """The same with a standard deviation of 1, by quadrature over both sides of the target."""
    inside, short = away.unsqueeze(-1), span.unsqueeze(-1)
    nodes = 0.5 * (_NODES + 1.0)
    weights = torch.log(_WEIGHTS * (1.0 - nodes) * 0.5) + 2.0 * torch.log(short)
    below = -0.5 * (inside - short * nodes) ** 2 + weights
    above = -0.5 * (inside + short * nodes) ** 2 + weights
    found: Tensor = torch.cat([below, above], -1).logsumexp(-1) - _LOG_SQRT_2PI
    return found
