"""JupyterLab on loopback in a real Chromium; a request to anywhere else fails the test."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.services.ports import free_port

pytest.importorskip("playwright")
pytest.importorskip("jupyterlab")
from playwright.sync_api import Browser, Page, Route

HERE = Path(__file__).parent
MAKEFILE = HERE.parent.parent / "Makefile"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def until(claim: Callable[[], Any], words: str | Callable[[], str], timeout: float = 60.0) -> Any:
    """What ``claim`` answers once that is true; else ``words``, which may tell what is there instead."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = claim()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {timeout:g} s in vain: {words if isinstance(words, str) else words()}")


def settings_of_make_lab() -> str:
    """The settings that ``make lab`` gives the server: which extensions it does without."""
    found = re.search(r"""'({"ServerApp": .*})'""", MAKEFILE.read_text())
    assert found is not None, "make lab no longer says which extensions the server does without"
    return found[1]


def style_of_make_lab() -> str:
    """What ``make lab`` hides of the page."""
    found = re.search(r"""'(\[data-jp-item-name=.*)'""", MAKEFILE.read_text())
    assert found is not None, "make lab no longer says what of the page it hides"
    return found[1]


class Lab:
    """A JupyterLab server of our own, set up as by ``make lab``, which knows nothing of the user's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY"))}
        for name in ("CONFIG", "DATA", "RUNTIME"):
            place = folder / "jupyter" / name.lower()
            place.mkdir(parents=True)
            environment[f"JUPYTER_{name}_DIR"] = str(place)
        (folder / "jupyter" / "config" / "jupyter_server_config.json").write_text(settings_of_make_lab())
        (folder / "jupyter" / "config" / "jupyter_lab_config.json").write_text(
            '{"LabApp": {"custom_css": true}}'
        )
        (folder / "jupyter" / "config" / "custom").mkdir()
        (folder / "jupyter" / "config" / "custom" / "custom.css").write_text(style_of_make_lab())
        environment |= {
            "HOME": str(folder),
            "IPYTHONDIR": str(folder / "ipython"),
            "AISTEER_CAMPAIGNS": str(folder / "campaigns"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(HERE),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "jupyter" / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "jupyter" / "workspaces"),
        }
        (folder / "books").mkdir()
        quiet = folder / "jupyter" / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True)
        (quiet / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'
        )
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", "--allow-root"),
            f"--ServerApp.port={self.port}",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={folder / 'books'}",
        ]
        self.log = folder / "lab.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
        try:
            until(self._answers, lambda: f"JupyterLab does not answer:\n{self.log.read_text()[-2000:]}", 120)
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def write(self, name: str, cells: list[str]) -> Path:
        """A notebook of these cells."""
        path = self.folder / "books" / name
        book = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"c{i}",
                    "metadata": {},
                    "source": s,
                    "outputs": [],
                    "execution_count": None,
                }
                for i, s in enumerate(cells)
            ],
        }
        path.write_text(json.dumps(book))
        return path

    def ask(self, method: str, path: str) -> Any:
        """A call of the server's own API."""
        request = urllib.request.Request(
            f"{self.url}{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            data = reply.read()
        return json.loads(data) if data else None

    def close(self) -> None:
        """End the server, its kernels, and the hosts that campaigns left at work in its folder."""
        with suppress(OSError):
            for kernel in self.ask("GET", "/api/kernels") or []:
                self.ask("DELETE", f"/api/kernels/{kernel['id']}")
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.folder) in part for part in process.info["cmdline"] or ()):
                with suppress(psutil.Error):
                    process.kill()


class Book:
    """A notebook open in the browser."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page = page
        self.lab = lab
        self.name = name

    def open(self) -> Book:
        """Load the page, and wait until a kernel would get what is sent to it."""
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}?token={self.lab.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        return self

    def ready(self) -> Book:
        """Wait for the kernel: what is run before that can be lost."""
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.context.ready; await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
            }"""
        )
        return self

    def command(self, name: str, **arguments: Any) -> Any:
        return self.page.evaluate(
            "([n, a]) => window.jupyterapp.commands.execute(n, a).then(() => true)", [name, arguments]
        )

    def run_all(self) -> Book:
        self.ready()
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        return self

    def text_of(self, cell: int) -> str:
        return str(self.page.locator(".jp-Cell").nth(cell).inner_text())

    def kernel(self, code: str) -> str:
        """What ``code`` prints, run beside the notebook."""
        return str(
            self.page.evaluate(
                """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = '';
                future.onIOPub = (m) => {
                    if (m.header.msg_type === 'stream') text += m.content.text;
                    if (m.header.msg_type === 'error') text += m.content.ename + ': ' + m.content.evalue; };
                await future.done; return text; }""",
                code,
            )
        ).strip()

    def save(self) -> dict[str, Any]:
        """Save the notebook; what then stands in the file."""
        self.command("docmanager:save")
        path = self.lab.folder / "books" / self.name
        return {"bytes": path.stat().st_size, **json.loads(path.read_text())}


@contextmanager
def guarded(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page that reaches loopback and nothing else; what went wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1100}, **options)
    outside: list[str] = []
    wrong: list[str] = []

    def guard(route: Route) -> None:
        url = route.request.url
        if not url.startswith("http") or re.match(r"^https?://(127\.0\.0\.1|localhost)[:/]", url):
            route.continue_()
        else:
            outside.append(url)
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.set_default_timeout(60_000)  # a busy machine draws late
    page.on("pageerror", lambda error: wrong.append(f"{error}\n{error.stack}"))
    page.on("websocket", lambda socket: None if "127.0.0.1" in socket.url else outside.append(socket.url))
    yield page
    context.close()
    assert outside == [], "the page asked something beyond this machine"
    assert [w for w in wrong if "ais" in w or "reconcile" in w] == [], "the board raised in the browser"
