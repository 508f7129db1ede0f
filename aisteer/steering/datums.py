"""What becomes of a run, or of a row that was measured elsewhere, as a policy knows it."""

from __future__ import annotations

from collections.abc import Iterator

from aisteer.journal.state import Proposal, Run
from aisteer.problem.resources import Resources
from aisteer.steering.protocols import Datum, Json

__all__ = ["belied", "node_hours", "rows_of"]


def belied(stop: Proposal, run: Run) -> bool:
    """Whether a proposal to stop a run was taken back before it ended."""
    taken = stop.decision if stop.state == "withdrawn" else None
    # A later mark moves the run's revision, and not the time of its end.
    return taken is not None and taken.position < run.revision and taken.time < run.since


def node_hours(run: Run, resources: Json | None) -> float:
    """What all attempts at a run took."""
    nodes = (resources or {}).get("nodes")
    needs = Resources(nodes=nodes if isinstance(nodes, int) and nodes > 0 else 1)
    return needs.node_hours(sum(attempt.seconds for attempt in run.attempts))


def rows_of(name: str, data: Json) -> Iterator[Datum]:
    """Rows that were measured elsewhere under ``name`` and are in the fit."""
    bad, errors = set(data["bad"]), data["errors"]
    for row in range(data["rows"]):
        if row not in bad:
            yield Datum(
                run=f"{name}.{row}",
                parameters={parameter: values[row] for parameter, values in data["parameters"].items()},
                outcomes={
                    outcome: (values[row], errors[outcome][row] if outcome in errors else 0.0)
                    for outcome, values in data["outcomes"].items()
                    if values[row] is not None
                },
                origin="prior",
            )
