"""Functions that travelled: their text executed by another process, as an endpoint's worker does."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stage import Stage

from aisteer.execution.endpoint import Submission
from aisteer.execution.globus import functions

Json = dict[str, Any]

WORKER = """
import json, os, sys
out = os.fdopen(os.dup(1), "w")
inn = os.fdopen(os.dup(0))
for line in iter(inn.readline, ""):
    text, name, root, argument, threads = json.loads(line)
    answers = []
    def work():
        ns = {}
        exec(text, ns)
        answers.append(ns[name](root, argument))
    if threads:
        import threading
        started = [threading.Thread(target=work) for _ in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        assert len(answers) == threads
    else:
        work()
    out.write(json.dumps([answers[0], sorted(m for m in sys.modules if "aisteer" in m)]) + chr(10))
    out.flush()
"""
"""A worker of an engine: it executes what it is sent, one after the other."""


@functools.cache
def interpreters() -> list[str]:
    """Interpreters of other versions that this machine has, from Python 3.9 on, the oldest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    names = [f"python3.{minor}" for minor in range(9, 20)]
    found = [shutil.which(name) for name in names] + [str(p) for p in sorted(pyenv.glob("3.*/bin/python"))]
    versions: dict[str, str] = {}
    for path in filter(None, found):
        asked = subprocess.run(
            [path, "-c", "import sys; print(sys.version_info[:2] >= (3, 9), *sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        good, _, version = asked.stdout.strip().partition(" ")
        if good == "True" and version != f"{sys.version_info.major} {sys.version_info.minor}":
            versions.setdefault(version, path)
    return [versions[version] for version in sorted(versions, key=lambda v: [int(n) for n in v.split()])]


class Travelled(Stage):
    """A campaign's side that sees its spool through functions that travel alone."""

    python = sys.executable

    def worker(self, **environment: str) -> subprocess.Popen[str]:
        """A worker process, with nothing of ours on its path."""
        return subprocess.Popen(
            [self.python, "-I", "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, **environment},
        )

    def send(
        self, worker: subprocess.Popen[str], name: str, argument: Json, root: str = "", threads: int = 0
    ) -> None:
        """Send it a task."""
        assert worker.stdin is not None
        task = [functions.source(name), name, root or str(self.root), argument, threads]
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.flush()

    def receive(self, worker: subprocess.Popen[str]) -> Json:
        """What it answers."""
        answer = self.heard(worker)
        if answer is None:
            worker.wait()
            assert worker.stderr is not None
            raise AssertionError(f"the worker ended with {worker.returncode}: {worker.stderr.read()}")
        return answer

    def heard(self, worker: subprocess.Popen[str]) -> Json | None:
        """What it answers; None when it ended before it could."""
        assert worker.stdout is not None
        line = worker.stdout.readline()
        if not line:
            return None
        answer, self.modules = json.loads(line)
        return functions.opened(answer)

    def leave(self, worker: subprocess.Popen[str]) -> tuple[str, str]:
        """Let it end; what it printed besides."""
        return worker.communicate(timeout=60)

    def asked(self, argument: Json, *, zipped: bool = False) -> Json:
        """An argument as it travels."""
        return functions.closed({"nonce": self.nonce, **argument}, zipped=zipped)

    def call(
        self,
        name: str,
        argument: Json,
        *,
        root: str = "",
        zipped: bool = False,
        threads: int = 0,
        **environment: str,
    ) -> Json:
        """Have a function executed by a new worker and wait for it."""
        worker = self.worker(**environment)
        self.send(worker, name, self.asked(argument, zipped=zipped), root, threads)
        answer = self.receive(worker)
        self.printed, _ = self.leave(worker)
        return answer

    def found(self) -> None:
        """Make the spool, from afar."""
        answer = self.call("write", {"orders": [{"do": "create"}]}, zipped=True)
        assert [said["done"] for said in answer["answers"]] == [True, True], answer

    def order(self, submission: Submission, **more: Any) -> Json:
        """The order to execute an attempt, with its code."""
        code = str(submission.request["simulation"]["code"])
        content = (self.folder / "code" / f"{code}.py").read_bytes()
        parcel = {"name": f"code/{code}.py", "data": base64.b64encode(content).decode()}
        return {"key": submission.ref.key, "request": submission.request, "code": parcel, **more}
