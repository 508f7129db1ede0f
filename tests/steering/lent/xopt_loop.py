"""Xopt drives our generator; prints JSON. Runs in the environment of the generators."""

from __future__ import annotations

import json
import sys

from gest_api.vocs import VOCS
from xopt import Evaluator, Xopt

from aisteer.steering import Generator


def measure(point: dict[str, float]) -> dict[str, float]:
    """A bowl that cannot be computed in a corner."""
    if point["X:SET"] > 0.7 and point["y"] > 0.7:
        message = "the solver diverged"
        raise RuntimeError(message)
    return {"f": (point["X:SET"] - 0.25) ** 2 + (point["y"] - 0.6) ** 2}


def main(steps: int) -> dict[str, object]:
    vocs = VOCS(
        variables={"X:SET": [0.0, 1.0], "y": [0.0, 1.0]}, objectives={"f": "MINIMIZE"}, constants={"a": 1}
    )
    xopt = Xopt(
        generator=Generator(vocs, seed=1), evaluator=Evaluator(function=measure, max_workers=2), strict=False
    )
    xopt.random_evaluate(4, seed=1)
    xopt.evaluate_data([{"X:SET": 0.9, "y": 0.9}])
    for _ in range(steps):
        xopt.step()
    mine = xopt.generator
    found = {
        "evaluations": len(xopt.data),
        "errors": int(xopt.data["xopt_error"].sum()),
        "best": float(xopt.data["f"].min()),
        "data": len(mine._data),
        "failed": len(mine._failed),
        "under_way": len(mine._pending),
    }
    xopt.remove_data([0])
    return {**found, "after_removal": len(xopt.generator.data)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
