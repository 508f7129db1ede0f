from __future__ import annotations

from typing import Any

import pytest

import aisteer as ai
from aisteer.campaign import redefining
from aisteer.errors import BadDefinition, StaleRevision


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 0}, "batch must be a whole number of at least 1, not 0"),
        ({"slots": -3}, "slots must be a whole number"),
        ({"runs": "many"}, "runs must be a whole number"),
        ({"initial": 0}, "initial must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"seed": "x"}, "seed must be a whole number"),
        ({"hold": -1}, "hold must be a finite number that is not negative"),
        ({"checkpoint_every": float("nan")}, "checkpoint_every must be a finite number"),
        ({"retries": {"lost": -1}}, "retries: lost must be a whole number"),
        ({"retries": {"lots": 1}}, "retries takes how often"),
        ({"resources": 4}, r"Give it ai.Resources\(…\)"),
        ({"space": {"x": [0, 1]}}, r"Give it ai.Space\(…\) or ai.Pool\(…\)"),
        ({"finish": {"stagnation": 8}, "objective": ai.Learn("diffusion")}, "stagnation would never hold"),
    ],
)
def test_what_a_definition_could_not_say_a_redefinition_cannot_either(
    make: Any, change: dict[str, Any], words: str
) -> None:
    campaign = make()
    position = campaign.state.position
    with pytest.raises(BadDefinition, match=words):
        campaign.redefine(**change)
    assert campaign.state.position == position
    with pytest.raises(BadDefinition, match=words):
        make("other", **change)


def test_rules_for_the_end_are_held_against_the_goals_whichever_is_changed(make: Any) -> None:
    campaign = make(finish={"stagnation": 8, "budget": True})
    with pytest.raises(BadDefinition, match="Leave out stagnation"):
        campaign.redefine(objective=ai.Learn("diffusion"))
    with pytest.raises(BadDefinition, match="stagnation would never hold"):
        campaign.redefine(objective=[ai.Maximize("diffusion"), ai.Minimize("cost")])
    campaign.redefine(objective=ai.Learn("diffusion"), finish={"budget": True})
    with pytest.raises(BadDefinition, match="would never hold"):
        campaign.redefine(finish={"stagnation": 8})


def test_another_seed_is_that_of_the_tasks_too_but_for_those_with_one_of_their_own(make: Any) -> None:
    campaign = make(seed=3)
    assert campaign.redefine(seed=5) == ["seed: 3 → 5", "seed: 3 → 5"]
    assert campaign.definition["tasks"]["main"]["seed"] == 5
    assert make(seed=5).state.position == campaign.state.position, "it is as if it had been defined so"
    task = _task(seed=9)
    campaign.redefine(tasks={"main": task, "other": _task()})
    assert [one["seed"] for one in campaign.definition["tasks"].values()] == [9, 5]
    campaign.redefine(seed=6)
    assert [one["seed"] for one in campaign.definition["tasks"].values()] == [9, 6]


def _task(**more: Any) -> ai.Task:
    return ai.Task(simulation=flat, space=ai.Space(x=ai.Float(0, 1)), objective=ai.Maximize("y"), **more)


@ai.simulation
def flat(x):
    return {"y": x}


def test_of_two_redefinitions_at_once_none_is_lost(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make()
    compute = redefining.redefine

    def overtaken(*given: Any) -> Any:
        monkeypatch.undo()
        campaign.redefine(batch=8)
        return compute(*given)

    monkeypatch.setattr(redefining, "redefine", overtaken)
    with pytest.raises(StaleRevision, match="changed by somebody else"):
        campaign.redefine(slots=2)
    assert campaign.definition["tasks"]["main"]["batch"] == 8
    campaign.redefine(slots=2)
    main = campaign.definition["tasks"]["main"]
    assert (main["batch"], main["slots"]) == (8, 2)
