"""Puts the executed notebooks into ``docs/tutorials``.

A copy that is newer than its notebook is taken as it is (``make test`` leaves them there); otherwise the
notebook is executed here, at reduced size unless ``AISTEER_SIZE=full``, in a folder of its own.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LIVE = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 600
"""Seconds that one cell may take."""


def execute(source: Path, target: Path) -> None:
    """Run a notebook from top to bottom and write it, outputs and all, to ``target``.

    One that finds no endpoint here ends in a cell that says what is missing, and so does its page.
    """
    import nbclient
    import nbformat
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory(prefix="aisteer-tutorial-") as folder:
        os.environ["AISTEER_CAMPAIGNS"] = folder
        client = nbclient.NotebookClient(
            notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            if error.ename != "NoEndpoint":
                raise
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        # A page has no kernel: the static summary that stands beside each live widget is what it shows.
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if LIVE not in o.get("data", {})]
    target.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target)


def _execute_or_say(source: Path, target: Path) -> None:
    from nbclient.exceptions import CellExecutionError
    from sphinx.errors import ExtensionError

    try:
        execute(source, target)
    except CellExecutionError as error:
        message = f"The notebook {source.name} does not run, so there is no tutorial of it.\n{error}"
        raise ExtensionError(message) from None


def prepare(app: Sphinx) -> None:
    """Bring ``docs/tutorials`` up to date with ``notebooks``."""
    os.environ.setdefault("AISTEER_SIZE", "small")
    folder = Path(app.srcdir) / "tutorials"
    sources = {path.name: path for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))}
    for name, source in sources.items():
        target = folder / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _execute_or_say(source, target)
    for stale in folder.glob("*.ipynb"):
        if stale.name not in sources:
            stale.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", prepare, priority=400)
    return {"parallel_read_safe": True}
