"""Campaigns that the browser's tests steer; imported by their notebooks and by the workers."""

from __future__ import annotations

import math
import time
from typing import Any

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
    options: dict[str, Any] = {"policy": "random", "batch": 3, "slots": 2, "cost": 0.1, "hold": 2.0} | more
    return ai.Campaign(
        name,
        simulation=melt,
        space=ai.Space(
            temperature=ai.Float(300, 2000, unit="K"),
            density=ai.Float(7.0, 9.0, unit="g/cm³"),
        ),
        objective=ai.Maximize("diffusion", unit="10⁻⁹ m²/s"),
        budget=ai.NodeHours(5),
        **options,
    )
