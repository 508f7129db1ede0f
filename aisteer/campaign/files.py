"""Files that a run wrote into the folder that it was given."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from aisteer.errors import NotSupported, UnknownName
from aisteer.execution.endpoint import AttemptRef

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["file_of"]

_LARGEST = 8 << 30


def file_of(campaign: Campaign, name: str, file: str, attempt: int | None) -> Path:
    """Where a file of a run is on this machine.

    Args:
        campaign: The campaign, driven by this process.
        name: The run.
        file: Its name in the run's folder (``run_folder``, or where a command works).
        attempt: Which attempt; None takes the last one that has it.

    Returns:
        The file itself; of a run whose folder was packed away, a copy in the campaign's folder.

    Raises:
        NotSupported: The campaign is driven elsewhere, or the endpoint's files are not seen from here.
        UnknownName: There is no such file.
    """
    run = campaign.state.runs[name]
    driver = campaign.opened.driver
    endpoint = driver.endpoints.get(run.task) if driver is not None and campaign.driving else None
    if endpoint is None:
        raise NotSupported(
            f"{campaign.driven_by()}; files of {name} are found from there. Start the campaign here, or ask there."
        )
    asked = PurePosixPath(file)
    if asked.is_absolute() or ".." in asked.parts:
        raise UnknownName(f"{file!r} is no file of a run. Give its name inside the run's folder.")
    numbers = [one.number for one in reversed(run.attempts) if attempt in {None, one.number}]
    refs = [AttemptRef(name, run.uuid, number) for number in numbers]
    spool: Any = getattr(endpoint, "spool", None)
    if spool is None:
        where = refs[0].folder if refs else "attempts/…"
        raise NotSupported(
            f"The files of {endpoint.address} are not seen from here. There it is {where}/work/{file} in the "
            "campaign's spool; copy it from there."
        )
    for ref in refs:
        path = Path(spool.root) / ref.folder / "work" / file
        if path.is_file():
            return path
        content = spool.archives.read(ref.folder, f"work/{file}", _LARGEST)
        if content is not None:
            return _copied(campaign.folder / "files" / ref.key / file, content)
    raise UnknownName(f"{name} has no file {file!r} in its folder.")


def _copied(path: Path, content: bytes) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)
    return path
