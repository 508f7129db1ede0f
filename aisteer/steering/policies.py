"""Policies by name: what the ``policy`` of a task's definition stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.errors import BadDefinition, BadParameters, MissingExtra
from aisteer.problem.fidelity import Fidelity
from aisteer.problem.goals import Goals
from aisteer.problem.naming import did_you_mean
from aisteer.problem.pool import Pool
from aisteer.problem.regions import plain_pins
from aisteer.problem.space import Space
from aisteer.problem.surrogate_names import SURROGATES, reference_to
from aisteer.steering.protocols import Json, Policy

if TYPE_CHECKING:
    from aisteer.steering.bayesian_box import BayesianBox
    from aisteer.steering.bayesian_pool import BayesianPool

__all__ = ["GENERATOR", "POLICIES", "check_options", "policy"]

Live = Callable[[], Any]


def _bayesian(
    definition: Json, space: Space | Pool, seed: int, options: Json, folder: Path | None = None
) -> Policy:
    initial, named = options.get("initial"), options.get("acquisition")
    surrogate = reference_to(options.get("surrogate", SURROGATES[0]))
    try:
        import torch

        torch.set_num_threads(1)  # In the thread that fits: simulations have the other cores.
        made = _searching(definition, space, seed=seed, initial=initial, named=named)
    except ImportError as missing:
        raise MissingExtra(
            f"The policy 'bayesian' needs PyTorch and BoTorch ({missing}), so nothing is proposed. "
            "Runs go on, and points of your own can be proposed. Install them with: pip install 'aisteer[steer]'."
        ) from missing
    made.fitter.surrogate, made.fitter.seed, made.fitter.runs_code = surrogate, seed, folder is not None
    return made


def _check_region(asked: Any, space: Space | Pool | None) -> None:
    if asked is not False and not isinstance(space, Space):
        raise BadDefinition("A pool has no trust region. Leave the option out.")
    number = isinstance(asked, int | float) and not isinstance(asked, bool)
    if not isinstance(asked, bool) and asked != "adaptive" and not (number and 0 < asked <= 1):
        raise BadDefinition(
            'The trust region must be "adaptive", False, or its size as a share of each side, above 0 and at most 1, '
            f"not {asked!r:.60}."
        )


def _searching(
    definition: Json, space: Space | Pool, *, seed: int, initial: int | None, named: str | None
) -> BayesianBox | BayesianPool:
    goals = Goals.of(definition)
    if isinstance(space, Pool):
        from aisteer.steering.bayesian_pool import BayesianPool

        return BayesianPool(
            space,
            goals,
            seed=seed,
            initial=initial,
            acquisition=named,
            cost_aware=bool(definition.get("cost_aware")),
        )
    from aisteer.steering.bayesian_box import BayesianBox

    return BayesianBox(
        space,
        goals,
        seed=seed,
        initial=initial,
        acquisition=named,
        fidelity=Fidelity.of(definition),
        cost_aware=bool(definition.get("cost_aware")),
    )


def _random(
    definition: Json, space: Space | Pool, seed: int, options: Json, folder: Path | None = None
) -> Policy:
    from aisteer.steering.random_arm import RandomArm

    del definition, options, folder
    return RandomArm(space, seed)


def _generator(
    definition: Json, space: Space | Pool, options: Json, folder: Path | None, live: Live
) -> Policy:
    """Somebody else's mind; ours predicts, and fills in as far as it can be had."""
    from aisteer.steering.foreign_generators_policy import ForeignPolicy

    seed = int(definition.get("seed") or 0)
    ours = {key: value for key, value in options.items() if key in _OPTIONS["bayesian"]}
    try:
        own: Policy | None = _bayesian(definition, space, seed, ours, folder)
    except MissingExtra:
        own = None
    simple = own is None or options.get("fallback") == "random"
    fallback = _random(definition, space, seed, {}) if simple or own is None else own
    return ForeignPolicy(definition, space, own=own, fallback=fallback, folder=folder, live=live)


POLICIES: dict[str, Callable[[Json, Space | Pool, int, Json, Path | None], Policy]] = {
    "bayesian": _bayesian,
    "random": _random,
}
"""Name to what makes the policy: of the task's definition, its space, its seed, the policy's options and the folder."""
GENERATOR = "generator"
"""The policy of a task for which somebody else's mind proposes (``aisteer.steering.foreign_generators``)."""

_OPTIONS = {
    "bayesian": {"initial", "acquisition", "fixed", "surrogate", "trust_region"},
    "random": set[str](),
}
_OPTIONS[GENERATOR] = {"mind", "patience", "fallback"} | _OPTIONS["bayesian"]  # ours predicts, and fills in


def _named(definition: Json) -> tuple[str, Json]:
    wanted = definition.get("policy") or {}
    return str(wanted.get("name", "bayesian")), dict(wanted.get("options") or {})


def check_options(definition: Json, space: Space | Pool | None) -> None:
    """Make sure that the policy of a task takes the options that it is given, before anybody relies on them.

    Args:
        definition: The task's definition.
        space: Its space, or its pool; ``None`` for a pool whose candidates are not at hand: values that are fixed are
            not looked at then.

    Raises:
        BadDefinition: It has no such option, or an option has a value that means nothing here.
    """
    name, options = _named(definition)
    known = sorted(_OPTIONS.get(name, ()))
    for unknown in sorted(set(options) - set(known)):
        takes = f"It takes {', '.join(known)}." if known else "It takes none."
        raise BadDefinition(
            f"The policy {name!r} has no option {unknown!r:.60}. {takes}{did_you_mean(unknown, known)}"
        )
    initial, named = options.get("initial"), options.get("acquisition")
    if initial is not None and (isinstance(initial, bool) or not isinstance(initial, int) or initial < 1):
        raise BadDefinition(f"initial must be a whole number of at least 1, not {initial!r:.60}.")
    acquisitions = Goals.of(definition).acquisitions
    if named is not None and named not in acquisitions:
        raise BadDefinition(
            f"There is no acquisition {named!r:.60} for this goal. Choose one of {', '.join(acquisitions)}."
        )
    _check_region(options.get("trust_region", False), space)
    if options.get("fixed") and space is not None:
        try:
            plain_pins(space, options["fixed"])
        except BadParameters as error:
            raise BadDefinition(f"What the option 'fixed' holds cannot be held fixed: {error}") from error


def policy(
    definition: Json, space: Space | Pool, *, folder: Path | None = None, live: Live = lambda: None
) -> Policy:
    """The policy that a task's definition names; ``bayesian`` where it names none.

    Args:
        definition: The task's definition.
        space: Its space, or its pool with the candidates.
        folder: The campaign's folder, where the code of a mind of the user's own is kept. Without one, no code that the
            definition names is run: a surrogate of the user's own neither.
        live: Finds the object of this process, where a mind is one that cannot be made from data.

    Raises:
        BadDefinition: There is no such policy, or it has no such option.
        MissingExtra: PyTorch or BoTorch is not installed.
    """
    name, options = _named(definition)
    if name not in _OPTIONS:
        raise BadDefinition(f"There is no policy {name!r}. Choose one of {', '.join(_OPTIONS)}.")
    check_options(definition, space)
    if name == GENERATOR:
        return _generator(definition, space, options, folder, live)
    return POLICIES[name](definition, space, int(definition.get("seed") or 0), options, folder)
