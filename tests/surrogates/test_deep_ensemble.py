from __future__ import annotations

import numpy as np
import pytest
import torch

from aisteer.errors import BadOutcome
from aisteer.surrogates import networks
from aisteer.surrogates.columns import Columns
from aisteer.surrogates.deep_ensemble import LEAST, DeepEnsemble, fit
from aisteer.surrogates.protocol import NotFitted, Surrogate
from aisteer.surrogates.spreads import calibrated_scale, standard

torch.set_num_threads(1)


def smooth(x: np.ndarray) -> np.ndarray:
    return 3.0 + 2.0 * np.sin(4 * x[:, 0]) + x[:, 1]


def outcomes(n: int, noise: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    return x, smooth(x) + noise * rng.normal(size=n)


def fitted(n: int = 120, noise: float = 0.2, error: float = 0.0, seed: int = 0) -> DeepEnsemble:
    x, y = outcomes(n, noise)
    return fit(x, y, np.full(n, error), columns=Columns.of_box(2), seed=seed)


@pytest.fixture(scope="module")
def ensemble() -> DeepEnsemble:
    return fitted(300)


def test_it_is_what_policies_ask_of_a_surrogate(ensemble: DeepEnsemble):
    assert isinstance(ensemble, Surrogate)


def test_it_learns_a_simple_function(ensemble: DeepEnsemble):
    x, _ = outcomes(500, seed=1)
    mean, std = ensemble.predict(x)
    assert np.sqrt(np.mean((mean - smooth(x)) ** 2)) < 0.12
    assert (std > 0).all()
    assert ensemble.noise == pytest.approx(0.2, rel=0.25)


def test_its_intervals_hold_as_many_new_outcomes_as_they_say(ensemble: DeepEnsemble):
    x, y = outcomes(4000, seed=1)
    mean, std = ensemble.predict_measured(x)
    for level, width in ((0.5, 0.674), (0.9, 1.645)):
        assert np.mean(np.abs(y - mean) < width * std) == pytest.approx(level, abs=0.06)


def test_a_training_that_knows_too_well_is_widened_by_the_calibration():
    rng = np.random.default_rng(0)
    residual, std = rng.normal(size=2000), np.full(2000, 0.4)
    assert calibrated_scale(residual, std, np.zeros(2000)) == pytest.approx(2.5, rel=0.06)
    # A share of the residuals' variance that what is scaled does not have is taken off.
    less = calibrated_scale(residual, std, np.zeros(2000), np.full(2000, 0.36))
    assert less == pytest.approx(2.0, rel=0.06)


def test_the_scale_leaves_standard_errors_as_they_are():
    rng = np.random.default_rng(0)
    error, std = np.full(4000, 1.0), np.full(4000, 0.5)
    residual = rng.normal(size=4000) * np.sqrt(1.0 + 4.0)
    assert calibrated_scale(residual, std, error) == pytest.approx(4.0, rel=0.06)
    assert calibrated_scale(np.zeros(5), std[:5], error[:5]) < 0.1


def test_the_same_data_and_seed_give_the_same_ensemble_and_another_seed_another():
    new = np.random.default_rng(3).random((7, 2))
    first, second, other = (fitted(40, seed=seed).predict(new) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_neither_the_thread_count_nor_the_global_seed_is_touched():
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fitted(30)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_members_trained_together_are_those_trained_alone():
    generator = torch.Generator().manual_seed(0)
    together = networks.Networks.fresh(3, 2, generator)
    x = torch.rand(5, 2)
    means, variances = together(x)
    for j in range(3):
        alone = networks.Networks(
            [w[j : j + 1] for w in together.weights], [b[j : j + 1] for b in together.biases]
        )
        torch.testing.assert_close(alone(x)[0][0], means[j])
        torch.testing.assert_close(alone(x)[1][0], variances[j])


def test_replicates_are_held_out_together(monkeypatch: pytest.MonkeyPatch):
    seen: list[networks.Split] = []

    def remembered(x, y, errors, split, generator):
        seen.append(split)
        return networks.train(x, y, errors, split, generator)

    monkeypatch.setattr("aisteer.surrogates.deep_ensemble.train", remembered)
    x, y = outcomes(25)
    x, y = np.repeat(x, 2, axis=0), np.repeat(y, 2)
    ensemble = fit(x, y, np.zeros(50))
    for inside, outside in zip(seen[0].inside, seen[0].outside, strict=True):
        assert not {int(i) // 2 for i in inside} & {int(i) // 2 for i in outside}
        assert len(inside) + len(outside) == 50
    assert np.isfinite(ensemble.leave_one_out().std).all()


@pytest.mark.parametrize("n", [1, 2, LEAST - 1])
def test_with_too_few_outcomes_it_refuses_in_words(n: int):
    with pytest.raises(NotFitted, match=f"{LEAST} different points at least and there are {n}"):
        fitted(n)


def test_many_repeats_of_few_points_are_too_few():
    x, y = outcomes(5)
    with pytest.raises(NotFitted, match="there are 5"):
        fit(np.tile(x, (8, 1)), np.tile(y, 8), np.zeros(40))


def test_equal_outcomes_are_refused_in_words():
    x, _ = outcomes(30)
    with pytest.raises(NotFitted, match="All outcomes are equal"):
        fit(x, np.full(30, 7.0), np.zeros(30))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["x", "y", "error"])
def test_what_is_not_finite_is_refused_in_words(bad: float, where: str):
    x, y = outcomes(30)
    given = {"x": x, "y": y, "error": np.zeros(30)}
    given[where].reshape(-1)[4] = bad
    with pytest.raises(BadOutcome, match="1 of 30 outcomes"):
        fit(**given)


def test_shapes_that_do_not_go_together_are_refused():
    x, y = outcomes(30)
    with pytest.raises(BadOutcome, match="do not go"):
        fit(x, y[:-1], np.zeros(29))


def test_an_outlier_of_a_million_spreads_spoils_nothing_and_is_named():
    x, y = outcomes(120, noise=0.05)
    y[7] = 1e6
    ensemble = fit(x, y, np.zeros(120), columns=Columns.of_box(2))
    assert "1 of 120 outcomes lie more than 5 times the range" in ensemble.words
    new = np.random.default_rng(3).random((200, 2))
    mean, std = ensemble.predict(new)
    assert np.median(np.abs(mean - smooth(new))) < 0.5
    assert np.median(std) < 2.0


def test_one_outlier_among_the_fewest_outcomes_is_found():
    y = np.append(np.linspace(0, 1, LEAST - 1), 1e6)
    assert standard(y).spread < 1


def test_outcomes_that_are_mostly_equal_are_standardised_by_those_that_are_not():
    found = standard(np.array([1.0] * 9 + [3.0]))
    assert (found.centre, found.words) == (1.2, "")
    assert found.y.std(ddof=1) == pytest.approx(1.0)
    assert not found.doubt.any()


def test_known_errors_are_no_noise_and_unknown_ones_are():
    told, learned = fitted(200, error=0.2), fitted(200)
    new = np.random.default_rng(3).random((50, 2))
    assert told.noise == 0
    np.testing.assert_allclose(told.predict(new)[1], told.predict_measured(new)[1])
    assert (learned.predict(new)[1] < learned.predict_measured(new)[1]).all()
    left = told.leave_one_out()
    assert (left.std > 0.2).all()


def test_a_precise_outcome_counts_more_than_a_rough_one():
    x, y = outcomes(200, noise=0.0)
    rough = np.arange(200) % 2 == 0
    y = np.where(rough, y + 3.0, y)
    ensemble = fit(x, y, np.where(rough, 5.0, 0.05), columns=Columns.of_box(2))
    new = np.random.default_rng(3).random((50, 2))
    assert np.mean(np.abs(ensemble.predict(new)[0] - smooth(new))) < 0.5


def test_a_joint_prediction_agrees_with_single_ones(ensemble: DeepEnsemble):
    new = np.random.default_rng(3).random((6, 2))
    mean, std = ensemble.predict(new)
    together, covariance = ensemble.joint(new)
    np.testing.assert_allclose(together, mean)
    np.testing.assert_allclose(np.sqrt(covariance.diagonal()), std, rtol=1e-6)


def test_the_unit_of_the_outcomes_does_not_matter():
    x, y = outcomes(40)
    new = np.random.default_rng(3).random((4, 2))
    small = fit(x, y, np.zeros(40)).predict(new)
    large = fit(x, 1e9 * y - 5e9, np.zeros(40)).predict(new)
    np.testing.assert_allclose(large[0], 1e9 * small[0] - 5e9, rtol=1e-3)
    np.testing.assert_allclose(large[1], 1e9 * small[1], rtol=1e-2)


def test_choices_are_columns_of_their_own():
    columns = Columns.of_box(2, {1: (0.0, 0.5, 1.0)})
    assert columns.width == 4
    found = columns(torch.tensor([[0.5, 0.5], [1.0, 1.0]], dtype=torch.float64))
    np.testing.assert_allclose(found, [[0, 0, 1, 0], [np.sqrt(3), 0, 0, 1]], rtol=1e-6)
    rows = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_allclose(Columns.of_rows(rows)(torch.as_tensor(rows)), [[-1, 0], [1, 0]])
