"""Molecular dynamics with a committee on the board: the largest deviation first, all with their units."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from ase import Atoms
from stories import MELT, Story, shown

import aisteer as ai
from aisteer_widgets.view_models.trace import Trace

MODELS = Path(__file__).parents[1] / "fixtures" / "deep_potential"
POINT = {"temperature": 900.0, "density": 8.0}


def test_the_deviation_is_the_sparkline_with_temperature_and_energy_beside_it():
    with np.load(MODELS / "answers.npz") as stored:
        positions, cell, symbols = (stored[f"sheared/{name}"] for name in ("positions", "cells", "symbols"))
    box = Atoms(list(symbols), positions=positions[0], cell=cell[0], pbc=True)
    simulation = ai.dp.MolecularDynamics([MODELS / f"water-{k}.ckpt.pt" for k in range(2)], box, sample=2)
    task = {**MELT["tasks"]["main"], "simulation": simulation.to_json()}
    story = Story({**MELT, "tasks": {"main": task}}).start()
    run = story.live(POINT, 1)
    story.traces[run] = Trace()
    seen = [values for values, _ in itertools.islice(simulation(temperature=300.0), 3)]
    story.traces[run].feed(seen)

    made = shown(story)
    assert (made["runs"]["live_label"], made["runs"]["live_unit"]) == ("Live max force deviation", "eV/Å")
    (row,) = made["runs"]["rows"]
    assert len(row["spark"]) == 3
    said = [part.rpartition("\u00a0") for part in row["latest"].split("  ")]
    assert [(name.rpartition(" ")[0], unit) for name, _, unit in said] == [
        ("max force deviation", "eV/Å"),
        ("temperature", "K"),
        ("energy per atom", "eV/atom"),
        ("pressure", "GPa"),
    ]
    live = made["live"]
    assert (live["y_label"], live["x_label"]) == ("max force deviation (eV/Å)", "step")
    offered = [each["label"] for each in live["quantities"]]
    assert offered[:5] == ["max force deviation", "temperature", "energy per atom", "pressure", "drift"]
    for name in seen[-1].keys() - {"step", "progress"}:
        assert shown(story, quantity=name)["live"]["y_label"].endswith(f"({simulation.units[name]})")
