"""What the fast path does between the moments and the forces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import aisteer as ai
from aisteer.deep_potential.chebyshev import fit_series, s_of
from aisteer.deep_potential.columns import activate_double, activate_single, multiply_columns, pull_back
from aisteer.deep_potential.description import Layer
from aisteer.deep_potential.folding import fold


@pytest.mark.parametrize(
    ("activate", "real", "bound"), [(activate_double, "f8", 1e-15), (activate_single, "f4", 3e-7)]
)
def test_tanh_and_its_slope_come_from_one_pass(activate, real, bound):
    generator = np.random.default_rng(0)
    values = np.concatenate(
        [generator.normal(0, 2, (40, 12)), generator.normal(0, 1e-4, (20, 12)), [[900.0] * 12]]
    )
    bias, step, given = (generator.normal(size=shape).astype(real) for shape in (12, 12, (61, 6)))
    values = values.astype(real)
    out, slope = np.empty_like(values), values.copy()
    activate(slope, bias, step, given, 2, out)
    y = np.tanh(values.astype(float) + bias)
    assert np.abs(out - (y * step + np.tile(given, 2))).max() < 2 * bound
    assert np.abs(slope - step * (1 - y**2)).max() < 4 * bound


def test_the_way_back_is_the_derivative_of_the_products():
    generator = np.random.default_rng(0)
    columns, reach = generator.normal(size=(4, 5, 70)), np.array([5, 4, 3])
    weights = generator.normal(size=(9, 70))

    def total(of) -> float:
        products = np.empty((9, 70))
        multiply_columns(of, reach, products)
        return float((weights * products).sum())

    slope, direction = np.empty_like(columns), generator.normal(size=columns.shape)
    pull_back(columns, reach, weights, slope)
    by_difference = (total(columns + 0.5 * direction) - total(columns - 0.5 * direction)) / 1.0
    assert (slope * direction).sum() == pytest.approx(by_difference, rel=1e-12)


def test_with_nothing_left_out_the_folded_layer_is_the_layer(models):
    engine = ai.dp.load(models / "water-0.ckpt.pt")._engine
    descriptor = engine.members[0].descriptor
    series = fit_series(engine.doubles[0], 1, s_of(descriptor, engine.r_min), 24, 1)
    layer = engine.members[0].fitting.networks[1][0]
    generator = np.random.default_rng(0)
    moments = generator.normal(size=(6, 4, series.vector[..., 0].size))
    features = moments @ series.vector.reshape(moments.shape[-1], -1)
    plain = (
        np.einsum("nca,ncb->nab", features, features[..., : descriptor.axis]).reshape(6, -1) @ layer.matrix
    )

    def folded(cut) -> tuple[int, np.ndarray]:
        made = fold(series, layer, descriptor.axis, cut)
        products = np.empty((len(made.first), 6))
        multiply_columns(
            np.ascontiguousarray((moments @ made.vector).transpose(1, 2, 0)), made.reach, products
        )
        return len(products), np.abs(products.T @ made.first - plain).max() / np.abs(plain).max()

    (everything, exact), (some, near), (few, far) = map(folded, (0.0, 0.01, 0.1))
    # 8 features with 4 axis columns; of the products of these only one of each pair.
    assert everything == 8 + 7 + 6 + 5
    assert few < some < everything
    assert exact < 1e-13 < near < far < 1


def test_layers_of_equal_and_of_doubled_width_are_passed_by(models, answers):
    """The first one's input is the descriptor, of 8 × 4 numbers."""
    (description,) = ai.dp.load(models / "water-0.ckpt.pt").members
    generator = np.random.default_rng(0)
    widths = ((32, 32), (32, 64), (64, 64), (64, 1))
    layers = tuple(
        Layer(generator.normal(0, 0.1, (narrow, wide)), generator.normal(0, 0.1, wide))
        for narrow, wide in widths
    )
    fitting = replace(description.fitting, neuron=(32, 64, 64), networks=(layers,) * 2)
    model = ai.dp.DeepPotential([replace(description, fitting=fitting)], committee=False)
    frames = answers.frames("bulk")
    fast, exact = model.evaluate(*frames), model.evaluate(*frames, exact=True)
    assert np.abs(fast.forces - exact.forces).max() < 1e-6
    assert np.abs(fast.atomic_energies - exact.atomic_energies).max() < 1e-6
    assert np.abs(exact.forces).max() > 0.1


@pytest.mark.full
def test_single_precision_is_nearly_as_near_as_mixed(models, answers):
    model = ai.dp.load(models / "water-0.ckpt.pt")
    frames = answers.frames("bulk")
    exact = model.evaluate(*frames).forces
    off = {}
    for precision in ("mixed", "fp32"):
        forces = model.evaluate(*frames, precision=precision).forces
        off[precision] = float(np.sqrt(((forces - exact) ** 2).mean()))
    assert 0 < off["mixed"] < 1e-5
    assert 0 < off["fp32"] < 1e-4
