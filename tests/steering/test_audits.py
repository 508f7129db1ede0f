"""A share of the proposals is drawn at random, says so, and tests the predictions where nobody chose."""

from __future__ import annotations

from pathlib import Path

from scenes import SQUARE, Campaign, task

from aisteer.steering.audits import Audits
from aisteer.steering.evidence import evidence
from aisteer.steering.mind import Mind
from aisteer.steering.rolling import rolling
from aisteer.steering.thought import Situation


def measured(point):
    return -((point["x"] - 0.3) ** 2) - (point["y"] - 0.6) ** 2


def campaign_with(tmp_path: Path, share: float, turns: int = 6) -> Campaign:
    campaign = Campaign(main=task(audit=share, batch=4))
    mind = Mind(tmp_path)
    for _ in range(turns):
        campaign.turn(tmp_path, measured, mind)
    return campaign


def test_audits_are_drawn_once_there_is_something_to_test_and_say_so(tmp_path: Path):
    campaign = campaign_with(tmp_path, 0.5)
    proposals = list(campaign.state.proposals.values())
    audits = [p for p in proposals if p.origin == "random"]
    assert 3 <= len(audits) <= 13
    assert all(p.predicted for p in audits)
    assert all(
        p.reasons[0]["kind"] == "audit" and "50% of the proposals" in p.reasons[0]["words"] for p in audits
    )
    assert all(p.origin == "ai" for p in proposals[:4])  # nothing was predicted yet
    drawn = rolling(evidence(campaign.state, "main").data, "yield", 0.0)[3]
    assert drawn.sum() == len(audits)
    told = campaign.state.models["main"].summary["calibration"]
    assert told["audit"]["of"] + told["acquired"]["of"] == told["of"]


def test_the_same_seed_draws_the_same_points_and_no_share_draws_none(tmp_path: Path):
    points = [
        [p.parameters for p in campaign_with(tmp_path, 0.4, 4).state.proposals.values()] for _ in range(2)
    ]
    assert points[0] == points[1]
    assert all(p.origin == "ai" for p in campaign_with(tmp_path, 0.0, 3).state.proposals.values())


def test_the_share_is_what_was_asked_for():
    audits = Audits(task(audit=0.2), SQUARE)
    drawn = [audits.among(Situation("main", active=True, made=4 * i, model=0), 4) for i in range(500)]
    assert 0.16 < sum(drawn) / 2000 < 0.24
    assert audits.among(Situation("main", active=True, made=0, model=-1), 100) == 0
