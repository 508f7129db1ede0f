from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gpytorch.kernels import MaternKernel, ScaleKernel
from linear_operator.utils.errors import NotPSDError

from aisteer.surrogates import gaussian_process
from aisteer.surrogates.closed_form import ClosedForm
from aisteer.surrogates.factors import cholesky
from aisteer.surrogates.gaussian_process import Remembered, doubt, fit
from aisteer.surrogates.hyper_parameters import Modules, fitted_on, most_probable
from aisteer.surrogates.kernels import (
    Candidate,
    Tanimoto,
    TanimotoDistance,
    box_kernels,
    feature_kernels,
    split_features,
    tanimoto,
)
from aisteer.surrogates.posterior import GaussianProcess

torch.set_num_threads(1)
RNG = np.random.default_rng(0)


def smooth(x: np.ndarray) -> np.ndarray:
    return 3.0 + np.sin(4 * x[:, 0]) + (x[:, 1] if x.shape[1] > 1 else 0.0)


def fitted(n: int = 20, d: int = 2, error: float = 0.0) -> GaussianProcess:
    x = np.random.default_rng(1).random((n, d))
    return fit(x, smooth(x), np.full(n, error), box_kernels(d, []))


def covariance(process: GaussianProcess) -> np.ndarray:
    """Of the outcomes, noise included, in their own unit."""
    dense = process.modules.covariance(process.x).detach().numpy()
    return process.scale**2 * dense


def test_predictions_are_those_of_the_textbook():
    process = fitted()
    x, y = process.x.numpy(), process.y.numpy()
    new = RNG.random((7, 2))
    prior = process.prior_mean
    cross = process.scale**2 * process.kernel(torch.as_tensor(new), process.x).to_dense().detach().numpy()
    inverse = np.linalg.inv(covariance(process))
    own = process.scale**2 * process.kernel(torch.as_tensor(new), diag=True).detach().numpy()
    mean, std = process.predict(new)
    np.testing.assert_allclose(mean, prior + cross @ inverse @ (y - prior), rtol=1e-5)
    np.testing.assert_allclose(std**2, own - np.einsum("ij,jk,ik->i", cross, inverse, cross), atol=1e-5)
    assert x.shape == (20, 2)


def test_leaving_one_out_in_closed_form_is_leaving_one_out():
    process = fitted(error=0.2)
    left = process.leave_one_out()
    full = covariance(process)
    prior = process.prior_mean
    y = process.y.numpy()
    for i in (0, 7, 19):
        others = [j for j in range(20) if j != i]
        weights = np.linalg.solve(full[np.ix_(others, others)], full[others, i])
        assert left.mean[i] == pytest.approx(prior + weights @ (y[others] - prior), rel=1e-6)
        assert left.std[i] ** 2 == pytest.approx(full[i, i] - weights @ full[others, i], rel=1e-6)


def test_a_factor_that_needs_jitter_is_made_and_one_that_cannot_be_is_refused():
    x = np.repeat(RNG.random((3, 2)), 2, axis=0)
    _, spread = fitted().joint(x)
    matrix = torch.as_tensor(spread)
    factor = cholesky(matrix)
    np.testing.assert_allclose((factor @ factor.mT).numpy(), spread, atol=1e-4 * spread.diagonal().mean())
    with pytest.raises(NotPSDError):
        cholesky(-torch.eye(2).double())


def test_a_joint_prediction_agrees_with_single_ones():
    process = fitted()
    new = RNG.random((6, 2))
    mean, std = process.predict(new)
    together, spread = process.joint(new)
    np.testing.assert_allclose(together, mean)
    np.testing.assert_allclose(np.sqrt(spread.diagonal()), std, rtol=1e-4, atol=1e-6)


def test_a_point_is_predicted_the_same_alone_and_among_many():
    process = fitted()
    new = RNG.random((600, 2))
    mean, std = process.predict(new)
    some = [0, 255, 256, 599]
    alone = [process.predict(new[row : row + 1]) for row in some]
    np.testing.assert_allclose([m[0] for m, _ in alone], mean[some])
    np.testing.assert_allclose([s[0] for _, s in alone], std[some], rtol=1e-6)
    assert [len(a) for a in process.predict(new[:0])] == [0, 0]


def test_it_learns_a_smooth_function():
    process = fitted(40)
    new = RNG.random((200, 2))
    mean, std = process.predict(new)
    assert np.sqrt(np.mean((mean - smooth(new)) ** 2)) < 0.02
    assert np.mean(np.abs(mean - smooth(new)) < 3 * std) > 0.9


def test_known_errors_are_believed_and_unknown_ones_learned():
    x = np.repeat(np.linspace(0, 1, 12), 4)[:, None]
    noisy = smooth(x) + 0.3 * np.random.default_rng(2).normal(size=48)
    told = fit(x, noisy, np.full(48, 0.3), box_kernels(1, []))
    learned = fit(x, noisy, np.zeros(48), box_kernels(1, []))
    assert learned.noise == pytest.approx(0.3, rel=0.35)
    half = np.where(np.arange(48) % 2 == 0, 0.3, 0.0)
    mixed = fit(x, noisy, half, box_kernels(1, []))
    np.testing.assert_allclose(
        mixed.modules.likelihood.noise_covar.variances()[::2].detach().numpy(), (0.3 / mixed.scale) ** 2
    )
    assert mixed.noise == pytest.approx(0.3, rel=0.6)
    new = np.linspace(0, 1, 9)[:, None]
    for process in (told, learned, mixed):
        mean, std = process.predict(new)
        assert (np.abs(mean - smooth(new)) < 4 * std + 0.02).all()


def test_a_precise_outcome_counts_more_than_a_rough_one():
    x = np.array([[0.5], [0.5], [0.0], [1.0]])
    process = fit(x, np.array([1.0, 2.0, 0.0, 3.0]), np.array([0.01, 1.0, 0.1, 0.1]), box_kernels(1, []))
    mean, _ = process.predict(np.array([[0.5]]))
    assert abs(mean[0] - 1.0) < 0.1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_outcomes_are_enough_to_say_something_finite(n: int):
    process = fit(RNG.random((n, 3)), RNG.random(n), np.zeros(n), box_kernels(3, []))
    mean, std = process.predict(RNG.random((5, 3)))
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_repeated_points_and_equal_outcomes_do_no_harm():
    x = np.repeat(RNG.random((3, 2)), 5, axis=0)
    for y in (np.full(15, 7.0), np.tile([1.0, 2.0, 3.0], 5)):
        process = fit(x, y, np.zeros(15), box_kernels(2, []))
        mean, std = process.predict(x)
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()
        assert np.isfinite(process.leave_one_out().std).all()
    assert "equal so far" in fit(x, np.full(15, 7.0), np.zeros(15), box_kernels(2, [])).words


def test_the_unit_of_the_outcomes_does_not_matter():
    x = RNG.random((15, 2))
    y = smooth(x)
    new = RNG.random((4, 2))
    small = fit(x, y, np.zeros(15), box_kernels(2, [])).predict(new)
    large = fit(x, 1e9 * y - 5e9, np.zeros(15), box_kernels(2, [])).predict(new)
    np.testing.assert_allclose(large[0], 1e9 * small[0] - 5e9, rtol=1e-4)
    np.testing.assert_allclose(large[1], 1e9 * small[1], rtol=1e-3)


def test_the_same_data_gives_the_same_fit():
    first, second = fitted(), fitted()
    np.testing.assert_array_equal(first.predict(first.x.numpy())[0], second.predict(second.x.numpy())[0])


def test_what_is_remembered_of_a_fit_changes_nothing_but_the_time(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    x = rng.random((116, 2))
    y = smooth(x) + 0.1 * rng.normal(size=116)
    searched: list[int] = []

    def counted(candidate, inputs, *more):
        searched.append(len(inputs))
        return most_probable(candidate, inputs, *more)

    monkeypatch.setattr(gaussian_process, "most_probable", counted)
    kernels, remembered, new = box_kernels(2, []), Remembered(), rng.random((9, 2))
    for n in (110, 112, 116):
        kept = fit(x[:n], y[:n], np.zeros(n), kernels, remembered)
        fresh = fit(x[:n], y[:n], np.zeros(n), kernels)
        np.testing.assert_array_equal(kept.predict(new), fresh.predict(new))
    assert searched == [110, *[110] * 3]
    corrected = np.where(np.arange(116) == 3, y + 1.0, y)
    kept = fit(x, corrected, np.zeros(116), kernels, remembered)
    np.testing.assert_array_equal(kept.predict(new), fit(x, corrected, np.zeros(116), kernels).predict(new))


def test_the_gradient_that_hyper_parameters_are_fitted_by_is_that_of_their_density():
    rng = np.random.default_rng(6)
    x, y = torch.as_tensor(rng.random((12, 3))), torch.as_tensor(rng.normal(size=12))
    variances = torch.as_tensor(np.where(np.arange(12) % 2 == 0, np.nan, 0.04))
    modules = Modules(box_kernels(3, [2])[0], variances)
    density = torch.distributions.MultivariateNormal(
        modules.mean.constant.expand(12), modules.covariance(x)
    ).log_prob(y)
    prior = sum(prior.log_prob(closure(module)).sum() for module, prior, closure in modules.priors)
    knobs = [p for p in modules.parameters() if p.requires_grad]
    known = torch.autograd.grad(-density - prior, knobs)
    loss = modules.loss(x, y)
    whole = loss.item() + 6 * math.log(2 * math.pi)
    assert whole == pytest.approx((-density - prior).item())
    for found, wanted in zip(torch.autograd.grad(loss, knobs), known, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("d", "categorical"), [(3, []), (4, [2]), (2, [0, 1])])
def test_the_closed_form_of_a_box_kernel_is_the_kernel(d: int, categorical: list[int]):
    rng = np.random.default_rng(8)
    modules = Modules(box_kernels(d, categorical)[0], torch.full((9,), torch.nan).double())
    for parameter in modules.kernel.parameters():
        parameter.data += 0.3 * torch.as_tensor(rng.random(parameter.shape))
    a, b = torch.as_tensor(rng.random((9, d))), torch.as_tensor(rng.random((5, d)))
    a[:, categorical], b[:, categorical] = a[:, categorical].round(), b[:, categorical].round()
    b[0] = a[0]
    modules.closed.refresh()
    for left, right in ((a, b), (a, a)):
        known = modules.kernel(left, right).to_dense().detach()
        np.testing.assert_allclose(modules.closed.pairs(left, right).covariance, known, atol=1e-12)
    y, free = torch.as_tensor(rng.normal(size=9)), [p for p in modules.parameters() if p.requires_grad]
    loss = modules.loss(a, y)
    found, slopes = modules.loss_and_slopes(a, y)
    assert found == pytest.approx(loss.item(), abs=1e-5)
    for slope, known in zip(slopes, torch.autograd.grad(loss, free), strict=True):
        np.testing.assert_allclose(slope, known, rtol=1e-6, atol=1e-9)
    assert ClosedForm.of(ScaleKernel(MaternKernel(nu=1.5, ard_num_dims=2, active_dims=(0, 1)))) is None


def test_a_factor_extended_by_rows_is_the_full_one():
    rng = np.random.default_rng(9)
    x = rng.random((230, 3))
    y, error = smooth(x), np.where(np.arange(230) % 3 == 0, 0.2, 0.0)
    y = y + np.where(error > 0, 0.2, 0.02) * rng.normal(size=230)
    kernels, remembered, new = box_kernels(3, []), Remembered(), rng.random((20, 3))
    for n in (214, 215, 219, 230):
        grown, whole = (fit(x[:n], y[:n], error[:n], kernels, kept) for kept in (remembered, None))
        for found, known in zip(grown.whitened(), whole.whitened(), strict=True):
            np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-9)
        for found, known in zip(grown.predict(new), whole.predict(new), strict=True):
            np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(grown.leave_one_out().std, whole.leave_one_out().std, rtol=1e-9)
        assert n == 214 or grown._factor is not whole._factor
    assert remembered.before(kernels[0]) is grown


def test_predictions_at_the_runs_themselves_are_those_of_any_other_point():
    process = fit(x := RNG.random((30, 2)), smooth(x), np.full(30, 0.1), box_kernels(2, []))
    for found, known in zip(process.predict(x), process.predict(x.copy()), strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-6)


def test_few_outcomes_make_it_less_sure_and_move_no_mean(monkeypatch: pytest.MonkeyPatch):
    assert doubt(3, 100) == pytest.approx(100 / 94)
    assert doubt(7, 16) == pytest.approx(3.0)
    assert doubt(0, 1) == 1.0
    x, new = np.random.default_rng(11).random((14, 4)), RNG.random((30, 4))
    honest = fit(x, smooth(x), np.zeros(14), box_kernels(4, []))
    monkeypatch.setattr(gaussian_process, "doubt", lambda *_: 1.0)
    plain = fit(x, smooth(x), np.zeros(14), box_kernels(4, []))
    (mean, std), (same, narrow) = honest.predict(new), plain.predict(new)
    np.testing.assert_allclose(mean, same, rtol=1e-6)
    np.testing.assert_allclose(std, math.sqrt(doubt(5, 14)) * narrow, rtol=1e-6)


def test_predictions_made_beforehand_are_more_probable_with_the_doubt():
    """Waves in four dimensions; outcomes are predicted one after the other from those before."""
    rng = np.random.default_rng(12)
    gained = []
    for _ in range(6):
        x = rng.random((24, 4))
        weights, shifts = rng.normal(size=(12, 4)) * 2, rng.uniform(0, 6, 12)
        y = np.cos(x @ weights.T + shifts) @ rng.normal(size=12)
        for n in range(12, 24, 3):
            process = fit(x[:n], y[:n], np.zeros(n), box_kernels(4, []))
            mean, std = process.predict(x[n : n + 1])
            z2, factor = (y[n] - mean[0]) ** 2 / (std[0] ** 2 + process.noise**2), doubt(5, n)
            gained.append(0.5 * (factor - 1.0) * z2 - 0.5 * math.log(factor))
    assert np.mean(gained) > 0.2


def test_outcomes_that_surprise_are_fitted_on_and_those_that_do_not_are_only_conditioned_on():
    rng = np.random.default_rng(10)
    x = rng.random((108, 1))
    calm = np.sin(3 * x[:, 0]) + 0.01 * rng.normal(size=108)
    wild = np.where(np.arange(108) >= 100, calm + rng.normal(size=108), calm)
    kernels = box_kernels(1, [])
    before = fit(x[:100], calm[:100], np.zeros(100), kernels)
    quiet, loud = (fit(x, y, np.zeros(108), kernels) for y in (calm, wild))
    assert quiet.noise == before.noise
    assert quiet.surprise(100) < 3.0
    assert loud.noise > 5 * before.noise


def test_a_fit_that_fails_falls_back_and_says_so():
    class BrokenWhileFitting(ScaleKernel):
        def forward(self, x1, x2, **more):
            if torch.is_grad_enabled():
                raise RuntimeError("the gradient is lost")
            return super().forward(x1, x2, **more)

    broken = Candidate("broken", lambda: BrokenWhileFitting(MaternKernel(nu=2.5)))
    process = fit(RNG.random((6, 1)), RNG.random(6), np.zeros(6), [broken])
    assert "could not be fitted" in process.words
    assert np.isfinite(process.predict(RNG.random((3, 1)))[0]).all()


def test_hyper_parameters_are_fitted_again_with_every_tenth_more():
    assert [fitted_on(n) for n in (1, 100, 101, 109, 110, 230)] == [1, 100, 100, 100, 110, 214]
    assert all(n / 1.11 < fitted_on(n) <= n for n in range(1, 3000))


def test_what_one_option_taught_is_expected_of_the_others_until_they_differ():
    x = np.column_stack([np.tile(np.linspace(0, 1, 8), 2), np.repeat([0.0, 1.0], 8)])
    shape = np.sin(5 * x[:, 0])
    few = fit(x[:3], shape[:3], np.zeros(3), box_kernels(2, [1]))
    told = few.correlation(np.array([[x[1, 0], 1.0]]))
    assert told[0, 1] > 0.7
    alike = fit(x, shape + 0.1 * x[:, 1], np.zeros(16), box_kernels(2, [1]))
    apart = fit(x, np.where(x[:, 1] == 0, shape, np.cos(9 * x[:, 0])), np.zeros(16), box_kernels(2, [1]))
    middle = np.array([[x[4, 0], 1.0]])
    assert alike.correlation(middle)[0, 4] > 0.85
    assert apart.correlation(middle)[0, 4] < 0.5


def test_choices_have_no_order():
    x = np.array([[u, c] for u in np.linspace(0, 1, 10) for c in (0.0, 0.5, 1.0)])
    y = np.sin(3 * x[:, 0]) + np.where(x[:, 1] == 0.5, 2.0, 0.0)
    process = fit(x, y, np.zeros(30), box_kernels(2, [1]))
    first = process.correlation(np.array([[0.0, 0.0]]))[0]
    middle, last = first[1], first[2]
    assert middle == pytest.approx(last)
    assert first[0] == pytest.approx(1.0)
    mean, _ = process.predict(np.array([[0.45, 0.0], [0.45, 0.5], [0.45, 1.0]]))
    np.testing.assert_allclose(mean, np.sin(1.35) + np.array([0.0, 2.0, 0.0]), atol=0.05)


# --- fingerprints -----------------------------------------------------------------------------


def bits(n: int, f: int = 64, p: float = 0.15, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, f)) < p).astype(float)


def test_tanimoto_is_shared_bits_over_all_bits():
    a, b = torch.tensor([[1.0, 1, 0, 0]]), torch.tensor([[1.0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    assert tanimoto(a, b).tolist() == [[0.25, 1.0, 0.0]]
    empty = torch.zeros((1, 4))
    assert float(tanimoto(empty, empty)) == 1.0


@pytest.mark.parametrize("kernel", [Tanimoto(), TanimotoDistance()])
def test_tanimoto_kernels_are_covariances(kernel):
    x = torch.as_tensor(np.vstack([bits(60), np.zeros((1, 64))]))
    dense = kernel.double()(x).to_dense().detach()
    assert float(torch.linalg.eigvalsh(dense).min()) > -1e-8
    np.testing.assert_allclose(kernel(x, diag=True).detach().numpy(), dense.diagonal().numpy())
    np.testing.assert_allclose(dense.diagonal().numpy(), 1.0)


def test_a_composed_kernel_has_the_shape_of_its_parts():
    columns = np.hstack([bits(40), np.random.default_rng(0).normal(size=(40, 3))])
    for candidate in [*feature_kernels(columns), *box_kernels(3, [2])]:
        assert candidate.make().batch_shape == torch.Size([])
        assert candidate.make().expand_batch(torch.Size([2])).batch_shape == torch.Size([2])


def test_what_looks_like_a_fingerprint_is_told_from_numbers():
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    constant = np.ones((40, 2))
    sparse, dense = split_features(np.hstack([bits(40), numbers, constant]))
    assert dense == [64, 65, 66]
    assert set(sparse) <= set(range(64))
    assert split_features(numbers)[0] == []
    names = [k.name for k in feature_kernels(np.hstack([bits(40), numbers]))]
    assert names[0] == "Tanimoto + Matérn 5/2"
    assert [k.name for k in feature_kernels(numbers)] == ["Matérn 5/2"]


def test_the_kernel_is_chosen_by_what_predicts_the_outcomes():
    prints, numbers = bits(60, 128), np.random.default_rng(3).normal(size=(60, 2))
    x = np.hstack([prints, numbers])
    by_numbers = fit(x, np.sin(numbers[:, 0]) + numbers[:, 1], np.zeros(60), feature_kernels(x))
    assert "Matérn" in by_numbers.name
    weights = np.random.default_rng(4).normal(size=128)
    by_bits = fit(x, prints @ weights, np.zeros(60), feature_kernels(x))
    assert "Tanimoto" in by_bits.name
