from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LinearRegression

from aisteer.errors import BadOutcome
from aisteer.surrogates.foreign import LEAST, fit
from aisteer.surrogates.protocol import NotFitted, Surrogate

torch.set_num_threads(1)


def outcomes(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, 2))
    return x, 1e3 * (np.sin(4 * x[:, 0]) + x[:, 1] + 0.2 * rng.normal(size=n))


REGRESSORS = {
    "without a word on its uncertainty": RandomForestRegressor(n_estimators=20, random_state=0),
    "over-confident": GaussianProcessRegressor(1e6 * RBF(0.4) + WhiteKernel(1e2), optimizer=None),
}


@pytest.mark.parametrize("kind", REGRESSORS)
def test_the_uncertainty_of_any_regressor_is_calibrated(kind: str):
    x, y = outcomes(200)
    surrogate = fit(REGRESSORS[kind], x, y, np.zeros(200))
    assert isinstance(surrogate, Surrogate)
    new, told = outcomes(2000, seed=1)
    mean, std = surrogate.predict(new)
    for level, width in ((0.5, 0.674), (0.9, 1.645)):
        assert np.mean(np.abs(told - mean) < width * std) == pytest.approx(level, abs=0.1)
    assert (surrogate.leave_one_out().std > 0).all()
    assert surrogate.name == type(REGRESSORS[kind]).__name__


def test_the_users_object_stays_as_it_is():
    regressor = LinearRegression()
    fit(regressor, *outcomes(40), np.zeros(40))
    assert not hasattr(regressor, "coef_")


def test_known_errors_are_weights_where_the_regressor_takes_them():
    x, y = outcomes(60)
    rough = np.arange(60) % 2 == 0
    wrong = np.where(rough, y + 5e3, y)
    weighed = fit(LinearRegression(), x, wrong, np.where(rough, 1e4, 1e2))
    mean, _ = weighed.predict(x)
    assert np.mean(mean - y) < 500


class Broken:
    def __init__(self, what: str) -> None:
        self.what = what

    def fit(self, x, y):
        if self.what == "raises":
            raise RuntimeError("out of coffee")

    def predict(self, x):
        return {"nan": np.full(len(x), np.nan), "shape": np.zeros(3), "text": ["?"] * len(x)}[self.what]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raises", "Broken.fit failed with RuntimeError: out of coffee"),
        ("nan", "not finite"),
        ("shape", "gave"),
        ("text", "Broken.predict failed with ValueError"),
    ],
)
def test_a_regressor_that_fails_is_refused_by_name(what: str, words: str):
    x, y = outcomes(30)
    with pytest.raises(NotFitted, match=words):
        fit(Broken(what), x, y, np.zeros(30))


def test_too_few_and_unusable_outcomes_are_refused_in_words():
    x, y = outcomes(LEAST - 1)
    with pytest.raises(NotFitted, match=f"at {LEAST} different points at least"):
        fit(LinearRegression(), x, y, np.zeros(len(y)))
    x, y = outcomes(20)
    with pytest.raises(NotFitted, match="missed no held-out outcome"):
        fit(RandomForestRegressor(n_estimators=3, random_state=0), x, np.full(20, 7.0), np.zeros(20))
    y[3] = np.nan
    with pytest.raises(BadOutcome, match="1 of 20"):
        fit(LinearRegression(), x, y, np.zeros(20))
