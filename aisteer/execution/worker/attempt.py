"""One attempt of a run, from the request to its end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import block, checkpoints, ending, files, loading, succession, values
from .book import Book
from .calling import called
from .capture import Capture
from .claim import Claimant, is_claimed
from .controls import Controls
from .files import Json
from .folder import Folder
from .heartbeat import Heartbeat
from .interruption import Abandoned, Interruption
from .packing import NotStorable
from .pulse import Pulse
from .record import Recorder
from .request import read_request
from .stepping import Stepper
from .usage import cpu, peak

STALE = "this process has imported another version of its module"
ENDING = "this process is about to end"
TOO_SOON = "its block ends too soon for it to start"
TAKEN = "claimed by another"
UNCLAIMED = "its claim cannot be written"
beating = Pulse()


def run_attempt(
    root: str,
    folder: str,
    *,
    beat: float = 1.0,
    alone: bool | None = None,
    claimant: Claimant | None = None,
    capture: Capture | None = None,
    interruption: Interruption | None = None,
    notify: Callable[[str], None] | None = None,
    handed: Json | None = None,
    book: Book | None = None,
) -> Json:
    """Execute one attempt, if it is ours to execute. Its truth is in its folder, not in the answer.

    Args:
        root: The spool's root; it is never made here.
        folder: The attempt's folder, relative to the root.
        beat: Seconds between two beats of the heartbeat.
        alone: Whether this process executes nothing else meanwhile, so that its output can be
            captured and signals handled; None finds out by whether this is the main thread.
        claimant: Who claims; None makes one for this attempt.
        capture: Where output goes; None makes one if ``alone``.
        interruption: How signals reach the simulation; None makes one if ``alone``.
        notify: Called with ``claimed``, ``observed`` or ``ended``.
        handed: Its request, where that stands in a lot; None reads it in the folder.
        book: Where an attempt out of a lot that leaves nothing else has its end; None has a file for each.

    Returns:
        ``executed``; then ``end``, its ``record``, and ``written`` (whether it stands in the spool);
        otherwise ``reason``.
    """
    path = os.path.join(root, folder)
    own = claimant or Claimant(root)
    if alone is None:
        alone = threading.current_thread() is threading.main_thread()
    made = Capture() if alone and capture is None else None
    signals = interruption or Interruption(install=alone)
    beating.interval = min(beating.interval, beat)
    signals.begin()
    try:
        request, reason = read_request(root, path, handed)
        if request is None:
            return {"executed": False, "reason": reason}
        attempt = Attempt(
            root,
            path,
            request,
            claimant=own,
            notify=notify or _nobody,
            capture=capture or made,
            interruption=signals,
            folder=Folder(path, made=handed is None),
            book=book,
        )
        return attempt.run()
    finally:
        signals.end()
        if interruption is None:
            signals.uninstall()
        if made is not None:
            made.restore()
        if claimant is None:
            own.forget()


def _nobody(_: str) -> None:
    return


class Attempt:
    """An attempt that this process executes.

    Its simulation computes in the thread that calls ``run``; ``flush`` and ``beat`` are called by the pulse.
    """

    stepper: Stepper | None = None
    versions: Mapping[str, str] = {}

    def __init__(
        self,
        root: str,
        path: str,
        request: Json,
        *,
        claimant: Claimant,
        notify: Callable[[str], None],
        capture: Capture | None,
        interruption: Interruption,
        folder: Folder,
        book: Book | None,
    ) -> None:
        self.folder = folder
        self.book = book
        self.capture = capture
        self.interruption = interruption
        self.root = root
        self.path = path
        self.request = request
        self.claimant = claimant
        self.notify = notify
        self.controls = Controls(path, _integer(request.get("epoch")))
        self._heartbeat = Heartbeat(folder)
        self.recorder = Recorder(folder, beating.wake, lambda: notify("observed"))
        self.checkpoint: str | None = None
        self.cut_off = ""
        self._early: list[Json] = []
        self._started = time.monotonic()
        self._cpu = 0.0

    # --- the simulation's thread ---

    def run(self) -> Json:
        """Claim, execute, end."""
        deadline = self.deadline()
        withdrawn = self._withdrawn()
        reason = self._refusal(deadline) or self._wait_for_earlier()
        if reason or not self.claimant.claim(self.path):
            return {"executed": False, "reason": reason or self._unclaimed()}
        # What was asked before the claim stood is asked of a run that has not started.
        withdrawn = withdrawn or self._withdrawn()
        if withdrawn:
            # A later attempt has results behind it: those are kept.
            how = "withdrawn" if _integer(self.request.get("attempt")) <= 1 else "partial"
            return self._finish({"end": how, "message": "It was taken back before it started; nothing ran."})
        self.notify("claimed")
        beating.enter(self)
        try:
            end = self._execute(deadline)
        except Abandoned as reason:
            succession.release(self.path)
            return {"executed": True, "end": "", "written": True, "reason": str(reason)}
        finally:
            beating.leave(self)
            self._close()
        return self._finish(end)

    def _refusal(self, deadline: float | None) -> str:
        """Why it is not ours to start, or not now; empty when it is."""
        if loading.stale(self.request["simulation"]):
            return STALE
        if deadline is not None and not self._fits(deadline - time.time()):
            return TOO_SOON
        if self.interruption.asked:
            return ENDING
        return self.fenced()

    def _fits(self, seconds: float) -> bool:
        """Whether it may start when so many seconds are left: whole, where it could not go on in another block."""
        walltime = self.request.get("walltime")
        goes_on = self.request["simulation"].get("checkpoint")
        needed = 0.0 if goes_on or not isinstance(walltime, (int, float)) else float(walltime)
        return seconds > needed

    def _wait_for_earlier(self) -> str:
        """Why it is not ours to start because of an earlier attempt that is still executed; waits for its end."""
        previous = self.request.get("previous")
        if not previous or not isinstance(previous, list) or self.taken:
            return ""
        reason = succession.wait_for_earlier(
            self.root,
            previous,
            self.claimant.token,
            lambda: bool(self.interruption.asked or self.fenced() or self.taken or self._withdrawn()),
        )
        return reason or (ENDING if self.interruption.asked else self.fenced())

    @property
    def taken(self) -> bool:
        """Whether somebody has claimed it."""
        return is_claimed(self.path)

    def _unclaimed(self) -> str:
        return TAKEN if self.taken else UNCLAIMED

    def deadline(self) -> float | None:
        """When it has to wind up, as this worker's block ends, Unix seconds."""
        return block.wind_up(self.request)

    def _withdrawn(self) -> bool:
        accepted, _ = self.controls.look()
        self._early += accepted
        return any(control["verb"] in {"withdraw", "stop"} for control in self._early)

    def _execute(self, deadline: float | None) -> Json:
        self._cpu = cpu()
        try:
            stepper = Stepper(self, deadline=deadline, early=self._early)
            simulate = self._simulation()
            self.recorder.state("running")
            end = stepper.run(simulate)
        except loading.CannotLoad as error:
            end = {"end": "failed", "message": str(error)}
        except NotStorable as error:
            end = {"end": "failed", "message": str(error)}
        if self.cut_off:
            raise Abandoned(self.cut_off)
        return end

    def _simulation(self) -> Callable[[], Any]:
        simulation = self.request["simulation"]
        if simulation.get("kind") == "command":
            from . import command

            return command.simulation(self._home(), self.request)
        with self.interruption.inside():
            loaded = loading.load(self.root, simulation)
        self.versions = loaded.versions
        return called(loaded, self.root, self.request, self._home)

    def _home(self) -> str:
        try:
            return self.folder.need()
        except OSError as error:
            raise loading.CannotLoad(
                f"Its folder in the spool cannot be made ({error.strerror}). Nothing ran. Make room where the "
                "spool is and run it again."
            ) from error

    def save(self, make: Callable[[], Any]) -> str:
        """Write a checkpoint; answers in words why it could not be written."""
        try:
            name = checkpoints.save(self.folder.need(), make())
        except NotStorable as error:
            return str(error)
        except OSError as error:
            return f"it could not be written ({error.strerror})"
        except Exception as error:  # noqa: BLE001  the simulation's own code
            return f"the simulation could not make it: {type(error).__name__}: {values.text(error, 500)}"
        self.checkpoint = name
        size = checkpoints.size(os.path.join(self.path, "checkpoints", name))
        self.recorder.add("checkpoint", name=name, bytes=size)
        return ""

    # --- the end ---

    def _close(self) -> None:
        self.recorder.close()
        if self.capture is not None and not self.cut_off:
            self.capture.finish(self.folder)

    def _finish(self, end: Json) -> Json:
        failure = self.recorder.error
        if failure is not None:
            end = {
                "end": "failed",
                "outcome": {},
                "message": f"Its observations could not be written ({failure.strerror}), so what it "
                "computed cannot be told in "
                "full. What arrived is kept. Make room where the spool is and run it again.",
            }
        record = {
            "outcome": {},
            "message": "",
            **end,
            "seconds": round(time.monotonic() - self._started, 4),
            "cpu": round(cpu() - self._cpu, 4) if self._cpu else 0.0,
            "rss": peak(),
            "observations": self.recorder.observations,
            "lines": self.recorder.lines,
            "length": self.recorder.length,
            "checkpoint": self.checkpoint,
            "by": self.claimant.token,
            "where": {
                key: self.claimant.where[key] for key in ("host", "pid", "job") if key in self.claimant.where
            },
            "versions": dict(self.versions),
        }
        written = self._write_end(record)
        self.notify("ended")
        return {"executed": True, "end": record["end"], "written": written, "record": record}

    def _write_end(self, record: Json) -> bool:
        if self.book is not None and not self.folder.made:
            return self.book.write(os.path.basename(self.path), record) or self._write_file(record)
        return ending.write_end(self.path, record)

    def _write_file(self, record: Json) -> bool:
        try:
            return ending.write_end(self.folder.need(), record)
        except OSError:
            return False

    # --- the pulse's thread ---

    def flush(self) -> bool | None:
        """Write what has waited too long."""
        return self.recorder.flush_late()

    def beat(self) -> None:
        """A sign of life. Without one, or fenced, nobody may take our word any more: the work ends."""
        files.look_anew(self.path)  # a fence and the first control are new names in it
        reason = self.fenced() or self._heartbeat.write()
        if reason:
            self.cut_off = self.cut_off or reason
            self.interruption.interrupt(hard_after=10.0)
            self.interruption.patience()
            return
        self.recorder.beat()
        if self.capture is not None:
            self.capture.take(self.path)
        self.interruption.patience()
        stepper = self.stepper
        if stepper is not None:
            stepper.watch()

    def fenced(self) -> str:
        """Why a later attempt has taken our place; empty when none has."""
        if os.path.lexists(os.path.join(self.path, "fenced")):
            return "a later attempt has taken its place"
        return ""


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else 0
