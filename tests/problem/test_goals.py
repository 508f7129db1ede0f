from __future__ import annotations

import json
import math

import pytest

from aisteer.errors import BadDefinition
from aisteer.problem.goals import Goals, wanted_outcomes
from aisteer.problem.objective import Learn, LevelSet, Maximize, Minimize, Target, objective_from_json
from aisteer.problem.returned import returned_names


@pytest.mark.parametrize(
    "objective",
    [
        Target("gap", 1.5, unit="eV"),
        LevelSet("phase", 0.5),
        Learn("energy", unit="eV"),
        Maximize("d", unit="m", reference=0.2, weight=2.0),
        Minimize("c", reference=-1),
    ],
)
def test_every_kind_of_goal_survives_the_journal(objective):
    again = objective_from_json(json.loads(json.dumps(objective.to_json())))
    assert again == objective
    assert type(again) is type(objective)


def test_a_plain_objective_is_written_as_it_always_was():
    assert Maximize("d", unit="m").to_json() == {"kind": "maximize", "outcome": "d", "unit": "m"}
    goals = Goals.of({"objective": Minimize("d").to_json()})
    assert goals.to_json() == {"objective": {"kind": "minimize", "outcome": "d", "unit": ""}}


def test_a_target_is_better_when_nearer_and_a_level_set_has_no_best():
    target = Target("gap", 1.5)
    assert target.better(1.6, 1.3)
    assert not target.better(1.3, 1.6)
    for nothing in (LevelSet("phase", 0.5), Learn("energy")):
        assert not nothing.has_best
        assert not nothing.better(1, 0)
        assert not nothing.better(0, 1)


def test_a_run_has_to_return_what_the_goals_speak_of():
    goals = Goals.read([Maximize("a"), Minimize("b")], ["c + 2*d <= 3", "a >= 0"])
    assert goals.outcomes == ("a", "b", "c", "d")
    assert wanted_outcomes(goals.to_json()) == ["a", "b", "c", "d"]
    assert Goals.of(json.loads(json.dumps(goals.to_json()))) == goals
    assert goals.met({"a": 1, "b": 0, "c": 1, "d": 1})
    assert not goals.met({"a": 1, "b": 0, "c": 2, "d": 1})
    assert not goals.met({"a": 1, "b": 0, "c": 1})
    assert goals.words == "maximize a and minimize b where c + 2*d <= 3, a >= 0"


def test_an_outcome_may_be_called_what_python_calls_its_own():
    goals = Goals.read(Maximize("yield"), ["yield - 2*class >= 0.5"])
    assert goals.outcomes == ("yield", "class")
    assert goals.met({"yield": 2.0, "class": 0.5})
    with pytest.raises(BadDefinition, match="cannot be read"):
        Goals.read(Maximize("yield"), ["yield and 1 <= 2"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Target("gap", math.nan), "must be a finite number"),
        (lambda: Target("gap", "1.5"), "must be a finite number"),
        (lambda: LevelSet("phase", math.inf), "must be a finite number"),
        (lambda: Maximize("a", reference=math.nan), "must be a finite number"),
        (lambda: Maximize("a", weight=0), "must be positive"),
        (lambda: Learn(""), "needs the name"),
        (lambda: Goals.read([]), "will not do"),
        (lambda: Goals.read("yield"), "will not do"),
        (lambda: Goals.read([Maximize("a"), Minimize("a")]), "two goals on the outcome 'a'"),
        (lambda: Goals.read([Maximize("a"), Target("b", 1)]), "cannot stand beside"),
        (lambda: Goals.read([Maximize(name) for name in "abcd"]), "at most 3"),
        (lambda: Goals.read(Maximize("a"), ["b**2 <= 1"]), "not linear in the outcomes"),
        (lambda: Goals.read(Maximize("a"), ["b"]), "must compare"),
        (lambda: Goals.read(Maximize("a"), 3), "feasible takes texts"),
        (lambda: objective_from_json({"kind": "satisfy", "outcome": "a"}), "does not know"),
        (lambda: objective_from_json({"kind": "target", "outcome": "a"}), "not complete"),
    ],
)
def test_goals_that_mean_nothing_are_refused_at_once(make, words):
    with pytest.raises(BadDefinition, match=words):
        make()


def test_an_outcome_that_the_source_shows_is_never_returned_is_refused_before_anything_runs():
    def melt(x):
        if x > 1:
            return {"density": 1.0, "diffusion": 2.0}

        def inner():
            return 3

        return {"diffusion": inner()}

    assert returned_names(melt) == ("density", "diffusion")
    goals = Goals.read(Maximize("difusion"))
    with pytest.raises(BadDefinition, match=r"returns no outcome 'difusion'.*Did you mean 'diffusion'"):
        goals.check_returned(returned_names(melt), "melt")


def test_a_source_that_does_not_spell_out_its_outcomes_is_believed():
    def free(x):
        found = dict(a=x)  # noqa: C408
        return found  # noqa: RET504

    def spread(x):
        return {**free(x), "b": 1}

    assert returned_names(free) is returned_names(spread) is returned_names(len) is None
    Goals.read(Maximize("z")).check_returned(None, "free")
