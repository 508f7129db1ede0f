"""What a simulation is called with: parameters, seed, the checkpoint that it starts from."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from typing import Any

from . import checkpoints, loading
from .files import Json


def called(loaded: loading.Loaded, root: str, request: Json, home: Callable[[], str]) -> Callable[[], Any]:
    """What starts a simulation that was loaded.

    Args:
        loaded: The simulation.
        root: The spool's root.
        request: With its ``parameters``, and perhaps ``seed``, ``restart``, and whether it is ``branched`` there.
        home: Makes the attempt's folder where it is not there yet, and says where it is.

    Raises:
        CannotLoad: It should start from a checkpoint, and takes none; or its folder cannot be made.
        NotStorable: The checkpoint cannot be read.
    """
    arguments = dict(request["parameters"])
    seed = request.get("seed")
    if isinstance(seed, int):
        _seed(seed)
        if "seed" in loaded.takes:
            arguments.setdefault("seed", seed)
    if "run_folder" in loaded.takes and "run_folder" not in arguments:
        arguments["run_folder"] = _place(home())
    restart = request.get("restart")
    if restart:
        if "restart" not in loaded.takes:
            raise loading.CannotLoad(
                "The run should start from a checkpoint, and its simulation has no parameter 'restart'. "
                "Nothing ran. Give the function restart=None, or start a new run."
            )
        arguments["restart"] = checkpoints.load(root, str(restart))
        if "branched" in loaded.takes:
            arguments.setdefault("branched", request.get("branched") is True)
    function = loaded.function
    return lambda: function(**arguments)


def _place(home: str) -> str:
    place = os.path.join(home, "work")
    try:
        os.makedirs(place, exist_ok=True)
    except OSError as error:
        raise loading.CannotLoad(
            f"The run's folder cannot be made ({error.strerror}). Nothing ran. Make room where the spool is and run it "
            "again."
        ) from error
    return place


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
