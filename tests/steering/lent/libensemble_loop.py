"""libEnsemble drives our generator; prints JSON. Runs in the environment of the generators."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from gest_api.vocs import VOCS
from libensemble import Ensemble
from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
from libensemble.specs import AllocSpecs, ExitCriteria, GenSpecs, LibeSpecs, SimSpecs

from aisteer.steering import Generator

VARIABLES = {"x1": [0.0, 1.0], "x2": [0.0, 10.0]}


def measure(point: dict[str, float]) -> dict[str, float]:
    """A bowl that cannot be computed in a corner."""
    if point["x1"] > 0.8 and point["x2"] > 8:
        return {"f": float("nan")}
    return {"f": (point["x1"] - 0.25) ** 2 + (point["x2"] / 10 - 0.6) ** 2}


def main(evaluations: int, workers: int) -> dict[str, object]:
    vocs = VOCS(variables=VARIABLES, objectives={"f": "MINIMIZE"}, constants={"scale": 2.0})
    generator = Generator(vocs, seed=1)
    ensemble = Ensemble(
        libE_specs=LibeSpecs(gen_on_manager=True, nworkers=workers, comms="threads", disable_log_files=True),
        gen_specs=GenSpecs(generator=generator, batch_size=workers, vocs=vocs),
        sim_specs=SimSpecs(simulator=measure, vocs=vocs),
        alloc_specs=AllocSpecs(alloc_f=only_persistent_gens),
        exit_criteria=ExitCriteria(sim_max=evaluations),
    )
    history, _, flag = ensemble.run()
    done = history[history["sim_ended"]]
    return {
        "flag": int(flag),
        "evaluations": len(done),
        "different": len({(row["x1"], row["x2"]) for row in done}),
        "best": float(min(row["f"] for row in done if row["f"] == row["f"])),
        "taken_in": len(generator._data) + len(generator._failed),
        "under_way": len(generator._pending),
    }


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]))
    print(json.dumps(main(int(sys.argv[2]), int(sys.argv[3]))))
