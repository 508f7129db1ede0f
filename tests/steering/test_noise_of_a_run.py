from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisteer.problem.parameters import Float
from aisteer.problem.space import Space
from aisteer.steering.criteria.variance import VarianceReduction
from aisteer.steering.domains import Box
from aisteer.steering.fitted import Belief
from aisteer.steering.fitting import Fitter
from tests.steering.scenes import known

LINE = Space(x=Float(0, 1))


def fitted(error: float) -> Belief:
    """A straight line, measured with a known error at both ends and in between."""
    points = np.linspace(0, 1, 9)
    rng = np.random.default_rng(1)
    values = (2.0 * points + max(error, 0.05) * rng.standard_normal(9)).tolist()
    goal = {"kind": "learn", "outcome": "yield", "unit": "g"}
    found = Fitter(Box(LINE), goal).belief(known([{"x": x} for x in points.tolist()], values, error))
    assert found is not None
    return found


def test_where_all_errors_are_known_another_run_scatters_as_they_do():
    assert fitted(0.3).first.run_noise == pytest.approx(0.3)
    learned = fitted(0.0)
    assert learned.first.run_noise == learned.process.noise


def test_what_a_run_tells_is_less_where_known_errors_are_large():
    belief = fitted(0.3)
    spread = np.linspace(0, 1, 33)[:, None]
    first = replace(belief.first, error=belief.first.error / 100.0)
    finer = replace(belief, known={**belief.known, "yield": first})
    coarse, fine = (VarianceReduction().scores(b, spread, spread) for b in (belief, finer))
    assert (coarse.order < fine.order).all()
    assert (coarse.explore < 0.7 * fine.explore).all()
