"""What the journal promises when several processes use it, and when some of them die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aisteer.errors import LeaseHeld
from aisteer.journal import commands as c
from aisteer.journal import events as ev
from aisteer.journal.state import State, apply
from aisteer.journal.store import Journal
from tests.journal.scenes import ADA, DRIVER, Place, accept, eventually, launch, propose

ROOT = Path(__file__).resolve().parents[2]


class Actor:
    """A process of ``tests.journal.actors``, spoken with line by line."""

    def __init__(self, part: str, place: Place, *rest: object) -> None:
        command = [sys.executable, "-m", "tests.journal.actors", part, *place.arguments, *map(str, rest)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def says(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait()}"
        said: dict[str, Any] = json.loads(line)
        return said

    def tell(self, word: str = "go") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def rest(self) -> list[dict[str, Any]]:
        """What it says until it ends; a line that was cut off by its death counts for nothing."""
        assert self.process.stdout is not None
        lines = [line for line in self.process.stdout.read().split("\n")[:-1] if line]
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Actor]]:
    """Start actors; they are ended with the test."""
    started: list[Actor] = []

    def begin(part: str, place: Place, *rest: object) -> Actor:
        started.append(Actor(part, place, *rest))
        return started[-1]

    yield begin
    for actor in started:
        actor.end()


def test_eight_writers_and_a_follower_that_sees_every_position_once(
    place: Place, start: Callable[..., Actor]
) -> None:
    each = 40
    with place.create() as journal:
        follower = start("follower", place, 1 + 8 * each)
        writers = start("writers", place, 8, each)
        assert follower.says() == writers.says() == {"ready": True}
        writers.tell()
        said = writers.rest()
        followed = [line["position"] for line in follower.rest()]
        assert followed == list(range(1, 2 + 8 * each))
        assert sorted(line["position"] for line in said) == followed[1:]
        journal.refresh()
        texts = {record.position: record.event.text for record in journal.records(1)}  # type: ignore[attr-defined]
        assert texts == {line["position"]: line["text"] for line in said}
        assert len(journal.state.notes) == 8 * each
        for who in range(8):
            mine = [text for text in texts.values() if text.startswith(f"{who}:")]
            assert mine == [f"{who}:{n}" for n in range(each)]


def test_of_two_notebooks_that_decide_on_one_proposal_exactly_one_wins(
    place: Place, start: Callable[..., Actor]
) -> None:
    rounds = 15
    with place.create() as journal:
        propose(journal, *map(float, range(rounds)))
        people = [start("decider", place, who, rounds) for who in ("bob", "eve")]
        for _ in range(rounds):
            for person in people:
                person.says()
            for person in people:
                person.tell()
            answers = [person.says() for person in people]
            assert sorted(answer["won"] for answer in answers) == [False, True]
            refused = next(answer["why"] for answer in answers if not answer["won"])
            assert "was accepted by" in refused


def test_of_undo_and_launch_at_the_same_moment_exactly_one_wins(
    place: Place, start: Callable[..., Actor]
) -> None:
    rounds = 40
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        epoch = journal.take_lease({}, DRIVER)
        propose(journal, *map(float, range(rounds)), accept=True)
        human = start("undoer", place, rounds)
        driver = start("launcher", place, epoch, rounds)
        order = random.Random(5)
        for n in range(1, rounds + 1):
            human.says()
            driver.says()
            both = [human, driver]
            order.shuffle(both)
            for actor in both:
                actor.tell()
            undone, launched = human.says()["undone"], driver.says()["launched"]
            assert undone != launched
            journal.refresh()
            assert journal.state.proposals[f"P{n}"].state == ("waiting" if undone else "launched")


def test_a_driver_that_slept_through_its_lease_launches_nothing(
    place: Place, start: Callable[..., Actor]
) -> None:
    with place.create() as journal:
        journal.submit(c.Start(actor=ADA))
        propose(journal, 1.0, accept=True)
        sleeper = start("driver", place, 0.2)
        assert sleeper.says() == {"epoch": 1}
        sleeper.process.send_signal(signal.SIGSTOP)
        assert journal.take_lease({}, DRIVER, patience=0.5) == 2
        sleeper.tell("launch")
        sleeper.process.send_signal(signal.SIGCONT)
        assert "took over" in sleeper.says()["lost"]
        journal.refresh()
        assert list(journal.state.accepted) == ["P1"]
        assert journal.submit(launch(2, "P1")).events


def test_a_driver_that_beats_is_not_taken_over(place: Place, start: Callable[..., Actor]) -> None:
    with place.create() as journal:
        driver = start("driver", place, 0.2)
        driver.says()
        for _ in range(200):
            driver.tell("beat")
        with pytest.raises(LeaseHeld, match="epoch 1"):
            journal.take_lease({}, DRIVER, patience=20)
        assert journal.state.epoch == 1


def test_the_lease_of_a_dead_driver_is_taken_at_once(place: Place, start: Callable[..., Actor]) -> None:
    with place.create() as journal:
        driver = start("driver", place, 0.2)
        driver.says()
        driver.kill()
        assert journal.take_lease({}, DRIVER, patience=1e9) == 2


def _sound(journal: Journal, said: list[dict[str, Any]]) -> State:
    """The journal's state, which is the plain fold, holds what was said, and keeps the laws."""
    state = State()
    live: dict[str, int] = {}
    by_position = {}
    for record in journal.records(limit=10**9):
        event = record.event
        by_position[record.position] = event
        if isinstance(event, ev.AttemptLaunched):
            assert state.proposals[event.proposal].state == "accepted", "a launch without its decision"
            assert event.run not in live, "two live attempts"
            live[event.run] = event.attempt
        if isinstance(event, ev.AttemptEnded):
            assert live.pop(event.run) == event.attempt
        apply(state, record)
    assert journal.state == state
    for line in said:
        for kind, name in line.items():
            if kind == "accepted":
                found = by_position[line["position"]]
                assert isinstance(found, ev.ProposalAccepted)
                assert found.proposal == name
            elif kind == "launched":
                assert state.proposals[name].launched is not None
            elif kind == "ended":
                assert state.runs[name].end == "done"
    return state


def _killed_at_random(place: Place, start: Callable[..., Actor], times: int) -> None:
    """Kill writers at random points; each next one goes on with what is there."""
    order = random.Random(11)
    place.create().close()
    said: list[dict[str, Any]] = []
    nursery = start("campaigners", place)
    for _ in range(times):
        nursery.tell()
        writer = nursery.says()["pid"]
        said += [nursery.says() for _ in range(order.randint(0, 12))]
        time.sleep(order.random() * 0.01)  # the moment of its death, not something to wait for
        os.kill(writer, signal.SIGKILL)
        while "dead" not in (line := nursery.says()):
            said.append(line)
    with place.open() as journal:
        state = _sound(journal, said)
        assert len(state.proposals) >= times
        # Whoever opens it next goes on.
        epoch = journal.take_lease({}, DRIVER, patience=1e9)
        assert epoch == times + 1
        (name,) = propose(journal, -1.0)
        journal.submit(accept(journal, name))
        assert journal.submit(launch(epoch, name)).events


def test_what_was_acknowledged_is_there_after_kill_9(place: Place, start: Callable[..., Actor]) -> None:
    _killed_at_random(place, start, times=10)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_what_was_acknowledged_is_there_after_200_times_kill_9(
    place: Place, start: Callable[..., Actor]
) -> None:
    _killed_at_random(place, start, times=200)


def test_a_writer_waits_for_another_and_lets_its_own_readers_go_on(place: Place) -> None:
    import threading

    with place.create() as one, place.open() as two:
        with one.writing(durable=False):
            done = threading.Event()

            def write() -> None:
                two.submit(c.Note(actor=ADA, text="patient"))
                done.set()

            waiting = threading.Thread(target=write)
            waiting.start()
            for _ in range(20):
                with two.lock:  # a reader of the waiting process is not kept out
                    assert two.state.position == 1
            assert not done.is_set()
        assert done.wait(30)
        waiting.join()
        eventually(lambda: one.refresh() == 1 or one.position == 2)
