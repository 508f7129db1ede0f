"""Where ended attempts are packed, as the driver asks for it; an archive itself is the worker's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aisteer.errors import SpoolError
from aisteer.execution.endpoint import AttemptRef
from aisteer.execution.worker import archives
from aisteer.execution.worker.books import Books
from aisteer.execution.worker.handing import Handing

__all__ = ["Archives"]


class Archives:
    """The archives of a spool that this machine sees.

    Args:
        root: The spool's root.
        handing: The requests that were handed over together.
        books: The ends that stand in workers' books.
    """

    def __init__(self, root: Path, handing: Handing | None = None, books: Books | None = None) -> None:
        self._archives = archives.Archives(root, handing, books)
        self.folder = self._archives.folder

    def pack(self, refs: Sequence[AttemptRef]) -> int:
        """Pack the folders of attempts that have ended and are mirrored and sealed; one archive for all.

        Returns:
            How many were packed: those that are there and have an end.

        Raises:
            SpoolError: The archive could not be written; every folder is where it was.
        """
        try:
            return self._archives.pack([ref.key for ref in refs])
        except OSError as error:
            raise SpoolError(
                f"Ended runs could not be packed into {self.folder}: {error.strerror or error}. Nothing was "
                "lost, every folder is where it was. Make room where the spool is.",
                path=str(self.folder),
            ) from error

    def kept(self) -> set[str]:
        """The keys of attempts of which something is in the spool outside of its archives."""
        return self._archives.kept()

    def holds(self, folder: str) -> bool:
        """Whether an attempt (its folder, relative to the root) is in one of them."""
        return self._archives.find(folder) is not None

    def read(self, folder: str, name: str, limit: int = 64 << 20) -> bytes | None:
        """A file of a packed attempt, such as ``stdout.log``; None when it is not there or larger than ``limit``."""
        return self._archives.read(folder, name, limit)

    def content(self, folder: str, name: str, limit: int) -> bytes:
        """The beginning of a file of an attempt, packed or not; empty where there is none.

        Raises:
            SpoolError: It is there and cannot be read.
        """
        path = self._archives.root / folder / name
        try:
            with path.open("rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            return (self.read(folder, name) or b"")[:limit]
        except OSError as error:
            raise SpoolError(
                f"{name} cannot be read: {error.strerror or error}. Nothing was lost. Look at {path}.",
                path=str(path),
            ) from error

    def restore(self, checkpoint: str) -> bool:
        """Put a checkpoint back where a run can start from it.

        Args:
            checkpoint: Its path relative to the root, ``attempts/…/checkpoints/<name>``.

        Returns:
            Whether it is there now.

        Raises:
            SpoolError: It could not be written.
        """
        try:
            return self._archives.restore(checkpoint)
        except OSError as error:
            raise SpoolError(
                f"The checkpoint {checkpoint} could not be taken out of its archive: {error.strerror or error}. The "
                "run that starts from it waits. Make room where the spool is, or start from another checkpoint.",
                path=str(self.folder),
            ) from error
