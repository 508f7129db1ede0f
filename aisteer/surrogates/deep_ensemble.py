r"""A deep ensemble whose uncertainty is calibrated on outcomes that its members have not seen.

The outcomes are dealt into ten parts. Each of twenty members is trained on eight of them and stopped where it
predicts the other two best, a pair of its own, so that of each outcome there are four members that never saw it.
What those say of it (``leave_one_out``) is what one scale :math:`s` of all standard deviations is found from. With
means :math:`m_j` and variances :math:`v_j` of the members the prediction is

.. math:: \mu = \langle m_j \rangle, \quad \sigma^2 = s^2 \bigl( \mathrm{Var}(m_j) + \langle v_j \rangle \bigr)

(Lakshminarayanan et al., NeurIPS 2017). :math:`s^2 \langle v_j \rangle` is noise where errors of outcomes are not
known. Where all are, the members are trained on what is left beside them, which is the members' own ignorance.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from aisteer.surrogates.columns import Columns
from aisteer.surrogates.networks import Networks, Split, train
from aisteer.surrogates.protocol import Array, NotFitted, Predicted, checked
from aisteer.surrogates.spreads import calibrated_scale, standard

__all__ = ["LEAST", "DeepEnsemble", "fit"]

LEAST = 20
"""Different inputs that it takes: with fewer, what is held out says nothing of the scale."""
_PARTS, _STRIDES = 10, (1, 3)
"""Member ``j`` leaves out the parts ``j`` and ``j`` plus a stride: no two members the same pair."""
_MIXTURES = 512
_AT_ONCE = 512


class DeepEnsemble:
    """A fitted ensemble.

    Args:
        networks: The members, trained on standardised outcomes.
        columns: How inputs are scaled.
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``, in their unit.
        error: Their standard errors, 0 where not known, shape ``(n,)``.
        unseen: Whether a member has not seen an outcome, shape ``(M, n)``.
        centre: What was taken from the outcomes.
        spread: What they were divided by.
        words: What a reader should know of the fit.
    """

    name = "deep ensemble"
    held_out = "each from members that were not trained on it"
    """How ``leave_one_out`` was done."""

    def __init__(
        self,
        networks: Networks,
        columns: Columns,
        x: Array,
        y: Array,
        error: Array,
        *,
        unseen: Array,
        centre: float,
        spread: float,
        words: str = "",
    ) -> None:
        self.networks, self.columns = networks, columns
        self.x, self.y = torch.as_tensor(x), torch.as_tensor(y)
        self.centre, self.spread, self.words = centre, spread, words
        self.errors_known = bool((error > 0).all())
        with torch.no_grad():
            means, variances = self.members(self.x)
            mean, between, own = _mixed(means, variances, torch.as_tensor(unseen))
            residual = (self.y - centre) / spread - mean
            wider, more = self._few_and_all(torch.as_tensor(np.unique(unseen, axis=1)))
            std = (wider * between + own).sqrt().numpy()
            self.calibration_scale = calibrated_scale(
                residual.numpy(), std, error / spread, (more * between).numpy()
            )
            self.noise = self.spread * self.calibration_scale * float(own.median().sqrt())
        told = spread * np.hypot(self.calibration_scale * std, error / spread)
        self._held_out = Predicted(centre + spread * mean.numpy(), told)
        if self.errors_known:
            self.noise = 0.0

    def __len__(self) -> int:
        return len(self.y)

    # --- what it says -------------------------------------------------------------------------

    @property
    def prior_mean(self) -> float:
        """The mean of the outcomes."""
        return self.centre

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free outcome at ``x``, shape ``(m, d)``: two of ``(m,)``."""
        mean, between, own = self._moments(x)
        variance = between + own if self.errors_known else between
        return self._in_unit(mean), self._scaled(variance)

    def predict_measured(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of an outcome to be measured with an error like those that were not known.

        Where all errors were known that is the noise-free outcome.
        """
        mean, between, own = self._moments(x)
        return self._in_unit(mean), self._scaled(between + own)

    def leave_one_out(self) -> Predicted:
        """Of each outcome what those members say that were not trained on it."""
        return self._held_out

    def joint(self, x: Array) -> tuple[Array, Array]:
        """Mean, shape ``(m,)``, and covariance, shape ``(m, m)``, of the noise-free outcomes at ``x``."""
        with torch.no_grad():
            means, variances = self.members(torch.as_tensor(x))
            apart = (means - means.mean(0)) / math.sqrt(len(means) - 1)
            covariance = apart.mT @ apart
            if self.errors_known:
                covariance = covariance + torch.diag_embed(variances.mean(0))
            mean = means.mean(0)
        return self._in_unit(mean), (self.spread * self.calibration_scale) ** 2 * covariance.numpy()

    # --- for acquisitions ---------------------------------------------------------------------

    def members(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances of the members, each ``M x m``, standardised; differentiable in ``x``, ``m x d``."""
        places = range(0, max(1, len(x)), _AT_ONCE)
        parts = [self.networks(self.columns(x[at : at + _AT_ONCE])) for at in places]
        means, variances = (torch.cat(of, dim=1).double() for of in zip(*parts, strict=True))
        return means, variances

    def own_variance(self, x: Tensor) -> Tensor:
        """Variance ``m`` that the members do not share, standardised: 0 where it is counted as noise."""
        if not self.errors_known:
            return x.new_zeros(len(x))
        _, variances = self.members(x)
        return self.calibration_scale**2 * variances.mean(0)

    # --- inside -------------------------------------------------------------------------------

    def _few_and_all(self, groups: Tensor) -> tuple[float, float]:
        """How the few members that had not seen an outcome differ from all, as shares of the variance between them.

        It takes no outcomes, so it is asked where no member has been: at mixtures of two runs each. As each member
        is in as many groups as any other, the square error of a group's mean is, on average over the groups,
        that of the mean of all and the square of what lies between the two.

        Args:
            groups: Which members go together, ``M x g``, 0 or 1.

        Returns:
            The variance between all members, and the additional square error of a group's mean.
        """
        rng = np.random.default_rng(0)
        left, right = (rng.integers(len(self.y), size=_MIXTURES) for _ in range(2))
        mixtures = torch.where(
            torch.as_tensor(rng.random((_MIXTURES, self.x.shape[1])) < 0.5), self.x[left], self.x[right]
        )
        means, variances = self.members(mixtures)
        mean, between, _ = _mixed(means, variances, torch.ones_like(means))
        few = [_mixed(means, variances, group.unsqueeze(1).expand_as(means)) for group in groups.mT]
        among = float(torch.stack([b for _, b, _ in few]).mean())
        apart = float(torch.stack([(m - mean).square() for m, _, _ in few]).mean())
        return float(between.mean()) / max(among, 1e-12), apart / max(among, 1e-12)

    def _moments(self, x: Array) -> tuple[Tensor, Tensor, Tensor]:
        with torch.no_grad():
            means, variances = self.members(torch.as_tensor(x))
            return _mixed(means, variances, torch.ones_like(means))

    def _in_unit(self, standardised: Tensor) -> Array:
        found: Array = self.centre + self.spread * standardised.numpy()
        return found

    def _scaled(self, variance: Tensor) -> Array:
        found: Array = self.spread * self.calibration_scale * variance.clamp_min(1e-12).sqrt().numpy()
        return found


def fit(x: Array, y: Array, error: Array, *, columns: Columns | None = None, seed: int = 0) -> DeepEnsemble:
    """Train an ensemble and calibrate it. The same data and seed give the same ensemble; threads are left alone.

    Args:
        x: Inputs, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``.
        error: Their standard errors, shape ``(n,)``; 0 where not known.
        columns: How inputs are scaled; to unit variance if not given.
        seed: Of the parts, the initial weights and the order of training.

    Raises:
        BadOutcome: Something is not finite, or the shapes do not go together.
        NotFitted: There are fewer than 20 different inputs, or all outcomes are equal.
    """
    # A DataFrame's columns are read-only.
    x, y, error = (np.require(one, np.float64, "W") for one in (x, y, error))
    checked(x, y, error)
    places, group = np.unique(x, axis=0, return_inverse=True)
    if len(places) < LEAST:
        raise NotFitted(
            f"A deep ensemble takes outcomes at {LEAST} different points at least and there are {len(places)}: with "
            "fewer, nothing could be held out to calibrate it.",
            needed=LEAST,
        )
    known = standard(y)
    if not known.spread > 0:
        raise NotFitted(
            "All outcomes are equal so far, so a deep ensemble has nothing to learn until they differ."
        )
    generator = torch.Generator().manual_seed(seed)
    # Replicates stay together: one that was seen would make its twin look easy.
    parts = (torch.randperm(len(places), generator=generator) % _PARTS)[torch.as_tensor(group.reshape(-1))]
    pairs = torch.tensor([[j, (j + stride) % _PARTS] for stride in _STRIDES for j in range(_PARTS)])
    unseen = (parts == pairs[:, :1]) | (parts == pairs[:, 1:])
    split = Split(
        [torch.nonzero(~row).squeeze(1) for row in unseen], [torch.nonzero(row).squeeze(1) for row in unseen]
    )
    scaled = (columns or Columns.of_rows(x))(torch.as_tensor(x))
    errors = torch.as_tensor((error / known.spread) ** 2 + known.doubt**2).float()
    networks = train(scaled, torch.as_tensor(known.y).float(), errors, split, generator)
    if not all(bool(torch.isfinite(leaf).all()) for leaf in (*networks.weights, *networks.biases)):
        raise NotFitted("The training of the deep ensemble did not converge.")
    return DeepEnsemble(
        networks,
        columns or Columns.of_rows(x),
        x,
        y,
        error,
        unseen=unseen.double().numpy(),
        centre=known.centre,
        spread=known.spread,
        words=known.words,
    )


def _mixed(means: Tensor, variances: Tensor, counted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, unbiased variance between members and their mean variance, each ``m``, of those ``counted``, ``M x m``."""
    number = counted.sum(0)
    mean = (counted * means).sum(0) / number
    between = (counted * (means - mean).square()).sum(0) / (number - 1)
    return mean, between, (counted * variances).sum(0) / number
