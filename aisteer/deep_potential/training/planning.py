"""From what a user gives to a plan: data read, checked and split, statistics taken, members drawn."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisteer.deep_potential.description import Description
from aisteer.deep_potential.training.batches import Sample, batch_sizes
from aisteer.deep_potential.training.checking import is_whole
from aisteer.deep_potential.training.initial import first_description
from aisteer.deep_potential.training.inspection import (
    Outliers,
    find_neighbourhoods,
    refuse_overflow,
    without_outliers,
)
from aisteer.deep_potential.training.neighbourhoods import Neighbourhoods
from aisteer.deep_potential.training.reading import read_systems
from aisteer.deep_potential.training.settings import Settings, read_settings
from aisteer.deep_potential.training.statistics import (
    automatic_sel,
    energy_bias,
    nearest_by_type,
    nearest_distance,
    normalisation,
)
from aisteer.deep_potential.training.systems import System, check_systems, elements_of, split
from aisteer.deep_potential.training.trainer import TrainingPlan
from aisteer.errors import BadDefinition, BadTrainingData, NotSupported

if TYPE_CHECKING:
    from aisteer.deep_potential.model import DeepPotential

__all__ = ["Planned", "plan_training"]

_STEPS = 10_000
_SHARE = 0.1  # held back for validation
_ENOUGH = 10  # frames from which on that is done


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan, and what stands beside it.

    Attributes:
        plan: What the trainer takes.
        every: Steps between two points of the curve.
        save_every: Steps between two checkpoints.
        left_out: Frames that stood out and were left out, a line each.
        identity: What makes this training this one and no other, by name.
    """

    plan: TrainingPlan
    every: int
    save_every: int
    left_out: list[str]
    identity: dict[str, str]


def plan_training(
    data: Any,
    *,
    committee: int | None,
    steps: int | None,
    validation: Any,
    settings: Mapping[str, Any] | str | PathLike[str] | None,
    seed: int | None,
    batch_size: int | str | Sequence[int] | None,
    outliers: Outliers,
    initial: DeepPotential | None,
) -> Planned:
    """Arguments as for :func:`aisteer.deep_potential.train`."""
    if data is not None and (
        isinstance(data, Mapping) or (isinstance(data, str | PathLike) and Path(data).suffix == ".json")
    ):
        if settings is not None:
            raise BadDefinition("Both the data and the settings are an input.json; give one.")
        data, settings = None, data
    wanted = read_settings(settings)
    if committee is None:
        committee = 4 if initial is None else len(initial)
    if not is_whole(committee, 1):
        raise BadDefinition(f"A committee has one member or more, not {committee!r:.40}.")
    total = steps if steps is not None else wanted.steps if wanted.steps is not None else _STEPS
    if not is_whole(total, 1):
        raise BadDefinition(f"A training has one step or more, a whole number, not {total!r:.40}.")
    if seed is not None and not is_whole(seed, 0):
        raise BadDefinition(f"The seed is a whole number from 0 on, not {seed!r:.40}.")
    committee, total = int(committee), int(total)
    chosen = seed if seed is not None else wanted.seed or 0
    training, held, left_out = _systems(data, validation, wanted, chosen, outliers)
    type_map = _type_map(initial, wanted, [*training, *held])
    model = copy.deepcopy(initial.members[0].hyperparameters if initial is not None else wanted.model)
    model["type_map"] = list(type_map)
    _check_excluded(model["descriptor"].get("exclude_types") or [], type_map)
    cutoff = float(model["descriptor"]["rcut"])
    near = find_neighbourhoods(training, type_map, cutoff)
    near_held = find_neighbourhoods(held, type_map, cutoff)
    if not any(len(each.vectors) for each in near):
        raise BadTrainingData(
            f"No atom has a neighbour within the cutoff of {cutoff:g} Å, so there is nothing to learn. Take a larger "
            "rcut, or other frames."
        )
    model["descriptor"]["sel"] = list(_sel(model["descriptor"]["sel"], [*near, *near_held], type_map))
    refuse_overflow([*training, *held], [*near, *near_held], model["descriptor"]["sel"], type_map)
    members = _members(model, initial, committee, chosen, training, near)
    sizes = batch_sizes(
        wanted.batch if batch_size is None else batch_size, [len(s.symbols) for s in training]
    )
    plan = TrainingPlan(
        members=members,
        training=tuple(map(Sample.of, training, near)),
        validation=tuple(map(Sample.of, held, near_held)),
        nearest=nearest_by_type([*near, *near_held], cutoff),
        rate=wanted.learning_rate(total),
        loss=wanted.loss,
        adam=wanted.adam,
        sizes=tuple(sizes),
        uniform=wanted.uniform,
        seed=chosen,
    )
    every = wanted.every or max(1, min(1000, total // 100))
    return Planned(plan, every, wanted.save_every, left_out, _identity(plan, model, training, held))


def _systems(
    data: Any, validation: Any, wanted: Settings, seed: int, outliers: Outliers
) -> tuple[list[System], list[System], list[str]]:
    """Training, validation, and what was left out."""
    type_map = wanted.model["type_map"]
    if data is None:
        if not wanted.systems:
            raise BadTrainingData(
                f"{wanted.source} names no systems (training/training_data/systems), and no data were given."
            )
        data = wanted.systems
        validation = wanted.validation if isinstance(validation, str) and validation == "auto" else validation
    training = read_systems(data, type_map)
    check_systems(training)
    training, left_out = without_outliers(training, outliers)
    if isinstance(validation, str) and validation == "auto":
        validation = _SHARE if sum(map(len, training)) >= _ENOUGH else None
    if validation is None:
        return training, [], left_out
    if isinstance(validation, int | float):
        training, held = split(training, float(validation), seed)
        return training, held, left_out
    held = read_systems(validation, type_map)
    check_systems(held, "validation")
    held, more = without_outliers(held, outliers, "validation")
    return training, held, left_out + more


def _check_excluded(pairs: Sequence[Sequence[int]], type_map: Sequence[str]) -> None:
    for pair in pairs:
        if max(pair) >= len(type_map):
            raise BadDefinition(
                f"exclude_types has {list(pair)}, and the types are 0 to {len(type_map) - 1} ({', '.join(type_map)}). "
                "Nothing was trained."
            )


def _type_map(initial: DeepPotential | None, wanted: Settings, systems: Sequence[System]) -> tuple[str, ...]:
    if initial is not None:
        return initial.type_map
    if wanted.model["type_map"]:
        return tuple(wanted.model["type_map"])
    return elements_of(systems)


def _sel(sel: Any, near: Sequence[Neighbourhoods], type_map: Sequence[str]) -> tuple[int, ...]:
    if isinstance(sel, str):
        kind, _, ratio = sel.partition(":")
        if kind != "auto":
            raise BadDefinition(f'sel is a list of numbers, "auto" or "auto:1.2", not {sel!r:.40}.')
        try:
            wanted = float(ratio or 1.1)
        except ValueError:
            wanted = 0.0
        if not 1 <= wanted < 100:
            raise BadDefinition(f'sel is a list of numbers, "auto" or "auto:1.2", not {sel!r:.40}.')
        return automatic_sel(near, wanted)
    if not isinstance(sel, Sequence) or len(sel) != len(type_map):
        raise BadDefinition(
            f"sel is {sel!r:.60}; it has one number for each of the {len(type_map)} types ({', '.join(type_map)})."
        )
    return tuple(int(n) for n in sel)


def _members(  # noqa: PLR0917  what a member is made of
    model: dict[str, Any],
    initial: DeepPotential | None,
    committee: int,
    seed: int,
    training: Sequence[System],
    near: Sequence[Neighbourhoods],
) -> tuple[Description, ...]:
    nearest = nearest_distance(near)
    if initial is not None:
        return _go_on(initial, committee)
    wanted = model["descriptor"]
    excluded = {(int(i), int(j)) for i, j in wanted["exclude_types"]}
    mean, std = normalisation(
        near,
        cutoff=float(wanted["rcut"]),
        smooth_from=float(wanted["rcut_smth"]),
        sel=wanted["sel"],
        excluded=excluded | {(j, i) for i, j in excluded},
        davg_zero=bool(wanted["set_davg_zero"]),
    )
    bias = energy_bias(training, model["type_map"])
    return tuple(
        first_description(model, seed=(seed, member), mean=mean, std=std, bias=bias, nearest=nearest)
        for member in range(committee)
    )


def _go_on(initial: DeepPotential, committee: int) -> tuple[Description, ...]:
    """Members of a committee that is trained on; they share what the moments are made of."""
    if len(initial) != committee:
        raise BadDefinition(
            f"The models to begin with are {len(initial)}, and the committee is to have {committee} members. Give "
            f"committee={len(initial)}."
        )
    first = initial.members[0]
    for other in initial.members[1:]:
        ours, theirs = first.descriptor, other.descriptor
        same = ours.one_sided == theirs.one_sided and ours.excluded == theirs.excluded
        same = same and (ours.neuron, ours.axis) == (theirs.neuron, theirs.axis)
        same = same and first.fitting.neuron == other.fitting.neuron
        same = same and _steps_of(first) == _steps_of(other)
        if not same or not (np.array_equal(ours.mean, theirs.mean) and np.array_equal(ours.std, theirs.std)):
            raise NotSupported(
                f"{first.name} and {other.name} differ in their nets' widths or time steps, or in davg and dstd, so "
                "they cannot be trained in one pass. Train them one by one (committee=1, a single model as `initial`)."
            )
    return initial.members


def _steps_of(member: Description) -> list[bool]:
    """Which layers have a time step (``resnet_dt``)."""
    nets = (member.descriptor.networks[0, 0], member.fitting.networks[0])
    return [layer.idt is not None for net in nets for layer in net]


def _identity(
    plan: TrainingPlan, model: dict[str, Any], training: Sequence[System], held: Sequence[System]
) -> dict[str, str]:
    weights = hashlib.sha256()
    for member in plan.members:
        for network in (*member.descriptor.networks.values(), *member.fitting.networks):
            for layer in network:
                weights.update(np.ascontiguousarray(layer.matrix).tobytes())
    return {
        "training data": _digest(training),
        "validation data": _digest(held),
        "model": repr(model),
        "learning rate": repr(plan.rate),
        "loss": repr(plan.loss),
        "optimizer": repr(plan.adam),
        "batch size": repr((plan.sizes, plan.uniform)),
        "committee": str(len(plan.members)),
        "seed": str(plan.seed),
        "initial weights": weights.hexdigest(),
    }


def _digest(systems: Sequence[System]) -> str:
    found = hashlib.sha256()
    for system in systems:
        found.update(repr((system.symbols, system.periodic)).encode())
        for array in (system.positions, system.cells, system.energies, system.forces, system.virials):
            found.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
