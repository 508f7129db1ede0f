"""The commands that look and leave: ``status``, ``hosts``, ``export``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from aisteer.campaign.export import export as write_export
from aisteer.campaign.opening import campaigns, nothing_in, open_campaign
from aisteer.campaign.summary import as_text
from aisteer.errors import AisteerError

__all__ = ["export", "hosts", "status"]


def status(given: argparse.Namespace) -> int:
    """Show one campaign, or all of them."""
    if given.name is not None:
        print(as_text(open_campaign(given.name, folder=given.folder)))
        return 0
    found = campaigns(given.folder)
    if not found:
        print(nothing_in(given.folder))
    failed = 0
    for place in found:
        try:
            campaign = open_campaign(place.name, folder=place.parent)
            print(as_text(campaign))
            campaign.close()
        except AisteerError as error:
            failed += 1
            print(f"aisteer: {place.name}: {error}", file=sys.stderr)
    return 1 if failed else 0


def hosts(given: argparse.Namespace) -> int:
    """Show the hosts of worker processes on this machine, or end some."""
    from aisteer.execution.hosts import list_hosts, stop_host

    found = {host.key: host for host in list_hosts()}
    if given.stop is None:
        for host in found.values():
            since = datetime.fromtimestamp(host.since).astimezone().isoformat(timespec="seconds")
            print(f"{host.key}  process {host.pid}  {host.workers} workers  since {since}  {host.spool}")
        if not found:
            print("No host of worker processes is at work on this machine.")
        return 0
    failed = 0
    for key in given.stop:
        if key not in found:
            print(f"aisteer: no host {key!r:.80} is at work here: aisteer hosts lists them.", file=sys.stderr)
            failed += 1
            continue
        ended = stop_host(found[key])
        print(f"{key}  {'ended' if ended else 'was told to end, and still runs after 30 s'}")
        failed += not ended
    return 1 if failed else 0


def export(given: argparse.Namespace) -> int:
    """Write runs, decisions and observations as files."""
    campaign = open_campaign(given.name, folder=given.folder)
    for what, path in write_export(campaign, Path(given.to), given.format).items():
        print(f"{what}: {path}")
    return 0
