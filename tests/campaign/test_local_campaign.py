"""The campaign object with the real driver and the real local endpoint."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import aisteer as ai
from aisteer.errors import Refused


@ai.simulation(checkpoint=True)
def climb(x, *, steps=6, pace=0.05, restart=None):
    import time

    step = restart or 0
    while step < steps:
        control = yield {"step": step, "height": x * step}, (lambda: step)  # noqa: B023  called at once or not at all
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        pace = control.get("pace", pace)
        time.sleep(pace)
        step += 1
    return {"y": ai.Estimate(x * step, 0.1)}


@pytest.fixture
def climbing(make):
    def _climbing(**options):
        problem = {
            "simulation": climb,
            "space": ai.Space(x=ai.Float(0, 10)),
            "objective": ai.Maximize("y"),
            "endpoint": ai.connect("local", workers=2),
            "policy": "manual",
            "hold": 0.0,
            "checkpoint_every": 0.0,
        }
        return make("climb", **{**problem, **options})

    return _climbing


def until(campaign, condition, seconds=60.0):
    """Wait for the journal, or what stands beside it, to say so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, repr(campaign)
        campaign.journal.wait(campaign.journal.position, 0.1)


def wait(campaign, **options):
    return asyncio.run(campaign.wait(**{"timeout": 60, **options}))


def test_a_campaign_runs_what_a_human_proposes_and_accepts(climbing):
    campaign = climbing()
    assert repr(campaign.start()) == "Started; driven by this process."
    for x in (2.0, 3.0):
        campaign.propose(x=x).accept()
    assert wait(campaign, ended=2)
    run = campaign.runs["R1"]
    assert run.end == "done"
    assert run.outcome == {"y": ai.Estimate(12.0, 0.1)}
    assert [line["values"]["height"] for line in run.observations] == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert run.observations.frame()["step"].tolist() == [0, 1, 2, 3, 4, 5]
    assert campaign.endpoint.status().state == "online"
    assert campaign.proposals["P1"].run == "R1"


def test_waiting_ends_early_when_only_a_human_can_move_it(climbing):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=1.0).accept()
    campaign.propose(x=2.0)
    waited = wait(campaign, ended=2)
    assert not waited
    assert waited.ended == 1
    assert "1 proposal waits for a decision" in repr(waited)
    campaign.proposals["P2"].reject()
    assert "Nothing is proposed any more" in repr(wait(campaign))
    campaign.pause("lunch")
    assert "paused (lunch)" in repr(wait(campaign, ended=2))


def test_waiting_leaves_the_loop_free(climbing):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=1.0).accept()

    async def cell():
        ticks = 0

        async def other():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        beside = asyncio.create_task(other())
        waited = await campaign.wait(ended=1, timeout=60)
        beside.cancel()
        return waited, ticks

    waited, ticks = asyncio.run(cell())
    assert waited
    assert ticks > 3


def test_a_run_is_controlled_extended_and_branched(climbing):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=2.0).accept()
    assert wait(campaign, ended=1)
    run = campaign.runs["R1"]
    further = run.extend(steps=9)
    branch = run.branch(x=4.0, steps=7, reason="steeper")
    assert wait(campaign, ended=3)
    extended = campaign.runs[campaign.proposals[further.id].run]
    assert extended.parent == "R1"
    assert extended.outcome["y"].value == 18.0
    first = next(iter(extended.observations))["values"]["step"]
    assert 0 < first <= 6
    branched = campaign.runs[campaign.proposals[branch.id].run]
    assert branched.outcome["y"].value == 28.0
    assert branched.parameters == {"x": 4.0, "steps": 7}


@ai.simulation(checkpoint=True)
def wander(x, *, steps=6, restart=None, branched=False):
    step = restart or 0
    while step < steps:
        yield {"step": step, "branched": int(branched)}, (lambda: step)  # noqa: B023  called at once or not at all
        step += 1
    return {"y": x}


def test_a_branch_knows_that_it_is_one_an_extension_does_not_and_it_begins_where_it_is_told_to(climbing):
    campaign = climbing(simulation=wander)
    campaign.start()
    campaign.propose(x=2.0).accept()
    assert wait(campaign, ended=1)
    run = campaign.runs["R1"]
    made = [run.extend(steps=9), run.branch(steps=8), run.branch(x=3.0, from_observation=0)]
    assert wait(campaign, ended=4)
    children = [campaign.runs[campaign.proposals[each.id].run] for each in made]
    first = [next(iter(child.observations))["values"] for child in children]
    assert [values["branched"] for values in (*first, run.observations.last)] == [0, 1, 1, 0]
    assert first[2]["step"] == 0 < first[0]["step"]


def test_what_a_human_makes_of_a_run_of_the_random_arm_does_not_count_for_the_arm(climbing):
    campaign = climbing(baseline=ai.RandomArm(runs=2, seed=1))
    campaign.start()
    assert wait(campaign, ended=2)
    assert {run.snapshot.task for run in campaign.runs.values()} == {"random arm"}
    children = [campaign.runs["R1"].branch(x=4.0, steps=7), campaign.runs["R2"].extend(steps=9)]
    assert [campaign.proposals[child.id].task for child in children] == ["main", "main"]
    waited = wait(campaign, ended=4)
    assert waited
    assert "campaign.autonomy = ai.Ask()" not in waited.reason
    with pytest.raises(Refused, match=r"has ended \(done\).*mark_bad"):
        children[0].undo()


def test_who_waits_no_longer_is_told_that_rules_go_on(climbing):
    campaign = climbing(policy="random", autonomy=ai.Accept())
    campaign.start()
    assert "campaign.autonomy = ai.Ask() takes back control" in wait(campaign, ended=1).reason


def test_a_live_run_is_sped_up_and_stopped(climbing):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=2.0).accept()
    campaign.propose(x=3.0).accept()
    assert wait(campaign, ended=2)
    slow = campaign.runs["R1"].branch(x=1.0, steps=10_000_000, pace=0.05)
    until(campaign, lambda: campaign.proposals[slow.id].run is not None)
    run = campaign.runs[campaign.proposals[slow.id].run]
    until(campaign, lambda: run.observations.last is not None)
    run.set(pace=0.01)
    run.stop("enough")
    assert "stop" in repr(run) or run.end
    assert wait(campaign, ended=3)
    assert run.end == "partial"
    answers = [control.answer for control in run.snapshot.controls]
    assert len(answers) == 2
    assert not {"", "refused", "missed"} & set(answers)


def test_a_run_goes_on_while_the_kernel_is_gone_and_is_picked_up(climbing, tmp_path, forget):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=2.0).accept()
    assert wait(campaign, ended=1)
    slow = campaign.runs["R1"].branch(x=1.0, steps=60, pace=0.05)
    until(campaign, lambda: campaign.proposals[slow.id].run is not None)
    until(campaign, lambda: campaign.runs["R2"].observations.last is not None)
    forget()
    again = ai.open("climb", folder=tmp_path)
    assert again.runs["R2"].state != "ended"
    again.start()
    assert wait(again, ended=2)
    run = again.runs["R2"]
    assert run.end == "done"
    assert len(run.attempts) == 1
    steps = [line["values"]["step"] for line in run.observations]
    assert steps == list(range(steps[0], 60))


def test_an_undone_acceptance_never_runs(climbing):
    campaign = climbing(hold=30.0)
    campaign.start()
    proposal = campaign.propose(x=1.0).accept()
    proposal.undo()
    campaign.propose(x=2.0).accept(hold=0)
    assert wait(campaign, ended=1)
    assert campaign.proposals["P1"].state == "waiting"
    assert list(campaign.runs) == ["R1"]


def test_a_redefined_simulation_is_what_runs_from_then_on(climbing):
    campaign = climbing()
    campaign.start()
    campaign.propose(x=2.0).accept()
    assert wait(campaign, ended=1)

    @ai.simulation
    def flat(x):
        return {"y": -x}

    words = campaign.redefine(simulation=flat)
    assert any("the code of the simulation 'flat' changed" in one for one in words)
    campaign.propose(x=3.0).accept()
    assert wait(campaign, ended=2)
    assert campaign.runs["R2"].outcome["y"].value == -3.0
    assert campaign.runs["R1"].code != campaign.runs["R2"].code


def test_any_executor_is_an_endpoint_and_the_board_says_that_it_is_trusted(climbing):
    with ThreadPoolExecutor(2) as executor:
        campaign = climbing(endpoint=ai.connect(executor))
        assert campaign.definition["tasks"]["main"]["kernel_bound"] == "executor:ThreadPoolExecutor"
        campaign.start()
        campaign.propose(x=2.0).accept()
        assert wait(campaign, ended=1)
        assert campaign.runs["R1"].outcome["y"].value == 12.0
        assert campaign.endpoint.status().trusted_code
        campaign.close()
