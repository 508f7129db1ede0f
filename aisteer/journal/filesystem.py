"""What the file system under a journal can do.

SQLite's write-ahead log needs memory shared between all its processes: one host, a local disk. On a
network file system the journal uses a rollback journal instead, and one host at a time.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FileSystem", "file_system", "parse_mounts"]

_NETWORK = frozenset(
    {
        "9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "mmfs", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2",
        "smb3", "smbfs", "vboxsf", "virtiofs", "webdav", "wekafs", "zhpcfs",
    }
)  # fmt: skip
_LOCAL_FUSE = frozenset(
    {"fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.encfs", "fuse.ntfs-3g", "fuse.squashfuse"}
)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A mounted file system: its ``type`` (``ext4``, ``nfs4``, …) and the ``mount`` point."""

    type: str
    mount: str

    @property
    def network(self) -> bool:
        """Whether other hosts may have it mounted too. A FUSE file system counts, unless known to be local."""
        kind = self.type.lower()
        if kind.startswith(("fuse.", "macfuse", "osxfuse")):
            return kind not in _LOCAL_FUSE
        return kind in _NETWORK


def parse_mounts(text: str) -> list[FileSystem]:
    """The mounts listed by ``/proc/self/mountinfo``, in its order."""
    found = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        columns = left.split()
        if dash and len(columns) >= 5 and right.split():
            mount = columns[4].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
            found.append(FileSystem(right.split()[0], mount))
    return found


def _mounts() -> list[FileSystem]:
    if sys.platform == "darwin":
        listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
        found = []
        for line in listed.splitlines():  # //user@server/share on /Volumes/share (smbfs, nodev)
            device, _, rest = line.partition(" on ")
            mount, _, kind = rest.rpartition(" (")
            if device and mount:
                found.append(FileSystem(kind.split(",")[0].rstrip(")"), mount))
        return found
    try:
        return parse_mounts(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
    except OSError:
        return []


def file_system(path: Path, mounts: list[FileSystem] | None = None) -> FileSystem:
    """The file system that ``path`` lies on (``unknown`` where the system does not tell)."""
    where = path.resolve()
    best = FileSystem("unknown", "")
    for mount in _mounts() if mounts is None else mounts:
        # A later mount on the same point hides the earlier one.
        if where.is_relative_to(mount.mount) and len(mount.mount) >= len(best.mount):
            best = mount
    return best
