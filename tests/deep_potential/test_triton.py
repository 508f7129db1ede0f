"""The kernels for GPUs, without one: interpreted on the CPU, and compiled for a GPU that is not there.

Both take Triton, which the environment of the tests does not have; so each is a process of its own, in one that has.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = ROOT / ".venv-triton" / "bin" / "python"


def passes(*files: str, **environment: str) -> None:
    if not PYTHON.exists():
        words = f"{PYTHON.parent.parent.name} is not there: make .venv-triton/.done"
        if os.environ.get("AISTEER_REQUIRE_SERVICES"):
            pytest.fail(words)
        pytest.skip(words)
    told = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(HERE / file for file in files)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert told.returncode == 0, (told.stdout + told.stderr)[-6000:]


@pytest.mark.full
@pytest.mark.timeout(1520)
def test_interpreted_kernels_answer_as_plain_pytorch_does():
    passes("test_device.py", "interpreted.py", TRITON_INTERPRET="1")


@pytest.mark.full
@pytest.mark.timeout(1520)
def test_kernels_compile_for_a_gpu_in_the_precision_that_they_are_meant_in(tmp_path):
    passes("compiled.py", TRITON_CACHE_DIR=str(tmp_path))
