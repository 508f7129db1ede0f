"""The driver's side of a spool: requests and controls go in, what attempts wrote comes out.

Everything that is read was written by somebody else: it is bounded, never followed through links,
and never run. What cannot be read is nothing, or a gap in words; it is no exception.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisteer.errors import SpoolError
from aisteer.execution.archives import Archives
from aisteer.execution.endpoint import AttemptRef, Submission
from aisteer.execution.ends import clean_end
from aisteer.execution.worker import controls, ending, fencing, files, root, stream
from aisteer.execution.worker.books import Books
from aisteer.execution.worker.claim import is_claimed, read_claim
from aisteer.execution.worker.folder import make_folder, make_parent
from aisteer.execution.worker.handing import Handing
from aisteer.execution.worker.lots import Spot, TooLarge, check_size

__all__ = ["Spool", "Tail"]

Json = dict[str, Any]

_LOT = 8
"""Attempts that are submitted together from which on they are one lot, with no folder for each."""


@dataclass(slots=True)
class Tail:
    """How far an attempt's stream was read, and what stood there: to notice when it changes."""

    offset: int = 0
    prefix: str = ""
    """What stands before ``offset`` is known by this."""
    gap: str = ""

    def remember(self, offset: int, mirror: Path) -> None:
        """Take what was mirrored up to ``offset`` for what stood there: another driver read it."""
        start = max(0, offset - stream.PREFIX)
        try:
            with mirror.open("rb") as file:
                file.seek(start)
                known = file.read(offset - start)
        except OSError:
            return
        if len(known) == offset - start:
            self.offset, self.prefix = offset, stream.mark(known)


@dataclass(slots=True)
class Spool:
    """A spool's root as the driver sees it.

    Args:
        root: The folder; it is made by ``create`` and never by anything else.
    """

    root: Path
    _seen: bool = False
    _sought: bool = False
    _made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.root = Path(self.root).absolute()
        self._text = str(self.root)
        self.handing = Handing(self._text)
        self.books = Books(self._text)
        self.archives = Archives(self.root, self.handing, self.books)

    _text: str = ""
    handing: Handing = field(init=False)
    """Requests that were handed over together."""
    books: Books = field(init=False)
    """The ends of attempts that left nothing else."""
    archives: Archives = field(init=False)
    """Where ended attempts are packed."""

    # --- what goes in ---

    def create(self, nonce: str) -> None:
        """Make the root, marked with the campaign's nonce; a repeat is harmless.

        Raises:
            SpoolError: It cannot be made, belongs to another campaign, or was removed while in use.
        """
        found = files.read_json(os.path.join(self._text, "spool.json"))
        if found is not None:
            if found.get("nonce") != nonce:
                raise SpoolError(
                    f"The spool {self._text} belongs to another campaign. Nothing was written. "
                    "Give the endpoint another folder.",
                    root=self._text,
                )
            if not self._seen and _is_earlier(found):
                self._make(nonce)
            self._seen = True
            return
        if self._seen:
            raise SpoolError(
                f"The spool {self._text} was removed while the campaign used it. Runs that were there are "
                f"lost; what was "
                "mirrored before is kept. Bring the folder back (is its disk mounted?), or open the campaign again to "
                "begin a new one.",
                root=self._text,
            )
        self._make(nonce)
        self._seen = True

    @property
    def is_of_earlier_format(self) -> bool:
        """Whether a spool stands there in whose way of claiming today's workers do not claim; ``upgrade`` it."""
        found = None if self._seen else files.read_json(os.path.join(self._text, "spool.json"))
        return found is not None and _is_earlier(found)

    def upgrade(self) -> None:
        """Bring a spool of an earlier format up to date: what it has stays readable, and its claims count.

        Raises:
            SpoolError: It cannot be written.
        """
        found = files.read_json(os.path.join(self._text, "spool.json"))
        if found is not None:
            self.create(str(found.get("nonce")))

    def _make(self, nonce: str) -> None:
        try:
            root.make(self._text, nonce)
        except OSError as error:
            raise _cannot(self._text, error) from error

    def put_code(self, file: Path) -> None:
        """Copy a simulation's code to where workers look for it; a repeat is harmless."""
        target = self.root / "code" / file.name
        if file.name in self._made:
            return
        try:
            if not target.exists():
                files.write_whole(str(target), file.read_bytes())
        except OSError as error:
            raise _cannot(str(target), error) from error
        self._made.add(file.name)

    def write_request(self, ref: AttemptRef, request: Json) -> None:
        """Write an attempt's request; one that stands there is left as it is.

        Raises:
            SpoolError: It could not be written: nothing of it runs.
        """
        folder = f"{self._text}/{ref.folder}"
        path = f"{folder}/request.json"
        try:
            data = files.encode(request)
            check_size(request, len(data))
            self._folder(folder)
            if not os.path.lexists(path):
                files.write_whole(path, data)
        except (OSError, ValueError, TypeError) as error:
            raise _cannot(path, error) from error

    def _folder(self, folder: str) -> None:
        parent = os.path.dirname(folder)
        if parent not in self._made:
            make_parent(folder)
            self._made.add(parent)
        with contextlib.suppress(FileExistsError):
            try:
                os.mkdir(folder)
            except FileNotFoundError:
                self._made.discard(parent)
                raise

    def hand_over(self, submissions: Sequence[Submission], code: Path) -> dict[AttemptRef, Spot]:
        """Put many requests in place at once, in lots, with the code that they need.

        Args:
            submissions: First attempts that start from no checkpoint.
            code: Where the campaign keeps the simulations' code.

        Returns:
            Where each request stands.

        Raises:
            SpoolError: Something could not be written. What was written before it stands in its lot: nobody is told
                of it, and ``held`` finds it when it is handed over again.
        """
        kinds: dict[tuple[str, ...], list[Submission]] = {}
        for submission in submissions:
            kinds.setdefault(tuple(submission.request), []).append(submission)
        places: dict[AttemptRef, Spot] = {}
        try:
            for kind in kinds.values():
                for simulation in {id(s.request.get("simulation")): s.request for s in kind}.values():
                    self._put_code_of(simulation, code)
                put = self.handing.put([s.request for s in kind])
                places.update(zip((s.ref for s in kind), put, strict=True))
        except (OSError, ValueError, TypeError) as error:
            raise _cannot(os.path.join(self._text, "lots"), error) from error
        return places

    def put(self, submissions: Sequence[Submission], code: Path) -> dict[AttemptRef, Spot]:
        """Put in place all that attempts need: many first ones together in a lot, each other one by itself.

        Args:
            submissions: Attempts; what of them was handed over before is left as it is.
            code: Where the campaign keeps the simulations' code.

        Returns:
            Where the requests stand that have no folder of their own.

        Raises:
            SpoolError: Something could not be written. A repeat is harmless.
        """
        places = self.held([submission.ref for submission in submissions])
        together = [s for s in submissions if s.ref not in places and _begins(s.request)]
        if len(together) >= _LOT:
            places |= self.hand_over(together, code)
        for submission in submissions:
            if submission.ref not in places:
                self.prepare(submission.ref, submission.request, code)
        return places

    def held(self, refs: Sequence[AttemptRef]) -> dict[AttemptRef, Spot]:
        """Where the requests of attempts stand that were handed over together before, here or by an earlier driver."""
        if not self._sought:
            self.handing.find([ref.key for ref in refs])
            self._sought = True  # nobody else hands over while we do
        return {
            ref: place
            for ref in refs
            if (place := self.handing.place(ref.key)) and self.handing.holds(ref.key)
        }

    def _put_code_of(self, request: Json, code: Path) -> None:
        simulation = request.get("simulation") or {}
        suffix = {"source": ".py", "pickle": ".pkl"}.get(str(simulation.get("mode")))
        if suffix is not None:
            self.put_code(code / f"{simulation.get('code')}{suffix}")

    def append_control(self, ref: AttemptRef, control: Json) -> None:
        """Put a control before an attempt.

        Raises:
            SpoolError: It could not be written.
        """
        folder = f"{self._text}/{ref.folder}"
        path = f"{folder}/controls.jsonl"
        try:
            if not os.path.isdir(folder) and self._is_known(ref.folder):
                make_folder(folder)
            controls.append(folder, control)
        except (OSError, ValueError, TypeError) as error:
            raise _cannot(path, error, "It goes on as it did, and is told when that works again.") from error

    def prepare(self, ref: AttemptRef, request: Json, code: Path) -> None:
        """Put in place all that an attempt needs, the request last, and fence the attempts before it.

        Args:
            ref: The attempt.
            request: Its request; ``previous`` names the folders of earlier attempts.
            code: Where the campaign keeps the simulations' code.

        Raises:
            SpoolError: Something could not be written: nothing of it runs.
        """
        self._put_code_of(request, code)
        if request.get("restart"):
            self.archives.restore(str(request["restart"]))
        for folder in request.get("previous") or ():
            self.fence(str(folder), int(request.get("epoch", 0)))
        self.write_request(ref, request)

    def fence(self, folder: str, epoch: int) -> None:
        """Tell whoever may still execute an attempt that a later one takes its place.

        One that nobody has claimed is claimed here, so that nobody ever starts it: not even a driver that recorded
        it, was stopped before it handed it over, and goes on. One that is packed has ended, and stays claimed.

        Args:
            folder: The attempt's folder, relative to the root, whether it is there or not.
            epoch: The epoch that launches the later attempt.

        Raises:
            SpoolError: It could not be written: the later attempt must not be submitted.
        """
        path = os.path.join(self._text, _inside(folder))
        if not os.path.isdir(path) and self._is_packed(folder):
            return
        try:
            fencing.fence(self._text, path, epoch)
        except OSError as error:
            raise _cannot(path, error) from error

    def _is_known(self, folder: str) -> bool:
        """Whether an attempt that has no folder (yet) was handed over."""
        key = folder.rpartition("/")[2]
        if is_claimed(f"{self._text}/{folder}"):
            return not self._is_packed(folder)
        self.handing.find([key])
        return self.handing.holds(key)

    def _is_packed(self, folder: str) -> bool:
        return is_claimed(f"{self._text}/{folder}") and self.archives.holds(folder)

    # --- what comes out ---

    def request(self, ref: AttemptRef) -> Json | None:
        """The request that was written for an attempt."""
        found = files.read_json(f"{self._text}/{ref.folder}/request.json", 64 << 20)
        if found is None:
            self.handing.find([ref.key])
            found = self.handing.request(ref.key)
        return found

    def is_gone(self, ref: AttemptRef) -> bool:
        """Whether neither the attempt's folder is there nor a lot with its request."""
        if os.path.isdir(f"{self._text}/{ref.folder}") or self.handing.holds(ref.key):
            return False
        self.handing.find([ref.key])
        return not self.handing.holds(ref.key)

    def forget(self, ref: AttemptRef) -> None:
        """The attempt is over, and its end stands in the journal."""
        self.handing.forget(ref.key)
        self.books.forget(ref.key)

    def claim(self, ref: AttemptRef) -> Json | None:
        """Who executes an attempt."""
        found = read_claim(f"{self._text}/{ref.folder}")
        return found if found is not None and isinstance(found.get("by"), str) else None

    def heartbeat(self, ref: AttemptRef) -> int | None:
        """The heartbeat's counter; None when there is none yet."""
        data = files.read(f"{self._text}/{ref.folder}/heartbeat", 64)
        try:
            return int(data) if data else None
        except ValueError:
            return None

    def end(self, ref: AttemptRef, *, look: bool = True) -> Json | None:
        """An attempt's end, with only the types that an end has; None when there is none yet.

        Args:
            ref: The attempt.
            look: Whether to look into the workers' books as well; else what ``books`` has taken in counts.
        """
        found = self._booked(ref)
        if found is None:
            found = ending.read_end(f"{self._text}/{ref.folder}")
        if found is None and look:
            self.books.look()
            found = self._booked(ref)
        return None if found is None else clean_end(found)

    def _booked(self, ref: AttemptRef) -> Json | None:
        line = self.books.get(ref.key)
        return None if line is None else files.decode(line) or {}

    def tail(self, ref: AttemptRef, seen: Tail, offset: int) -> bytes:
        """New whole lines of an attempt's stream from ``offset`` on; at most 4 MB of them at a time.

        The file is opened anew for each look. ``seen`` is brought up to date; when the file is shorter
        than ``offset`` or another one than before, ``seen.gap`` says so and nothing is returned.
        """
        prefix = seen.prefix if seen.offset == offset else ""
        found = stream.read_on(f"{self._text}/{ref.folder}/observations.jsonl", offset, prefix)
        seen.gap = found.gap
        if not found.gap:
            seen.offset, seen.prefix = offset + len(found.data), found.prefix
        return found.data


def _begins(request: Json) -> bool:
    """Whether it begins from nothing: then its request may stand in a lot."""
    return not request.get("restart") and not request.get("previous")


def _is_earlier(mark: Json) -> bool:
    written = mark.get("format")
    return not isinstance(written, int) or written < root.FORMAT


def _inside(folder: str) -> str:
    """A folder relative to the root, or an error: requests name them, and so may strangers."""
    parts = folder.split("/")
    if os.path.isabs(folder) or ".." in parts or parts[0] != "attempts":
        raise SpoolError(f"{folder!r} is not an attempt's folder. Nothing was written.", folder=folder)
    return folder


def _cannot(
    path: str,
    error: Exception,
    meaning: str = "The run stays accepted and is handed over when it works again.",
) -> SpoolError:
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(error, TooLarge):
        return SpoolError(
            f"It cannot be handed over: {reason}. Nothing of it was written and it does not run; other runs are not "
            "touched. Put such data into a file that the simulation reads, and propose it with that file's path.",
            path=path,
            reason=reason,
        )
    return SpoolError(
        f"The spool cannot be written: {reason} ({path}). {meaning} "
        "Make room, or check that the folder is mounted and yours.",
        path=path,
        reason=reason,
    )
