"""What a run printed, wherever it was executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aisteer.errors import NotSupported, UnknownName
from aisteer.execution.endpoint import AttemptRef, Reads

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["printed"]

_STREAMS = {"stdout": "stdout.log", "stderr": "stderr.log"}


def printed(campaign: Campaign, name: str, stream: str, attempt: int | None) -> str:
    """What an attempt of a run printed to one of its streams, so far; its first and its last 256 kB.

    Args:
        campaign: The campaign, driven by this process.
        name: The run.
        stream: ``stdout`` or ``stderr``.
        attempt: Which attempt; None takes the last.

    Raises:
        NotSupported: The campaign is driven elsewhere, or its endpoint cannot read files.
        UnknownName: There is no such stream or attempt.
        EndpointError, SpoolError: The endpoint does not answer; nothing is lost, ask again later.
    """
    if stream not in _STREAMS:
        raise UnknownName(f"{stream!r} is no stream of a run. Ask for 'stdout' or 'stderr'.")
    run = campaign.state.runs[name]
    number = run.attempt.number if attempt is None else attempt
    if number not in {one.number for one in run.attempts}:
        raise UnknownName(f"{name} has no attempt {number}; its last is {run.attempt.number}.")
    driver = campaign.opened.driver
    endpoint = driver.endpoints.get(run.task) if driver is not None and campaign.driving else None
    if endpoint is None:
        raise NotSupported(
            f"{campaign.driven_by()}; what {name} printed is read from there. Start the campaign here, or ask there."
        )
    if not isinstance(endpoint, Reads):
        raise NotSupported(f"{endpoint.address} cannot be asked for what {name} printed.")
    return endpoint.read(AttemptRef(name, run.uuid, number), _STREAMS[stream]).decode(errors="replace")
