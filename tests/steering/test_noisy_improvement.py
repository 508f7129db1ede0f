from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.utils import prune_inferior_points
from botorch.models import SingleTaskGP
from botorch.sampling.normal import SobolQMCNormalSampler

from aisteer.steering.noisy_improvement import NoisyImprovement, contenders, normal_draws
from aisteer.surrogates.gaussian_process import fit
from aisteer.surrogates.kernels import box_kernels
from aisteer.surrogates.posterior import GaussianProcess

torch.set_num_threads(1)
DRAWS = 128


def fitted(kind: str, n: int = 40) -> GaussianProcess:
    """Of a bumpy function of two numbers and, where ``mixed``, a choice; large in its own unit."""
    rng = np.random.default_rng(1)
    x = rng.random((n, 3 if kind == "mixed" else 2))
    categorical = [2] if kind == "mixed" else []
    y = np.sin(5 * x[:, 0]) + np.cos(4 * x[:, 1])
    if kind == "mixed":
        x[:, 2] = rng.integers(0, 3, n) / 2
        y += x[:, 2] == 0.5
    error = np.zeros(n)
    if kind == "known errors":
        error = np.where(np.arange(n) % 3 == 0, 0.0, rng.uniform(0.05, 0.5, n))
    if kind != "exact":
        y = y + 0.2 * rng.normal(size=n)
    return fit(x, 700.0 + 50.0 * y, 50.0 * error, box_kernels(x.shape[1], categorical))


def peers(process: GaussianProcess) -> SingleTaskGP:
    """The same model in BoTorch's hands."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SingleTaskGP(
            process.x,
            ((process.y - process.centre) / process.scale).unsqueeze(-1),
            likelihood=process.modules.likelihood,
            covar_module=process.kernel,
            mean_module=process.modules.mean,
            outcome_transform=None,
        )
    return model.eval()


def candidates(process: GaussianProcess, n: int = 60) -> np.ndarray:
    x = np.random.default_rng(7).random((n, process.x.shape[1]))
    if x.shape[1] == 3:
        x[:, 2] = np.random.default_rng(8).integers(0, 3, n) / 2
    return x


def value_and_gradient(acquisition, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inputs = torch.tensor(x, requires_grad=True)
    values = acquisition(inputs)
    (gradient,) = torch.autograd.grad(values.sum(), inputs)
    return values.detach().numpy(), gradient.numpy()


@pytest.mark.parametrize("pending", [0, 7])
@pytest.mark.parametrize("kind", ["exact", "noisy", "known errors", "mixed"])
def test_it_is_botorchs_with_the_same_draws(kind: str, pending: int):
    process = fitted(kind)
    good = process.x.numpy()[np.argsort(-process.predict(process.x.numpy())[0])]
    baseline, under_way = good[:6], candidates(process, 80)[60 : 60 + pending]
    theirs = qLogNoisyExpectedImprovement(
        model=peers(process),
        X_baseline=torch.as_tensor(baseline),
        X_pending=torch.as_tensor(under_way) if pending else None,
        sampler=SobolQMCNormalSampler(torch.Size([DRAWS]), seed=3),
        prune_baseline=False,
    )
    x = candidates(process)
    value, gradient = value_and_gradient(lambda inputs: theirs(inputs.unsqueeze(-2)), x)
    draws = theirs.sampler.base_samples.reshape(DRAWS, -1)
    ours = NoisyImprovement(process, np.concatenate([baseline, under_way]), draws)
    found, slope = value_and_gradient(ours, x)
    np.testing.assert_allclose(found, value, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slope, gradient, rtol=1e-5, atol=1e-6 * np.abs(gradient).max())
    assert np.ptp(found) > 1.0


@pytest.mark.parametrize("kind", ["noisy", "mixed"])
def test_points_added_one_by_one_are_as_if_they_had_been_there(kind: str):
    process, x = fitted(kind), candidates(fitted(kind))
    draws = normal_draws(12, DRAWS, 0)
    together = NoisyImprovement(process, x[:10], draws)
    grown = NoisyImprovement(process, x[:4], draws)
    for row in range(4, 10):
        grown.add(x[row : row + 1])
    for found, known in zip(
        value_and_gradient(grown, x[10:]), value_and_gradient(together, x[10:]), strict=True
    ):
        np.testing.assert_allclose(found, known, rtol=1e-7, atol=1e-7)


def test_nothing_is_expected_where_a_run_is_under_way_already():
    process = fitted("noisy")
    x = candidates(process)
    plain = NoisyImprovement(process, process.x.numpy()[:5], normal_draws(7, DRAWS, 0))
    best = int(plain(torch.as_tensor(x)).argmax())
    before = plain(torch.as_tensor(x))
    plain.add(x[best : best + 1])
    after = plain(torch.as_tensor(x))
    assert float(after[best]) < float(before[best]) - 5.0
    assert bool((after <= before + 0.1).all())


def test_points_that_coincide_do_no_harm():
    process = fitted("exact")
    runs = process.x.numpy()
    twice = np.concatenate([runs[:8], runs[:8], runs[:8] + 1e-9])
    acquisition = NoisyImprovement(process, twice, normal_draws(26, DRAWS, 0))
    acquisition.add(runs[:1])
    for found in value_and_gradient(acquisition, np.concatenate([runs, candidates(process)])):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", ["exact", "noisy", "known errors", "mixed"])
def test_contenders_are_those_that_botorch_keeps(kind: str):
    process = fitted(kind)
    x = process.x.numpy()
    sampler = SobolQMCNormalSampler(torch.Size([2048]), seed=5)
    theirs = prune_inferior_points(peers(process), process.x, sampler=sampler)
    kept = contenders(process, x, 5)
    np.testing.assert_array_equal(kept, theirs.numpy())
    assert 1 <= len(kept) < len(x)


def test_many_candidates_take_no_more_memory_than_some(monkeypatch: pytest.MonkeyPatch):
    process = fitted("noisy", 300)
    acquisition = NoisyImprovement(process, process.x.numpy()[:30], normal_draws(31, DRAWS, 0))
    x = torch.rand(6000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pieces: list[int] = []
    compute = process.closed.pairs

    def watched(*inputs, **more):
        found = compute(*inputs, **more)
        pieces.append(found.covariance.shape.numel())
        return found

    monkeypatch.setattr(process.closed, "pairs", watched)
    with torch.no_grad():
        values = acquisition(x)
        alone = torch.cat([acquisition(x[row : row + 1]) for row in (0, 2500, 5999)])
    np.testing.assert_allclose(values[[0, 2500, 5999]], alone, rtol=1e-9)
    assert max(pieces) * 8 <= 2 * 2**20
