"""The next batch is ready when the human has decided on this one, and is dropped when it would be another."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import HUMAN, Campaign, task

from aisteer.journal import commands as cmd
from aisteer.steering.bayesian_box import BayesianBox
from aisteer.steering.mind import Mind


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many drafts the policy was asked for, each time that it was."""
    asked: list[int] = []
    plain = BayesianBox.propose

    def propose(self, known, n):
        asked.append(n)
        return plain(self, known, n)

    monkeypatch.setattr(BayesianBox, "propose", propose)
    return asked


def deciding(tmp_path: Path, **more) -> tuple[Campaign, Mind]:
    """A campaign on whose proposals a human has still to decide, with the next ones ready."""
    campaign = Campaign(main=task(slots=4, **more))
    for i in range(8):
        campaign.run(-((i / 8 - 0.4) ** 2), x=i / 8, y=(3 * i % 8) / 8)
    mind = Mind(tmp_path)
    campaign.think(mind)
    assert not campaign.think(mind).drafts
    return campaign, mind


def test_what_is_ready_is_proposed_at_once_when_all_that_waited_was_accepted(
    tmp_path: Path, searched: list[int]
):
    campaign, mind = deciding(tmp_path)
    for name in list(campaign.state.waiting):
        campaign.accept(name)
    campaign.launch()
    del searched[:]
    made = campaign.think(mind).drafts
    assert len(made) == 4
    assert not any(searched)
    points = {tuple(p.parameters.values()) for p in campaign.state.proposals.values()}
    assert len(points) == len(campaign.state.proposals)
    assert [r["of"] for d in made for r in d.reasons if r["kind"] == "batch"] == [4] * 4


@pytest.mark.parametrize("news", ["result", "rejection", "own", "steering"])
def test_what_would_be_another_batch_now_is_searched_anew(tmp_path: Path, searched: list[int], news: str):
    campaign, mind = deciding(tmp_path)
    waiting = list(campaign.state.waiting)
    for name in waiting[1:]:
        campaign.accept(name)
    campaign.launch()
    if news == "rejection":
        campaign.reject(waiting[0])
    else:
        campaign.accept(waiting[0])
        (run,) = campaign.launch()
        if news == "result":
            campaign.end(run, 1.0)
        elif news == "own":
            campaign.accept(campaign.propose(x=0.111, y=0.222))
        else:
            campaign.submit(cmd.Steer(actor=HUMAN, task="main", change={"pinned": {"y": 0.5}}))
    del searched[:]
    made = campaign.think(mind).drafts
    assert max(searched) > 0
    assert made
    if news == "steering":
        assert all(d.parameters["y"] == 0.5 for d in made)


def test_nothing_is_made_ready_where_rules_decide(tmp_path: Path, searched: list[int]):
    campaign = Campaign(autonomy={"rule": "accept"}, main=task())
    mind = Mind(tmp_path)
    assert campaign.think(mind).drafts
    del searched[:]
    assert not campaign.think(mind).drafts
    assert not any(searched)
