"""One loop per campaign: it carries snapshots to the views and their orders back.

A single thread looks at the journal and the observations and hands each view the parts that changed,
at most four times a second and only as fast as the view says that it paints. Orders run at once on a
thread of their own, so that a decision is in the journal before the next picture is made.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Protocol

from aisteer.errors import AisteerError
from aisteer.journal import events as ev
from aisteer_widgets.believing import Believing
from aisteer_widgets.lanes import Lanes
from aisteer_widgets.observing import Observing
from aisteer_widgets.orders import Answer
from aisteer_widgets.pictures import structure
from aisteer_widgets.pool_regions import PoolRegions
from aisteer_widgets.reopening import again
from aisteer_widgets.saving import Progress
from aisteer_widgets.view_models.asked import Question
from aisteer_widgets.view_models.questions import questions
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.screen import shown_runs
from aisteer_widgets.view_models.tally import Tally
from aisteer_widgets.watching import Watch

__all__ = ["Bridge", "Follower", "bridge_of"]

Json = dict[str, Any]
FRAME = 0.25
"""Seconds between two pictures, at least."""
LOOK = 0.2
"""Seconds between two looks at observations, at most."""
CLOCK = 1.0
"""Seconds after which durations on the screen are written anew."""
STEP = 1024
"""Earlier runs looked at between two pictures, when a long campaign is opened."""
_log = logging.getLogger("aisteer.widgets")


class Follower(Protocol):
    """Something that wants to be told about the campaign: a widget, or the static summary."""

    wishes: Wishes
    shows: tuple[str, ...]

    def follow(self, scene: Scene) -> None:
        """Take in a new scene. Called on the bridge's thread."""

    def forget(self) -> None:
        """What was taken in just now was not of one moment; it is about to be taken in again."""

    def part(self) -> None:
        """The campaign was closed in this process; nothing more will come."""

    def flush(self) -> None:
        """Send what changed. Called on the bridge's thread, after the lock is let go."""


class Bridge:
    """Follows one open campaign for all views of it.

    Args:
        campaign: The campaign.
    """

    def __init__(self, campaign: Any) -> None:
        self.campaign = campaign
        self.journal = campaign.journal
        self._followers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._tally = Tally()
        self._observing = Observing(campaign.opened.mirror)
        self._watch = Watch(campaign)
        self._pools = PoolRegions(campaign.opened.folder)
        self._believing = Believing(campaign, self.wake)
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lanes = Lanes(campaign, self.wake)
        self._again = again(campaign)
        self._seen = 0
        self._behind = 0
        self._woken = 0
        self._pictured: tuple[int, int, str] = (-1, -1, "")
        self._painted = 0.0
        self.trouble = ""

    # --- followers ---

    def attach(self, follower: Follower) -> None:
        """Tell ``follower`` about the campaign until it is detached or gone."""
        with self._lock:
            self._followers.add(follower)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="aisteer-bridge", daemon=True)
                self._thread.start()
        self.wake()

    def detach(self, follower: Follower) -> None:
        """Tell it no more; the thread ends with the last one."""
        with self._lock:
            self._followers.discard(follower)
        self.wake()

    def wake(self, *_: Any) -> None:
        """Look again now, and paint whatever is found. From any thread; it only counts and sets a flag."""
        self._woken += 1
        self._wake.set()

    def order(
        self,
        order: Mapping[str, Any],
        answer: Callable[[Answer], None],
        progress: Progress | None = None,
    ) -> None:
        """Carry out an order on a thread of its own and hand on what became of it; see ``Lanes.order``."""
        self._lanes.order(order, answer, progress)

    def search(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        """Search the task's pool and hand on a page of what was found."""
        self._lanes.search(task, text, answer)

    def read(self, task: str, text: str, answer: Callable[[Json], None]) -> None:
        """Hold a table of somebody's own against a task and hand on what would become of it."""
        self._lanes.read(task, text, answer)

    # --- the loop ---

    def scene(self) -> Scene:
        """The campaign as it stands now."""
        self._take_in()
        state = self.journal.state
        return Scene(
            state=state,
            now=time.time(),
            tally=self._tally,
            health=self._watch.health(),
            traces=self._observing.traces,
            driver=self._watch.driver(),
            read_only=self.journal.read_only_reason or self.trouble,
            beliefs=self._believing.known,
            draw=structure,
            again=self._again,
            columns=self._pools.columns,
            inside=self._pools.inside,
        )

    def _take_in(self) -> None:
        """Bring the tally up to date; marks are the only thing that happens to runs that have ended.

        Under the lock: the tally looks at each event once, so one that is half folded would be missed, and
        a view that is being made asks at the same time as the bridge's own thread.
        """
        with self.journal.lock:
            state = self.journal.state
            touched: list[str] = []
            if self._seen:
                while self._seen < state.position:
                    records = self.journal.records(self._seen)
                    if not records:
                        break
                    self._seen = records[-1].position
                    touched += [r.event.run for r in records if isinstance(r.event, ev.RunMarked)]
            self._seen = state.position
            self._tally.refresh(state, touched, STEP)
            if self._tally.behind:
                self._wake.set()

    def _run(self) -> None:
        unsubscribe = self.journal.subscribe(lambda _position: self._wake.set())
        try:
            while self._wanted():
                started = time.monotonic()
                self._wake.wait(LOOK)
                self._wake.clear()
                try:
                    self._tick()
                    self.trouble = ""
                except AisteerError as error:
                    if getattr(self.journal, "_closed", False):
                        self._part()
                        return
                    self._report(str(error))
                except Exception as error:  # noqa: BLE001  a picture that fails must not end the loop
                    self._report(
                        f"The board could not be brought up to date ({error}). The campaign goes on without it."
                    )
                    _log.exception("the board could not be brought up to date")
                time.sleep(max(0.0, FRAME - (time.monotonic() - started)))
        finally:
            unsubscribe()

    def _wanted(self) -> bool:
        """Whether anybody looks; the end of the thread is decided under the lock, so that no view is forgotten."""
        with self._lock:
            if not self._followers:
                self._thread = None
            return bool(self._followers)

    def _part(self) -> None:
        """The campaign was closed in this process: say so, once."""
        with self._lock:
            self._thread = None
            followers = list(self._followers)
        for follower in followers:
            follower.part()

    def _report(self, words: str) -> None:
        self.trouble = words
        time.sleep(1.0)

    def _tick(self) -> None:
        self.journal.refresh()
        woken = self._woken
        scene = self.scene()
        # What the tally has seen: an event that is folded from here on makes another picture.
        found = (self._seen, woken, scene.driver)
        followers = list(self._followers)
        runs = {n: None for f in followers for n in shown_runs(scene, f.wishes)}
        read = self._observing.look([scene.state.runs[n] for n in runs if n in scene.state.runs])
        believed = self._believing.look(scene.state, self._wanted_of(scene, followers))
        behind = self._tally.behind or self._behind
        self._behind = self._tally.behind
        aged = time.monotonic() - self._painted > CLOCK
        try:
            if read or believed or behind or aged or found != self._pictured:
                scene = replace(scene, traces=self._observing.traces, beliefs=self._believing.known)
                self._show(scene, followers)
                self._pictured, self._painted = found, time.monotonic()
        finally:
            _each(followers, lambda follower: follower.flush())

    def _wanted_of(self, scene: Scene, followers: list[Follower]) -> list[Question]:
        """What the views need of the surrogate, the most urgent of each first."""
        found = []
        for follower in followers:
            tested = self._tally.coverage(follower.wishes.task)[1] > 0
            found.append(questions(scene.state, follower.wishes, follower.shows, tested=tested))
        return [q for same in zip_longest(*found) for q in same if q is not None]

    def _show(self, scene: Scene, followers: list[Follower]) -> None:
        """Have the scene taken in, all of it as of one moment.

        The lock would make sure of that, but a decision would wait for it: so it is only taken where
        something was folded meanwhile.
        """
        position = self.journal.position
        if self.journal.rests_at(position):
            try:
                _each(followers, lambda follower: follower.follow(scene))
            except Exception:
                if self.journal.rests_at(position):
                    raise
            if self.journal.rests_at(position):
                return
        with self.journal.lock:
            for follower in followers:
                follower.forget()
            _each(followers, lambda follower: follower.follow(scene))


def _each(followers: list[Follower], do: Callable[[Follower], None]) -> None:
    """Do it for each: one view that cannot be served costs the others nothing. Raises where none could be."""
    failed: list[Exception] = []
    for follower in followers:
        try:
            do(follower)
        except Exception as error:  # noqa: BLE001  whatever is wrong with it is wrong with it alone
            failed.append(error)
    if failed and len(failed) == len(followers):
        raise failed[-1]
    for why in failed:
        _log.error("a view of the board could not be brought up to date", exc_info=why)


_bridges: weakref.WeakValueDictionary[int, Bridge] = weakref.WeakValueDictionary()
_guard = threading.Lock()


def bridge_of(campaign: Any) -> Bridge:
    """The bridge of an open campaign; all views of it in this process share one."""
    opened = campaign.opened
    with _guard:
        known = _bridges.get(id(opened))
        if known is None or known.campaign.opened is not opened:
            known = Bridge(campaign)
            _bridges[id(opened)] = known
        return known
