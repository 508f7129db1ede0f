"""Who reads observations is noticed by whoever fetches them, in another process too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aisteer.execution.attention import Attention
from aisteer.execution.mirror import Mirror
from tests.execution.stage import eventually


def test_nobody_reads_at_first(tmp_path: Path) -> None:
    assert not Attention(tmp_path).is_paid()


def test_what_was_read_before_it_was_looked_for_says_nothing_of_now(tmp_path: Path) -> None:
    Mirror(tmp_path).last("R1", 1)
    assert not Attention(tmp_path).is_paid()


def test_a_reader_in_another_process_is_noticed(tmp_path: Path) -> None:
    attention = Attention(tmp_path)
    assert not attention.is_paid()
    read = (
        f"from aisteer.execution.mirror import Mirror; print(list(Mirror({str(tmp_path)!r}).lines('R1', 1)))"
    )
    subprocess.run([sys.executable, "-c", read], check=True)
    eventually(attention.is_paid)
