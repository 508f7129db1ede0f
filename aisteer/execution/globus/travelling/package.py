"""The worker package out of a spool, imported from bytes whose hash was checked, under a name of its own."""

from __future__ import annotations

from typing import Any


def package(root: str, asked: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What comes in through the worker's entrance, or why it cannot.

    Args:
        root: The spool's root.
        asked: With ``worker``, the SHA-256 of the zip file, and perhaps ``zip``, its content in base64; without that
            it is ``code/worker-<sha256>.zip`` in the spool.

    Returns:
        The module, or None and a refusal: ``missing`` names a zip file that is not there.
    """
    import importlib
    import sys

    sha = str(asked.get("worker"))
    name = "_aisteer_worker_" + sha
    if name in sys.modules:
        return importlib.import_module(name + ".entrance"), {}
    if sys.version_info < (3, 9):  # noqa: UP036  it is the endpoint's
        version = ".".join(map(str, sys.version_info[:2]))
        return None, {"refused": f"Python {version} is too old for the worker: it needs 3.9 or later"}

    import base64
    import hashlib
    import importlib.abc
    import importlib.util
    import io
    import os
    import zipfile

    if len(sha) != 64 or not sha.isalnum():
        return None, {"refused": "no worker is named"}
    place = os.path.join(os.path.expanduser(os.path.expandvars(root)), "code", f"worker-{sha}.zip")
    if asked.get("zip"):
        data = base64.b64decode(asked["zip"])
    else:
        try:
            with open(place, "rb") as file:
                data = file.read(8 << 20)
        except OSError as error:
            return None, {"refused": f"the worker cannot be read: {error}", "missing": sha}
    if hashlib.sha256(data).hexdigest() != sha:
        return None, {"refused": f"{place} is not what its hash says; nothing of it ran", "missing": sha}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sources = {os.path.join(place, file): archive.read(file) for file in archive.namelist()}

    class Worker(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]
        """Imports what was checked, and reads nothing again."""

        def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002
            own = fullname == name or fullname.startswith(name + ".")
            if not own or self.get_filename(fullname) not in sources:
                return None
            spec = importlib.util.spec_from_loader(fullname, self, is_package=fullname == name)
            if spec is not None and fullname == name:
                spec.submodule_search_locations = []  # nobody looks on the disk for what was checked here
            return spec

        def get_filename(self, fullname: str) -> str:
            return os.path.join(place, (fullname[len(name) + 1 :] or "__init__") + ".py")

        def get_data(self, path: Any) -> bytes:
            return sources[path]

    sys.meta_path.insert(0, Worker())
    return importlib.import_module(name + ".entrance"), {}
