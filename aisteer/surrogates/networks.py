r"""Many small networks at once: each layer of all of them is one batched product, and so is each step of training.

Each has two heads, a mean :math:`m` and a variance :math:`v`, and is trained on

.. math:: \frac{1}{2} v_*^{1/2} \left( \frac{(y - m)^2}{v + e^2} + \log(v + e^2) \right)

where :math:`e` is the standard error of the outcome and :math:`v_*` is :math:`v` without a gradient: the likelihood
alone would give up on the mean wherever the variance can explain what is left (Seitzer et al., ICLR 2022).
Steps are those of Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019), their size rises and falls once.
All keep the weights of the step at which, taken together, they predicted best what they were not trained on. A step
of its own for each would be chosen by the very outcomes that its uncertainty is calibrated on, and flatter it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

__all__ = ["Networks", "Split", "train"]

_HIDDEN = (64, 64)
_FIRST_GAIN, _GAIN, _LAST_GAIN = 0.4, 0.6, 0.06
"""Of He's initial weights: small ones begin with smooth functions of few inputs."""
_LEAST_VARIANCE = 1e-6
_STEPS = 480
_BATCH = 100
_LARGEST_STEP, _DECAY = 1.5e-2, 0.3
_RISE = 0.15
_MOMENTUM, _SQUARES, _TINY = 0.9, 0.999, 1e-8
_LOOKS = 60
_PATIENCE = 0.4
"""The share of all steps without a better prediction after which training ends."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows a network is trained on and which it is judged by.

    Attributes:
        inside: Of each network the rows that it sees, ``M`` vectors.
        outside: The rows that it does not, ``M`` vectors.
    """

    inside: Sequence[Tensor]
    outside: Sequence[Tensor]


class Networks:
    """``M`` networks of the same shape.

    Args:
        weights: Of each layer, ``M x in x out``.
        biases: Of each layer, ``M x 1 x out``.
    """

    def __init__(self, weights: list[Tensor], biases: list[Tensor]) -> None:
        self.weights, self.biases = weights, biases

    @classmethod
    def fresh(cls, count: int, width: int, generator: torch.Generator) -> Networks:
        """``count`` untrained ones for inputs of ``width`` columns."""
        sizes = [width, *_HIDDEN, 2]
        gains = [_FIRST_GAIN, *[_GAIN] * (len(_HIDDEN) - 1), _LAST_GAIN]
        weights, biases = [], []
        for into, out, gain in zip(sizes[:-1], sizes[1:], gains, strict=True):
            weights.append(torch.randn(count, into, out, generator=generator) * gain * math.sqrt(2 / into))
            biases.append(torch.zeros(count, 1, out))
        biases[0] += 0.5 * torch.randn(biases[0].shape, generator=generator)
        biases[-1][..., 1] = -1.0
        return cls(weights, biases)

    def __len__(self) -> int:
        return len(self.weights[0])

    def __call__(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances, each ``M x b``, at inputs ``M x b x width``, or ``b x width`` for all."""
        hidden = inputs if inputs.dim() == 3 else inputs.expand(len(self), *inputs.shape)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = silu(torch.baddbmm(bias, hidden, weight))
        heads = torch.baddbmm(self.biases[-1], hidden, self.weights[-1])
        return heads[..., 0], softplus(heads[..., 1]) + _LEAST_VARIANCE


def train(x: Tensor, y: Tensor, errors: Tensor, split: Split, generator: torch.Generator) -> Networks:
    """Train one network for each part of ``split``, all together.

    Args:
        x: Scaled inputs, ``n x width``.
        y: Standardised outcomes, ``n``.
        errors: Variances of their standard errors in that unit, 0 where not known, ``n``.
        split: What each sees, and is judged by.
        generator: Of the initial weights and the order of rows.
    """
    count, n = len(split.inside), len(y)
    networks = Networks.fresh(count, x.shape[1], generator)
    steps = round(_STEPS * max(1.0, math.sqrt(n / 1000)))
    sizes = torch.tensor([len(rows) for rows in split.inside])
    rows = torch.nn.utils.rnn.pad_sequence(list(split.inside), batch_first=True)
    judge = _Judge(x, y, errors, split.outside)
    walk = _Walk(networks)
    batch = min(_BATCH, int(sizes.max()))
    every = max(1, steps // _LOOKS)
    for step in range(steps):
        drawn = (torch.rand(count, batch, generator=generator) * sizes.unsqueeze(1)).long()
        chosen = rows.gather(1, drawn)
        means, variances = networks(x[chosen])
        walk.step(_loss(means, variances, y[chosen], errors[chosen]).mean(1).sum(), _size(step / steps))
        if (step + 1) % every == 0:
            judge.look(networks, step)
            if step - judge.last_better > _PATIENCE * steps:
                break
    return judge.best(networks)


def _loss(means: Tensor, variances: Tensor, y: Tensor, errors: Tensor) -> Tensor:
    total = variances + errors
    surprise = 0.5 * ((y - means).square() / total + total.log())
    return surprise * variances.detach().sqrt()


def _size(share: float) -> float:
    """Of a step when ``share`` of them are done: up and down again along a cosine."""
    phase = share / _RISE if share < _RISE else 1.0 + (share - _RISE) / (1.0 - _RISE)
    return _LARGEST_STEP * max(0.04 if share < _RISE else 0.0, 0.5 - 0.5 * math.cos(math.pi * phase))


class _Walk:
    """Adam with decoupled decay of the weights; torch's own would load its compiler, and SymPy with it."""

    def __init__(self, networks: Networks) -> None:
        self._leaves = [*networks.weights, *networks.biases]
        self._decayed = len(networks.weights)
        self._first = [torch.zeros_like(leaf) for leaf in self._leaves]
        self._second = [torch.zeros_like(leaf) for leaf in self._leaves]
        self._done = 0
        for leaf in self._leaves:
            leaf.requires_grad_()

    def step(self, loss: Tensor, size: float) -> None:
        gradients = torch.autograd.grad(loss, self._leaves)
        self._done += 1
        first, second = 1 - _MOMENTUM**self._done, 1 - _SQUARES**self._done
        with torch.no_grad():
            for place, (leaf, gradient) in enumerate(zip(self._leaves, gradients, strict=True)):
                if place < self._decayed:
                    leaf.mul_(1 - size * _DECAY)
                mean = self._first[place].lerp_(gradient, 1 - _MOMENTUM)
                square = self._second[place].mul_(_SQUARES).addcmul_(gradient, gradient, value=1 - _SQUARES)
                leaf.addcdiv_(mean, (square / second).sqrt_().add_(_TINY), value=-size / first)


class _Judge:
    """Keeps the weights with which the networks best predicted what they were not trained on."""

    def __init__(self, x: Tensor, y: Tensor, errors: Tensor, outside: Sequence[Tensor]) -> None:
        rows = torch.nn.utils.rnn.pad_sequence(list(outside), batch_first=True)
        sizes = torch.tensor([len(part) for part in outside]).unsqueeze(1)
        self._counted = (torch.arange(rows.shape[1]) < sizes).float()
        self._x, self._y, self._errors = x[rows], y[rows], errors[rows]
        self._least = math.inf
        self._kept: list[Tensor] = []
        self.last_better = 0

    def look(self, networks: Networks, step: int) -> None:
        """Compare them, at ``step``, with the best so far."""
        with torch.no_grad():
            means, variances = networks(self._x)
            total = variances + self._errors
            surprise = (self._y - means).square() / total + total.log()
            loss = float((surprise * self._counted).sum() / self._counted.sum())
        if loss < self._least or not self._kept:
            self._least, self.last_better = loss, step
            self._kept = [leaf.detach().clone() for leaf in (*networks.weights, *networks.biases)]

    def best(self, networks: Networks) -> Networks:
        """Those weights; where nothing that was predicted was finite, the first that were looked at."""
        layers = len(networks.weights)
        return Networks(self._kept[:layers], self._kept[layers:])
