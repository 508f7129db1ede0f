"""What becomes of a campaign whose AI fails: it is said, runs go on, and proposals come when it works again."""

from __future__ import annotations

import pytest

import aisteer as ai
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


@pytest.mark.parametrize(
    "part",
    [
        "aisteer.execution.thinking.evidence",
        "aisteer.execution.thinking.situation",
        "aisteer.steering.learners.fit",
        "aisteer.steering.bayesian_box.explain",
    ],
)
def test_an_ai_that_fails_anywhere_is_named_and_holds_nothing_up(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(part, failing)
        campaign = campaign_of(square, policy="bayesian", initial=2)
        for x in (1.0, 20.0, 300.0):
            campaign.propose(x=x).accept()
        until(campaign, lambda: "proposals of main" in campaign.state.troubles)
        assert "The AI could not think about 'main': ZeroDivisionError: matrix of no shape" in repr(campaign)
        campaign.propose(x=400.0).accept()
        until(campaign, lambda: [run.end for run in campaign.state.runs.values()] == ["done"] * 4)
    campaign.propose(x=500.0).accept()
    until(campaign, lambda: "proposals of main" not in campaign.state.troubles)
    until(campaign, lambda: any(one.snapshot.predicted for one in campaign.proposals.waiting))
    finished(campaign, 5)
    campaign.close()
