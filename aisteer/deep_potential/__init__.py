"""The Deep Potential: models that deepmd-kit trained, evaluated exactly and fast.

``ai.dp.load("model.ckpt.pt")`` reads one, a list of paths is a committee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer.deep_potential.calculator import DeepPotentialCalculator
    from aisteer.deep_potential.description import Description
    from aisteer.deep_potential.deviation import Deviation
    from aisteer.deep_potential.fidelity import Fidelity
    from aisteer.deep_potential.model import DeepPotential, Evaluation, load
    from aisteer.deep_potential.molecular_dynamics import MolecularDynamics
    from aisteer.deep_potential.skin import SkinList
    from aisteer.deep_potential.training.reading import write_npy
    from aisteer.deep_potential.training.record import TrainingRecord
    from aisteer.deep_potential.training.session import Training, start_training, train

from aisteer.errors import (
    BadModel,
    BadStructure,
    BadTrainingData,
    NeighbourOverflow,
    Runaway,
    TrainingDiverged,
)

__all__ = [
    "BadModel",
    "BadStructure",
    "BadTrainingData",
    "DeepPotential",
    "DeepPotentialCalculator",
    "Description",
    "Deviation",
    "Evaluation",
    "Fidelity",
    "MolecularDynamics",
    "NeighbourOverflow",
    "Runaway",
    "SkinList",
    "Training",
    "TrainingDiverged",
    "TrainingRecord",
    "load",
    "start_training",
    "train",
    "write_npy",
]

# torch, ASE and vesin are loaded when a name is first used: `ai.dp` itself costs nothing.
_MODULES = {
    "DeepPotential": "model",
    "DeepPotentialCalculator": "calculator",
    "Description": "description",
    "Deviation": "deviation",
    "Evaluation": "model",
    "Fidelity": "fidelity",
    "MolecularDynamics": "molecular_dynamics",
    "SkinList": "skin",
    "Training": "training.session",
    "TrainingRecord": "training.record",
    "load": "model",
    "start_training": "training.session",
    "train": "training.session",
    "write_npy": "training.reading",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'aisteer.deep_potential' has no attribute {name!r}")
    from importlib import import_module

    from aisteer.deep_potential._extra import needs_dp

    with needs_dp(f"ai.dp.{name} cannot be used"):
        module = import_module(f"aisteer.deep_potential.{_MODULES[name]}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
