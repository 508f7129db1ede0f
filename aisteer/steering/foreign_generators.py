"""Minds of somebody else's as policies: what ``ai.generator(…)`` makes of them, as data and as code that travels."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import is_finite_number
from aisteer.problem.shipping import Shipment, is_found_by_workers, ship
from aisteer.problem.simulation import Simulation

__all__ = [
    "FALLBACKS",
    "GIVEN",
    "PATIENCE",
    "ForeignMind",
    "generator",
    "language_of",
    "named",
    "replaceable",
]

Json = dict[str, Any]
PATIENCE = 120.0
"""Seconds that an answer is waited for, where nobody says how many."""
FALLBACKS = ("bayesian", "random")
"""What proposes in its place when it cannot."""
GIVEN = ("space", "pending", "failed", "rng")
"""Arguments that a function ``propose(history, n, …)`` is given where it names them."""


@dataclass(frozen=True, slots=True)
class ForeignMind:
    """A mind of somebody else's, ready to be a policy.

    Attributes:
        data: What stands of it in the definition: its name, language, package and version, options, and how its code
            travels.
        options: What stands beside it: ``patience`` and ``fallback``.
        shipment: Its code, where that is kept with the campaign.
        live: The object itself, where it cannot be made again from data: it lives as long as this process.
    """

    data: Json
    options: Json
    shipment: Shipment | None = None
    live: Any = None

    def to_json(self) -> Json:
        """The policy as it stands in the definition."""
        return {"name": "generator", "options": {"mind": self.data, **self.options}}

    def __repr__(self) -> str:
        return f"<generator {named(self.data)}>"


def generator(
    mind: Any, /, *, name: str = "", patience: float = PATIENCE, fallback: str = "bayesian", **options: Any
) -> ForeignMind:
    """Let somebody else's mind propose: ``policy=ai.generator(optuna.samplers.TPESampler, seed=1)``.

    What it proposes is checked, waits for a decision, and is predicted by our own surrogate, as everything else. It
    is told each outcome once, in order. Where it raises, does not answer, or proposes what cannot be, another policy
    fills in and the campaign says so.

    Args:
        mind: A generator of gest-api (Xopt, Optimas, libEnsemble, ours), an Optuna sampler or a client of Ax. Its
            class, which is made anew when the campaign is opened again; a function ``make(vocs)`` that makes one
            of these; or such an object itself, which has to be brought again then: ``ai.open(name, policy=…)``.
            Or a function of one's own, ``propose(history, n)``: from a DataFrame of the runs so far, a row each with
            parameters, outcomes and ``<outcome> error``, to a list of up to ``n`` dicts of parameters. Where its
            arguments name them it is given ``space``, ``pending`` and ``failed`` (DataFrames) and ``rng``.
        name: What it is called; its own name if not given.
        patience: Seconds that an answer is waited for.
        fallback: ``"bayesian"`` or ``"random"``, in its place where it cannot propose.
        **options: Arguments for the class or function. They stand in the journal, so they have to be plain data.

    Raises:
        BadDefinition: It is none of these, or its options are no data.
    """
    if not (is_finite_number(patience) and patience > 0):
        raise BadDefinition(f"patience is a positive number of seconds, not {patience!r}.")
    if fallback not in FALLBACKS:
        raise BadDefinition(f"fallback is one of {', '.join(FALLBACKS)}, not {fallback!r:.100}.")
    plain = _plain(options)
    beside = {"patience": float(patience), "fallback": fallback}
    if inspect.isfunction(mind):
        return _function(mind, name, plain, beside)
    kind = mind if isinstance(mind, type) else type(mind)
    language = language_of(kind)
    if not language:
        raise BadDefinition(
            f"{mind!r:.100} cannot propose: it has no suggest and ingest (gest-api), is no Optuna sampler, no "
            "ax.api.client.Client and no function propose(history, n)."
        )
    data: Json = {"name": name or kind.__name__, "speaks": language, **_origin(kind), "options": plain}
    if isinstance(mind, type):
        shipment = _class_shipment(mind)
        if shipment is not None:
            return ForeignMind({**data, **shipment.to_json()}, beside, shipment)
        reference = f"{mind.__module__}:{mind.__qualname__}"
        return ForeignMind({**data, "mode": "installed", "reference": reference}, beside)
    if plain:
        raise BadDefinition(
            f"{data['name']} is an object already, so it takes no {', '.join(plain)}. Give its class instead."
        )
    return ForeignMind({**data, "mode": "live"}, beside, live=mind)


def named(data: Mapping[str, Any]) -> str:
    """A mind as a human reads it: ``TPESampler (optuna 5.0.0)``."""
    package = " ".join(filter(None, [data.get("package"), data.get("version")]))
    return f"{data.get('name', 'generator')} ({package})" if package else str(data.get("name", "generator"))


def replaceable(mind: Mapping[str, Any], by: Mapping[str, Any]) -> bool:
    """Whether an object can stand in for the one that a definition speaks of: one of the same class, by its name."""
    return mind.get("mode") == by.get("mode") == "live" and all(
        mind.get(key) == by.get(key) for key in ("name", "module", "speaks")
    )


def language_of(kind: type) -> str:
    """``optuna``, ``ax`` or ``gest-api``; empty where it is none that is known."""
    for base in kind.__mro__:
        if base.__name__ == "BaseSampler" and base.__module__.startswith("optuna."):
            return "optuna"
        if base.__name__ == "Client" and base.__module__.startswith("ax.api"):
            return "ax"
    speaks = all(callable(getattr(kind, verb, None)) for verb in ("suggest", "ingest"))
    return "gest-api" if speaks else ""


def _function(function: Any, name: str, options: Json, beside: Json) -> ForeignMind:
    arguments = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}
    ]
    factory = bool(arguments) and arguments[0].name == "vocs"
    known = [p.name for p in arguments[1 if factory else 2 :]]
    if not factory and (len(arguments) < 2 or arguments[1].kind is inspect.Parameter.KEYWORD_ONLY):
        raise BadDefinition(
            f"{function.__name__!r} takes {inspect.signature(function)}. A function that proposes is "
            "propose(history, n); one that makes a generator is make(vocs)."
        )
    unknown = [one for one in options if one not in known]
    given = () if factory else GIVEN
    missing = [
        p.name
        for p in arguments[1 if factory else 2 :]
        if p.default is p.empty and p.name not in options and p.name not in given
    ]
    if unknown or missing:
        raise BadDefinition(
            f"{function.__name__!r} takes {inspect.signature(function)}: "
            f"{', '.join(unknown) or 'nothing'} is unknown to it, {', '.join(missing) or 'nothing'} is missing."
        )
    shipment = ship(Simulation(function, controls=()))
    data: Json = {"name": name or function.__name__, "speaks": "factory" if factory else "function"}
    data |= {"function": function.__name__, "options": options, **shipment.to_json()}
    return ForeignMind(data, beside, shipment)


def _class_shipment(kind: type) -> Shipment | None:
    """A class of this notebook travels as a pickle; one that is installed needs not travel."""
    if is_found_by_workers(kind.__module__):
        return None
    import cloudpickle

    try:
        content = cloudpickle.dumps(kind)
        source = inspect.getsource(kind)
    except Exception as error:
        raise BadDefinition(
            f"The class {kind.__name__!r} cannot be kept with the campaign ({type(error).__name__}: {error}). Give an "
            "object of it, or a function make(vocs) that makes one."
        ) from error
    identity = hashlib.sha256(source.encode()).hexdigest()
    return Shipment("pickle", identity, content, why="a class that is known only here")


def _origin(kind: type) -> Json:
    """Where a class comes from: its module, and the package with its version where it is installed."""
    found: Json = {"module": kind.__module__}
    root = kind.__module__.partition(".")[0]
    packages = metadata.packages_distributions().get(root) or []
    if packages:
        found |= {"package": packages[0], "version": metadata.version(packages[0])}
    return found


def _plain(options: Mapping[str, Any]) -> Json:
    try:
        found: Json = json.loads(json.dumps(dict(options), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BadDefinition(
            f"The options of a generator stand in the journal, so they are plain data: {error}. What is more than "
            "that is made by a function make(vocs), which travels as code."
        ) from error
    return found
