"""Who proposes, swapped from the board: policies of ours, minds it had, those of libraries, and one's own by name."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import Any

from aisteer.errors import BadDefinition, Refused
from aisteer.problem.references import imported
from aisteer.problem.surrogate_names import is_reference, reference_to
from aisteer.steering.policies import GENERATOR, POLICIES
from aisteer_widgets.ordered import text_of

__all__ = ["LIBRARIES", "MANUAL", "choose", "identity", "installed", "put_back"]

Json = dict[str, Any]
MANUAL = "manual"
LIBRARIES = {
    "optuna.samplers:TPESampler": "Optuna’s tree-structured Parzen estimator",
    "optuna.samplers:GPSampler": "Optuna’s Gaussian process",
    "optuna.samplers:NSGAIISampler": "Optuna’s NSGA-II",
    "ax.api.client:Client": "Ax",
    "xopt.generators.bayesian:ExpectedImprovementGenerator": "Xopt’s expected improvement",
    "xopt.generators.sequential:NelderMeadGenerator": "Xopt’s simplex",
}
"""Minds of other libraries that need nothing said about them, and what they are called; where they are installed."""


@cache
def installed() -> tuple[str, ...]:
    """Those of ``LIBRARIES`` that are installed here; nothing is imported to find out."""
    return tuple(place for place in LIBRARIES if find_spec(place.partition(".")[0]) is not None)


def identity(policy: Mapping[str, Any]) -> str:
    """A policy in few characters, by what it says."""
    return hashlib.sha256(json.dumps(policy, sort_keys=True).encode()).hexdigest()[:12]


def choose(campaign: Any, order: Mapping[str, Any]) -> str:
    """Let somebody else propose from now on; in words what changed.

    Args:
        campaign: The campaign.
        order: ``task``, ``reason`` and ``choice``: the name of a policy of ours, ``had:`` and the ``identity`` of one
            that it had, one of ``LIBRARIES``, or ``named``, with ``name`` (of what this notebook defines, or
            ``module:name``) and ``options`` (``seed=1, width=0.2``). What can fit and predict is no mind but a
            surrogate: our policy searches with it.

    Raises:
        BadDefinition: There is no such mind, or it cannot propose.
    """
    task = campaign.task_named(text_of(order, "task") or None)
    now: Json = campaign.definition["tasks"][task].get("policy") or {}
    policy = _wanted(campaign, task, now, order)
    return _let(campaign, task, policy, text_of(order, "reason"))


def put_back(campaign: Any, order: Mapping[str, Any]) -> str:
    """Let propose again who did before the last change.

    Raises:
        Refused: Nothing was changed.
    """
    task = campaign.task_named(text_of(order, "task") or None)
    changed = campaign.state.minds.get(task)
    if not changed:
        raise Refused("Who proposes was never changed, so there is nothing to take back.")
    return _let(campaign, task, changed["before"], text_of(order, "reason") or "the change is taken back")


def _let(campaign: Any, task: str, policy: Any, reason: str) -> str:
    words = campaign.redefine(task=task, policy=policy, reason=reason)
    if not words:
        return "That is who proposes already."
    return "From now on somebody else proposes; what the last one proposed and nobody decided is withdrawn."


def _wanted(campaign: Any, task: str, now: Json, order: Mapping[str, Any]) -> Any:
    choice = text_of(order, "choice")
    if choice in {*POLICIES, MANUAL}:
        return {"name": choice, "options": _kept(now) if choice == "bayesian" else {}}
    if choice.startswith("had:"):
        had = [*(campaign.state.minds.get(task) or {}).get("had", ())]
        found = next((one for one in had if identity(one) == choice.removeprefix("had:")), None)
        if found is None:
            raise BadDefinition("The campaign has had no such mind. Nothing was changed; look again.")
        return found
    if choice in LIBRARIES:
        mind, options = _found(choice), dict[str, Any]()
    elif choice == "named":
        name = text_of(order, "name").strip()
        mind, options = _found(name), _options(text_of(order, "options"))
        if _is_regressor(mind):
            surrogate = reference_to(name if is_reference(name) else mind)
            return {"name": "bayesian", "options": {**_kept(now), "surrogate": surrogate}}
    else:
        raise BadDefinition(f"There is no mind {choice!r:.80}. Nothing was changed.")
    from aisteer.steering.foreign_generators import generator

    made = generator(mind, **options)
    return replace(made, options={**made.options, **_kept(now)})


def _kept(now: Json) -> Json:
    """What was said of first points and of fixed parameters stays, whoever proposes."""
    options = now.get("options") or {}
    keys = ("initial", "fixed", *(("acquisition", "surrogate") if now.get("name") == GENERATOR else ()))
    return {key: options[key] for key in keys if key in options}


def _is_regressor(found: Any) -> bool:
    """Whether our policy is to believe with it: it can fit and predict, or makes something that can."""
    if inspect.isfunction(found):
        return not inspect.signature(found).parameters
    return all(callable(getattr(found, verb, None)) for verb in ("fit", "predict"))


def _found(name: str) -> Any:
    """What a name stands for: in this notebook, or as ``module:name`` where it is installed."""
    if not name:
        raise BadDefinition("Name a function or class first, such as near_the_best. Nothing was changed.")
    notebook = vars(sys.modules["__main__"])
    if name in notebook:
        return notebook[name]
    module, mark, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    if not mark or not module:
        raise BadDefinition(
            f"This notebook defines no {name!r:.80}. Run the cell that does, or write module:name. Nothing was changed."
        )
    try:
        return imported(f"{module}:{attribute}")
    except Exception as error:
        raise BadDefinition(
            f"{name!r:.80} cannot be had here ({type(error).__name__}: {error!s:.200}). Nothing was changed."
        ) from error


def _options(text: str) -> Json:
    """``seed=1, width=0.2`` as data.

    Raises:
        BadDefinition: It is not written like that.
    """
    if not text.strip():
        return {}
    try:
        call: Any = ast.parse(f"options({text})", mode="eval").body
        named = {k.arg: ast.literal_eval(k.value) for k in call.keywords} if not call.args else {}
    except (SyntaxError, ValueError, AttributeError) as error:
        raise _unreadable(text) from error
    if not named or None in named:
        raise _unreadable(text)
    return named


def _unreadable(text: str) -> BadDefinition:
    return BadDefinition(f"Options are written as seed=1, width=0.2, not {text!r:.100}. Nothing was changed.")
