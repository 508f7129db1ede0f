r"""What a run is worth for the truth, where it may be run less exactly.

What is sought is the largest mean at the truth, :math:`\max_i \mu_i`. One more run :math:`z` moves the means by
:math:`\tilde\sigma_i(z) Z` with :math:`Z` standard normal and :math:`\tilde\sigma_i(z) = \mathrm{cov}(f_i, f(z)) /
\sqrt{\mathrm{var} f(z) + \text{noise}}`, so its worth is

.. math:: \mathrm{E} \max_i (\mu_i + \tilde\sigma_i Z) - \max_i \mu_i,

the knowledge gradient (Frazier, Powell and Dayanik, INFORMS J. Comput. 2009) at the target fidelity (Poloczek, Wang
and Frazier, NeurIPS 2017; Wu et al., UAI 2019). The points :math:`i` are ``z`` itself at the truth (Scott, Frazier and
Powell, SIAM J. Optim. 2011), the best mean there, and those that could be the best. Nothing is optimised within: of
all lines, the worth is that of the one that would overtake the best first with a good and that with a bad
:math:`Z`. Each is known in closed form and as a logarithm, so that it never underflows, and their sum is a lower
bound. Divided by the expected cost it is what a search maximises over points and fidelities together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aisteer.steering.costs import Costs
from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.criteria.feasibility import asked, log_chance
from aisteer.steering.criteria.gains import log_h
from aisteer.steering.criteria.protocol import Scores
from aisteer.steering.fitting import Belief
from aisteer.steering.noisy_improvement import normal_draws
from aisteer.surrogates.factors import cholesky

__all__ = ["TruthGain"]

Array = NDArray[np.float64]

_RIVALS = 24
_DRAWS = 256
_LOOKED_AT = 200
_AT_ONCE = 128
_LEAST = 1e-12


class _Gains(NamedTuple):
    """Logarithms of the gain, and its terms, shape ``b``; in units of the standardised outcome."""

    log: Tensor
    exploit: Tensor
    explore: Tensor


class TruthGain:
    """The expected gain of the best mean at the truth, per expected cost.

    Args:
        column: Of the fidelity.
        costs: Expected costs.
        best: The input with the best mean at the truth, shape ``(1, d)``.
        exploration: What the movements of the means are multiplied by.
    """

    def __init__(self, column: int, costs: Costs, best: Array, exploration: float = 1.0) -> None:
        self.column, self.costs, self.best = column, costs, best
        self.exploration = max(float(exploration), 1e-3)
        self._rivals: dict[tuple[str, int], Array] = {}

    def sought(self, belief: Belief, under_way: Array, *, batch: int, spread: Array, seed: int) -> _Sought:
        """The logarithm of the gain per cost."""
        return _Sought(self, belief, under_way, batch, self.rivals(belief, spread, seed))

    def rivals(self, belief: Belief, spread: Array, seed: int = 0) -> Array:
        """Inputs at the truth that could be the best, the one with the best mean first: shape ``(m, d)``."""
        if (belief.digest, seed) not in self._rivals:
            self._rivals[belief.digest, seed] = self._looked_for(belief, spread, seed)
        return self._rivals[belief.digest, seed]

    def _looked_for(self, belief: Belief, spread: Array, seed: int) -> Array:
        x = np.concatenate([belief.x, spread])
        x[:, self.column] = 1.0
        x = np.unique(x, axis=0)
        mean, std = belief.process.predict(x)
        x = x[np.argsort(-(mean + 2.0 * std), kind="stable")[:_LOOKED_AT]]
        middle, covariance = (torch.as_tensor(part) for part in belief.process.joint(x))
        size = max(float(covariance.diagonal().mean()), 1e-300)
        samples = middle + normal_draws(len(x), _DRAWS, seed) @ cholesky(covariance, size=size).mT
        places, wins = np.unique(samples.argmax(-1).numpy(), return_counts=True)
        kept = x[places[np.argsort(-wins, kind="stable")[:_RIVALS]]]
        found: Array = np.concatenate([self.best, kept])
        return found

    def scores(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The gain per node-hour, given what has ended."""
        gain, cost = self.gain(belief, x, spread), self.costs.at(x)
        unit = f"{belief.objective.unit}/node-hour".lstrip("/")
        return Scores(
            "expected gain at the truth per node-hour"
            + (" times the probability to be feasible" if asked(belief) else ""),
            gain.exploit / cost,
            gain.explore / cost,
            gain.order - np.log(cost),
            unit,
        )

    def gain(self, belief: Belief, x: Array, spread: Array) -> Scores:
        """The same whatever it costs."""
        sought = _Sought(self, belief, x[:0], 0, self.rivals(belief, spread))
        with torch.no_grad():
            parts = [
                sought.gains(torch.as_tensor(x[at : at + _AT_ONCE])) for at in range(0, len(x), _AT_ONCE)
            ]
            chance = torch.cat(
                [sought.chance(torch.as_tensor(x[at : at + _AT_ONCE])) for at in range(0, len(x), _AT_ONCE)]
                or [torch.zeros(0)]
            )
        log, exploit, explore = (
            torch.cat([part[i] for part in parts]).numpy() if parts else np.zeros(0) for i in range(3)
        )
        factor = belief.process.scale * chance.exp().numpy()
        return Scores(
            "expected gain at the truth",
            factor * exploit,
            factor * explore,
            log + chance.numpy(),
            belief.objective.unit,
        )


class _Sought:
    """See the module; what is under way counts as if it ended as expected."""

    def __init__(
        self, criterion: TruthGain, belief: Belief, under_way: Array, batch: int, rivals: Array
    ) -> None:
        self._criterion, self._belief = criterion, belief
        process = belief.process
        self._noise = (belief.first.run_noise / process.scale) ** 2
        self._known = Drawn(process, torch.zeros((1, len(under_way) + batch), dtype=torch.float64))
        if len(under_way):
            self._known.add(under_way)
        self._rivals = torch.as_tensor(rivals)
        with torch.no_grad():
            self._means = self._known.at(self._rivals)[0][:, 0]
            self._across = self._known.whitened(self._rivals)

    def add(self, x: Array) -> None:
        """Count ``x``, shape ``(p, d)``, among what is under way."""
        self._known.add(x)
        with torch.no_grad():
            self._across = self._known.whitened(self._rivals)

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape ``b``, at inputs ``x``, shape ``b x d``."""
        parts = []
        for at in range(0, len(x), _AT_ONCE):
            some = x[at : at + _AT_ONCE]
            parts.append(self.gains(some).log + self.chance(some) - self._criterion.costs.log(some))
        return torch.cat(parts) if parts else x.new_zeros(0)

    def chance(self, x: Tensor) -> Tensor:
        """The logarithm of the probability that the same point is feasible at the truth."""
        return log_chance(self._belief, self._true(x))

    def _true(self, x: Tensor) -> Tensor:
        column = torch.arange(x.shape[-1]) == self._criterion.column
        return torch.where(column, torch.ones_like(x), x)

    def gains(self, x: Tensor) -> _Gains:
        """What runs at ``x``, shape ``b x d``, bring; whether it is feasible and what it costs left aside."""
        means, moves = self._lines(x)
        moves = self._criterion.exploration * moves
        best = means.argmax(-1, keepdim=True)
        behind = means.gather(-1, best) - means
        ahead = moves - moves.gather(-1, best)
        span = ahead.abs().clamp_min(_LEAST)
        worth = span.log() + log_h(-behind / span)
        lost = torch.full_like(worth, -torch.inf)
        at_best = torch.zeros_like(worth, dtype=torch.bool).scatter(-1, best, value=True)
        up = torch.where((ahead > 0) | at_best, worth, lost).max(-1)
        down = torch.where((ahead < 0) | at_best, worth, lost).max(-1)
        with torch.no_grad():
            exploit, explore = x.new_zeros(len(x)), x.new_zeros(len(x))
            for place in (up.indices, down.indices):
                away = behind.gather(-1, place.unsqueeze(-1)).squeeze(-1)
                wide = span.gather(-1, place.unsqueeze(-1)).squeeze(-1)
                z = -away / wide
                exploit = exploit - away * torch.special.ndtr(z)
                explore = explore + wide * torch.exp(-0.5 * z.square()) / np.sqrt(2 * np.pi)
        return _Gains(torch.logaddexp(up.values, down.values), exploit, explore)

    def _lines(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means at the truth and what a run at ``x`` moves them by, shape ``b x (m + 1)``; ``x`` itself last."""
        true = self._true(x)
        with_rivals, with_true, own, mean = self._known.covariances(x, self._rivals, self._across, true)
        wide = (own + self._noise).clamp_min(_LEAST).sqrt().unsqueeze(-1)
        means = torch.cat([self._means.expand(len(x), -1), mean], dim=-1)
        return means, torch.cat([with_rivals, with_true.unsqueeze(-1)], dim=-1) / wide
