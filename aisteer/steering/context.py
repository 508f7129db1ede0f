"""Parameters that are given when a run starts, not chosen: a temperature that the machine has, a batch of material."""

from __future__ import annotations

from dataclasses import replace

from aisteer.steering.protocols import Evidence, Json

__all__ = ["in_context", "judged_in_context"]


def in_context(evidence: Evidence) -> Evidence:
    """The evidence with the context pinned to where it is now.

    That is where steering pins it, else where it was in the latest run or proposal that somebody chose; a context of
    which nothing is known yet stays free.
    """
    names = [name for name in evidence.definition.get("context") or () if name not in _pinned(evidence)]
    if not names:
        return evidence
    latest: list[Json] = [*evidence.pending[::-1], *(d.parameters for d in evidence.data[::-1])]
    here = {name: point[name] for name in names for point in latest[:1] if name in point}
    steering = {**evidence.steering, "pinned": {**here, **_pinned(evidence)}} if here else evidence.steering
    return replace(evidence, steering=steering)


def _pinned(evidence: Evidence) -> Json:
    found: Json = evidence.steering.get("pinned") or {}
    return found


def judged_in_context(evidence: Evidence, named: str | None, kind: str) -> str | None:
    """The acquisition that is asked for, or the one that suits a context.

    Runs in another context may be better than all that can be had in this one, so an extreme is sought by its
    confidence bound and not by an improvement over them (Krause & Ong, NeurIPS 2011).
    """
    if named is None and evidence.definition.get("context") and kind in {"maximize", "minimize", "target"}:
        return "ucb"
    return named
