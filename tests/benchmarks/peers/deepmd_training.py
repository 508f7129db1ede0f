"""One training by deepmd-kit in a folder with an input.json: processor seconds of its steps, warmed up before."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

WARM = 5


def run(settings: dict[str, Any], steps: int) -> float:
    """Processor seconds of so many steps; reading and statistics are not in it."""
    from deepmd.pt.entrypoints.main import get_trainer
    from deepmd.utils.argcheck import normalize

    settings = json.loads(json.dumps(settings))
    settings.setdefault("optimizer", {"type": "Adam"})
    settings["training"] |= {"numb_steps": steps, "disp_freq": steps, "save_freq": steps}
    trainer = get_trainer(normalize(settings))
    began = time.process_time()
    trainer.run()
    return time.process_time() - began


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    os.chdir(folder)
    settings = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    run(settings, WARM)
    seconds = run(settings, steps)
    checkpoint = str(folder / f"model.ckpt-{steps}.pt")
    found = {"seconds": seconds, "checkpoint": checkpoint, "version": metadata.version("deepmd-kit")}
    answers.write(json.dumps(found) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
