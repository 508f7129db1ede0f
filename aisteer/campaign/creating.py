"""Creating a campaign, or opening the one that is there, if it has the same definition."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisteer.campaign.definition import MAIN, Wanted
from aisteer.campaign.differences import differences
from aisteer.campaign.identity import human
from aisteer.campaign.opened import Opened
from aisteer.campaign.tasks import Task
from aisteer.errors import BadDefinition, DefinitionChanged, Refused, UnknownName
from aisteer.journal.commands import Define
from aisteer.journal.names import folder_for, root
from aisteer.journal.store import Journal

__all__ = ["open_or_create", "place_for", "tasks_of"]

Json = dict[str, Any]


def place_for(name: object, folder: str | Path | None) -> Path:
    """The folder of the campaign of that name, below ``folder``."""
    if not isinstance(name, str):
        raise BadDefinition(f"A campaign's name is text, not {name!r:.100}.")
    return folder_for(name, Path(folder) if folder is not None else root())


def tasks_of(short: Json, tasks: Mapping[str, Task] | None) -> Mapping[str, Task]:
    """Tasks by name, given as such or by the shorthand for one.

    Raises:
        BadDefinition: Something is missing, or given in both ways.
    """
    if tasks is not None:
        if short:
            raise BadDefinition(f"Give {', '.join(short)} inside tasks={{…}}, or leave tasks out.")
        return tasks
    missing = [key for key in ("simulation", "space", "objective") if key not in short]
    if missing:
        raise BadDefinition(
            f"A campaign needs {', '.join(key + '=' for key in missing)}. "
            "To open one that exists, use ai.open(name)."
        )
    try:
        return {MAIN: Task(**short)}
    except TypeError as error:
        raise BadDefinition(f"ai.Campaign: {str(error).removeprefix('Task.__init__() ')}.") from error


def open_or_create(name: str, place: Path, wanted: Wanted, url: str | None) -> Opened:
    """The campaign at ``place``, made when there is none.

    Raises:
        DefinitionChanged: It exists with another definition.
    """
    opened = Opened.get(place)
    if opened is None:
        opened = Opened.keep(place, _existing(place, url) or _created(name, place, wanted, url))
    state = opened.journal.state
    if state.definition != wanted.definition:
        wanted.save_if_possible(place)
        words = differences(state.definition, wanted.definition, place)
        if words:
            raise _changed(state.name, words)
    opened.connections.update(wanted.connections)
    opened.minds.update(wanted.minds)
    return opened


def _existing(place: Path, url: str | None) -> Journal | None:
    try:
        return Journal.open(place, url=url)
    except UnknownName:
        return None


def _created(name: str, place: Path, wanted: Wanted, url: str | None) -> Journal:
    opening = wanted.definition["opening"]
    define_it = Define(
        actor=human(),
        name=name,
        uuid=uuid.uuid4().hex,
        nonce=uuid.uuid4().hex,
        definition=wanted.definition,
        autonomy=opening["autonomy"],
        budget=opening["budget"],
    )
    place.mkdir(parents=True, exist_ok=True)
    wanted.save(place)
    try:
        return Journal.create(place, define_it, url=url)
    except Refused:
        return Journal.open(place, url=url)  # another process was first


def _changed(name: str, words: list[str]) -> DefinitionChanged:
    listed = "\n".join(f"  - {one}" for one in words)
    return DefinitionChanged(
        f"The campaign {name!r:.80} exists with another definition:\n{listed}\n"
        "Nothing was changed; what has run is kept. To go on with the new definition, give what changes to "
        f"ai.open({name!r:.80}).redefine(…); to start afresh, choose another name.",
        differences=words,
    )
