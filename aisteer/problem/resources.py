"""What a run needs, and what a campaign may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from aisteer.errors import BadDefinition
from aisteer.problem.parameters import is_finite_number

__all__ = ["Budget", "Counts", "NodeHours", "Resources", "Runs", "budget_from_json", "in_unit"]

Json = dict[str, Any]
Counts = Literal["used", "estimated", "charged"]
_COUNTS = ("used", "estimated", "charged")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a campaign may spend: an ``amount`` in ``unit``.

    Attributes:
        amount: How much.
        counts: Which cost counts against it: ``used`` by the runs, ``estimated`` at acceptance,
            or ``charged`` to the allocation. An endpoint that reports no charge of its own, as the local one
            and any Executor, charges what the runs use: there ``charged`` equals ``used``.
    """

    amount: float
    counts: Counts = "used"

    unit: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not is_finite_number(self.amount) or self.amount < 0:
            raise BadDefinition(f"A budget is a finite amount that is not negative, not {self.amount!r}.")
        if self.counts not in _COUNTS:
            raise BadDefinition(f"A budget counts one of {', '.join(_COUNTS)}, not {self.counts!r}.")
        object.__setattr__(self, "amount", float(self.amount))

    def to_json(self) -> Json:
        """The budget as it stands in the journal."""
        return {"amount": self.amount, "unit": self.unit, "counts": self.counts}

    def __str__(self) -> str:
        return f"{in_unit(self.amount, self.unit)} ({self.counts})"


def in_unit(amount: float, unit: str) -> str:
    """An amount in words, such as ``2.5 node-hours`` or ``1 run``."""
    words = f"{amount:g}"
    return f"{words} {unit.removesuffix('s') if words == '1' else unit}"


class NodeHours(Budget):
    """A budget of node-hours: nodes times wall time."""

    __slots__ = ()
    unit = "node-hours"


class Runs(Budget):
    """A budget of runs, whatever each takes."""

    __slots__ = ()
    unit = "runs"


def budget_from_json(data: Json | None) -> Budget | None:
    """The budget that ``to_json`` wrote; ``None`` is no limit.

    Raises:
        BadDefinition: A unit that this release does not know.
    """
    if data is None:
        return None
    kinds: dict[str, type[Budget]] = {"node-hours": NodeHours, "runs": Runs}
    if data.get("unit") not in kinds:
        raise BadDefinition(f"This release does not know the budget unit {data.get('unit')!r}.")
    return kinds[data["unit"]](data["amount"], data.get("counts", "used"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one run of a task needs.

    Attributes:
        nodes: Nodes.
        ranks_per_node: MPI ranks on each.
        cpus: CPU cores for each rank.
        gpus_per_rank: GPUs for each rank.
        walltime: Seconds after which it is stopped; ``None`` is no limit of its own.
    """

    nodes: int = 1
    ranks_per_node: int = 1
    cpus: int = 1
    gpus_per_rank: int = 0
    walltime: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("nodes", 1), ("ranks_per_node", 1), ("cpus", 1), ("gpus_per_rank", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadDefinition(f"{name} must be a whole number of at least {least}, not {value!r}.")
        limit = self.walltime
        if limit is None:
            return
        if not is_finite_number(limit) or limit <= 0:
            raise BadDefinition(f"walltime must be a positive number of seconds, not {limit!r}.")
        object.__setattr__(self, "walltime", float(limit))

    def node_hours(self, seconds: float) -> float:
        """The cost of holding these nodes for ``seconds``."""
        return self.nodes * seconds / 3600.0

    def to_json(self) -> Json:
        """The resources as they stand in the definition."""
        return {
            "nodes": self.nodes,
            "ranks_per_node": self.ranks_per_node,
            "cpus": self.cpus,
            "gpus_per_rank": self.gpus_per_rank,
            "walltime": self.walltime,
        }

    @classmethod
    def from_json(cls, data: Json | None) -> Resources:
        """The resources that ``to_json`` wrote; the default where there are none."""
        return cls(**(data or {}))
