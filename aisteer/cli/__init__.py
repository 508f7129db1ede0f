"""The command line: ``aisteer drive``, ``status``, ``hosts``, ``export``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = (
    "Steer simulation campaigns: the AI proposes, you decide, the endpoint runs, the journal remembers."
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aisteer", description=_DESCRIPTION)
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--folder", help="the folder that holds campaigns ($AISTEER_CAMPAIGNS, or campaigns)")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND")
    drive = verbs.add_parser("drive", help="keep a campaign going outside the kernel, until SIGTERM")
    drive.add_argument("name", help="the campaign")
    drive.add_argument(
        "--trust", action="store_true", help="run its code though its files belong to another user"
    )
    status = verbs.add_parser("status", help="show one campaign, or all")
    status.add_argument("name", nargs="?", help="the campaign; all if not given")
    hosts = verbs.add_parser("hosts", help="show this machine's hosts of worker processes")
    hosts.add_argument(
        "--stop",
        nargs="+",
        metavar="HOST",
        help="end these; live runs write a checkpoint and go on from it when their campaign is driven",
    )
    export = verbs.add_parser("export", help="write runs, decisions and observations as files")
    export.add_argument("name", help="the campaign")
    export.add_argument("--to", required=True, metavar="FOLDER", help="where to; made when missing")
    export.add_argument("--format", choices=("csv", "parquet"), default="csv")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 refused or failed, 2 not understood."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.version:
        from aisteer import __version__

        print(f"aisteer {__version__}")
        return 0
    if given.verb is None:
        parser.print_help()
        return 2
    from aisteer.cli import drive, verbs
    from aisteer.errors import AisteerError

    run = {"drive": drive.drive, "status": verbs.status, "hosts": verbs.hosts, "export": verbs.export}[
        given.verb
    ]
    try:
        return run(given)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader had enough
        return 0
    except (AisteerError, OSError) as error:
        print(f"aisteer: {error}", file=sys.stderr)
        return 1
