"""Gaussian processes, fitted by maximum a posteriori on BoTorch and GPyTorch modules.

The hyper-parameters are a function of the data alone: a fit never starts from the one before, so the same
evidence gives the same predictions after a restart. To stay fast they are fitted on the first ``m`` of
``n`` outcomes, where ``m`` grows in steps of a tenth (``fitted_on``), and all ``n`` are conditioned on; as long as
those ``m`` are the same, what was found for them is remembered (``Remembered``). Where the outcomes that followed
are clearly less probable than the first ``m`` were, they are fitted again on all, starting from what was found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from aisteer.surrogates.hyper_parameters import Modules, fitted_on, most_probable, refined
from aisteer.surrogates.kernels import Candidate
from aisteer.surrogates.posterior import GaussianProcess
from aisteer.surrogates.protocol import Array

__all__ = ["Remembered", "doubt", "fit"]

_CHOOSE_FROM = 10
_CLEARLY = 3.0
"""By how much a log density has to favour one of two: 20 to 1."""
_EXTENDED_FROM = 200
"""Outcomes from which a factor is extended; below that a new one takes no time, and is equal to the last digit."""


class Remembered:
    """The hyper-parameters of the last fit, by kernel, for as long as they would be fitted on the same outcomes.

    They are what a search would find again, so whoever forgets them loses time and nothing else. From 200
    outcomes on the last process is kept too, for its factor: then what follows is equal but for rounding.
    """

    def __init__(self) -> None:
        self._outcomes = ""
        self._found: dict[str, tuple[Modules, str]] = {}
        self._conditioned: dict[str, GaussianProcess] = {}

    def most_probable(
        self, candidate: Candidate, x: Tensor, y: Tensor, variances: Tensor
    ) -> tuple[Modules, str]:
        """As ``hyper_parameters.most_probable``; the modules are not to be changed."""
        total = hashlib.sha256()
        for part in (x, y, variances):
            total.update(part.numpy().tobytes())
        if total.hexdigest() != self._outcomes:
            self._outcomes, self._found, self._conditioned = total.hexdigest(), {}, {}
        if candidate.name not in self._found:
            self._found[candidate.name] = most_probable(candidate, x, y, variances)
        return self._found[candidate.name]

    def before(self, candidate: Candidate) -> GaussianProcess | None:
        """The last process with the hyper-parameters that are remembered."""
        return self._conditioned.get(candidate.name)

    def keep(self, candidate: Candidate, process: GaussianProcess) -> None:
        """Remember a process with these hyper-parameters."""
        if len(process) >= _EXTENDED_FROM:
            self._conditioned[candidate.name] = process


def fit(
    x: Array,
    y: Array,
    error: Array,
    kernels: Sequence[Candidate],
    remembered: Remembered | None = None,
) -> GaussianProcess:
    """Fit a Gaussian process, choosing the kernel that clearly best predicts each outcome from the others.

    Args:
        x: Inputs, shape ``(n, d)``, ``n >= 1``.
        y: Outcomes, shape ``(n,)``, finite.
        error: Their standard errors, shape ``(n,)``; 0 where not known, there the noise is learned.
        kernels: Candidates, the usual one first; with fewer than 10 outcomes it is taken unasked.
        remembered: Of fits with these kernels.

    Returns:
        The process, conditioned on all outcomes. Where the fit failed, its hyper-parameters are those of
        the prior, and ``words`` says so.
    """
    # A DataFrame's columns are read-only.
    x, y, error = (np.require(one, np.float64, "W") for one in (x, y, error))
    m = fitted_on(len(y))
    centre = float(np.mean(y[:m]))
    spread = float(np.std(y[:m], ddof=1)) if m > 1 else 0.0
    constant = not spread > 1e-12 * max(abs(centre), 1e-300)
    scale = 1.0 if constant else spread
    words = "All outcomes are equal so far, so their spread is not known." if constant else ""
    variances = torch.as_tensor(np.where(error > 0, (error / scale) ** 2, np.nan))
    standard = torch.as_tensor((y - centre) / scale)
    remembered = Remembered() if remembered is None else remembered
    best: GaussianProcess | None = None
    for candidate in kernels if m >= _CHOOSE_FROM and not constant else kernels[:1]:
        inputs = torch.as_tensor(x[:m])
        modules, trouble = remembered.most_probable(candidate, inputs, standard[:m], variances[:m])
        made = partial(GaussianProcess, x=x, y=y, centre=centre, scale=scale, name=candidate.name)
        said = " ".join(w for w in (words, trouble) if w)
        process = made(
            _for_all(modules, candidate, variances, m), words=said, before=remembered.before(candidate)
        )
        remembered.keep(candidate, process)
        if len(y) > m and process.surprise(m) > _CLEARLY:
            again = refined(modules, candidate, torch.as_tensor(x), standard, variances)
            process = (
                process if again is None else made(_for_all(again, candidate, variances, len(y)), words=said)
            )
        if best is None or len(y) * (process.log_predictive() - best.log_predictive()) > _CLEARLY:
            best = process
    assert best is not None
    return best


def _for_all(modules: Modules, candidate: Candidate, variances: Tensor, m: int) -> Modules:
    """Modules with the hyper-parameters that ``m`` outcomes gave, for outcomes with these variances.

    The most probable scales are surer of themselves than those outcomes allow. So variance and learned noise are
    enlarged together, by ``doubt``: that widens what is predicted, and moves no mean.
    """
    full = Modules(candidate, variances)
    full.load_state_dict(modules.state_dict())
    factor = doubt(candidate.fitted, m)
    if factor > 1.0:
        for module, name in ((full.kernel, "outputscale"), (full.likelihood.noise_covar, "noise")):
            setattr(module, name, getattr(module, name).detach() * factor)
    return full


def doubt(fitted: int, m: int) -> float:
    """By how much ``m`` outcomes make too little of the variance, of which ``fitted`` scales were read off.

    As a variance is divided by the degrees of freedom that are left; each scale counts for two, as where to
    look was chosen by it too. At most 3.
    """
    return m / max(m - 2.0 * fitted, m / 3.0)
