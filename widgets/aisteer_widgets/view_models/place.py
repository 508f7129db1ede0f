"""The place where a task runs, as the board's head says it: how it is, who works there, and what that costs."""

from __future__ import annotations

from typing import Any

from aisteer.execution.endpoint import Health
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.scene import Scene

__all__ = ["CHARGED", "has_blocks", "place", "place_name"]

Json = dict[str, Any]
STATES = ("online", "starting", "offline")
SILENT = 90.0
"""Seconds without a word after which the board says so; while nobody looks it is asked twice a minute."""
CHARGED = (
    "What an allocation is charged for can be more: blocks count from their beginning to their end, idle or not. The "
    "endpoint does not tell; the facility's own accounting does."
)


def place_name(address: str) -> str:
    """What an endpoint is called on the board."""
    return fmt.clip(address.partition("?")[0], 32)


def has_blocks(address: str) -> bool:
    """Whether runs are brought there in blocks of a batch system, as far as the address tells."""
    return address.startswith(("globus:", "parsl:", "dask:"))


def place(address: str, health: Health | None, scene: Scene) -> Json:
    """How an endpoint is.

    Args:
        address: As it stands in the definition.
        health: What it says; None where it is not watched from here.
        scene: The campaign.
    """
    name = place_name(address)
    if health is None:
        return {
            "name": name,
            "state": "unknown",
            "label": f"{name}, not watched",
            "detail": "starts with the campaign",
            "note": "",
            "title": f"{fmt.clip(address, 300)}: the campaign has no driver, so its endpoint is not watched.",
        }
    words = health.state if health.state in STATES else "unknown"
    facts = _facts(health, scene.now, remote=has_blocks(address))
    if not facts or words == "starting":  # why one is offline stands among what needs attention
        facts.insert(0, fmt.clip(health.detail, 90))
    return {
        "name": name,
        "state": words,
        "label": f"{name}, {words}",
        "detail": ", ".join(fact for fact in facts if fact),
        "note": fmt.clip("; ".join(map(str, health.extra.get("notes") or ())), 200),
        "title": fmt.clip(_title(address, health, words, scene), 900),
    }


def _facts(health: Health, now: float, *, remote: bool) -> list[str]:
    """What is counted, and how long."""
    facts = []
    if remote:
        if health.busy:
            facts.append(f"{health.busy} running")
    elif health.workers:
        facts.append(f"{health.busy} of {fmt.count(health.workers, 'worker')} busy")
    if health.waiting:
        facts.append(f"{health.waiting} waiting")
    idle, whole = health.extra.get("idle"), health.extra.get("workers")
    if isinstance(idle, int) and isinstance(whole, int):
        facts.append(f"{idle} of {fmt.count(whole, 'worker')} idle")
    if health.block_ends is not None:
        facts.append(f"block ends in {fmt.duration(health.block_ends - now)}")
    silent = health.contact is not None and now - health.contact > (
        SILENT if health.state == "online" else 0.0
    )
    if health.contact is not None and silent and health.busy + health.waiting:
        facts.append(f"last heard {fmt.duration(now - health.contact)} ago")
    return facts


def _title(address: str, health: Health, words: str, scene: Scene) -> str:
    """All that is known of it."""
    said = [f"{address}: {health.detail or words}."]
    if has_blocks(address):
        if health.workers:
            said.append(f"At most {fmt.count(health.workers, 'run')} are there at a time.")
        if "workers" not in health.extra and address.startswith("globus:"):
            said.append("It does not tell how many of its workers are idle.")
        said.append(f"Runs used {fmt.cost(scene.state.totals.used, scene.unit)}. {CHARGED}")
    if health.contact is not None:
        said.append(f"Last heard from at {fmt.clock(health.contact)}.")
    if health.extra.get("spool"):
        said.append(f"Spool: {fmt.clip(health.extra['spool'], 200)}.")
    if health.trusted_code:
        said.append("It is an Executor of your own: trusted code.")
    return " ".join(said)
