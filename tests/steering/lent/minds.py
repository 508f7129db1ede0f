"""Minds of other libraries drive campaigns in memory; prints JSON. Runs in the environment of the generators."""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from aisteer.steering.foreign_generators import ForeignMind, generator
from aisteer.steering.mind import Mind
from tests.steering.scenes import Campaign, task

warnings.simplefilter("ignore")


def hill(point: dict[str, Any]) -> float:
    return 10 - 40 * (point["x"] - 0.3) ** 2 - 40 * (point["y"] - 0.7) ** 2


def xopt_expected_improvement() -> ForeignMind:
    from xopt.generators.bayesian import ExpectedImprovementGenerator

    return generator(ExpectedImprovementGenerator)


def xopt_nelder_mead() -> ForeignMind:
    from xopt.generators.sequential import NelderMeadGenerator

    return generator(NelderMeadGenerator, initial_point={"x": 0.6, "y": 0.4})


def ax_client() -> ForeignMind:
    from ax.api.client import Client

    return generator(Client, random_seed=1)


def optuna_tpe() -> ForeignMind:
    from optuna.samplers import TPESampler

    return generator(TPESampler, seed=1)


def optimas_random() -> ForeignMind:
    from optimas.generators import RandomSamplingGenerator

    return generator(RandomSamplingGenerator, seed=1)


def libensemble_uniform() -> ForeignMind:
    from libensemble.gen_classes.sampling import UniformSample

    return generator(UniformSample)


MINDS = {
    made.__name__: made
    for made in (
        xopt_expected_improvement,
        xopt_nelder_mead,
        ax_client,
        optuna_tpe,
        optimas_random,
        libensemble_uniform,
    )
}


def main(name: str, turns: int) -> dict[str, object]:
    """Some turns, a failed run, a restart, and some more."""
    with tempfile.TemporaryDirectory() as place:
        folder, mind = Path(place), MINDS[name]()
        definition = task(batch=2)
        definition["policy"] = mind.to_json()
        campaign, troubles = Campaign(main=definition), []
        for part in range(2):
            ours = Mind(folder)
            troubles += [campaign.turn(folder, hill, ours).trouble for _ in range(turns)]
            if part == 0:
                campaign.run(None, how="failed", x=0.99, y=0.01)
    made = [p for p in campaign.state.proposals.values() if p.origin == "ai"]
    reasons = [next((r for r in p.reasons if r["kind"] == "mind"), {}) for p in made]
    return {
        "who": mind.to_json()["options"]["mind"],
        "troubles": [words for words in troubles if words],
        "runs": len(campaign.state.runs),
        "its_own": sum("instead_of" not in reason for reason in reasons),
        "instead": sorted({reason["words"][:200] for reason in reasons if "instead_of" in reason}),
        "predicted": sum(bool(p.predicted) for p in made),
        "best": max(run.outcome["yield"][0] for run in campaign.state.runs.values() if run.outcome),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
