from __future__ import annotations

import numpy as np
import pytest
import torch

from aisteer.steering.criteria.drawn import Drawn
from aisteer.steering.noisy_improvement import NoisyImprovement, contenders, normal_draws
from aisteer.surrogates.columns import Columns
from aisteer.surrogates.deep_ensemble import DeepEnsemble, fit
from aisteer.surrogates.members import MembersProcess
from aisteer.surrogates.posterior import GaussianProcess

torch.set_num_threads(1)


def made(error: float = 0.0) -> DeepEnsemble:
    rng = np.random.default_rng(0)
    x = rng.random((60, 2))
    y = np.sin(4 * x[:, 0]) + x[:, 1] + 0.1 * rng.normal(size=60)
    return fit(x, y, np.full(60, error), columns=Columns.of_box(2))


@pytest.fixture(scope="module", params=[0.0, 0.1], ids=["errors not known", "errors known"])
def process(request: pytest.FixtureRequest) -> MembersProcess:
    return MembersProcess(made(request.param))


def test_conditioned_on_its_origin_the_kernel_says_what_the_ensemble_says(process: MembersProcess):
    new = np.random.default_rng(1).random((9, 2))
    cross = process.between(process.x, torch.as_tensor(new))
    factor, white = process.whitened()
    mean = cross.mT @ torch.linalg.solve_triangular(factor.mT, white.unsqueeze(-1), upper=True)
    covariance = process.between(torch.as_tensor(new), torch.as_tensor(new)) - cross.mT @ cross
    told, spread = process.joint(new)
    np.testing.assert_allclose(process.centre + process.scale * mean.squeeze(-1), told, rtol=1e-10)
    np.testing.assert_allclose(process.scale**2 * covariance, spread, atol=1e-10)
    np.testing.assert_allclose(
        process.own(torch.as_tensor(new)),
        process.between(torch.as_tensor(new), torch.as_tensor(new)).diagonal(),
        rtol=1e-10,
    )


def test_draws_at_points_are_kept_to_at_those_points(process: MembersProcess):
    new = np.random.default_rng(1).random((4, 2))
    drawn = Drawn(process, normal_draws(6, 64, 0))
    values = drawn.add(new)
    mean, std = drawn.at(torch.as_tensor(new + 1e-9))
    if not process.ensemble.errors_known:
        np.testing.assert_allclose(mean, values, atol=1e-3)
        assert float(std.max()) < 1e-2
    told, spread = process.predict(new)
    np.testing.assert_allclose(process.centre + process.scale * values.mean(1), told, atol=0.1 * spread.max())


def test_the_noisy_improvement_has_a_gradient_that_is_its_slope(process: MembersProcess):
    runs = process.ensemble.x.numpy()
    kept = contenders(process, runs, 0)
    assert 0 < len(kept) < len(runs)
    sought = NoisyImprovement(process, kept, normal_draws(len(kept) + 2, 64, 0))
    x = torch.tensor([[0.4, 0.95], [0.3, 0.8]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(sought(x).sum(), x)
    step = torch.tensor([[1e-3, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        slope = (sought(x + step) - sought(x - step)) / 2e-3
    np.testing.assert_allclose(gradient[:, 0], slope, rtol=0.1, atol=0.05)
    before = sought(x.detach())
    sought.add(x.detach()[:1].numpy())
    assert float(sought(x.detach())[0]) < float(before[0])


def test_what_explanations_ask_is_answered(process: MembersProcess):
    assert isinstance(process, GaussianProcess)
    runs = process.ensemble.x.numpy()
    correlation = process.correlation(runs)
    np.testing.assert_allclose(correlation.diagonal(), 1.0)
    assert correlation.shape == (60, 60)
    assert process.length_scales() is None
    assert np.isfinite(process.leave_one_out().std).all()
    assert process.prior_mean == process.ensemble.centre
    assert process.name == "deep ensemble"
