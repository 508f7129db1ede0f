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
text, name, root, argument, environment, threads = json.load(sys.stdin)
os.environ.update(environment)
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
out = os.fdopen(os.dup(1), "w")
out.write(json.dumps([answers[0], sorted(m for m in sys.modules if "aisteer" in m)]))
out.close()
if environment.get("LINGER"):
    import time
    time.sleep(60)
"""


@functools.cache
def interpreters() -> list[str]:
    """Interpreters of other versions that this machine has, from Python 3.9 on."""
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
    return list(versions.values())


class Travelled(Stage):
    """A campaign's side that sees its spool through functions that travel alone."""

    python = sys.executable

    def start(
        self, name: str, root: str, argument: Json, *, threads: int = 0, **environment: str
    ) -> subprocess.Popen[str]:
        """Have a function executed in a process of its own, with nothing of ours on its path."""
        process = subprocess.Popen(
            [self.python, "-I", "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        assert process.stdin is not None
        text = functions.source(name)
        json.dump([text, name, root, argument, environment, threads], process.stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process: subprocess.Popen[str]) -> Json:
        """What it answered."""
        assert process.stdout is not None
        assert process.stderr is not None
        said, complaint = process.stdout.read(), process.stderr.read()
        process.wait()
        assert said, complaint
        answer, self.modules = json.loads(said)
        return functions.opened(answer)

    def call(self, name: str, argument: Json, *, root: str = "", zipped: bool = False, **how: Any) -> Json:
        """Have a function executed and wait for it."""
        argument = functions.closed({"nonce": self.nonce, **argument}, zipped=zipped)
        return self.finish(self.start(name, root or str(self.root), argument, **how))

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
