from __future__ import annotations

import asyncio
import os
import shutil
from urllib.parse import unquote_plus

import numpy as np
import pytest

import aisteer as ai
from aisteer.campaign.export import export
from aisteer.campaign.summary import as_text
from aisteer.errors import (
    BadDefinition,
    BadParameters,
    BudgetExceeded,
    DefinitionChanged,
    NotSupported,
    Refused,
    StaleRevision,
    UnknownName,
    Untrusted,
)
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor

DRIVER = Actor("driver", "test:1")
POINT = {"temperature": 900, "density": 8.1}


def launched(campaign, proposal, *, state="running"):
    """The journal as a driver would have written it: the accepted proposal runs."""
    if campaign.state.epoch == 0:
        campaign.submit(cmd.TakeLease(actor=DRIVER, epoch=1, holder={"host": "test", "pid": 1}))
    campaign.submit(cmd.Start(actor=campaign.actor))
    proposal.accept(hold=0)
    wish = cmd.LaunchRequest(uuid=f"{proposal.id:0>32}", endpoint="local", seed=1, proposal=proposal.id)
    receipt = campaign.submit(cmd.Launch(actor=DRIVER, epoch=1, launches=[wish]))
    run = receipt.events[-1].event.run
    moved = ev.AttemptMoved(run=run, attempt=1, state=state)
    campaign.submit(cmd.Report(actor=DRIVER, epoch=1, events=[moved]))
    return campaign.runs[run]


def ended(campaign, run, end="done", **fields):
    event = ev.AttemptEnded(run=run.id, attempt=run.attempt.number, end=end, **fields)
    campaign.submit(cmd.Report(actor=DRIVER, epoch=1, events=[event]))
    return run


def write_observations(campaign, run, lines):
    path = campaign.opened.mirror.path(run.id, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))


# --- opening ----------------------------------------------------------------------------------


def test_running_the_cell_again_makes_no_second_campaign(make, tmp_path, forget):
    first = make()
    first.propose(**POINT)
    assert make().state.uuid == first.state.uuid
    forget()
    again = make()
    assert list(again.proposals) == ["P1"]
    assert [p.name for p in tmp_path.iterdir()] == ["copper-melt"]
    assert again.state.position == make().state.position


def test_another_definition_is_shown_and_asked_for(make):
    make()
    space = ai.Space(
        temperature=ai.Float(300, 1000, unit="K"), density=ai.Float(7, 9), constraints=["density >= 8"]
    )
    with pytest.raises(DefinitionChanged) as refused:
        make(space=space, batch=8, objective=ai.Minimize("diffusion"))
    assert refused.value.differences == [
        "parameter temperature high: 2000.0 → 1000.0",
        "the constraint 'density >= 8' is new",
        "objective kind: maximize → minimize",
        "batch: 4 → 8",
    ]
    assert "redefine" in str(refused.value)


def test_redefining_changes_what_was_named_and_keeps_the_rest(make):
    campaign = make(budget=ai.Runs(5))
    campaign.propose(**POINT)
    assert campaign.redefine(batch=8, budget=ai.Runs(9), reason="more") == [
        "batch: 4 → 8",
        "budget at the opening amount: 5.0 → 9.0",
    ]
    assert campaign.budget == ai.Runs(9)
    assert make(batch=8, budget=ai.Runs(9)).proposals["P1"].parameters == POINT
    assert campaign.redefine(batch=8) == []
    with pytest.raises(BadDefinition, match="Did you mean 'batch'"):
        campaign.redefine(bach=8)
    with pytest.raises(BadDefinition, match="do not fit: missing density"):
        campaign.redefine(space=ai.Space(temperature=ai.Float(1, 2)))


def test_a_redefinition_changes_all_that_was_named_or_nothing(make, monkeypatch):
    problem = {"space": ai.Space(x=ai.Float(0, 1)), "objective": ai.Maximize("y"), "budget": ai.Runs(5)}
    campaign = make(simulation=_version(1), **problem)
    before, position = campaign.definition, campaign.state.position
    change = {"batch": 8, "budget": ai.Runs(9), "autonomy": ai.Accept(cost_below=2.0)}
    code = campaign.folder / "code"
    shutil.rmtree(code)
    code.touch()  # nothing can be kept there now
    with pytest.raises(OSError, match="code"):
        campaign.redefine(simulation=_version(2), **change)
    assert (campaign.definition, campaign.budget, campaign.state.position) == (before, ai.Runs(5), position)
    code.unlink()
    with pytest.raises(BadDefinition, match="budget must be"):
        campaign.redefine(batch=8, budget=9)
    answered, submit = [], campaign.journal.submit
    monkeypatch.setattr(campaign.journal, "submit", lambda c: answered.append(submit(c)) or answered[-1])
    campaign.redefine(simulation=_version(2), **change)
    assert [type(record.event).__name__ for receipt in answered for record in receipt.events] == [
        "BudgetChanged",
        "CampaignRedefined",
        "AutonomyChanged",
    ]
    assert len(answered) == 1  # in one transaction
    assert (campaign.budget, campaign.definition["tasks"]["main"]["batch"]) == (ai.Runs(9), 8)
    assert campaign.autonomy.to_json() == change["autonomy"].to_json()
    campaign.redefine(budget=ai.Runs(5))
    campaign.budget = ai.Runs(7)
    assert campaign.redefine(budget=ai.Runs(5)) == []  # as it was defined, and not as it is
    assert campaign.budget == ai.Runs(5)


def test_a_changed_simulation_shows_the_lines_that_changed(make):
    make(simulation=_version(1), space=ai.Space(x=ai.Float(0, 1)), objective=ai.Maximize("y"))
    with pytest.raises(DefinitionChanged, match=r"the code of the simulation 'sim' changed") as refused:
        make(simulation=_version(2), space=ai.Space(x=ai.Float(0, 1)), objective=ai.Maximize("y"))
    assert "-    return {'y': 1 * x}" in str(refused.value)
    assert "+    return {'y': 2 * x}" in str(refused.value)


def _version(number):
    import linecache

    text = f"def sim(x):\n    return {{'y': {number} * x}}\n"
    name = f"<ipython-input-{number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), space)
    return ai.simulation(space["sim"])


def test_a_name_of_any_kind_has_a_folder_of_its_own(make, tmp_path, forget):
    names = ["../../etc", "a/b", "<b>bold</b>", "=cmd()", "🧪 melt", "x" * 10_000, "CON", "copper"]
    for name in names:
        campaign = make(name)
        assert campaign.name == name
        assert campaign.folder.parent == tmp_path
        assert len(repr(campaign)) < 1000
    forget()
    assert [ai.open(name, folder=tmp_path).name for name in names] == names
    assert len(list(tmp_path.iterdir())) == len(names)
    for empty in ("", "  ", None, 3):
        with pytest.raises(BadDefinition):
            make(empty)


def test_what_does_not_exist_is_not_opened(make, tmp_path):
    make()
    with pytest.raises(UnknownName, match="Did you mean 'copper-melt'"):
        ai.open("coper-melt", folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"simulation": None}, "needs simulation="),
        ({"simulation": lambda x: x}, "decorate it"),
        ({"space": {"x": (0, 1)}}, r"ai\.Space"),
        ({"objective": "diffusion"}, r"ai\.Maximize"),
        ({"batch": 0}, "batch must be"),
        ({"hold": float("nan")}, "hold must be"),
        ({"seed": -1}, "seed must be"),
        ({"bach": 4}, "unexpected keyword argument 'bach'"),
        ({"budget": 50}, r"ai\.NodeHours"),
        ({"autonomy": "ask"}, r"ai\.Ask"),
        ({"policy": object()}, "policy is given by its name"),
        ({"policy": "bayesain"}, "Did you mean 'bayesian'"),
        ({"endpoint": "polaris"}, "no address that aisteer knows"),
        ({"space": ai.Space(temperature=ai.Float(0, 1))}, "needs density"),
        ({"tasks": {"a": 1}, "simulation": None, "space": None, "objective": None}, r"ai\.Task"),
        ({"tasks": {}}, "inside tasks"),
    ],
)
def test_parts_that_cannot_work_are_refused_before_anything_is_written(make, tmp_path, options, words):
    with pytest.raises(BadDefinition, match=words):
        make(**options)
    assert list(tmp_path.iterdir()) == []


def test_an_address_says_all_that_finds_the_endpoint_again():
    connection = ai.connect("local", workers=2, spool="$SCRATCH/spool")
    assert connection.address == "local?workers=2&spool=$SCRATCH/spool"
    assert ai.connect(connection.address) == connection
    assert ai.connect("local").address == "local"


REMOTE = "globus:4b116d3c-1703-4f8f-9f6f-39921e5864df"


def test_a_remote_address_says_the_roles_the_spool_and_the_port():
    roles = {"compute": {"queue": "debug", "nodes": 2}, "watch": {"role": "watch"}}
    connection = ai.connect(REMOTE, **roles, spool="$SCRATCH/aisteer", amqp_port=443, workers=16)
    again = ai.connect(connection.address)
    assert again == connection
    assert connection.stored
    assert (again.workers, again.spool) == (16, "$SCRATCH/aisteer")
    assert '"queue": "debug"' in unquote_plus(connection.address)
    assert ai.connect(REMOTE).address == REMOTE
    ai.connect(REMOTE, compute={"worker_init": "export HF_TOKEN=$(cat ~/.hf); export API_KEY=$API_KEY"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "globus:polaris"}, "no endpoint's id"),
        ({"watch": "polaris"}, "no endpoint's id"),
        ({"compute": ["debug"]}, "no dict"),
        ({"compute": {"queue": object()}}, "JSON cannot say"),
        ({"compute": {"api_token": "x"}}, "for all to read"),
        ({"compute": {"scheduler": [{"hf_token": "x"}]}}, "holds hf_token: .* for all to read"),
        ({"compute": {"worker_init": "module load x\nexport HF_TOKEN=hf_abc"}}, "holds worker_init: "),
        ({"compute": {"queue": "debug"}, "watch": {"queue": "debug"}}, "wait behind the runs"),
        ({"watch": {}}, "wait behind the runs"),
        ({"spool": "aisteer"}, "begin it with"),
        ({"amqp_port": "443"}, "no port"),
        ({"workers": 0}, "at least 1"),
        ({"target": REMOTE + "?queue=debug"}, "no globus address has"),
        ({"target": "local", "compute": {"queue": "debug"}}, "are for 'globus"),
        ({"target": "local?workers=abc"}, "no number of workers"),
        ({"target": ai.connect("local"), "workers": 4}, "Say it where it was made"),
        ({"target": 7}, "or an Executor"),
    ],
)
def test_a_remote_endpoint_that_cannot_be_meant_is_refused_early(options, words):
    with pytest.raises(BadDefinition, match=words):
        ai.connect(**{"target": REMOTE, **options})


# --- deciding ---------------------------------------------------------------------------------


def test_the_same_point_again_is_the_same_proposal_and_a_replicate_is_not(make):
    campaign = make()
    first = campaign.propose(**POINT)
    assert campaign.propose(temperature=np.int64(900), density=np.float64(8.1)).id == first.id
    assert campaign.propose(**POINT, repeat=True).id == "P2"
    assert first.parameters == {"temperature": 900.0, "density": 8.1}


def test_a_decision_moves_the_handle_along_and_can_be_undone(make):
    campaign = make(hold=2.5)
    proposal = campaign.propose(**POINT)
    assert proposal.accept(reason="looks good").state == "accepted"
    assert proposal.decision.launch_after - proposal.decision.time == pytest.approx(2.5, abs=0.2)
    assert proposal.undo().state == "waiting"
    assert proposal.reject("unphysical").state == "rejected"
    assert proposal.decision.reason == "unphysical"
    assert proposal.undo().state == "waiting"
    with pytest.raises(Refused, match="no decision"):
        proposal.undo()


def test_the_same_decision_twice_is_one_decision(make):
    campaign = make()
    campaign.propose(**POINT)
    for _ in range(2):
        campaign.proposals["P1"].accept()
    position = campaign.state.position
    campaign.proposals["P1"].accept()
    assert campaign.state.position == position


def test_a_stale_decision_is_refused_with_what_changed(make):
    campaign = make()
    campaign.propose(**POINT)
    mine, theirs = campaign.proposals["P1"], campaign.proposals["P1"]
    theirs.reject("too hot")
    with pytest.raises(StaleRevision, match="rejected by"):
        mine.accept()
    assert campaign.proposals["P1"].state == "rejected"


def test_an_edit_is_a_new_proposal_and_the_same_edit_again_is_the_same(make):
    campaign = make()
    proposal = campaign.propose(**POINT)
    child = proposal.edit(temperature=1200, reason="below melting")
    assert child.parameters == {"temperature": 1200.0, "density": 8.1}
    assert child.snapshot.parent == "P1"
    assert proposal.state == "edited"
    assert campaign.proposals["P1"].edit(temperature=1200).accept().id == child.id
    assert len(campaign.proposals) == 2
    with pytest.raises(BadParameters, match="Did you mean 'temperature'"):
        child.edit(temprature=1)
    with pytest.raises(BadParameters, match="outside"):
        child.edit(temperature=1)


def test_undo_takes_back_what_was_read_even_when_it_was_launched_meanwhile(make):
    campaign = make()
    proposal = campaign.propose(**POINT)
    run = launched(campaign, proposal, state="submitted")
    proposal.undo()
    assert [control.verb for control in run.snapshot.controls] == ["withdraw"]


def test_an_acceptance_that_the_budget_does_not_cover_is_refused(make):
    campaign = make(budget=ai.Runs(1))
    campaign.propose(**POINT).accept()
    second = campaign.propose(temperature=901, density=8)
    with pytest.raises(BudgetExceeded, match="0 of 1 are left"):
        second.accept()
    campaign.budget = ai.Runs(2)
    assert second.accept().state == "accepted"
    campaign.budget = None
    assert campaign.budget is None


def test_autonomy_is_set_and_read_as_rules(make):
    campaign = make()
    assert str(campaign.autonomy) == "ask"
    campaign.autonomy = ai.Accept(cost_below=0.5, when="calibrated") | ai.Ask()
    assert campaign.autonomy == ai.Accept(cost_below=0.5, when="calibrated") | ai.Ask()
    with pytest.raises(BadDefinition):
        campaign.autonomy = "accept"


def test_a_candidate_of_a_pool_is_proposed_by_its_key(make):
    pool = ai.Pool({"x": [0.0, 1.0, 2.0], "f": [1, 2, 3]}, key="x", features=["f"])

    @ai.simulation
    def square(x):
        return {"y": x * x}

    campaign = make(simulation=square, space=pool, objective=ai.Minimize("y"))
    proposal = campaign.propose(1.0)
    assert campaign.propose(x=1.0).id == proposal.id
    assert proposal.edit(x=2.0).parameters == {"x": 2.0}
    with pytest.raises(BadParameters, match="not among the 3"):
        campaign.propose(7.0)
    assert make(simulation=square, space=pool, objective=ai.Minimize("y")).space().sha256 == pool.sha256


def test_a_random_arm_is_a_task_of_its_own(make):
    campaign = make(baseline=ai.RandomArm(runs=40, seed=3))
    tasks = campaign.definition["tasks"]
    assert list(tasks) == ["main", "random arm"]
    arm = tasks["random arm"]
    assert arm["policy"] == {"name": "random", "options": {}}
    assert (arm["runs"], arm["seed"], arm["baseline"]) == (40, 3, True)
    assert arm["autonomy"] == ai.Accept().to_json()
    assert campaign.propose(**POINT).task == "main"
    assert campaign.redefine(batch=6)
    assert campaign.definition["tasks"]["random arm"]["batch"] == 6
    make(baseline=ai.RandomArm(runs=40, seed=3), batch=6)


def test_several_tasks_have_to_be_named(make, tmp_path):
    task = ai.Task(simulation=_simulation("a"), space=ai.Space(x=ai.Float(0, 1)), objective=ai.Minimize("y"))
    campaign = ai.Campaign("two", tasks={"fast": task, "slow": task}, folder=tmp_path)
    with pytest.raises(UnknownName, match="task='fast' or 'slow'"):
        campaign.propose(x=0.5)
    assert campaign.propose(x=0.5, task="slow").task == "slow"


def _simulation(name):
    @ai.simulation
    def square(x):
        return {"y": x * x}

    return square


# --- runs -------------------------------------------------------------------------------------


def test_controls_are_requested_once(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    run.stop("enough").stop()
    run.set(steps=400).extend(steps=400)
    run.extend(steps=800)
    run.pause()
    verbs = [(control.verb, control.values) for control in run.snapshot.controls]
    assert verbs == [("stop", {}), ("set", {"steps": 400}), ("set", {"steps": 800}), ("pause", {})]
    assert "stop" in repr(run)
    with pytest.raises(BadParameters, match="Did you mean 'steps'"):
        run.set(step=1)


def test_a_branch_is_a_child_from_the_last_checkpoint_also_of_a_live_run(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    with pytest.raises(Refused, match="has no checkpoint yet"):
        run.branch(temperature=1100)
    checkpoint = '{"seq":%d,"t":1.0,"kind":"checkpoint","name":"%s"}'
    write_observations(
        campaign, run, [checkpoint % (1, "1"), checkpoint % (2, "2"), checkpoint % (3, "../../x")]
    )
    child = run.branch(temperature=1100, reason="hotter")
    assert child.state == "accepted"
    assert child.parameters == {"temperature": 1100.0, "density": 8.1}
    assert child.snapshot.run == run.id
    assert child.snapshot.restart == f"attempts/{run.uuid[:2]}/{run.uuid}-1/checkpoints/2"
    assert run.branch(temperature=1100).id == child.id


@ai.simulation(checkpoint=True)
def elsewhere(from_observation, at, *, restart=None):
    yield {"step": 0}, dict
    return {"diffusion": at}


def test_a_branch_begins_at_the_checkpoint_nearest_to_the_observation_that_is_named(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    lines = []
    for k in range(10):
        lines.append(f'{{"seq":{2 * k},"t":1.0,"kind":"obs","values":{{"step":{k}}}}}')
        if k % 4 == 2:  # after the observations 2 and 6
            lines.append(
                f'{{"seq":{2 * k + 1},"t":1.0,"kind":"checkpoint","name":"{k // 4 + 1}","bytes":80}}'
            )
    write_observations(campaign, run, lines)

    def begins(at):
        restart = run.branch(temperature=1100, from_observation=at).snapshot.restart
        return int(restart.rpartition("/")[2])

    assert [begins(at) for at in (0, 2, 4, 5, 9, -1, -10)] == [1, 1, 1, 2, 2, 2, 1]
    assert len(campaign.proposals) == 3  # the same values from another frame are another child, and only then
    for beyond in (10, -11):
        with pytest.raises(BadParameters, match=f"has 10 observations.*none is number {beyond}"):
            run.branch(temperature=1100, from_observation=beyond)


def test_the_same_branch_asked_twice_is_one_child_unless_it_is_from_another_checkpoint(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    lines = []

    def observed(step):
        lines.append(f'{{"seq":{2 * step},"t":1.0,"kind":"obs","values":{{"step":{step}}}}}')
        lines.append(f'{{"seq":{2 * step + 1},"t":1.0,"kind":"checkpoint","name":"{step}","bytes":80}}')
        write_observations(campaign, run, lines)

    observed(0)
    observed(1)
    first = run.branch(temperature=1100, from_observation=0)
    last = run.branch(temperature=1100)
    assert [child.snapshot.restart.rpartition("/")[2] for child in (first, last)] == ["0", "1"]
    observed(2)  # the cell is run again while the run goes on
    assert run.branch(temperature=1100, from_observation=0).id == first.id
    assert run.branch(temperature=1100).id == last.id
    assert run.branch(temperature=1100, from_observation=1).id == last.id
    latest = run.branch(temperature=1100, from_observation=-1)
    assert latest.snapshot.restart.endswith("/2")
    assert run.branch(temperature=1100).id == last.id


def test_a_parameter_may_have_the_name_of_what_a_branch_is_told(make, tmp_path):
    campaign = make(space=ai.Space(from_observation=ai.Int(0, 9), at=ai.Float(0, 1)), simulation=elsewhere)
    run = launched(campaign, campaign.propose(from_observation=1, at=0.5))
    write_observations(campaign, run, ['{"seq":1,"t":1.0,"kind":"checkpoint","name":"1"}'])
    assert run.branch(at=0.7).parameters == {"from_observation": 1, "at": 0.7}
    with pytest.raises(BadParameters, match="has a parameter that is called from_observation itself"):
        run.branch(at=0.7, from_observation=2)


def test_the_latest_observation_is_there_when_a_checkpoint_was_written_after_it(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    notes = [f'{{"seq":{k},"t":1.0,"kind":"checkpoint","name":"{k}"}}' for k in (2, 3)]
    write_observations(campaign, run, ['{"seq":1,"t":1.0,"kind":"obs","values":{"step":7}}', *notes])
    assert run.observations.last == {"step": 7}


def test_a_checkpoint_that_a_worker_had_no_room_for_is_not_begun_from(make):
    campaign = make()
    run = launched(campaign, campaign.propose(**POINT))
    lines = []
    for k in range(4):
        lines.append(f'{{"seq":{2 * k},"t":1.0,"kind":"obs","values":{{"step":{k}}}}}')
        lines.append(
            f'{{"seq":{2 * k + 1},"t":1.0,"kind":"checkpoint","name":"{k + 1}","bytes":{200 << 20}}}'
        )
    write_observations(campaign, run, lines)
    assert run.branch(temperature=1100, from_observation=0).snapshot.restart.endswith("/checkpoints/3")


def test_an_ended_run_is_extended_by_a_child(make):
    campaign = make()
    run = ended(
        campaign, launched(campaign, campaign.propose(**POINT)), outcome={"diffusion": [1, 0]}, checkpoint="5"
    )
    child = run.extend(steps=400)
    assert child.snapshot.action == "extend"
    assert child.parameters == {**POINT, "steps": 400}
    with pytest.raises(Refused, match="is done"):
        run.stop()
    with pytest.raises(Refused, match="how far"):
        run.extend()


def test_what_a_simulation_without_checkpoints_cannot_do_says_why(make):
    @ai.simulation
    def square(x):
        return {"y": x * x}

    campaign = make(simulation=square, space=ai.Space(x=ai.Float(0, 1)), objective=ai.Minimize("y"))
    run = launched(campaign, campaign.propose(x=0.5))
    blockers = run.blockers()
    assert blockers["stop"] == ""
    for verb in ("pause", "branch"):
        assert "has no checkpoint" in blockers[verb]
        with pytest.raises(NotSupported, match="checkpoint=True"):
            getattr(run, verb)()
    assert "no controls" in blockers["extend"]


def test_a_bad_mark_is_set_and_taken_back(make):
    campaign = make()
    run = ended(campaign, launched(campaign, campaign.propose(**POINT)), outcome={"diffusion": [2.0, 0.25]})
    assert run.outcome == {"diffusion": ai.Estimate(2.0, 0.25)}
    assert run.mark_bad("drifted").bad
    assert not run.unmark().bad


def test_tables_and_files_hold_what_happened_and_no_formula(make, tmp_path):
    campaign = make()
    proposal = campaign.propose(**POINT)
    run = launched(campaign, proposal)
    line = '{"seq":%d,"t":%d.5,"kind":"obs","values":{"energy":%s,"seq":"=1+1"}}'
    write_observations(campaign, run, [line % (1, 1, "-1.5"), line % (2, 2, "-2.5")])
    ended(campaign, run, outcome={"diffusion": [2.0, 0.25]}, message="=cmd()|' /C calc'!A0", observations=2)
    frame = campaign.runs["R1"].observations.frame()
    assert frame["energy"].tolist() == [-1.5, -2.5]
    assert run.observations.last == {"energy": -2.5, "seq": "=1+1"}
    assert campaign.runs.frame().loc["R1", "diffusion error"] == 0.25
    assert campaign.proposals.frame().loc["P1", "run"] == "R1"
    assert campaign.ledger.frame().loc["P1", "outcome"] == 2.0
    files = export(campaign, tmp_path / "out")
    texts = {what: path.read_text() for what, path in files.items()}
    assert "'=cmd()" in texts["runs"]
    assert "'=1+1" in texts["observations"]
    assert "-1.5" in texts["observations"]
    assert "'-1.5" not in texts["observations"]
    import pandas as pd

    tables = {
        what: pd.read_parquet(path) for what, path in export(campaign, tmp_path / "out", "parquet").items()
    }
    assert tables["runs"]["diffusion"].tolist() == [2.0]
    assert tables["observations"]["energy"].tolist() == [-1.5, -2.5]


def test_an_empty_campaign_has_empty_tables(make, tmp_path):
    campaign = make()
    assert campaign.runs.frame().empty
    assert campaign.ledger.frame().empty
    assert len(export(campaign, tmp_path / "out", "parquet")) == 3
    with pytest.raises(UnknownName, match="There are none yet"):
        campaign.runs["R1"]
    with pytest.raises(UnknownName, match="There are none yet"):
        campaign.proposals["P1"]


def test_what_is_shown_is_escaped(make):
    campaign = make("<script>alert(1)</script>")
    campaign.note("<i>note</i>", about="P1")
    campaign.propose(**POINT).reject("<img src=x onerror=alert(1)>")
    bundle = campaign._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "<img" not in campaign.proposals["P1"]._repr_html_()


# --- waiting and trust ------------------------------------------------------------------------


def test_waiting_without_a_driver_says_that_none_is_at_work(make):
    campaign = make()
    campaign.propose(**POINT)
    waited = asyncio.run(campaign.wait(ended=3, timeout=20))
    assert not waited
    assert "call campaign.start()" in repr(waited)


def test_waiting_ends_with_its_time(make):
    waited = asyncio.run(make().wait(ended=3, timeout=0.1))
    assert not waited
    assert waited.ended == 0


def test_code_of_another_user_is_not_run_without_trust(make, tmp_path, monkeypatch):
    campaign = make()
    with monkeypatch.context() as somebody_else:
        somebody_else.setattr(os, "getuid", lambda: 54321)
        with pytest.raises(Untrusted, match="trust=True"):
            campaign.start()
    campaign.propose(**POINT).accept()
    assert ai.open("copper-melt", folder=tmp_path, trust=True).opened.trusted


def test_a_kernel_bound_campaign_opens_for_reading_and_deciding(make, tmp_path, forget):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        make(endpoint=executor)
        forget()
        campaign = ai.open("copper-melt", folder=tmp_path)
        campaign.propose(**POINT).accept()
        with pytest.raises(NotSupported, match="'ThreadPoolExecutor'"):
            campaign.start()
        assert campaign.opened.kernel_bound == "ThreadPoolExecutor"


def test_the_hub_vouches_for_a_name_and_the_machine_only_claims_it(monkeypatch):
    from aisteer.campaign.identity import human

    for name in ("JUPYTERHUB_USER", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    assert human().identity == "claimed"
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    assert human().name != "ada"
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub/api")
    assert human() == Actor("human", "ada", "verified:hub")


def test_where_nobody_drives_the_summary_says_that_live_is_only_what_was_last_heard(make):
    campaign = make()
    campaign.journal.take_lease({}, DRIVER)
    launched(campaign, campaign.propose(**POINT))
    campaign.journal.release_lease(1)
    assert "no driver is at work" in as_text(campaign)
    assert "  runs: 1 live when last heard of, none ended" in as_text(campaign)
    assert "running · as last heard of" in as_text(campaign)
