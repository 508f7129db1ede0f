"""What an endpoint must be able to do. Everything that comes back is data from the spool."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

__all__ = ["AttemptRef", "Endpoint", "Far", "Glimpse", "Health", "Keeps", "Packs", "Reads", "Submission"]

Json = dict[str, Any]

READ = 1 << 20
"""Bytes of a file of an attempt that are read at most; the logs of a run have less."""


@dataclass(frozen=True, slots=True)
class AttemptRef:
    """An attempt of a run: its folder in the spool is ``<uuid>-<attempt>``."""

    run: str
    uuid: str
    attempt: int

    @property
    def key(self) -> str:
        """Its name in the spool."""
        return f"{self.uuid}-{self.attempt}"

    @property
    def folder(self) -> str:
        """Path of the attempt's folder, relative to the spool's root."""
        return f"attempts/{self.uuid[:2]}/{self.uuid}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Submission:
    """What is sent: the request goes into the spool, as ``request.json`` or as a line of a lot."""

    ref: AttemptRef
    request: Json


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What was seen of an attempt since the last look.

    Attributes:
        data: New whole lines of ``observations.jsonl`` from ``offset`` on.
        length: Length of the file as seen, bytes.
        gap: The file is shorter than, or differs from, what was read before; what is wrong, in words.
        state: ``submitted``, ``waiting``, ``claimed`` or ``running``; empty when unchanged or unknown.
        claim: The claim's content, once.
        heartbeat: The heartbeat's counter; ``None`` when not looked at.
        end: The content of ``end.json``, checked and bounded (``spool.clean_end``): it comes from outside.
        lost: Why the endpoint knows that nobody executes it (any more).
        ticket: What finds it again after a restart of the driver.
    """

    ref: AttemptRef
    data: bytes = b""
    offset: int = 0
    length: int = 0
    gap: str = ""
    state: str = ""
    claim: Json | None = None
    heartbeat: int | None = None
    end: Json | None = None
    lost: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is: ``online``, ``starting``, ``offline`` or ``unknown``, and in words why."""

    state: str
    detail: str = ""
    workers: int = 0
    busy: int = 0
    waiting: int = 0
    block_ends: float | None = None
    contact: float | None = None
    trusted_code: bool = False
    extra: Json = field(default_factory=dict)


@runtime_checkable
class Endpoint(Protocol):
    """A place where runs live. All calls come from the driver's thread and may block shortly."""

    @property
    def address(self) -> str:
        """What ``ai.connect`` takes to find it again."""

    def submit(self, submissions: Sequence[Submission]) -> None:
        """Hand over attempts. At least once: repeating it is harmless.

        Raises:
            SpoolError: The request could not be written; nothing of it runs.
            EndpointError: The endpoint does not answer.
        """

    def attach(self, refs: Mapping[AttemptRef, str | None]) -> None:
        """Take up attempts that an earlier driver submitted, with their tickets."""

    def tail(self, offsets: Mapping[AttemptRef, int], wait: float) -> Sequence[Glimpse]:
        """Look at live attempts; return what changed, waiting at most ``wait`` seconds for it."""

    def control(self, ref: AttemptRef, control: Json) -> None:
        """Put a control (``id``, ``epoch``, ``verb``, ``values``) before the attempt."""

    def status(self) -> Health:
        """How it is, from what is known now; does not block."""

    def close(self) -> None:
        """Let go of it. Runs go on."""


@runtime_checkable
class Far(Protocol):
    """An endpoint that takes its time to begin an attempt and to tell of its end."""

    @property
    def lead(self) -> float:
        """For how many seconds it has to have work, so that it is not idle while it tells and is told; about."""


@runtime_checkable
class Packs(Protocol):
    """An endpoint that can pack what has ended into archives, so that its spool stays small."""

    def pack(self, refs: Sequence[AttemptRef]) -> int:
        """Pack attempts that are mirrored and sealed; how many were."""


@runtime_checkable
class Keeps(Protocol):
    """An endpoint that can say what its spool keeps, so that what earlier drivers left is packed as well."""

    def kept(self) -> Collection[str]:
        """The keys of attempts of which something is there outside of the archives."""


@runtime_checkable
class Reads(Protocol):
    """An endpoint that can be asked for what an attempt printed, packed or not. May be called from any thread."""

    def read(self, ref: AttemptRef, name: str) -> bytes:
        """A file of an attempt (``stdout.log``, ``stderr.log``), at most 1 MB; empty where there is none.

        Raises:
            SpoolError: It is there and cannot be read.
            EndpointError: The endpoint does not answer.
        """
