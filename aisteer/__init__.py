"""Steer an AI-coupled simulation campaign from a notebook.

The AI proposes, the human decides, the endpoint runs, the journal remembers::

    import aisteer as ai
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer import deep_potential as dp
    from aisteer.campaign.campaign import Campaign
    from aisteer.campaign.connect import connect
    from aisteer.campaign.opening import open_campaign as open  # noqa: A004  ai.open is how one says it
    from aisteer.campaign.tasks import RandomArm, Task
    from aisteer.errors import AisteerError
    from aisteer.problem.command import CommandSimulation
    from aisteer.problem.objective import Estimate, Learn, LevelSet, Maximize, Minimize, Target
    from aisteer.problem.parameters import Choice, Float, Int
    from aisteer.problem.pool import Pool
    from aisteer.problem.resources import NodeHours, Resources, Runs
    from aisteer.problem.simulation import Simulation, simulation
    from aisteer.problem.space import Space
    from aisteer.steering.foreign_generators import generator
    from aisteer.steering.rules import Accept, Ask, Reject, Unanswered

__all__ = [
    "Accept",
    "AisteerError",
    "Ask",
    "Campaign",
    "Choice",
    "CommandSimulation",
    "Estimate",
    "Float",
    "Int",
    "Learn",
    "LevelSet",
    "Maximize",
    "Minimize",
    "NodeHours",
    "Pool",
    "RandomArm",
    "Reject",
    "Resources",
    "Runs",
    "Simulation",
    "Space",
    "Target",
    "Task",
    "Unanswered",
    "__version__",
    "connect",
    "dp",
    "generator",
    "open",
    "simulation",
]
__version__ = "0.1.0"

# Nothing is imported before its name is used: `import aisteer` costs a worker next to nothing.
_PUBLIC = {
    "Accept": "steering.rules",
    "AisteerError": "errors",
    "Ask": "steering.rules",
    "Campaign": "campaign.campaign",
    "Choice": "problem.parameters",
    "CommandSimulation": "problem.command",
    "Estimate": "problem.objective",
    "Float": "problem.parameters",
    "Int": "problem.parameters",
    "Learn": "problem.objective",
    "LevelSet": "problem.objective",
    "Maximize": "problem.objective",
    "Minimize": "problem.objective",
    "NodeHours": "problem.resources",
    "Pool": "problem.pool",
    "RandomArm": "campaign.tasks",
    "Reject": "steering.rules",
    "Resources": "problem.resources",
    "Runs": "problem.resources",
    "Simulation": "problem.simulation",
    "Space": "problem.space",
    "Target": "problem.objective",
    "Task": "campaign.tasks",
    "Unanswered": "steering.rules",
    "connect": "campaign.connect",
    "dp": "deep_potential:.",
    "generator": "steering.foreign_generators",
    "open": "campaign.opening:open_campaign",
    "simulation": "problem.simulation",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'aisteer' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _PUBLIC[name].partition(":")
    room = import_module(f"aisteer.{module}")
    value = globals()[name] = room if attribute == "." else getattr(room, attribute or name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
