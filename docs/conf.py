"""How the documentation is built: offline, from the sources, the docstrings and the executed notebooks."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "aisteer"
author = "The aisteer developers"
copyright = f"2026, {author}"
release = version = metadata.version("aisteer")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "mathml",
    "rooms",
    "tutorials",
]
html_math_renderer = "mathml"
exclude_patterns = ["_build", "_ext", "README.md"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# Notebooks are executed by the extension `tutorials`; what they show needs no script from elsewhere.
suppress_warnings = ["ref.python"]  # rooms pass on names of the rooms below
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "aisteer"
html_static_path: list[str] = []
html_theme_options: dict[str, Any] = {"navigation_with_keys": True}
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True
