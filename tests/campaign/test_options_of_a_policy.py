"""What a policy cannot take is said where it is given, not when it should propose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"aquisition": "ucb"}, "Did you mean 'acquisition'?"),
    ({"acquisition": "ubc"}, "no acquisition 'ubc' for this goal"),
    ({"initial": "many"}, "whole number of at least 1"),
    ({"initial": True}, "whole number of at least 1"),
    ({"trust_region": 3}, "at most 1"),
    ({"fixed": {"z": 1.0}}, "no parameter 'z'"),
    ({"fixed": {"x": 7.0}}, "cannot be held fixed"),
]


@ai.simulation
def doubled(x: float) -> dict[str, float]:
    return {"y": 2 * x}


def made(folder: Path, **more: Any) -> ai.Campaign:
    space, objective = ai.Space(x=ai.Float(0, 1)), ai.Minimize("y")
    return ai.Campaign("doubled", simulation=doubled, space=space, objective=objective, folder=folder, **more)


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_an_option_that_cannot_be_is_refused_before_there_is_a_campaign(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadDefinition) as refused:
        made(tmp_path / "campaign", policy={"name": "bayesian", "options": options})
    assert words in str(refused.value)
    assert not (tmp_path / "campaign").exists()


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_a_redefinition_with_it_changes_nothing(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    campaign = made(tmp_path)
    before = campaign.state.definition
    with pytest.raises(BadDefinition) as refused:
        campaign.redefine(policy={"name": "bayesian", "options": options})
    assert words in str(refused.value)
    assert campaign.state.definition == before
    campaign.close()


def test_a_policy_without_options_says_that_it_takes_none(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match=r"no option 'initial'\. It takes none"):
        made(tmp_path, policy="random", initial=5)
