"""A training in the user's hands: shown as it goes, stopped, gone on with."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.deep_potential.training.inspection import Outliers
from aisteer.deep_potential.training.live import Live
from aisteer.deep_potential.training.planning import Planned, plan_training
from aisteer.deep_potential.training.record import CurvePoint, TrainingRecord
from aisteer.deep_potential.training.saving import TrainingFolder
from aisteer.deep_potential.training.trainer import Trainer

if TYPE_CHECKING:
    from aisteer.deep_potential.model import DeepPotential

__all__ = ["Training", "start_training", "train"]


class Training:
    """A committee that is being trained. Made by :func:`start_training`; ``await`` it for the model.

    Attributes:
        curve: What was seen so far, a point each (see :class:`CurvePoint`).
        steps: How many it will take in all.
        seconds: That the steps took.
    """

    def __init__(self, planned: Planned, folder: Path | None, *, restart: bool) -> None:
        self._planned = planned
        self._trainer = Trainer(planned.plan)
        self._folder = None if folder is None else TrainingFolder(folder, planned.identity)
        self.steps = planned.plan.rate.steps
        self.curve: list[CurvePoint] = []
        self.seconds = 0.0
        if self._folder is not None and not restart:
            self.curve, self.seconds = self._folder.restore(self._trainer)
        self._checkpoints: tuple[Path, ...] = ()
        self._model: DeepPotential | None = None
        self._failure: BaseException | None = None
        self._stop, self._done = threading.Event(), threading.Event()
        self._live: Live | None = None

    def __repr__(self) -> str:
        return f"<Training: step {self.step} of {self.steps}, committee of {self.members}>"

    @property
    def step(self) -> int:
        """How many steps were taken."""
        return self._trainer.step

    @property
    def ended(self) -> bool:
        """Whether no more steps will be taken."""
        return self._done.is_set()

    @property
    def members(self) -> int:
        """How many are trained."""
        return len(self._planned.plan.members)

    def show(self) -> None:
        """Show how it goes, from here on: a curve in a notebook, lines elsewhere."""
        self._live = Live(self)

    def stop(self) -> None:
        """Ask it to end after the step that it is at; the model is what it has become."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> DeepPotential:
        """The trained committee, when all steps are taken or it was stopped.

        Raises:
            TimeoutError: It is still at it after so many seconds.
            TrainingDiverged: A loss was not finite.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"The training is at step {self.step} of {self.steps}; it goes on.")
        if self._failure is not None:
            raise self._failure
        assert self._model is not None
        return self._model

    def __await__(self) -> Generator[Any, None, DeepPotential]:
        import asyncio

        return asyncio.to_thread(self.wait).__await__()

    def start(self) -> Training:
        """Train in a thread; the kernel stays free."""
        threading.Thread(target=self._run_quietly, name="aisteer training", daemon=True).start()
        return self

    def run(self) -> DeepPotential:
        """Train here and now; an interrupt lets the step end, saves, and goes through."""
        interrupted: list[int] = []

        def interrupt(signal_number: int, _: object) -> None:
            if interrupted:
                raise KeyboardInterrupt
            interrupted.append(signal_number)
            self._stop.set()

        main = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, interrupt) if main else None
        try:
            self._run()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            if main:
                signal.signal(signal.SIGINT, before)
            self._done.set()
        if interrupted:
            raise KeyboardInterrupt
        return self.wait()

    def _run_quietly(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  it is raised where the training is waited for
            self._failure = error
        finally:
            self._done.set()

    def _run(self) -> None:
        trainer, saved = self._trainer, self._trainer.step
        began = time.perf_counter() - self.seconds
        while trainer.step < self.steps and not self._stop.is_set():
            due = trainer.step + 1
            point = trainer.advance(look=due % self._planned.every == 0 or due in {1, self.steps})
            self.seconds = time.perf_counter() - began
            if point is not None:
                self.curve.append(point)
            if self._live is not None:
                self._live.tick()
            if trainer.step % self._planned.save_every == 0:
                self._save()
                saved = trainer.step
        if trainer.step != saved or not self._checkpoints:
            self._save()
        self._model = self._made()
        if self._live is not None and self._model.training is not None:
            self._live.end(self._model.training)

    def _save(self) -> None:
        self._trainer.check_weights()
        if self._folder is not None:
            self._checkpoints = self._folder.save(self._trainer, self.curve, self.seconds)

    def _made(self) -> DeepPotential:
        from aisteer.deep_potential.model import DeepPotential

        plan, trainer = self._planned.plan, self._trainer
        members = trainer.stack.describe_all()
        model = DeepPotential(members, committee=len(members) > 1)
        frames = sum(map(len, plan.validation)) or sum(map(len, plan.training))
        atoms = max(sample.atoms for sample in plan.training)
        model.training = TrainingRecord(
            steps=trainer.step,
            of=self.steps,
            seconds=self.seconds,
            training=trainer.errors(plan.training, atoms=max(100, frames) * atoms),
            validation=trainer.errors(plan.validation) if plan.validation else None,
            curve=tuple(self.curve),
            left_out=tuple(self._planned.left_out),
            terms=trainer.terms,
            series_error=trainer.series_error(),
            checkpoints=self._checkpoints,
        )
        return model


def train(
    data: Any = None,
    *,
    committee: int | None = None,
    steps: int | None = None,
    validation: Any = "auto",
    settings: Mapping[str, Any] | str | PathLike[str] | None = None,
    folder: str | PathLike[str] | None = None,
    seed: int | None = None,
    batch_size: int | str | Sequence[int] | None = None,
    outliers: Outliers = "refuse",
    initial: DeepPotential | None = None,
    restart: bool = False,
    progress: bool = True,
) -> DeepPotential:
    """Train a committee of Deep Potentials, all members in one pass.

    Members differ in their initial weights alone, as in DP-GEN; each step shows them the same frames.

    Args:
        data: Folders in ``deepmd/npy``, extended XYZ files, ASE's frames with their results, or a list of these; or
            deepmd-kit's ``input.json`` (a path, or a dictionary of that form), which names its own.
        committee: How many members: four, or as many as ``initial`` has. With one, the model has no axis of members.
        steps: How many; else what the settings say, else 10,000.
        validation: Frames as in ``data``, a share of them to hold back, or ``None``. By default what the settings name;
            for data that are given here, a tenth if there are ten frames or more.
        settings: deepmd-kit's ``input.json``, where ``data`` are given here. What is not said has its defaults.
        folder: Where checkpoints are kept, in deepmd-kit's format, and what a training goes on from: the same call
            again takes the steps that are missing, and gives what it would have given uninterrupted.
        seed: Of weights, of the order of batches, of the frames that are held back.
        batch_size: Frames in a batch, as in the settings.
        outliers: Frames whose labels stand out as those of failed calculations do: "refuse", "drop" or "keep".
        initial: Models to begin with instead of random weights (``--init-model``); statistics and biases are theirs.
        restart: Begin anew, whatever the folder holds.
        progress: Show the progress.

    Returns:
        The committee; ``model.training`` says how it went, with errors on the validation set.

    Raises:
        BadTrainingData: Data that cannot be trained on; with file, frame and atom.
        NeighbourOverflow: An atom has more neighbours than ``sel``.
        BadDefinition: Settings that cannot be meant, or a folder with another training in it.
        NotSupported: The settings ask for what is not done here; the message names it.
        TrainingDiverged: A loss is not finite any more.
    """
    return _prepared(
        data,
        committee=committee,
        steps=steps,
        validation=validation,
        settings=settings,
        folder=folder,
        seed=seed,
        batch_size=batch_size,
        outliers=outliers,
        initial=initial,
        restart=restart,
        progress=progress,
    ).run()


def start_training(data: Any = None, **options: Any) -> Training:
    """Train in the background: arguments and errors as for :func:`train`, and the kernel stays free.

    Returns:
        What can be awaited for the model, looked at and stopped.
    """
    return _prepared(data, **{**(train.__kwdefaults__ or {}), **options}).start()


def _prepared(
    data: Any, *, folder: str | PathLike[str] | None, restart: bool, progress: bool, **options: Any
) -> Training:
    planned = plan_training(data, **options)
    training = Training(planned, None if folder is None else Path(folder).expanduser(), restart=restart)
    if progress:
        training.show()
    return training
