"""Writes one page of the API reference for each room, from the modules that are there."""

from __future__ import annotations

import ast
import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]

ROOMS = {
    "aisteer.problem": "What is studied",
    "aisteer.journal": "What happened",
    "aisteer.surrogates": "What is believed",
    "aisteer.steering": "What to do next",
    "aisteer.execution": "What is running",
    "aisteer.analysis": "What it means",
    "aisteer.molecules": "Molecules",
    "aisteer.deep_potential": "The Deep Potential",
    "aisteer.figures": "What goes into a report",
    "aisteer_widgets": "What is on the screen",
}


def _folder(package: str) -> Path:
    base = ROOT / "widgets" if package.startswith("aisteer_widgets") else ROOT
    return base.joinpath(*package.split("."))


def _modules(package: str) -> Iterator[str]:
    """The public modules of a package that say what they are about and name what they offer."""
    folder = _folder(package)
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part.startswith("_") for part in parts):
            continue
        body = ast.parse(path.read_text(encoding="utf-8"))
        offers = any(isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__" for n in body.body)
        if ast.get_docstring(body) and offers and _can_be_imported(body):
            yield ".".join((package, *parts))


def _can_be_imported(body: ast.Module) -> bool:
    """Whether all that it imports is installed: Triton is on machines with a GPU."""
    whole = [alias.name for node in body.body if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module for node in body.body if isinstance(node, ast.ImportFrom) and node.module]
    return all(find_spec(name.partition(".")[0]) for name in (*whole, *parts))


def _page(title: str, modules: list[str]) -> str:
    lines = [title, "=" * len(title), ""]
    for module in modules:
        lines += [module, "-" * len(module), "", f".. automodule:: {module}", ""]
    return "\n".join(lines)


def _public_page() -> str:
    """The names of ``import aisteer as ai``; what they inherit stands on the rooms' pages."""
    import aisteer

    lines = ["The public names", "================", "", "``import aisteer as ai``, then:", ""]
    for name in sorted(aisteer.__all__, key=str.lower):
        value = getattr(aisteer, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            kind = "autoclass" if inspect.isclass(value) else "autofunction"
            lines += [f".. {kind}:: aisteer.{name}", "   :no-index:", ""]
    return "\n".join(lines)


def write_pages(app: Sphinx) -> None:
    """Write ``docs/api/*.rst``; a page that has not changed keeps its time, so rebuilds stay quick."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    pages = {
        package.replace(".", "-"): _page(f"{title}: ``{package}``", list(_modules(package)))
        for package, title in ROOMS.items()
        if any(_modules(package))
    }
    pages["errors"] = _page("Errors: ``aisteer.errors``", ["aisteer.errors"])
    tree = "".join(f"   {name}\n" for name in pages)
    pages["index"] = (
        "API reference\n=============\n\n"
        "What a notebook needs is in ``import aisteer as ai``; the rooms behind it follow.\n\n"
        ".. toctree::\n   :maxdepth: 1\n\n   public\n" + tree
    )
    pages["public"] = _public_page()
    for name, text in pages.items():
        page = folder / f"{name}.rst"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
    for page in folder.glob("*.rst"):
        if page.stem not in pages:
            page.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
