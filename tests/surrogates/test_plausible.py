"""Several plausible hyper-parameters instead of the most probable ones alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aisteer.surrogates.gaussian_process import fit
from aisteer.surrogates.kernels import box_kernels
from aisteer.surrogates.plausible import Plausible, _Form, plausible
from aisteer.surrogates.posterior import GaussianProcess

AT = np.random.default_rng(3).uniform(size=(40, 2))


def fitted(n: int, dimension: int = 2, categorical: tuple[int, ...] = ()) -> GaussianProcess:
    rng = np.random.default_rng(n)
    x = rng.uniform(size=(n, dimension))
    for column in categorical:
        x[:, column] = rng.choice([0.25, 0.75], n)
    y = np.sin(5 * x[:, 0]) + 0.3 * x[:, -1]
    return fit(x, y, np.zeros(n), box_kernels(dimension, categorical))


def test_few_outcomes_leave_more_lengths_plausible_than_many():
    widths = []
    for n in (6, 100):
        found = plausible(fitted(n))
        lengths = found._lengths.log()
        middle = found.weights @ lengths
        widths.append(float((found.weights @ (lengths - middle).square()).sqrt()[0]))
        assert float(found.weights.sum()) == pytest.approx(1.0)
    assert widths[0] > 3 * widths[1]


def test_the_lengths_that_are_drawn_are_as_probable_as_integration_says():
    process = fitted(8, 1)
    form = _Form(process, process.closed)
    lengths = torch.linspace(-4, 6, 201).double()
    scales = torch.linspace(-4, 3, 101).double()
    grid = torch.cartesian_prod(lengths, scales)
    with torch.no_grad():
        mass = torch.softmax(-form.surprise(grid), 0).view(201, 101).sum(1)
    mean = float(mass @ lengths)
    spread = float((mass @ (lengths - mean).square()).sqrt())
    found = plausible(process)
    assert float(found.weights @ found._lengths.log()[:, 0]) == pytest.approx(mean, abs=0.5 * spread)


@pytest.mark.parametrize("categorical", [(), (1,)])
def test_under_its_own_scales_it_says_what_the_process_says(categorical):
    process = fitted(12, 3, categorical)
    form = _Form(process, process.closed)
    a, b = torch.as_tensor(process.x), torch.as_tensor(process.x[:5])
    logs = form.most_probable[None]
    with torch.no_grad():
        found = form.covariance(a, b, logs[:, :-1].exp(), logs[:, -1].exp())[0] * form._enlarged
        torch.testing.assert_close(found, process.between(a, b), rtol=1e-6, atol=1e-9)


def test_a_process_of_many_outcomes_is_taken_as_it_is():
    process = fitted(160)
    found = plausible(process)
    assert type(found) is Plausible
    with torch.no_grad():
        white = found.whitened(torch.as_tensor(AT))
        mean = process.centre + process.scale * found.means(white)[0].numpy()
        std = (
            process.scale * (found.variances(torch.as_tensor(AT)) - white.square().sum(-2))[0].sqrt().numpy()
        )
    np.testing.assert_allclose(mean, process.predict(AT)[0], rtol=1e-6)
    np.testing.assert_allclose(std, process.predict(AT)[1], rtol=1e-4)


def test_slopes_are_finite_where_points_coincide():
    process = fitted(9)
    found = plausible(process)
    x = torch.tensor(process.x[:3].numpy(), requires_grad=True)
    white = found.whitened(x)
    (found.means(white).sum() + white.square().sum()).backward()
    assert bool(torch.isfinite(x.grad).all())
