"""axe-core, which finds faults of accessibility in a page: fetched with npm before the tests, never committed.

``python -m tests.browser.accessibility`` prepares it (``make test`` does that first); a test that asks for it
with ``need_axe()`` is skipped with the reason where it is not to be had, as with the other programs.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.services.system import HERE, Missing

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
PLACE = HERE / f"axe-core-{VERSION}.min.js"
WHY = HERE / "axe-core.why"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def provide() -> Path:
    """Find it, or get it from the registry that npm is set up for.

    Raises:
        Missing: It cannot be had here; the message says why.
    """
    if PLACE.exists():
        return PLACE
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("axe-core comes with npm, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", folder]
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        (packed,) = Path(folder).glob("*.tgz") if not done.returncode else (None,)
        if packed is None:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Missing(f"npm pack axe-core@{VERSION} failed: {words[-1]}")
        if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != SHA512:
            raise Missing(f"what npm brought is not the axe-core {VERSION} that is pinned")
        with tarfile.open(packed) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            HERE.mkdir(exist_ok=True)
            PLACE.write_bytes(script.read())
    return PLACE


def need_axe() -> str:
    """The script, for a test; skips it with the reason where there is none."""
    import pytest

    if PLACE.exists():
        return PLACE.read_text()
    reason = WHY.read_text() if WHY.exists() else "axe-core was not fetched (see make programs)"
    if os.environ.get("AISTEER_REQUIRE_SERVICES") == "1":
        raise pytest.fail.Exception(reason, pytrace=False)
    raise pytest.skip.Exception(reason)


def faults(page: Page, within: str = ".aisteer") -> list[str]:
    """What axe finds wrong inside the board (WCAG 2.1, levels A and AA), each with the element and the reason."""
    page.evaluate(need_axe())
    checked, found = page.evaluate(
        """async ([within, rules]) => {
            const { passes, violations } = await window.axe.run(within, { runOnly: { type: 'tag', values: rules } });
            const nodes = (v) => v.nodes.map((n) => ({ id: v.id, html: n.html, why: n.failureSummary }));
            return [passes.map((v) => v.id), violations.flatMap(nodes)];
        }""",
        [within, RULES],
    )
    assert "color-contrast" in checked or any(one["id"] == "color-contrast" for one in found), (
        "axe saw no text"
    )
    return [f"{one['id']}: {one['html']}\n{one['why']}" for one in found]


def main() -> int:
    """Prepare it and say where it is, or why it is not to be had."""
    WHY.unlink(missing_ok=True)
    required = os.environ.get("AISTEER_REQUIRE_SERVICES") == "1"
    try:
        print(f"axe-core: {provide()}")
    except (Missing, OSError, subprocess.SubprocessError) as why:
        HERE.mkdir(exist_ok=True)
        WHY.write_text(str(why))
        print(f"axe-core: none ({why}); tests that need it {'fail' if required else 'are skipped'}")
        return int(required)
    return 0


if __name__ == "__main__":
    sys.exit(main())
