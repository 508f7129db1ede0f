"""Memory of everything in the first notebook: the peak of kernel, JupyterLab's server, host and workers.

Proportional set size, so that pages that processes share count once; sampled twice a second while the
notebook runs at full size in a real JupyterLab. The browser is not counted: it is on another machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from tests.benchmarks._report import show
from tests.services.system import need

HERE = Path(__file__).parent
NOTEBOOK = HERE.parent.parent / "notebooks" / "01_first_campaign.ipynb"
sys.path.insert(0, str(HERE.parent / "browser"))


def family(lab: psutil.Process, folder: str) -> dict[str, list[psutil.Process]]:
    """The processes by what they are; each is in one place."""
    found: dict[str, list[psutil.Process]] = {"server": [lab], "kernel": [], "host": [], "workers": []}
    for process in lab.children(recursive=True):
        found["kernel" if "ipykernel_launcher" in _words(process) else "server"].append(process)
    # A worker is a fork of the host, and so goes by the same command line.
    hosts = [
        p for p in psutil.process_iter() if "aisteer.execution.host" in _words(p) and folder in _words(p)
    ]
    numbers = {process.pid for process in hosts}
    for process in hosts:
        with suppress(psutil.Error):
            found["workers" if process.ppid() in numbers else "host"].append(process)
    return found


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def pss(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += process.memory_full_info().pss / 1e6
        except psutil.Error:
            continue
    return total


def main() -> None:
    """Run the notebook once and report the peak."""
    from labs import FLAGS, Book, Lab, guarded

    os.environ["AISTEER_SIZE"] = "full"
    peak: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="aisteer-bench-") as folder:
        lab = Lab(Path(folder))
        shutil.copy(NOTEBOOK, Path(folder) / "books" / "first.ipynb")
        process = psutil.Process(lab.process.pid)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=str(need("chromium")), args=FLAGS)
            with guarded(browser) as page:
                book = Book(page, lab, "first.ipynb").open().run_all()
                begin = time.monotonic()
                while time.monotonic() - begin < 400:
                    now = {what: pss(found) for what, found in family(process, folder).items()}
                    if sum(now.values()) > sum(peak.values()):
                        peak = now
                    figures = Path(folder) / "campaigns" / "electron-donors" / "figures"
                    if (figures / "calibration.svg").exists():
                        break
                    time.sleep(0.5)
                else:
                    raise SystemExit("The notebook did not come to its end, so nothing is measured.")
                book.kernel("campaign.close()")
            browser.close()
        lab.close()
    show("memory", unit="MB", ours=sum(peak.values()), target=1000.0, details=peak)


if __name__ == "__main__":
    main()
