"""Policies by name: what the ``policy`` of a task's definition stands for."""

from __future__ import annotations

from collections.abc import Callable

from aisteer.errors import BadDefinition, MissingExtra
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.protocols import Json, Policy

__all__ = ["POLICIES", "policy"]


def _bayesian(definition: Json, space: Space | Pool, seed: int, options: Json) -> Policy:
    objective, initial = definition["objective"], options.get("initial")
    if definition.get("objectives") or definition.get("feasible"):
        raise BadDefinition("The policy 'bayesian' takes one objective and no bounds on outcomes.")
    try:
        import torch

        torch.set_num_threads(1)  # In the thread that fits: simulations have the other cores.
        if isinstance(space, Pool):
            from aisteer.steering.bayesian_pool import BayesianPool

            return BayesianPool(space, objective, seed=seed, initial=initial)
        from aisteer.steering.bayesian_box import BayesianBox

        return BayesianBox(space, objective, seed=seed, initial=initial)
    except ImportError as missing:
        raise MissingExtra(
            f"The policy 'bayesian' needs PyTorch and BoTorch ({missing}), so nothing is proposed. "
            "Runs go on, and points of your own can be proposed. Install them with: pip install 'aisteer[steer]'."
        ) from missing


def _random(definition: Json, space: Space | Pool, seed: int, options: Json) -> Policy:
    from aisteer.steering.random_arm import RandomArm

    del definition, options
    return RandomArm(space, seed)


POLICIES: dict[str, Callable[[Json, Space | Pool, int, Json], Policy]] = {
    "bayesian": _bayesian,
    "random": _random,
}
"""Name to what makes the policy, given the task's definition, its space, its seed and the policy's options."""

_OPTIONS = {"bayesian": {"initial"}, "random": set[str]()}


def policy(definition: Json, space: Space | Pool) -> Policy:
    """The policy that a task's definition names; ``bayesian`` where it names none.

    Args:
        definition: The task's definition.
        space: Its space, or its pool with the candidates.

    Raises:
        BadDefinition: There is no such policy, or it has no such option.
        MissingExtra: PyTorch or BoTorch is not installed.
    """
    wanted = definition.get("policy") or {}
    name, options = str(wanted.get("name", "bayesian")), dict(wanted.get("options") or {})
    if name not in POLICIES:
        raise BadDefinition(f"There is no policy {name!r}. Choose one of {', '.join(POLICIES)}.")
    unknown = sorted(set(options) - _OPTIONS[name])
    if unknown:
        raise BadDefinition(f"The policy {name!r} has no option {unknown[0]!r}.")
    return POLICIES[name](definition, space, int(definition.get("seed") or 0), options)
