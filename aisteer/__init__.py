"""Steer an AI-coupled simulation campaign from a notebook.

The AI proposes, the human decides, the endpoint runs, the journal remembers::

    import aisteer as ai
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign as Campaign
    from aisteer.campaign.connect import connect as connect
    from aisteer.campaign.opening import open_campaign as open  # noqa: A004, F401  ai.open is how one says it
    from aisteer.campaign.tasks import RandomArm as RandomArm
    from aisteer.campaign.tasks import Task as Task
    from aisteer.errors import AisteerError as AisteerError
    from aisteer.problem.command import CommandSimulation as CommandSimulation
    from aisteer.problem.objective import Estimate as Estimate
    from aisteer.problem.objective import Maximize as Maximize
    from aisteer.problem.objective import Minimize as Minimize
    from aisteer.problem.parameters import Choice as Choice
    from aisteer.problem.parameters import Float as Float
    from aisteer.problem.parameters import Int as Int
    from aisteer.problem.pool import Pool as Pool
    from aisteer.problem.resources import NodeHours as NodeHours
    from aisteer.problem.resources import Resources as Resources
    from aisteer.problem.resources import Runs as Runs
    from aisteer.problem.simulation import Simulation as Simulation
    from aisteer.problem.simulation import simulation as simulation
    from aisteer.problem.space import Space as Space
    from aisteer.steering.rules import Accept as Accept
    from aisteer.steering.rules import Ask as Ask
    from aisteer.steering.rules import Reject as Reject
    from aisteer.steering.rules import Unanswered as Unanswered

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
    "Task": "campaign.tasks",
    "Unanswered": "steering.rules",
    "connect": "campaign.connect",
    "open": "campaign.opening:open_campaign",
    "simulation": "problem.simulation",
}

__all__ = [*_PUBLIC, "__version__"]  # noqa: PLE0604  all of them are text


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'aisteer' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _PUBLIC[name].partition(":")
    value = globals()[name] = getattr(import_module(f"aisteer.{module}"), attribute or name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
