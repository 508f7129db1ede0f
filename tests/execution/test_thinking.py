"""What becomes of a campaign whose AI fails: it is said, runs go on, and proposals come when it works again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import aisteer as ai
from aisteer.execution.thinking import Thinker
from aisteer.journal.commands import Draft, Start
from aisteer.journal.events import Actor
from aisteer.steering.protocols import Evidence
from aisteer.steering.thought import Situation, Thought
from tests.execution.driven import campaign_of, finished, until

pytestmark = pytest.mark.usefixtures("no_host_is_left")


@ai.simulation
def square(x: float) -> dict[str, float]:
    """The least there is to do."""
    return {"y": x * x}


def failing(*_: object, **__: object) -> None:
    """Something that no policy foresaw."""
    message = "matrix of no shape"
    raise ZeroDivisionError(message)


_NOT_THOUGHT = "The AI could not think about 'main': ZeroDivisionError: matrix of no shape"
_STOOD_IN_FOR = "the policy 'bayesian' failed with ZeroDivisionError: matrix of no shape"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("aisteer.execution.thinking.evidence", _NOT_THOUGHT),
        ("aisteer.execution.thinking.situation", _NOT_THOUGHT),
        ("aisteer.steering.learners.fit", _STOOD_IN_FOR),
        ("aisteer.steering.bayesian.explain", _STOOD_IN_FOR),
    ],
)
def test_an_ai_that_fails_anywhere_is_named_and_holds_nothing_up(
    part: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(part, failing)
        campaign = campaign_of(square, policy="bayesian", initial=2)
        for x in (1.0, 20.0, 300.0):
            campaign.propose(x=x).accept()
        until(campaign, lambda: "proposals of main" in campaign.state.troubles)
        assert said in repr(campaign)
        campaign.propose(x=400.0).accept()
        until(campaign, lambda: [run.end for run in campaign.state.runs.values()] == ["done"] * 4)
    campaign.propose(x=500.0).accept()
    until(campaign, lambda: "proposals of main" not in campaign.state.troubles, 120.0)
    until(campaign, lambda: any(one.snapshot.predicted for one in campaign.proposals.waiting))
    finished(campaign, 5)
    campaign.close()


class Slow:
    """A mind that answers when it is told to, and remembers how many asked it at once."""

    def __init__(self) -> None:
        self.asked, self.go, self.at_once, self.most = threading.Event(), threading.Event(), 0, 0

    def think(self, evidence: Evidence, situation: Situation) -> Thought:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.asked.set()
        self.go.wait(30)
        self.at_once -= 1
        return Thought(drafts=[Draft(task="main", parameters={"x": 1.0}, origin="ai")])


def test_a_thought_of_an_earlier_time_is_never_written_and_never_thought_beside_a_later_one(
    tmp_path: Path,
) -> None:
    campaign = ai.Campaign(
        "slow",
        simulation=square,
        space=ai.Space(x=ai.Float(0, 1)),
        objective=ai.Maximize("y"),
        folder=tmp_path,
    )
    driver, mind = Actor("driver", "here"), Slow()
    epoch = campaign.journal.take_lease({}, driver)
    campaign.submit(Start(actor=campaign.actor))
    thinker = Thinker(campaign.journal, mind, lambda *_: None, lambda *_: None)
    thinker.start(epoch)
    first = thinker._thread
    assert mind.asked.wait(30)
    thinker.stop()
    mind.asked.clear()
    thinker.start(epoch)
    mind.go.set()
    assert first is not None
    first.join(30)
    until(campaign, lambda: campaign.state.proposals)
    thinker.stop()
    assert thinker._thread is not None
    thinker._thread.join(30)
    assert mind.most == 1
    assert len(campaign.state.proposals) == 1
    campaign.close()
