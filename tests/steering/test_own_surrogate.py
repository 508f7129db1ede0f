"""A surrogate of the user's own steers a box and a pool, calibrated; where it fails, another stands in and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import Choice, Float
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.problem.surrogate_names import SURROGATES, is_reference, reference_to, surrogates_of
from aisteer.steering.foreign_learners import ForeignLearner
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence, Troubled
from aisteer.surrogates.foreign import LEAST
from aisteer.surrogates.foreign_process import ForeignProcess
from tests.steering.lent import regressors

MODULE = "tests.steering.lent.regressors"
SPACE = Space(x=Float(0, 2), y=Float(1e-3, 1, log=True), kind=Choice(["plain", "good"]))


def definition(name: str, **more: Any) -> dict[str, Any]:
    chosen = {"name": "bayesian", "options": {"surrogate": f"{MODULE}:{name}"}}
    return {"objective": {"kind": "minimize", "outcome": "loss"}, "policy": chosen, "seed": 3, **more}


def loss(point: dict[str, Any]) -> float:
    away = (point["x"] - 1.3) ** 2 + (np.log10(point["y"]) + 1.0) ** 2 / 4
    return float(away + (0.0 if point["kind"] == "good" else 0.5))


def known(name: str, n: int, **more: Any) -> Evidence:
    points = SPACE.sample(n, np.random.default_rng(0))
    data = tuple(Datum(f"R{i}", p, {"loss": (loss(p), 0.0)}) for i, p in enumerate(points))
    return Evidence("main", definition(name), data=data, **more)


def mind(name: str, folder: Path, space: Any = SPACE) -> Any:
    return policy(definition(name), space, folder=folder)


@pytest.mark.parametrize(
    "name", ["Nearest", *(pytest.param(n, marks=pytest.mark.full) for n in ("Sure", "forest"))]
)
def test_it_searches_a_box_and_its_proposals_say_what_it_expects(name: str, tmp_path: Path):
    evidence = known(name, 40)
    batch = mind(name, tmp_path).propose(evidence, 3)
    assert batch.summary["surrogate"] == f"{MODULE}:{name}"
    assert batch.summary["kernel"] in {"Nearest", "Sure", "ExtraTreesRegressor"}
    assert "a copy that was not fitted on it" in batch.summary["skill"]["words"]
    assert len({tuple(draft.parameters.values()) for draft in batch.drafts}) == 3
    assert all(draft.predicted["loss"][1] > 0 for draft in batch.drafts)
    again = mind(name, tmp_path).propose(evidence, 3)
    assert [d.parameters for d in again.drafts] == [d.parameters for d in batch.drafts]


@pytest.mark.full
@pytest.mark.parametrize("name", ["Nearest", "forest"])
def test_it_comes_nearer_to_the_best_than_chance(name: str, tmp_path: Path):
    points, ai = SPACE.sample(16, np.random.default_rng(1)), mind(name, tmp_path)
    for _ in range(14):
        data = tuple(Datum(f"R{i}", p, {"loss": (loss(p), 0.0)}) for i, p in enumerate(points))
        points = [*points, ai.propose(Evidence("main", definition(name), data=data), 1).drafts[0].parameters]
    drawn = SPACE.sample(3000, np.random.default_rng(2))
    chance = np.median([min(loss(p) for p in drawn[at : at + 30]) for at in range(0, 3000, 30)])
    assert min(loss(p) for p in points) < 0.5 * chance


@pytest.mark.parametrize("name", ["Nearest", "Sure"])
def test_it_is_never_uncalibrated(name: str, tmp_path: Path):
    belief = mind(name, tmp_path).fitter.belief(known(name, 150))
    assert isinstance(belief.process, ForeignProcess)
    new = SPACE.sample(600, np.random.default_rng(7))
    mean, std = belief.first.predict(SPACE.encode(new))
    truth = np.array([loss(p) for p in new])
    for level, width in ((0.5, 0.674), (0.9, 1.645)):
        assert np.mean(np.abs(truth - mean) < width * std) == pytest.approx(level, abs=0.12)


def test_one_without_an_uncertainty_knows_less_away_from_runs(tmp_path: Path):
    corner = [{"x": 0.1 * i, "y": 10 ** (-3 + 0.1 * i), "kind": "good"} for i in range(12)]
    data = tuple(Datum(f"R{i}", p, {"loss": (loss(p) + 0.01 * (i % 2), 0.0)}) for i, p in enumerate(corner))
    belief = mind("Nearest", tmp_path).fitter.belief(Evidence("main", definition("Nearest"), data=data))
    far = SPACE.encode([{"x": 2.0, "y": 1.0, "kind": "plain"}])
    assert belief.process.predict(far)[1][0] > 1.5 * belief.process.predict(belief.x)[1].max()
    assert belief.process.predict(belief.x)[1].min() > 0


def test_it_is_given_values_in_their_own_units_and_the_outcome_in_its_own_sense(tmp_path: Path):
    regressors.Nearest.given.clear()
    evidence = known("Nearest", 20)
    mind("Nearest", tmp_path).fitter.belief(evidence)
    x, y = regressors.Nearest.given[-1]
    first = evidence.data[0].parameters
    np.testing.assert_allclose(x[0], [first["x"], first["y"], first["kind"] == "good"], rtol=1e-9)
    np.testing.assert_allclose(y, [d.outcomes["loss"][0] for d in evidence.data])


@pytest.mark.full
def test_what_is_under_way_moves_a_batch_apart(tmp_path: Path):
    drafts = mind("Sure", tmp_path).propose(known("Sure", 40), 4).drafts
    x = SPACE.encode([d.parameters for d in drafts])
    apart = np.abs(x[:, None] - x[None]).max(axis=-1)[np.triu_indices(4, 1)]
    assert apart.min() > 1e-3


def test_it_screens_a_pool(tmp_path: Path):
    features = np.random.default_rng(1).random((150, 3))
    columns = {"name": [f"c{i}" for i in range(150)], **dict(zip("abc", features.T.tolist(), strict=True))}
    pool = Pool(columns, key="name", features=["a", "b", "c"])
    value = np.sin(4 * features[:, 0]) + features[:, 1]
    data = tuple(Datum(f"R{i}", pool.point(f"c{i}"), {"loss": (-float(value[i]), 0.0)}) for i in range(60))
    batch = mind("forest", tmp_path, pool).propose(Evidence("main", definition("forest"), data=data), 4)
    chosen = [int(draft.parameters["name"][1:]) for draft in batch.drafts]
    assert batch.summary["kernel"] == "ExtraTreesRegressor"
    assert len(set(chosen)) == 4
    assert min(chosen) >= 60
    assert value[chosen].mean() > np.quantile(value[60:], 0.75)


@pytest.mark.parametrize(
    "goal", ["target", *(pytest.param(g, marks=pytest.mark.full) for g in ("level_set", "learn", "bounded"))]
)
def test_other_goals_are_searched_too(goal: str, tmp_path: Path):
    extra = {"target": {"value": 0.2}, "level_set": {"threshold": 0.4}, "learn": {}}.get(goal, {})
    asked = {
        "objective": {"kind": goal if extra or goal == "learn" else "minimize", "outcome": "loss", **extra}
    }
    if goal == "bounded":
        asked["feasible"] = ["loss >= 0.1"]
    wanted = definition("Sure") | asked
    evidence = Evidence("main", wanted, data=known("Sure", 30).data)
    batch = policy(wanted, SPACE, folder=tmp_path).propose(evidence, 2)
    assert batch.summary["kernel"] == "Sure"
    assert len(batch.drafts) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Raises", "Raises.fit failed with RuntimeError: out of coffee"),
        pytest.param("Nonsense", "not finite", marks=pytest.mark.full),
        ("nowhere", "cannot be imported here (AttributeError"),
        pytest.param("not_a_regressor", "cannot be made (TypeError", marks=pytest.mark.full),
        pytest.param("np", "cannot be made (TypeError", marks=pytest.mark.full),
    ],
)
def test_one_that_fails_is_replaced_by_a_simpler_one_that_is_named(name: str, words: str, tmp_path: Path):
    ai = mind(name, tmp_path)
    batch = ai.propose(known(name, 15), 2)
    assert len(batch.drafts) == 2
    assert batch.summary["surrogate"] == "gaussian process"
    assert words in batch.summary["words"]
    assert isinstance(ai, Troubled)
    assert words in ai.trouble
    assert "The Gaussian process is used meanwhile" in ai.trouble
    assert "campaign.steer(surrogate=" in ai.trouble
    ai.propose(known(name, 15, steering={"surrogate": "gaussian process"}), 1)
    assert ai.trouble == ""


def test_one_that_fails_in_the_middle_of_a_search_is_replaced_for_that_evidence(tmp_path: Path):
    ai = mind("Moody", tmp_path)
    batch = ai.propose(known("Moody", 15), 2)
    assert len(batch.drafts) == 2
    assert batch.summary["surrogate"] == "gaussian process"
    assert "Moody.predict failed with ValueError: too many questions" in ai.trouble
    assert ai.predict(known("Moody", 15), [{"x": 1.0, "y": 0.1, "kind": "good"}])[0]["predicted"]


def test_one_that_hangs_is_not_waited_for_and_used_once_it_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regressors.Hangs, "wake", regressors.threading.Event())
    from aisteer.steering.domains import Box
    from aisteer.surrogates.protocol import NotFitted

    learner, told = ForeignLearner(f"{MODULE}:Hangs", seconds=0.1), known("Nearest", 20)
    x, y = (
        SPACE.encode([d.parameters for d in told.data]),
        np.array([d.outcomes["loss"][0] for d in told.data]),
    )

    def fit() -> ForeignProcess:
        return learner.fit(x, y, np.zeros(20), domain=Box(SPACE))

    for _ in range(2):
        with pytest.raises(NotFitted, match="Hangs' has not answered for 0 s"):
            fit()
    regressors.Hangs.wake.set()
    learner._patience._thread.join(30)
    assert np.isfinite(fit().predict(x)[0]).all()


def test_one_that_hangs_in_a_search_is_not_waited_for_and_used_once_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for event in ("stuck", "wake"):
        monkeypatch.setattr(regressors.Stuck, event, regressors.threading.Event())
    ai = mind("Stuck", tmp_path)
    assert ai.propose(known("Stuck", 15), 1).summary["kernel"] == "Stuck"
    (learner,) = ai.fitter._own.values()
    waited, learner._patience.seconds = learner._patience.seconds, 0.05
    regressors.Stuck.stuck.set()
    for told in (known("Stuck", 15, pending=({"x": 0.1, "y": 0.1, "kind": "good"},)), known("Stuck", 16)):
        batch = ai.propose(told, 2)
        assert len(batch.drafts) == 2
        assert batch.summary["surrogate"] == "gaussian process"
        assert "Stuck' has not answered for" in ai.trouble
        assert "The Gaussian process is used meanwhile" in ai.trouble
    learner._patience.seconds = waited
    regressors.Stuck.wake.set()
    learner._patience._thread.join(60)
    assert ai.propose(known("Stuck", 17), 1).summary["kernel"] == "Stuck"
    assert ai.trouble == ""


def test_too_few_outcomes_are_no_trouble_and_said(tmp_path: Path):
    ai = mind("Nearest", tmp_path)
    batch = ai.propose(known("Nearest", LEAST - 1), 1)
    assert batch.summary["surrogate"] == "gaussian process"
    assert f"at {LEAST} different points at least" in batch.summary["words"]
    assert ai.trouble == ""


def test_without_the_campaigns_folder_its_code_is_not_run():
    regressors.Nearest.given.clear()
    batch = policy(definition("Nearest"), SPACE).propose(known("Nearest", 20), 1)
    assert not regressors.Nearest.given
    assert "code of the campaign's owner, which is not run here" in batch.summary["words"]


def test_it_is_named_by_where_it_is_imported_from():
    assert reference_to(regressors.Nearest) == f"{MODULE}:Nearest"
    assert reference_to(regressors.forest) == f"{MODULE}:forest"
    assert reference_to("deep ensemble") == "deep ensemble"
    assert surrogates_of(definition("forest")) == (*SURROGATES, f"{MODULE}:forest")
    assert surrogates_of({"policy": {"name": "bayesian"}}) == SURROGATES
    assert not is_reference("rm -rf /:x")
    for wrong in ("crystal ball", lambda: 1, regressors.Nearest(), 7):
        with pytest.raises(BadDefinition, match="module:name"):
            reference_to(wrong)
