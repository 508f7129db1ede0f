from __future__ import annotations

import numpy as np
import pytest

import aisteer as ai
from aisteer.errors import BadDefinition, BadOutcome, BadParameters
from aisteer.problem.command import PLACEHOLDER, CommandSimulation


@ai.simulation(checkpoint=True)
def melt(temperature, density, *, steps=20, restart=None):
    """Melts."""
    step = restart or 0
    while step < steps:
        control = yield {"step": step}, lambda: step  # noqa: B023  called at once or not at all
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 10
    return {"diffusion": ai.Estimate(temperature * density, 0.5)}


@ai.simulation
def parabola(x, y=2.0):
    return {"z": (x - 1) ** 2 + y}


def test_a_simulation_is_still_the_function_that_was_written():
    assert parabola(3) == {"z": 6.0}
    assert next(melt(1, 2))[0] == {"step": 0}
    assert melt.__doc__ == "Melts."
    assert melt.name == "melt"


def test_a_simulation_knows_what_it_takes():
    assert melt.parameters == ("temperature", "density", "steps")
    assert melt.required == ("temperature", "density")
    assert melt.controls == ("steps",)
    assert melt.accepts == ("restart",)
    assert melt.is_generator
    assert melt.checkpoint
    assert parabola.controls == ()
    assert not parabola.is_generator


def test_running_it_here_drives_the_generator_to_its_outcome():
    seen = []
    outcome = melt.run_locally(temperature=3, density=2, on_observation=seen.append)
    assert outcome == {"diffusion": ai.Estimate(6, 0.5)}
    assert seen == [{"step": 0}, {"step": 10}]
    assert melt.run_locally(temperature=3, density=2, restart=20)["diffusion"].value == 6


def test_running_it_here_gives_plain_numbers():
    @ai.simulation
    def counted(x):
        return {"mean": np.float64(x), "of": np.int64(3), "error": ai.Estimate(1.0, 0.5)}

    assert repr(counted.run_locally(x=2.5)) == repr({"mean": 2.5, "of": 3, "error": ai.Estimate(1.0, 0.5)})


def test_running_it_here_refuses_what_a_worker_would_refuse():
    @ai.simulation
    def nothing(x):
        pass

    @ai.simulation
    def bare(x):
        yield x

    with pytest.raises(BadOutcome, match="returns a dict"):
        nothing.run_locally(x=1)
    with pytest.raises(BadOutcome, match="An observation is a dict"):
        bare.run_locally(x=1)


def test_a_space_that_does_not_fit_is_refused_with_the_names():
    with pytest.raises(
        BadDefinition, match=r"'melt' needs density.*the space has densty.*Did you mean 'density'"
    ):
        melt.check(ai.Space(temperature=ai.Float(0, 1), densty=ai.Float(0, 1)))
    melt.check(ai.Space(temperature=ai.Float(0, 1), density=ai.Float(0, 1), steps=ai.Int(1, 9)))
    parabola.check(ai.Space(x=ai.Float(0, 1)))


def test_controls_are_checked_by_name():
    melt.check_controls({"steps": 400})
    with pytest.raises(BadParameters, match="Did you mean 'steps'"):
        melt.check_controls({"step": 400})


def test_promises_that_the_signature_does_not_keep_are_refused():
    def no_restart(x):
        yield {}

    def no_yield(x, restart=None):
        return {}

    async def later(x):
        return {}

    def positional(x, /):
        return {}

    with pytest.raises(BadDefinition, match="takes no restart"):
        ai.simulation(checkpoint=True)(no_restart)
    with pytest.raises(BadDefinition, match="never yields"):
        ai.simulation(checkpoint=True)(no_yield)
    with pytest.raises(BadDefinition, match="asynchronous"):
        ai.simulation(later)
    with pytest.raises(BadDefinition, match="positional-only"):
        ai.simulation(positional)
    with pytest.raises(BadDefinition, match="names the control"):
        ai.simulation(controls=["stepz"])(no_restart)
    with pytest.raises(BadDefinition, match="is a function"):
        ai.simulation(3)


# --- executables ------------------------------------------------------------------------------


def lammps(**change) -> CommandSimulation:
    options = {
        "inputs": {"in.lmp": "variable T equal {temperature}\nprint ${T} {{literal}}"},
        "parser": {"file": "log.lammps", "pattern": r"^ *(?P<step>\d+) +(?P<energy>\S+)"},
        "outcome": {"energy": {"observation": "energy"}},
    }
    return CommandSimulation(["/opt/bin/lmp", "-in", "in.lmp", "-var", "x", "{x}"], **{**options, **change})


def test_an_executables_parameters_are_what_stands_in_braces():
    simulation = lammps()
    assert simulation.parameters == ("x", "temperature")
    assert simulation.name == "lmp"
    simulation.check(ai.Space(temperature=ai.Float(0, 1), x=ai.Float(0, 1)))
    with pytest.raises(BadDefinition, match="no 'temperature'"):
        simulation.check(ai.Space(x=ai.Float(0, 1)))
    with pytest.raises(BadDefinition, match="has y, which stands nowhere"):
        simulation.check(ai.Space(temperature=ai.Float(0, 1), x=ai.Float(0, 1), y=ai.Float(0, 1)))


def test_braces_of_the_programs_own_are_left_alone():
    assert PLACEHOLDER.findall("{a} ${b} {{c}} { d } {e1_} {2}") == ["a", "e1_"]


def test_an_executable_is_data():
    data = lammps(files={"Cu.eam": "/data/Cu.eam"}, stop_signal="SIGINT").to_json()
    assert data["kind"] == "command"
    assert data["stop_signal"] == "INT"
    assert data["outcome"] == {"energy": {"observation": "energy", "take": "last"}}
    assert data["files"] == {"Cu.eam": "/data/Cu.eam"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": {"../in.lmp": ""}}, "own folder"),
        ({"inputs": {"/etc/passwd": ""}}, "own folder"),
        ({"parser": {"pattern": "("}}, "cannot be read"),
        ({"parser": {"pattern": "x"}}, "named groups"),
        ({"parser": {}}, "lacks a pattern"),
        ({"outcome": {}}, "leaves its outcome"),
        ({"outcome": {"e": {"observation": "enrgy"}}}, "Did you mean 'energy'"),
        ({"outcome": {"e": {"observation": "energy", "take": "median"}}}, "takes one of"),
        ({"outcome": {"e": {"file": "o", "pattern": "x"}}}, "P<value>"),
        ({"stop_signal": "STOP"}, "stop_signal"),
        ({"environment": {"A": 1}}, "names to text"),
    ],
)
def test_an_executable_that_cannot_work_is_refused(change, words):
    with pytest.raises(BadDefinition, match=words):
        lammps(**change)


def test_a_command_is_a_list_of_words():
    with pytest.raises(BadDefinition, match="list of words"):
        CommandSimulation("lmp -in in.lmp", outcome={"e": {"file": "o", "pattern": "(?P<value>.)"}})
