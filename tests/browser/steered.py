"""Campaigns that the browser's tests steer; imported by their notebooks and by the workers."""

from __future__ import annotations

import math
import time
from typing import Any

import pandas as pd

import aisteer as ai


@ai.simulation(checkpoint=True)
def melt(temperature, density, *, steps=40, pause=0.05, restart=None):
    """A walk towards a smooth function of its parameters: quick, and long enough to be watched."""
    step = restart["step"] if restart else 0
    while step < steps:
        energy = -3.4 + 0.2 * math.exp(-step / 20) + 0.01 * math.sin(step) + 1e-5 * temperature
        control = yield {"step": step, "energy": energy}, lambda at=step: {"step": at}
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 1
        time.sleep(pause)
    return {"diffusion": ai.Estimate(density * temperature / 4000, 0.05)}


def campaign(name: str, **more: Any) -> ai.Campaign:
    space = ai.Space(
        temperature=ai.Float(300, 2000, unit="K"),
        density=ai.Float(7.0, 9.0, unit="g/cm³"),
        constraints=more.pop("constraints", []),
    )
    options: dict[str, Any] = {"policy": "random", "batch": 3, "slots": 2, "cost": 0.1, "hold": 2.0} | more
    return ai.Campaign(
        name,
        simulation=melt,
        space=space,
        objective=ai.Maximize("diffusion", unit="10⁻⁹ m²/s"),
        budget=ai.NodeHours(5),
        **options,
    )


@ai.simulation
def cast(temperature, density, metal):
    """Smooth in two numbers, better of one metal than of the other."""
    x, y = (temperature - 300) / 1700, (density - 7) / 2
    return {"diffusion": ai.Estimate(2 - (x - 0.6) ** 2 - (y - 0.4) ** 2 + 0.5 * (metal == "Cu"), 0.02)}


def alloyed(name: str) -> ai.Campaign:
    """Two numbers and a choice; runs end at once."""
    space = ai.Space(
        temperature=ai.Float(300, 2000, unit="K"),
        density=ai.Float(7.0, 9.0, unit="g/cm³"),
        metal=ai.Choice(["Cu", "Ni"]),
    )
    return ai.Campaign(
        name,
        simulation=cast,
        space=space,
        objective=ai.Maximize("diffusion", unit="10⁻⁹ m²/s"),
        policy="bayesian",
        batch=2,
        slots=2,
        runs=10,
        cost=0.01,
        hold=0,
        autonomy=ai.Accept(),
        budget=ai.NodeHours(5),
    )


@ai.simulation(checkpoint=True)
def anneal(temperature, *, steps=1_000_000, restart=None):
    """It goes on until it is told otherwise, and says how far it means to go."""
    step = restart["step"] if restart else 0
    while step < steps:
        observed = {
            "step": step,
            "goal": steps,
            "progress": step / steps,
            "energy": -3.4 + 0.2 * math.exp(-step / 20),
        }
        control = yield observed, lambda at=step: {"step": at}
        if control.get("stop"):
            break
        steps = control.get("steps", steps)
        step += 1
        time.sleep(0.05)
    return {"order": ai.Estimate(step + temperature / 1000, 0.05)}


@ai.simulation
def boil(power):
    """It fails where the pan runs dry, goes on elsewhere, writes no checkpoints and takes no new values."""
    second = 0
    while True:
        control = yield {"second": second, "level": 10 - second * power / 1000}
        if control.get("stop"):
            return {"steam": power * second}
        if power > 80:
            message = "the pan ran dry; 80 W is too much for it"
            raise ValueError(message)
        second += 1
        time.sleep(0.05)


def handled(name: str) -> ai.Campaign:
    """A campaign for which only humans propose; its runs go on until somebody does something about them."""
    annealing = ai.Task(
        simulation=anneal,
        space=ai.Space(temperature=ai.Float(300, 2000, unit="K")),
        objective=ai.Maximize("order"),
        policy="manual",
        slots=2,
        cost=0.1,
        checkpoint_every=0.5,
    )
    boiling = ai.Task(
        simulation=boil,
        space=ai.Space(power=ai.Float(0, 100, unit="W")),
        objective=ai.Maximize("steam"),
        policy="manual",
        slots=1,
        cost=0.1,
    )
    return ai.Campaign(name, tasks={"anneal": annealing, "boil": boiling}, budget=ai.NodeHours(5), hold=0.5)


@ai.simulation
def weigh(smiles):
    yield {"step": 1}
    return {"mass": float(len(smiles))}


def chosen_from(name: str, keys: list[str]) -> ai.Campaign:
    """A campaign over a pool for which only humans propose."""
    pool = ai.Pool(
        pd.DataFrame({"smiles": keys, "length": [len(k) for k in keys]}), "smiles", features=["length"]
    )
    return ai.Campaign(name, simulation=weigh, space=pool, objective=ai.Minimize("mass"), policy="manual")
