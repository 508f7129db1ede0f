"""One campaign over many batch jobs of an endpoint, without a hand lifted."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

import aisteer as ai
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.mirror import Mirror
from tests.execution.driven import until
from tests.execution.remote import WATCH
from tests.services.loopback import Loopback

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")
from aisteer.execution.globus.roster import Roster


@ai.simulation(checkpoint=True)
def wandering(blocks: int, restart: dict[str, object] | None = None):
    """Is at its end when it has been in so many blocks, and says which, step by step."""
    import os
    import time

    been = [*(restart["been"] if restart else []), os.environ["PARSL_WORKER_POOL_ID"]]
    step, left = (restart["step"] if restart else 0), 20
    while len(set(been)) < blocks or left:
        yield {"step": step, "block": been[-1]}, lambda step=step: {"step": step + 1, "been": been}
        step, left = step + 1, max(0, left - 1)
        time.sleep(0.05)
    return {"y": float(step)}


@ai.simulation
def whole(x: float):
    """Takes three seconds, and cannot go on elsewhere."""
    import os
    import time

    for step in range(30):
        yield {"step": step, "block": os.environ["PARSL_WORKER_POOL_ID"]}
        time.sleep(0.1)
    return {"y": x}


@pytest.mark.full
@pytest.mark.timeout(1100)
@pytest.mark.parametrize(("blocks", "walltime"), [(2, "00:00:30"), (5, "00:00:40")])
def test_a_campaign_goes_on_from_block_to_block_and_begins_nothing_that_does_not_fit(
    loopback: Loopback, campaigns: Path, blocks: int, walltime: str
) -> None:
    connection = ai.connect(
        f"globus:{loopback.endpoint}",
        compute={"engine": "htex", "walltime": walltime, "workers": 2},
        watch=WATCH,
        spool="$SCRATCH/aisteer",
    )
    objective = ai.Maximize("y")
    tasks = {
        "long": ai.Task(
            simulation=wandering,
            space=ai.Space(blocks=ai.Int(1, 10)),
            objective=objective,
            endpoint=connection,
            policy="manual",
            checkpoint_every=0.5,
            retries={"lost": 0},
        ),
        "whole": ai.Task(
            simulation=whole,
            space=ai.Space(x=ai.Float(0, 10)),
            objective=objective,
            endpoint=connection,
            policy="manual",
            resources=ai.Resources(walltime=4),
            retries={"lost": 0},
        ),
    }
    campaign = ai.Campaign("blocks", tasks=tasks, hold=0.0)
    try:
        campaign.propose(task="long", blocks=blocks).accept()
        for x in range(4):
            campaign.propose(task="whole", x=float(x)).accept()
        campaign.start()
        until(
            campaign,
            lambda: len(campaign.state.runs) == 5 and not campaign.state.live,
            seconds=200.0 * blocks,
        )
        runs = campaign.state.runs.values()
        assert {run.end for run in runs} == {"done"}, [(run.task, run.end, run.message) for run in runs]
        [long] = [run for run in runs if run.task == "long"]
        assert [attempt.end for attempt in long.attempts] == ["preempted"] * (blocks - 1) + ["done"]
        told = [
            [line["values"] for line in campaign.opened.mirror.observations(long.id, attempt.number)]
            for attempt in long.attempts
        ]
        steps = [line["step"] for attempt in told for line in attempt]
        assert steps == list(range(int(long.outcome["y"][0]))), "nothing was computed twice, or left out"
        assert len({line["block"] for attempt in told for line in attempt}) == blocks
        # A run that could not go on elsewhere was begun once, in a block that had the time for it.
        assert all(len(run.attempts) == 1 for run in runs if run.task == "whole")
        assert campaign.state.troubles == {}
    finally:
        campaign.close()


def test_what_was_sent_around_the_end_of_a_block_and_is_begun_by_nobody_is_sent_once_more(
    tmp_path: Path,
) -> None:
    roster = Roster(Mirror(tmp_path))
    preempted, before, after = (
        roster.add(AttemptRef(f"R{n}", uuid.uuid4().hex, 1), queued=True, elsewhere=False) for n in range(3)
    )
    roster.sent(preempted, "group/1")
    roster.sent(before, "group/2")
    now = time.monotonic()
    assert roster.forgotten(now + 60) == [], "no block has ended"
    roster.end(preempted, {"end": "preempted"})
    roster.sent(after, "group/3")
    assert roster.forgotten(now + 5) == []
    assert roster.forgotten(now + 60) == [before, after]
    for member in (before, after):
        roster.sent(member, "group/4")
    assert roster.forgotten(now + 60) == [], "once"
