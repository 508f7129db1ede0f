"""Two definitions side by side, in words."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from aisteer.campaign.defaults import completed
from aisteer.problem.goals import Goals

__all__ = ["differences", "same_code"]

Json = dict[str, Any]
_SHOWN = 12
_ABSENT = object()
_OF_THE_CODE = frozenset({"parameters", "required", "generator", "controls", "accepts", "defaults"})
"""What a definition says of a simulation that is read from its code: the same code says the same."""
_OF_THE_COPY = frozenset({"code", "identity", "python", "version"})
"""What differs between two copies of the same mind."""


def same_code(old: Json, new: Json) -> bool:
    """Whether two simulations are the same code: pickles differ in bytes where their source does not."""
    if old.get("identity") and old.get("identity") == new.get("identity"):
        return True
    return bool(old.get("code") == new.get("code"))


def differences(old: Json, new: Json, folder: Path) -> list[str]:
    """What ``new`` changes in ``old``, one sentence each; empty when they say the same.

    A key that one of them lacks, since another release wrote it, says what it says by default.

    Args:
        old: The definition in the journal.
        new: The one that was asked for.
        folder: The campaign's folder, where the code of both is kept.
    """
    found: list[str] = []
    old, new = completed(old), completed(new)
    tasks_old, tasks_new = old.get("tasks", {}), new.get("tasks", {})
    alone = len(tasks_old) == len(tasks_new) == 1
    for name in dict.fromkeys([*tasks_old, *tasks_new]):
        if name not in tasks_new:
            found.append(f"the task {name!r} is gone")
        elif name not in tasks_old:
            found.append(f"the task {name!r} is new")
        else:
            where = "" if alone else f"task {name!r}: "
            found += [where + words for words in _task(tasks_old[name], tasks_new[name], folder)]
    for key in dict.fromkeys([*old, *new]):
        if key not in {"tasks", "opening"}:
            found += _values(key, old.get(key, _ABSENT), new.get(key, _ABSENT))
    before, after = old.get("opening", {}), new.get("opening", {})
    for key in ("budget", "autonomy"):
        found += _values(f"{key} at the opening", before.get(key), after.get(key))
    return found


def _task(old: Json, new: Json, folder: Path) -> list[str]:
    found: list[str] = []
    before, after = old["simulation"], new["simulation"]
    same = same_code(before, after)
    if not same:
        found.append(_code(before, after, folder))
    for key in dict.fromkeys([*before, *after]):
        if key in {"code", "identity", "python"}:
            continue
        if same and key in {"mode", "reference"} and before.get("code") == after.get("code"):
            continue
        if same and key in _OF_THE_CODE and not (key in before and key in after):
            continue
        found += _values(f"simulation {key}", before.get(key, _ABSENT), after.get(key, _ABSENT))
    found += _space(old["space"], new["space"])
    found += _goals(old, new)
    for key in dict.fromkeys([*old, *new]):
        if key not in {"simulation", "space", "objective", "objectives", "feasible", "policy"}:
            found += _values(key, old.get(key, _ABSENT), new.get(key, _ABSENT))
    return found + _policy(old.get("policy") or {}, new.get("policy") or {}, folder)


def _policy(old: Json, new: Json, folder: Path) -> list[str]:
    """A mind of somebody else's is the same in another version of its package, and as another pickle of its code."""
    before, after = ((one.get("options") or {}).get("mind") or {} for one in (old, new))
    if not before or not after:
        return _values("policy", old, new)
    if before.get("code") and after.get("code") and not same_code(before, after):
        return [_code(before, after, folder, "mind")]
    return _values("policy", *(_without_code(one) for one in (old, new)))


def _without_code(policy: Json) -> Json:
    mind = policy["options"]["mind"]
    said = {key: value for key, value in mind.items() if key not in _OF_THE_COPY}
    return {**policy, "options": {**policy["options"], "mind": said}}


def _goals(old: Json, new: Json) -> list[str]:
    if old.get("objectives") or new.get("objectives"):
        before, after = ([*(one.get("objectives") or [one["objective"]])] for one in (old, new))
        found = [] if before == after else [f"the goal was to {_sought(old)}, and is to {_sought(new)}"]
    else:
        found = _values("objective", old.get("objective"), new.get("objective"))
    asked, asks = old.get("feasible") or [], new.get("feasible") or []
    found += [f"{text!r} is no longer asked of outcomes" for text in asked if text not in asks]
    return found + [f"{text!r} is asked of outcomes" for text in asks if text not in asked]


def _sought(task: Json) -> str:
    """The objectives of a task, with what they say besides."""
    words = []
    for one in Goals.of(task).objectives:
        said = one.to_json()
        more = [f"{name} {said[name]:g}" for name in ("reference", "weight") if name in said]
        words.append(one.words + (f" ({', '.join(more)})" if more else ""))
    return " and ".join(words)


def _space(old: Json, new: Json) -> list[str]:
    if old == new:
        return []
    if old.get("kind") != new.get("kind"):
        return [f"the space was a {old.get('kind')} and is a {new.get('kind')}"]
    if old.get("kind") == "pool":
        if old.get("pool") != new.get("pool"):
            sizes = f"{old.get('size'):,} candidates, now {new.get('size'):,}"
            return [f"the pool's contents changed ({sizes})"]
        return _values("pool", old, new)
    found: list[str] = []
    before, after = old["parameters"], new["parameters"]
    for name in dict.fromkeys([*before, *after]):
        found += _values(f"parameter {name}", before.get(name, _ABSENT), after.get(name, _ABSENT))
    held, holds = old.get("constraints", []), new.get("constraints", [])
    found += [f"the constraint {text!r} is gone" for text in held if text not in holds]
    found += [f"the constraint {text!r} is new" for text in holds if text not in held]
    if not found and list(before) != list(after):
        return ["the parameters stand in another order"]
    return found


def _values(name: str, old: Any, new: Any) -> list[str]:
    if old == new or (_ABSENT in (old, new) and _is_empty(old) and _is_empty(new)):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for key in dict.fromkeys([*old, *new]):
            found += _values(f"{name} {key}", old.get(key, _ABSENT), new.get(key, _ABSENT))
        return found
    return [f"{name}: {_words(old)} → {_words(new)}"]


def _is_empty(value: Any) -> bool:
    return value is _ABSENT or value is None or value is False or value in ("", [], {})


def _words(value: Any) -> str:
    if value is _ABSENT or value is None:
        return "none"
    if isinstance(value, dict) and "kind" in value and "low" in value:
        return f"{value['low']:g} to {value['high']:g} {value.get('unit', '')}".rstrip()
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _code(old: Json, new: Json, folder: Path, kind: str = "simulation") -> str:
    what = f"the code of the {kind} {new.get('name', '')!r} changed"
    sources = [_source(simulation, folder) for simulation in (old, new)]
    if sources[0] is None or sources[1] is None:
        return what
    lines = list(difflib.unified_diff(sources[0], sources[1], "before", "now", lineterm="", n=0))[2:]
    shown = [line for line in lines if not line.startswith("@@")]
    more = [f"… and {len(shown) - _SHOWN} more lines"] if len(shown) > _SHOWN else []
    return "\n".join([f"{what}:", *(f"      {line}" for line in [*shown[:_SHOWN], *more])])


def _source(simulation: Json, folder: Path) -> list[str] | None:
    try:
        return (folder / "code" / f"{simulation.get('code')}.py").read_text().splitlines()
    except OSError:
        return None
