"""The fitting nets of all members at once, and what a loss of energies and forces needs of them.

A loss that holds forces asks for the gradient by the weights of a gradient by the input. Its forces part enters as a
direction: with λ the direction in which the loss pushes the input D, that gradient is the one of λ · ∂E/∂D, the
derivative of E along λ. So there are four passes: energies, their slopes by D, the derivatives along λ, and one way
back for energies and derivatives together. That is six matrix products per layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aisteer.deep_potential.training.stack import StackedLayer

__all__ = ["FittingPass", "run"]


def run(layers: Sequence[StackedLayer], x: Tensor) -> Tensor:
    """A net without a linear end: x of shape (…, rows, width in)."""
    for layer in layers:
        y = torch.tanh(x @ layer.matrix + layer.bias)
        if layer.idt is not None:
            y = y * layer.idt
        x = _skip(y, x)
    return x


class FittingPass:
    """One use of the nets of one type, on inputs D of shape (members, atoms, width in)."""

    def __init__(self, layers: Sequence[StackedLayer], inputs: Tensor) -> None:
        self._hidden, self._last = layers[:-1], layers[-1]
        self._inputs, self._passed = [inputs], []
        x = inputs
        for layer in self._hidden:
            y = torch.baddbmm(layer.bias, x, layer.matrix).tanh_()
            x = _skip(y if layer.idt is None else y * layer.idt, x)
            self._passed.append(y)
            self._inputs.append(x)
        self.energies = torch.baddbmm(self._last.bias, x, self._last.matrix)[..., 0]
        self._slopes: list[Tensor] = []
        self._through: list[Tensor] = []

    def slopes(self) -> Tensor:
        """∂E/∂D, of the shape of D."""
        slope = self._last.matrix.transpose(1, 2).expand_as(self._inputs[-1])
        self._slopes = [slope]
        self._through = []
        for layer, y in zip(self._hidden[::-1], self._passed[::-1], strict=True):
            through = slope if layer.idt is None else slope * layer.idt
            through = torch.addcmul(through, through * y, y, value=-1)
            back = torch.bmm(through, layer.matrix.transpose(1, 2))
            slope = _skip_back(back, slope)
            self._through.append(through)
            self._slopes.append(slope)
        return slope

    def gradient(self, weight: Tensor, along: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Gradients of Σ weight · E + (derivative of E along the direction ``along`` in D), after :meth:`slopes`.

        Args:
            weight: Of the shape of the energies.
            along: Of the shape of D.

        Returns:
            The gradient by D, and those by the weights, in the order of ``StackedLayer.tensors`` layer by layer.
        """
        moved, inner = [along], []
        for layer, y in zip(self._hidden, self._passed, strict=True):
            step = torch.bmm(moved[-1], layer.matrix)
            inner.append(step)
            dy = torch.addcmul(step, step * y, y, value=-1)
            moved.append(_skip(dy if layer.idt is None else dy * layer.idt, moved[-1]))
        x, back = self._inputs[-1], weight[..., None]
        last = [
            torch.bmm(x.transpose(1, 2), back) + moved[-1].sum(1)[..., None],
            back.sum(1, keepdim=True),
        ]
        back = back @ self._last.matrix.transpose(1, 2)
        found: list[list[Tensor]] = [last]
        for number in range(len(self._hidden) - 1, -1, -1):
            back, gradients = self._one_back(number, back, moved[number], inner[number])
            found.append(gradients)
        return back, [tensor for gradients in found[::-1] for tensor in gradients]

    def _one_back(
        self, number: int, back: Tensor, moved: Tensor, inner: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Through one layer: ``back`` belongs to its output, ``inner`` is the derivative of what tanh takes."""
        layer, x, y = self._hidden[number], self._inputs[number], self._passed[number]
        slope = self._slopes[len(self._hidden) - 1 - number]
        through = self._through[len(self._hidden) - 1 - number]
        curve = 1 - y * y
        scaled = back if layer.idt is None else back * layer.idt
        # tanh'' = −2 y (1 − y²), and `through` holds slope · idt · (1 − y²) already.
        direct = torch.addcmul(scaled * curve, through * inner, y, value=-2)
        matrix = torch.bmm(x.transpose(1, 2), direct).baddbmm_(moved.transpose(1, 2), through)
        gradients = [matrix, direct.sum(1, keepdim=True)]
        if layer.idt is not None:
            by_step = torch.addcmul(back * y, slope * inner, curve)
            gradients.append(by_step.sum(1, keepdim=True))
        return _skip_back(torch.bmm(direct, layer.matrix.transpose(1, 2)), back), gradients


def _skip(y: Tensor, x: Tensor) -> Tensor:
    """Add what goes past the layer."""
    if y.shape[-1] == x.shape[-1]:
        return y + x
    if y.shape[-1] == 2 * x.shape[-1]:
        return y + torch.cat([x, x], dim=-1)
    return y


def _skip_back(back: Tensor, slope: Tensor) -> Tensor:
    narrow, wide = back.shape[-1], slope.shape[-1]
    if wide == narrow:
        return back.add_(slope)
    if wide == 2 * narrow:
        return back.add_(slope[..., :narrow]).add_(slope[..., narrow:])
    return back
