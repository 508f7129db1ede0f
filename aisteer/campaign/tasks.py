"""A task: one simulation with its space, objective, endpoint and policy; and its definition as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aisteer.campaign.connect import Connection, connect
from aisteer.campaign.oversight import OVERSIGHT, check_end, oversight_json
from aisteer.campaign.proposers import policy_json
from aisteer.campaign.stated import SETTINGS, context_json, instance, setting, whole
from aisteer.campaign.stop_when import stop_when_json
from aisteer.errors import BadDefinition
from aisteer.problem.command import CommandSimulation
from aisteer.problem.fidelity import weighed_json
from aisteer.problem.goals import Goals
from aisteer.problem.objective import Objective
from aisteer.problem.pool import Pool
from aisteer.problem.resources import Resources
from aisteer.problem.shipping import Shipment, ship
from aisteer.problem.simulation import Simulation
from aisteer.problem.space import Space
from aisteer.steering.policies import check_options
from aisteer.steering.thought import BATCH

__all__ = ["ARM", "RandomArm", "Rule", "Task", "arm_json"]

Json = dict[str, Any]
ARM = "random arm"
"""The name of the task that a ``RandomArm`` becomes."""


class Rule(Protocol):
    """An autonomy rule (``aisteer.steering.rules``)."""

    def to_json(self) -> Json:
        """The rule as it stands in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomArm:
    """A baseline that is really run: the same problem, with points drawn at random.

    Its runs cost like others, are accepted without asking, and never enter the surrogate.

    Attributes:
        runs: How many.
        seed: What draws them.
    """

    runs: int
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("runs", 1), ("seed", 0)):
            whole(f"RandomArm({name}=…)", getattr(self, name), least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is run, where, and who proposes it.

    Attributes:
        simulation: A ``@simulation`` or a ``CommandSimulation``.
        space: A ``Space`` or a ``Pool``.
        objective: ``Maximize``, ``Minimize``, ``Target``, ``LevelSet`` or ``Learn`` of an outcome, or a list of two
            or three outcomes to be maximized or minimized.
        feasible: What outcomes have to meet for a run to count, such as ``["density >= 0.9"]``.
        context: Parameters that are given when a run starts, not chosen by the AI.
        endpoint: An address such as ``"local"``, an ``ai.connect(…)``, or any Executor.
        slots: Runs at once; as many as the endpoint has workers if not given.
        batch: Proposals that wait for a decision at once.
        initial: Proposals that are spread over the space before the surrogate has a say; the policy knows
            how many if not given.
        policy: ``"bayesian"``, ``"random"``, ``"manual"`` (a human proposes), a mapping of ``name`` and
            ``options``, or ``ai.generator(…)``: somebody else's mind.
        autonomy: Rules of its own, instead of the campaign's.
        resources: What a run needs.
        cost: Estimated cost of a run in the budget's unit; learnt from the runs if not given. With a fidelity that of a
            run at the truth, or what its values cost: ``{10: 0.02, 100: 1.5}``.
        retries: How often a run is tried again after an end: ``{"lost": 2, "failed": 0}``.
        checkpoint_every: Seconds between checkpoints.
        stop_when: When a run stops itself, by what it yields: ``"max_force_deviation > 0.5"``, or a list of such rules,
            of which any does. It is looked at where the run executes, so nobody need watch; what it has is kept as a
            partial outcome.
        seed: For what the policy draws; the campaign's if not given.
        runs: At most this many runs are proposed.
        audit: The share of the AI's proposals that are drawn at random instead, to test its predictions where nobody
            chose; they say so.
        counterfactual: The share of edits, drawn by chance, whose original is run too, so that the ledger can say what
            edits bring; it costs a run each time.
        finish: When the AI proposes to end the campaign: ``{"gain_below": 0.01}`` (a unit of cost promises less, in
            the objective's unit), ``{"stagnation": 20}`` (so many runs without a better one), ``{"budget": True}``
            (it covers no further run), or several. It also does so where nothing is left to gain but in a region where
            runs fail, unless ``{"failing": False}``.
        early_stopping: The AI proposes to stop a run once the chance that it still adds something, by what it has
            yielded so far, is below this; 0.02 if ``True``, never if ``False``.
        fidelity: The parameter of the space that says how good, and how dear, a run is; its highest value is the
            truth. The AI chooses the point and the fidelity by what a run tells of the best at the truth per
            node-hour.
        cost_aware: Whether the AI divides what a run promises by what it is expected to cost, learned from the runs.
    """

    simulation: Simulation | CommandSimulation
    space: Space | Pool
    objective: Objective | Sequence[Objective]
    feasible: Sequence[str] = ()
    context: Sequence[str] = ()
    endpoint: Any = "local"
    slots: int | None = None
    batch: int = BATCH
    initial: int | None = None
    policy: Any = "bayesian"
    autonomy: Rule | None = None
    resources: Resources = field(default_factory=Resources)
    cost: float | Mapping[float, float] | None = None
    retries: Mapping[str, int] = field(default_factory=lambda: {"lost": 2})
    checkpoint_every: float | None = None
    stop_when: str | Sequence[str] = ()
    seed: int | None = None
    runs: int | None = None
    audit: float = 0.0
    counterfactual: float = 0.0
    finish: Mapping[str, Any] | None = None
    early_stopping: float | bool = True
    fidelity: str | None = None
    cost_aware: bool = False

    def __post_init__(self) -> None:
        instance(
            "simulation", self.simulation, (Simulation, CommandSimulation), "decorate it: @ai.simulation"
        )
        instance("space", self.space, (Space, Pool), "ai.Space(…) or ai.Pool(…)")
        self.goals.check_returned(self.simulation.returned, self.simulation.name)
        context_json(self.context, self.space.names)
        for name in SETTINGS:
            setting(name, getattr(self, name))
        oversight = oversight_json(
            self.audit, self.counterfactual, self.finish, early_stopping=self.early_stopping
        )
        check_end(oversight.get("finish") or {}, self.goals)
        self._weighed()
        self._stops()
        if self.autonomy is not None and not hasattr(self.autonomy, "to_json"):
            raise BadDefinition(f"autonomy must be a rule such as ai.Ask(), not {self.autonomy!r}.")
        self.simulation.check(self.space)

    def _weighed(self) -> Json:
        """How costs are weighed, as data."""
        given = {"fidelity": self.fidelity, "cost_aware": self.cost_aware, "cost": self.cost}
        return weighed_json(given, self.space, self.goals, tuple(self.context))

    def _stops(self) -> list[Json]:
        return stop_when_json(self.stop_when, self.simulation.yielded)

    @property
    def goals(self) -> Goals:
        """All that is sought."""
        return Goals.read(self.objective, self.feasible)

    @property
    def connection(self) -> Connection:
        """Where it runs, as something that can be opened."""
        return connect(self.endpoint)

    def ship(self) -> Shipment | None:
        """How its code travels; an executable has none."""
        return ship(self.simulation) if isinstance(self.simulation, Simulation) else None

    def to_json(self, shipment: Shipment | None) -> Json:
        """The task as it stands in the definition."""
        simulation = self.simulation.to_json()
        if shipment is not None:
            simulation.update(shipment.to_json())
        data: Json = {
            "simulation": simulation,
            "space": self.space.to_json(),
            **self.goals.to_json(),
            "endpoint": self.connection.address,
            "slots": self.slots or self.connection.workers,
            "batch": self.batch,
            "resources": self.resources.to_json(),
            **self._weighed(),
            "retries": dict(self.retries),
            "policy": policy_json(self.policy, self.initial),
            "autonomy": None if self.autonomy is None else self.autonomy.to_json(),
            "seed": self.seed,
        }
        if context := context_json(self.context, self.space.names):
            data["context"] = context
        if self.runs is not None:
            data["runs"] = self.runs
        data |= oversight_json(
            self.audit, self.counterfactual, self.finish, early_stopping=self.early_stopping
        )
        if self.checkpoint_every is not None:
            data["checkpoint_every"] = float(self.checkpoint_every)
        if stops := self._stops():
            data["stop_when"] = stops
        if not self.connection.stored:
            data["kernel_bound"] = self.connection.address
        check_options(data, self.space)
        return data


def arm_json(task: Json, arm: RandomArm) -> Json:
    """The definition of the random arm beside ``task``."""
    from aisteer.steering.rules import Accept

    chosen = {name: value for name, value in task.items() if name not in OVERSIGHT}
    return {
        **chosen,
        "policy": {"name": "random", "options": {}},
        "autonomy": Accept().to_json(),
        "seed": arm.seed,
        "runs": arm.runs,
        "baseline": True,
    }
