"""Ended attempts packed into archives: a campaign of 10,000 runs should not be 40,000 files on a shared disk.

An archive is a zip file, ``archives/<number>.zip``, of whole attempt folders; what an attempt has outside of
its folder (its claim, its request in a lot, its end in a worker's book) stands in it as ``claim.json``,
``request.json`` and ``end.json``. A folder is removed after its archive is complete, in place and on the disk
itself, a lot or a book after all that is in it; a folder that is there counts more than its packed copy. Claims
are never removed: one says that its attempt was executed, to whoever still has the request. Checkpoints come
back when a run starts from one of them.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from . import fencing, files, lots, names
from .books import Books
from .claim import claim_path
from .handing import Handing

_FOLDER = re.compile(r"attempts/[0-9A-Za-z]{2}/[0-9A-Za-z]{4,64}-[0-9]{1,6}")


class Archives:
    """The archives of a spool.

    Args:
        root: The spool's root.
        handing: The requests that were handed over together.
        books: The ends that stand in workers' books.
    """

    def __init__(self, root: Path, handing: Handing | None = None, books: Books | None = None) -> None:
        self.root = root
        self.handing = handing or Handing(str(root))
        self.books = books or Books(str(root))
        self.folder = root / "archives"
        self._where: dict[str, Path] = {}
        self._read: set[Path] = set()
        self._endless: set[str] = set()
        """Attempts that are over and left no end: lost ones. What they left stays, and holds up no other."""

    def pack(self, keys: Collection[str]) -> int:
        """Pack the folders of attempts that are over, mirrored and sealed; one archive for all.

        None of them is executed any more, whoever still has its request.

        Returns:
            How many were packed: those that are there and have an end.

        Raises:
            OSError: The archive could not be written; every folder is where it was.
            BadName: One of them is no attempt.
        """
        self._index()
        wanted = {key: names.folder_of(key) for key in keys}
        booked = {
            key: line
            for _, ends in self.books.all()
            for key, line in ends.items()
            if key in wanted and wanted[key] not in self._where
        }
        packed = {
            key: folder
            for key, folder in wanted.items()
            if key in booked or os.path.lexists(self.root / folder / "end.json")
        }
        if (self.root / "attempts").is_dir():
            fencing.close(str(self.root), [str(self.root / folder) for folder in wanted.values()])
        if packed:
            self._pack(packed, booked)
        self._endless.update(key for key, folder in wanted.items() if folder not in self._where)
        self._sweep()
        return len(packed)

    def _pack(self, packed: Mapping[str, str], booked: Mapping[str, bytes]) -> None:
        self.handing.find(packed)
        path = self._write(packed, booked)
        for key, folder in packed.items():
            self._where[folder] = path
            shutil.rmtree(self.root / folder, ignore_errors=True)
            self.handing.forget(key)
            self.books.forget(key)
        self._read.add(path)

    def _write(self, packed: Mapping[str, str], booked: Mapping[str, bytes]) -> Path:
        if not self.folder.is_dir():
            self.folder.mkdir(exist_ok=True)
            files.sync_folder(str(self.root))
        number = max((int(p.stem) for p in self.folder.glob("*.zip") if p.stem.isdigit()), default=0) + 1
        path = self.folder / f"{number:06d}.zip"
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    for key, folder in packed.items():
                        self._add(archive, folder)
                        self._add_outside(archive, key, folder, booked.get(key))
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)  # never over another's
        finally:
            part.unlink(missing_ok=True)
        try:
            files.sync_folder(str(self.folder))
        except OSError:
            path.unlink()
            raise
        return path

    def _add(self, archive: zipfile.ZipFile, folder: str) -> None:
        """Regular files only: links are not followed, they could lead anywhere."""
        for place, folders, found in os.walk(self.root / folder):
            folders[:] = [name for name in folders if not os.path.islink(os.path.join(place, name))]
            for name in found:
                path = os.path.join(place, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    archive.write(path, os.path.relpath(path, self.root))

    def _add_outside(self, archive: zipfile.ZipFile, key: str, folder: str, end: bytes | None) -> None:
        """What the attempt has beside its folder."""
        request = self.handing.request(key)
        outside = {
            "request.json": None if request is None else files.encode(request),
            "claim.json": files.read(claim_path(str(self.root / folder)), 1 << 16),
            "end.json": end,
        }
        for name, content in outside.items():
            if content is not None and not os.path.lexists(self.root / folder / name):
                archive.writestr(f"{folder}/{name}", content)

    def _sweep(self) -> None:
        """Remove lots and closed books of which every attempt is over."""
        self._index()
        for lot in self.handing.names():
            keys = [key for key, _, _ in lots.entries(self.handing.content(lot))]
            if keys and all(map(self._is_over, keys)):
                self.handing.remove(lot)
        self.books.remove_over(self._is_over)

    def _is_over(self, key: str) -> bool:
        return names.folder_of(key) in self._where or key in self._endless

    def kept(self) -> set[str]:
        """The keys of attempts of which something is there outside of the archives: a folder, or a line somewhere."""
        self._index()
        found = {key for _, ends in self.books.all() for key in ends}
        for lot in self.handing.names():
            found.update(key for key, _, _ in lots.entries(self.handing.content(lot)))
        for path, folders, _ in os.walk(self.root / "attempts"):
            if Path(path).parent == self.root / "attempts":
                found.update(name for name in folders if names.KEY.fullmatch(name))
                folders.clear()
        return {key for key in found if names.folder_of(key) not in self._where}

    def find(self, folder: str) -> Path | None:
        """The archive that holds an attempt's folder (relative to the root); None when none does."""
        if folder not in self._where:
            self._index()
        return self._where.get(folder)

    def _index(self) -> None:
        for path in sorted(self.folder.glob("*.zip")):
            if path in self._read:
                continue
            try:
                with zipfile.ZipFile(path) as archive:
                    inside = archive.namelist()
            except (OSError, zipfile.BadZipFile):
                continue
            self._read.add(path)
            for name in inside:
                found = _FOLDER.match(name)
                if found is not None:
                    self._where[found.group(0)] = path

    def read(self, folder: str, name: str, limit: int = 64 << 20) -> bytes | None:
        """A file of a packed attempt, such as ``stdout.log``; None when it is not there or larger than ``limit``."""
        path = self.find(folder)
        if path is None:
            return None
        try:
            with zipfile.ZipFile(path) as archive:
                info = archive.getinfo(f"{folder}/{name}")
                return archive.read(info) if info.file_size <= limit else None
        except (OSError, KeyError, zipfile.BadZipFile):
            return None

    def restore(self, checkpoint: str) -> bool:
        """Put a checkpoint back where a run can start from it.

        Args:
            checkpoint: Its path relative to the root, ``attempts/…/checkpoints/<name>``.

        Returns:
            Whether it is there now.

        Raises:
            OSError: It could not be written.
        """
        target = self.root / checkpoint
        if (target / "value.json").exists():
            return True
        try:
            key, folder = names.checkpoint_of(checkpoint)
            names.home(str(self.root), key)
        except names.BadName:
            return False
        path = self.find(folder)
        if path is None:
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                inside = [i for i in archive.infolist() if i.filename.startswith(f"{checkpoint}/")]
                target.mkdir(parents=True, exist_ok=True)
                # The value last: while it is missing, so is the checkpoint.
                for info in sorted(inside, key=lambda i: i.filename.endswith("/value.json")):
                    (target / Path(info.filename).name).write_bytes(archive.read(info))
        except zipfile.BadZipFile as error:
            raise OSError(errno.EIO, f"{path.name} is damaged: {error}") from error
        return (target / "value.json").exists()
