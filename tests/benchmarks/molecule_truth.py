"""The ionisation energy of every molecule of the pool: the truth that a campaign is scored against.

Written row by row to ``molecule_truth.csv`` in the cache folder (``.cache`` beside the sources, or
``$AISTEER_BENCH_CACHE``), so an interrupted computation goes on where it was. Run as a script to compute
it; takes some 10 minutes on two cores.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from aisteer.molecules import enumerate_molecules, ionisation_energy

COLUMNS = ("smiles", "ionisation_energy", "seconds", "error")
PROCESSES = 2


def truth_path() -> Path:
    """Where the truth is kept."""
    beside = Path(__file__).resolve().parents[2] / ".cache"
    return Path(os.environ.get("AISTEER_BENCH_CACHE", beside)) / "molecule_truth.csv"


def known(path: Path) -> dict[str, dict[str, str]]:
    """Rows computed so far, by SMILES; what an interruption left of a last row is cut off."""
    if not path.exists():
        return {}
    written = path.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if whole != written:
        path.write_bytes(whole)
    with path.open(newline="", encoding="utf-8") as file:
        return {row["smiles"]: row for row in csv.DictReader(file)}


def compute(smiles: str) -> tuple[str, str, str, str]:
    """One molecule, as a row."""
    start = time.perf_counter()
    value, error = "", ""
    try:
        relaxation = ionisation_energy(smiles)
        while True:
            try:
                next(relaxation)
            except StopIteration as end:
                value = repr(end.value["ionisation_energy"])
                break
    except (RuntimeError, ValueError) as failure:
        error = str(failure)
    return smiles, value, f"{time.perf_counter() - start:.3f}", error


def truth() -> Path:
    """Compute what is missing, and return the path of the whole."""
    path = truth_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    done = known(path)
    missing = [smiles for smiles in enumerate_molecules()["smiles"] if smiles not in done]
    if not missing:
        return path
    # A spawned process loads its libraries with one thread each; a forked one would inherit ours.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with (
        path.open("a", newline="", encoding="utf-8", buffering=1) as file,
        ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes,
    ):
        rows = csv.writer(file)
        if not done and file.tell() == 0:
            rows.writerow(COLUMNS)
        for number, row in enumerate(as_completed([processes.submit(compute, s) for s in missing]), 1):
            rows.writerow(row.result())
            if number % 100 == 0:
                print(f"{number} of {len(missing)} molecules", file=sys.stderr)
    return path


if __name__ == "__main__":
    print(truth())
