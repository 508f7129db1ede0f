"""Iterating a simulation: what it yields is written down, what is asked of it is sent in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from . import values
from .checkpoints import Schedule
from .conditions import Conditions
from .files import Json
from .interruption import Abandoned, Interrupted

if TYPE_CHECKING:
    from .attempt import Attempt

LOOK = 0.05
"""Seconds between two looks at the controls at most as often."""
GRACE = 10.0


class _Over(Exception):
    """The run is over by our decision; carries its end."""

    def __init__(self, end: Json) -> None:
        super().__init__(end["end"])
        self.end = end


class Stepper:
    """Drives one simulation to its end.

    ``watch`` is called by the pulse's thread, for simulations whose steps are long; the rest belongs
    to the simulation's thread.

    Args:
        attempt: The attempt it works for.
        deadline: Unix time at which it has to wind up.
        early: Controls that were there before it started.
    """

    def __init__(self, attempt: Attempt, *, deadline: float | None, early: Sequence[Json]) -> None:
        request = attempt.request
        self.attempt = attempt
        self.deadline = deadline
        self.grace = _seconds(request.get("grace"), GRACE)
        self._schedule = Schedule(_seconds(request.get("checkpoint_every"), 30.0))
        self._conditions = Conditions(request.get("stop_when"), request.get("walltime"))
        self._make: Callable[[], Any] | None = None
        self._generator: Generator[Any, Any, Any] | None = None
        self._lock = threading.Lock()
        self._stops: list[str] = []
        self._stop_reason = ""
        self._stop_seen = 0.0
        self._stop_sent = 0.0
        self._pauses: list[str] = []
        self._values: list[Json] = []
        self._look_at = 0.0
        self._said: set[str] = set()
        self._sort(early)

    def run(self, simulate: Callable[[], Any]) -> Json:
        """The end of the simulation that ``simulate`` starts.

        Raises:
            Abandoned: The attempt is not ours any more.
        """
        self.attempt.stepper = self
        interruption = self.attempt.interruption
        try:
            interruption.is_inside = True
            result = simulate()
            if isinstance(result, Generator):
                self._generator = result
                result = self._iterate(result)
            interruption.is_inside = False
        except _Over as over:
            return over.end
        except Abandoned:
            raise
        except Interrupted:
            interruption.is_inside = False
            return self._interrupted()
        except BaseException as error:  # noqa: BLE001  whatever a simulation raises is its failure, not ours
            interruption.is_inside = False
            return _failed(error)
        finally:
            interruption.is_inside = False
            self.attempt.stepper = None
        return self._returned(result)

    # --- one step ---

    def _iterate(self, generator: Generator[Any, Any, Any]) -> Any:
        interruption = self.attempt.interruption
        reply: Json | None = None
        while True:
            interruption.is_inside = True
            try:
                item = generator.send(reply)
            except StopIteration as stop:
                return stop.value
            finally:
                interruption.is_inside = False
            if item is not None:
                self._observe(item)
            reply = self._reply()

    def _observe(self, item: Any) -> None:
        if type(item) is tuple and len(item) == 2 and (callable(item[1]) or item[1] is None):
            item, make = item
            self._make = make or self._make
        if item is None:
            return
        for what in self.attempt.recorder.observe(item):
            self._note(
                what.partition(":")[0],
                f"left out of the observations: {what}. Yield numbers, short text or lists of up to "
                f"{values.LONGEST_LIST} numbers; keep arrays in checkpoints.",
            )
        reason = self._conditions.observed(item) if isinstance(item, Mapping) else ""
        if reason:
            self._stop("stop_when", reason)

    def _note(self, key: str, message: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self.attempt.recorder.add("note", message=message)

    def _reply(self) -> Json:
        """What is sent in; ends the run when that is what was asked for."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK
            self._look()
        attempt = self.attempt
        if attempt.cut_off:
            self._close()
            raise Abandoned(attempt.cut_off)
        if attempt.recorder.error is not None:
            self._close()
            raise _Over({"end": "failed"})
        if attempt.interruption.asked or self._block_ends():
            self._leave("preempted", "Its block or worker ended; it goes on from its last checkpoint.")
        if self._pauses:
            self._pause()
        if self._stops:
            return self._stop_step(now)
        if self._make is not None and self._schedule.due():
            self._save()
        return self._taken()

    def _taken(self) -> Json:
        """The values that were set since the last step, acknowledged."""
        if not self._values:
            return {}
        with self._lock:
            controls, self._values = self._values, []
        merged: Json = {}
        for control in controls:
            merged.update(control["values"])
            self._answer(control["id"], "done")
        return merged

    # --- asked from outside ---

    def _look(self) -> None:
        with self._lock:
            accepted, refused = self.attempt.controls.look()
            self._sort(accepted)
            for control in refused:
                self._answer(
                    control["id"], "refused", "it comes from a driver that no longer holds the campaign"
                )
            reason = self._conditions.elapsed()
            if reason:
                self._stop("stop_when", reason)
        fenced = self.attempt.fenced()
        if fenced:
            self.attempt.cut_off = self.attempt.cut_off or fenced

    def _sort(self, controls: Sequence[Json]) -> None:
        for control in controls:
            verb = control["verb"]
            if verb == "stop":
                self._stop(control["id"], "")
            elif verb == "pause":
                self._pauses.append(control["id"])
            elif verb == "set":
                self._values.append(control)
            else:
                self._answer(control["id"], "refused", "it has started already; stop it instead")

    def _stop(self, control: str, reason: str) -> None:
        if control in self._stops:
            return
        self._stop_seen = self._stop_seen or time.monotonic()
        self._stop_reason = self._stop_reason or reason
        self._stops.append(control)

    def _answer(self, control: str, answer: str, detail: str = "") -> None:
        self.attempt.recorder.add("ack", control=control, answer=answer, detail=detail)

    def _answer_stops(self, answer: str, detail: str = "") -> None:
        for control in self._stops:
            self._answer(control, answer, detail)

    def _stop_step(self, now: float) -> Json:
        """Send the stop in, once; after the grace time close the simulation."""
        if not self._stop_sent:
            if self._make is not None:
                self._save()
            self._stop_sent = now
            self._answer_stops("sent", self._stop_reason)
            self.attempt.recorder.add("state", state="pausing")
            return {**self._taken(), "stop": True}
        if now - self._stop_sent > self.grace:
            self._close()
            self._answer_stops("closed")
            raise _Over({"end": "partial", "message": self._stopped_words("was closed")})
        return {}

    def _pause(self) -> None:
        with self._lock:
            controls, self._pauses = self._pauses, []
        reason = "this simulation yields no checkpoint, so it cannot be continued later; stop it instead"
        if self._make is not None:
            reason = self._save()
        for control in controls:
            self._answer(control, "refused" if reason else "done", reason)
        if not reason:
            self._close()
            raise _Over({"end": "paused"})

    def _leave(self, end: str, message: str) -> NoReturn:
        if self._make is not None:
            self._save()
        self._close()
        if self._stops:
            raise _Over({"end": "partial", "message": self._stopped_words("was closed")})
        raise _Over({"end": end, "message": message})

    def _block_ends(self) -> bool:
        return self.deadline is not None and time.time() >= self.deadline - self._schedule.took

    def _save(self) -> str:
        assert self._make is not None
        started = time.monotonic()
        problem = self.attempt.save(self._make)
        self._schedule.done(started)
        if problem:
            self._note("checkpoint", f"no checkpoint: {problem}. The run continues without one.")
        return problem

    def _close(self) -> None:
        """Close the generator: its ``finally`` blocks run, it has no outcome."""
        if self._generator is None:
            return
        try:
            with self.attempt.interruption.inside():
                self._generator.close()
        except BaseException as error:  # noqa: BLE001  it is over either way
            self._note("close", f"closing it raised {type(error).__name__}: {values.text(error, 500)}")

    # --- the pulse's thread ---

    def watch(self) -> None:
        """Look at the controls while a step is long, and interrupt it when patience is over."""
        self._look()
        if self._plain_function:
            self._refuse_what_needs_steps()
        now = time.monotonic()
        late = self._stop_seen and now - max(self._stop_seen, self._stop_sent) > self.grace + 1.0
        if late or (self.deadline is not None and time.time() > self.deadline + 5.0):
            self.attempt.interruption.interrupt()

    @property
    def _plain_function(self) -> bool:
        return self._generator is None

    def _refuse_what_needs_steps(self) -> None:
        with self._lock:
            asked = [c["id"] for c in self._values] + self._pauses
            self._values, self._pauses = [], []
        for control in asked:
            self._answer(
                control, "refused", "this simulation does not yield, so nothing can be sent in while it runs"
            )

    # --- how it ended ---

    def _interrupted(self) -> Json:
        self._close()
        if self.attempt.cut_off:
            raise Abandoned(self.attempt.cut_off)
        self._look()
        if self._stops:
            self._answer_stops("ended", "it did not return in time and was interrupted")
            return {"end": "partial", "message": self._stopped_words("was interrupted")}
        return {
            "end": "preempted",
            "message": "It was interrupted because its block or worker ended; it goes on from its last checkpoint.",
        }

    def _stopped_words(self, how: str) -> str:
        reason = f" ({self._stop_reason})" if self._stop_reason else ""
        return (
            f"Stopped{reason}: it did not return within {self.grace:g} s of being told and {how}, so it has "
            f"no outcome. "
            "Let the simulation return its outcome when it is sent {'stop': True}."
        )

    def _returned(self, returned: Any) -> Json:
        if self.attempt.cut_off:
            raise Abandoned(self.attempt.cut_off)
        required = self.attempt.request.get("outcomes") or []
        stopped = bool(self._stop_sent)
        end: Json = {"end": "partial" if stopped else "done"}
        if stopped and self._stop_reason:
            end["message"] = f"Stopped: {self._stop_reason}."
        try:
            end["outcome"], left_out = values.outcome(returned, required)
        except values.BadOutcome as error:
            if stopped:
                reason = f" ({self._stop_reason})" if self._stop_reason else ""
                return {"end": "partial", "message": f"Stopped{reason} before it had an outcome. {error}"}
            return {"end": "failed", "message": str(error)}
        if left_out:
            self._note("outcome", f"not finite numbers, so not part of the outcome: {', '.join(left_out)}")
        if self._make is not None and self.attempt.request.get("keep") and not self._save():
            end["kept"] = True
        return end


def _seconds(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else default


def _failed(error: BaseException) -> Json:
    import traceback

    frames = traceback.TracebackException.from_exception(error, limit=-20)
    here = __file__.rpartition("/")[0]
    kept = [frame for frame in frames.stack if not frame.filename.startswith(here)]
    frames.stack[:] = kept
    place = f" (line {kept[-1].lineno} in {kept[-1].name})" if kept else ""
    words = f"{type(error).__name__}: {values.text(error, 2000)}"
    if isinstance(error, SystemExit):
        words = (
            f"SystemExit({values.text(error.code, 200)}); return the outcome instead of calling sys.exit()"
        )
    message = getattr(error, "explains_itself", False) and values.text(error, 4000)
    return {
        "end": getattr(error, "end", "failed"),
        "message": message or f"The simulation raised {words}{place}.",
        "traceback": _middle_left_out("".join(frames.format())),
    }


def _middle_left_out(words: str, limit: int = 8000) -> str:
    """Its beginning and its end, when it is long."""
    if len(words) > limit:
        words = f"{words[: limit // 2]}\n…\n{words[-limit // 2 :]}"
    return words.encode("utf-8", "replace").decode()
