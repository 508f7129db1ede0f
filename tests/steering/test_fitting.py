"""What a surrogate is fitted on, and what its predictions are held against, when runs become many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aisteer.steering import fitting
from aisteer.steering.domains import Box
from aisteer.steering.fitting import Fitter
from aisteer.steering.protocols import Evidence
from aisteer.steering.rolling import rolling
from tests.steering.scenes import SQUARE, known

MAXIMIZE = {"kind": "maximize", "outcome": "yield", "unit": "g"}
MOST, RUNS, PREDICTED, RIGHT = 150, 300, 90, 20


def many_runs() -> Evidence:
    """Of the last 90 runs what came out was predicted: rightly for the very last 20, badly for those before."""
    points = SQUARE.sample(RUNS, 0)
    told = known(points, [p["x"] - (p["y"] - 0.5) ** 2 for p in points], error=0.01)
    data = list(told.data)
    for i in range(RUNS - PREDICTED, RUNS):
        value, _ = data[i].outcomes["yield"]
        off = 0.0 if i >= RUNS - RIGHT else 5.0
        data[i] = replace(data[i], predicted={"yield": [value + off, 0.1]})
    return replace(told, data=tuple(data))


def test_a_branch_is_counted_as_a_run_of_its_own_and_that_is_said() -> None:
    points = SQUARE.sample(6, 0)
    told = known(points, [p["x"] for p in points])
    branch = replace(told.data[4], parent="R2")
    for data, said in ((told.data, False), ((*told.data[:4], branch, told.data[5]), True)):
        belief = Fitter(Box(SQUARE), MAXIMIZE).belief(replace(told, data=data))
        assert belief is not None
        assert len(belief.data) == 6
        assert ("R5: branched from runs that count too" in belief.first.words) is said


def test_a_prediction_of_a_branch_is_in_no_record_of_predictions() -> None:
    points = SQUARE.sample(6, 0)
    told = known(points, [p["x"] for p in points])
    data = [replace(d, predicted={"yield": [0.5, 0.1]}) for d in told.data]
    assert len(rolling(data, "yield", 0.0)[0]) == 6
    data[4] = replace(data[4], parent="R2")
    assert rolling(data, "yield", 0.0)[0].tolist() == [p["x"] for i, p in enumerate(points) if i != 4]


def test_of_more_runs_than_are_fitted_on_the_last_fifty_that_were_predicted_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "_MOST", MOST)  # instead of a thousand: the same in a tenth of the time
    monkeypatch.setattr(fitting, "_BEST_KEPT", MOST // 4)
    told = many_runs()
    belief = Fitter(Box(SQUARE), MAXIMIZE).belief(told)
    assert belief is not None
    assert (len(belief.data), belief.left_out) == (MOST, RUNS - MOST)
    fitted = {datum.run for datum in belief.data}
    assert not {datum.run for datum in told.data[-50:]} <= fitted, "some of them are not fitted on"
    assert (belief.calibration.inside, belief.calibration.of) == (RIGHT, 50)
    assert not belief.calibration.trusted
