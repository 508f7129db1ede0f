"""A training on disk: what it goes on from, and checkpoints that deepmd-kit runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aisteer.deep_potential.checkpoint import write_checkpoint
from aisteer.deep_potential.training.record import CurvePoint
from aisteer.deep_potential.training.trainer import Trainer
from aisteer.errors import BadDefinition, BadModel

__all__ = ["TrainingFolder"]

_STATE = "training.pt"
_VERSION = 1


class TrainingFolder:
    """The folder of one training: ``training.pt``, ``model-0.ckpt.pt`` …, ``curve.json``.

    Args:
        folder: Where; it is made when the first checkpoint is written.
        identity: What the training is, by name; another one is not gone on with.
    """

    def __init__(self, folder: Path, identity: dict[str, str]) -> None:
        self.folder = folder
        self._identity = identity

    def restore(self, trainer: Trainer) -> tuple[list[CurvePoint], float]:
        """Set the trainer to where it was, if it was; its curve so far and its seconds.

        Raises:
            BadDefinition: The folder holds another training.
            BadModel: Its state is broken.
        """
        import torch

        path = self.folder / _STATE
        if not path.exists():
            return [], 0.0
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
            identity, state = found["identity"], found["trainer"]
            curve = [CurvePoint.from_dict(point) for point in json.loads(found["curve"])]
            seconds = float(found["seconds"])
        except Exception as error:  # what a broken file raises is anything
            raise BadModel(
                f"{path} is broken ({type(error).__name__}), so the training cannot go on from it. Begin anew with "
                f"restart=True; the checkpoints in {self.folder} stay until they are written over.",
                path=str(path),
            ) from error
        differing = [name for name, value in self._identity.items() if identity.get(name) != value]
        if differing:
            raise BadDefinition(
                f"{self.folder} holds a training that differs in: {', '.join(differing)}. Nothing was trained. Name "
                "another folder, or begin anew in this one with restart=True.",
                differing=differing,
            )
        trainer.restore(state)
        return curve, seconds

    def save(self, trainer: Trainer, curve: Sequence[CurvePoint], seconds: float) -> tuple[Path, ...]:
        """Write everything; an older state stands until the new one is whole.

        Returns:
            deepmd-kit's checkpoints.
        """
        import torch

        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps([point.as_dict() for point in curve])
        content: dict[str, Any] = {
            "version": _VERSION,
            "identity": self._identity,
            "trainer": trainer.state(),
            "curve": text,
            "seconds": seconds,
        }
        unfinished = self.folder / f"{_STATE}.part"
        torch.save(content, unfinished)
        unfinished.replace(self.folder / _STATE)
        (self.folder / "curve.json").write_text(text, encoding="utf-8")
        return tuple(
            write_checkpoint(member, self.folder / f"model-{number}.ckpt.pt")
            for number, member in enumerate(trainer.stack.describe_all())
        )
