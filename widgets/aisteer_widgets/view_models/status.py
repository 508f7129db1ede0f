"""What a human should know now, and whether what is on the screen is the whole truth."""

from __future__ import annotations

import shlex
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.place import place_name
from aisteer_widgets.view_models.scene import Scene

__all__ = ["NO_DRIVER", "footer", "how_to_drive", "troubles"]

Json = dict[str, Any]
SHOWN = 4
NO_DRIVER = "Nothing is proposed and nothing launches"
"""What it means that no process drives the campaign."""


def how_to_drive(name: str) -> str:
    """What gives a campaign a driver: here, or in a terminal."""
    return f"campaign.start() or `aisteer drive {fmt.clip(shlex.quote(name), 60)}`"


def troubles(scene: Scene) -> Json:
    """Open troubles, the latest first."""
    found = list(scene.state.troubles.values())[::-1]
    items = _out_of_reach(scene) + [
        {"source": fmt.clip(t.source, 60), "message": fmt.clip(t.message, 420), "run": t.run or ""}
        for t in found[:SHOWN]
    ]
    if scene.read_only:
        items.insert(0, {"source": "read-only", "message": fmt.clip(scene.read_only, 420), "run": ""})
    return {"items": items, "more": f"and {len(found) - SHOWN} more" if len(found) > SHOWN else ""}


def _out_of_reach(scene: Scene) -> list[Json]:
    """Endpoints that cannot be used now, and what that means."""
    found = {}
    for task, health in scene.health.items():
        if health.state == "offline" and health.detail:
            address = str(scene.state.definition["tasks"].get(task, {}).get("endpoint") or "local")
            found[address] = {
                "source": place_name(address),
                "message": fmt.clip(health.detail, 420),
                "run": "",
            }
    return list(found.values())


def footer(scene: Scene) -> Json:
    """As of when, at which revision, who drives, and that nothing hangs on this page."""
    state = scene.state
    return {
        "as_of": f"As of {fmt.clock(state.time)}, revision {state.position:,}" if state.position else "",
        "driver": fmt.clip(scene.driver, 120)
        or f"No driver: nothing launches until {how_to_drive(state.name)}",
        "saved": "Everything is saved",
        "title": "Every decision and outcome is in the journal before it shows here.",
        "revision": state.position,
    }
