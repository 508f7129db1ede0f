"""Looking back at decisions: it describes, and claims a cause only where chance chose."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import AI, DRIVER, HUMAN, Campaign, task

from aisteer.journal import commands as cmd
from aisteer.steering.hindsight import hindsight


def proposed(campaign: Campaign, x: float, mean: float = 0.0) -> str:
    draft = cmd.Draft(
        task="main", parameters={"x": x, "y": 0.5}, origin="ai", predicted={"yield": [mean, 1.0]}
    )
    (made,) = campaign.submit(cmd.Propose(actor=AI, drafts=[draft], epoch=1))
    return made.proposal  # type: ignore[attr-defined]


def edited(campaign: Campaign, name: str, x: float) -> str:
    revision = campaign.state.proposals[name].revision
    command = cmd.Edit(actor=HUMAN, proposal=name, revision=revision, parameters={"x": x, "y": 0.5})
    return campaign.submit(command)[-1].proposal  # type: ignore[attr-defined]


def with_edits(share: float, gains: list[float], **changes) -> Campaign:
    """Edits whose outcome is ``gain``, of originals whose outcome is 0 where they run."""
    campaign = Campaign(main=task(counterfactual=share, **changes))
    for i, gain in enumerate(gains):
        campaign.accept(edited(campaign, proposed(campaign, i / 100), 0.5 + i / 100))
        for run in campaign.launch():
            campaign.end(run, gain if campaign.state.runs[run].origin == "human" else 0.0)
    return campaign


def test_how_often_humans_and_rules_followed_the_ai():
    campaign = Campaign()
    names = [proposed(campaign, i / 10) for i in range(8)]
    for name in names[:3]:
        campaign.accept(name)
    campaign.reject(names[3])
    edited(campaign, names[4], 0.9)
    verdict = cmd.Verdict(proposal=names[5], verdict="accepted", rule="accept")
    campaign.submit(cmd.Decide(actor=DRIVER, epoch=1, verdicts=[verdict]))
    found = hindsight(campaign.state, "main")
    assert (found.by_humans.accepted, found.by_humans.edited, found.by_humans.rejected) == (3, 1, 1)
    assert found.by_humans.rate == pytest.approx(0.6)
    assert found.by_humans.low < 0.6 < found.by_humans.high
    assert (found.by_rules.accepted, found.by_rules.rate) == (1, 1.0)
    assert "Humans accepted 60% of the AI's proposals" in found.words[0]


def test_predictions_are_held_against_what_came_out_for_both():
    campaign = Campaign()
    for i in range(6):
        name = proposed(campaign, i / 10)
        chosen = name if i < 3 else edited(campaign, name, 0.5 + i / 100)
        campaign.accept(chosen)
    for i, run in enumerate(campaign.launch()):
        campaign.end(run, 0.1 if i else 50.0)
    found = hindsight(campaign.state, "main")
    assert (found.ai.inside, found.ai.of) == (2, 3)
    assert found.humans.of == 0  # nothing was predicted there
    campaign.submit(cmd.Mark(actor=HUMAN, run="R1", bad=True))
    assert (hindsight(campaign.state, "main").ai.inside, hindsight(campaign.state, "main").ai.of) == (2, 2)


def test_without_randomised_pairs_no_cause_is_claimed():
    found = hindsight(with_edits(0.0, [5.0] * 10).state, "main")
    assert (found.effect.pairs, found.effect.drawn, found.effect.mean) == (0, 0, None)
    assert found.words[-1].startswith("Whether edits made outcomes better cannot be said")
    assert len(found.edits) == 10
    assert found.edits[0]["outcome"] == 5.0
    assert found.edits[0]["ai_mean"] == 0.0


@pytest.mark.parametrize(("sign", "kind"), [(1.0, "maximize"), (-1.0, "minimize")])
def test_what_edits_bring_is_estimated_from_pairs_that_chance_chose(sign: float, kind: str):
    gains = [sign * gain for gain in (1.0, 2.0, 3.0, 1.5, 2.5, 2.0)]
    goal = {"kind": kind, "outcome": "yield", "unit": "g"}
    campaign = with_edits(1.0, gains, objective=goal)
    found = hindsight(campaign.state, "main").effect
    assert (found.pairs, found.drawn) == (6, 6)
    assert found.mean == pytest.approx(2.0)
    assert found.error == pytest.approx(np.std(gains, ddof=1) / np.sqrt(6))
    assert 0 < found.low < 2.0 < found.high
    words = hindsight(campaign.state, "main").words[-1]
    assert words.startswith("Edits made outcomes better: by 2 g on average (95 % interval")
    assert (
        hindsight(campaign.state, "main").by_humans.edited == 6
    )  # what ran beside them is no decision of a human
    campaign.submit(cmd.Mark(actor=HUMAN, run="R2", bad=True))
    assert hindsight(campaign.state, "main").effect.pairs == 5


def test_few_pairs_and_mixed_ones_are_said_to_tell_little():
    few = hindsight(with_edits(1.0, [1.0, 2.0]).state, "main")
    assert few.effect.low is None
    assert "In 2 pairs drawn by chance the edit was better by 1.5 g: too few" in few.words[-1]
    mixed = hindsight(with_edits(1.0, [1.0, -1.0, 2.0, -2.0, 0.5]).state, "main")
    assert "made no clear difference" in mixed.words[-1]


def test_a_goal_without_a_best_has_no_better():
    campaign = with_edits(1.0, [1.0] * 6, objective={"kind": "learn", "outcome": "yield", "unit": "g"})
    found = hindsight(campaign.state, "main")
    assert found.effect.mean is None
    assert found.effect.drawn == 6
