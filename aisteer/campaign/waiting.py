"""Waiting for a campaign without blocking it, and knowing when waiting is of no use."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aisteer.errors import NotSupported

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import State

__all__ = ["Waited", "wait"]

_LOOK = 0.25
_PACE = 0.05
"""Seconds between two looks at least: a campaign of short runs moves a thousand times a second."""
_SETTLE = 1.0
"""Seconds without any event after which a campaign that seems to wait for a human really does."""
_SETTLE_ELSEWHERE = 5.0
"""The same where the driver is another process, and its thoughts cannot be seen from here."""


@dataclass(frozen=True, slots=True)
class Waited:
    """What waiting came to. True when what was waited for is there.

    Attributes:
        reached: Whether it is.
        ended: Runs that have ended.
        reason: Why waiting is over, and what would move the campaign.
    """

    reached: bool
    ended: int
    reason: str

    def __bool__(self) -> bool:
        return self.reached

    def __repr__(self) -> str:
        return self.reason


async def wait(campaign: Campaign, ended: int | None, timeout: float | None) -> Waited:  # noqa: ASYNC109
    """See ``Campaign.wait``."""
    _refuse_old_kernel()
    deadline = None if timeout is None else time.monotonic() + timeout
    still_since = time.monotonic()
    position = -1
    while True:
        state = await asyncio.to_thread(_fresh, campaign)
        now = time.monotonic()
        if state.position != position:
            position, still_since = state.position, now
        count = _ended(state)
        if ended is not None and count >= ended:
            return Waited(
                reached=True, ended=count, reason=f"{count} runs have ended.{_goes_on(campaign, state)}"
            )
        stuck = why_stuck(campaign, state)
        thinking = campaign.driving and _thinking(campaign)
        settle = _SETTLE_ELSEWHERE if campaign.driven_elsewhere() else _SETTLE
        if stuck and not thinking and now - still_since >= settle:
            return Waited(reached=ended is None, ended=count, reason=f"{count} runs have ended. {stuck}")
        if deadline is not None and now >= deadline:
            goes_on = " ".join(["The campaign goes on.", *(t.message for t in state.troubles.values())])
            words = "The AI is still thinking." if stuck and thinking else stuck or goes_on
            reason = f"{count} runs have ended after {timeout:g} s. {words}"
            return Waited(reached=False, ended=count, reason=reason)
        await asyncio.sleep(_PACE)
        await asyncio.to_thread(campaign.journal.wait, position, _LOOK)


def _fresh(campaign: Campaign) -> State:
    campaign.journal.refresh()
    return campaign.journal.state


def _ended(state: State) -> int:
    return sum(count for end, count in state.totals.ended.items() if end != "withdrawn")


def _thinking(campaign: Campaign) -> bool:
    driver = campaign.opened.driver
    return driver is not None and driver.thinking


def _goes_on(campaign: Campaign, state: State) -> str:
    """That rules accept further runs although nobody waits for them any more."""
    if not (campaign.driving or campaign.driven_elsewhere()) or not state.active:
        return ""
    from aisteer.steering.rules import Ask

    if state.autonomy in ({}, Ask().to_json()):
        return ""
    return " Rules go on deciding: campaign.autonomy = ai.Ask() takes back control."


def why_stuck(campaign: Campaign, state: State) -> str:
    """Why nothing can happen without a human, and what would; empty while something can."""
    driver = campaign.opened.driver
    if not (driver is not None and driver.alive) and not campaign.driven_elsewhere():
        return (driver.problem if driver else "") or "No driver is at work: call campaign.start()."
    with campaign.journal.lock:
        if state.live:
            return ""
        if not state.active:
            why = f" ({state.pause_reason})" if state.pause_reason else ""
            return f"The campaign is paused{why}: call campaign.start()."
        if state.accepted or rules_may_decide(state):
            return ""
        return " ".join([*_moves(state), *(trouble.message for trouble in state.troubles.values())])


def _moves(state: State) -> list[str]:
    """What a human could do, in sentences."""
    words = []
    waiting = [state.proposals[name] for name in state.waiting]
    if waiting:
        verb = "proposal waits" if len(waiting) == 1 else "proposals wait"
        words.append(f"{len(waiting)} {verb} for a decision: see campaign.proposals.waiting.")
        if state.remaining < min(
            (p.cost for p in waiting if p.action not in {"finish", "stop"}), default=0.0
        ):
            left = f"{max(state.remaining, 0):g}"
            words.append(f"The budget has {left} left, which covers none of them: raise campaign.budget.")
    if any(state.proposals[name].action == "finish" for name in state.waiting):
        words.append("One of them is to end the campaign: no rule begins another run until it is decided.")
    paused = sum(1 for run in state.runs.values() if run.state == "paused")
    if paused:
        words.append(f"{paused} paused: go on with campaign.runs[…].resume().")
    return words or ["Nothing is proposed any more: propose a point, or raise what limits it."]


def rules_may_decide(state: State) -> bool:
    """Whether the autonomy rules will decide about something that waits, now or when time has passed."""
    from aisteer.steering.autonomy import Context, judge

    now = time.time()
    for name in state.waiting:
        proposal = state.proposals[name]
        rule = state.rule_for(proposal.task)
        if not rule or not state.may_decide(name, begins=False):
            continue
        verdict = judge(rule, proposal, Context.of(state, proposal, now))
        if verdict.verdict == "accept" and not state.may_decide(name, begins=True):
            continue
        if verdict.verdict != "ask" or verdict.next_look is not None:
            return True
    return False


def _refuse_old_kernel() -> None:
    kernel = sys.modules.get("ipykernel")
    shell = sys.modules.get("IPython")
    if kernel is None or shell is None or shell.get_ipython() is None:
        return
    if not hasattr(shell.get_ipython(), "kernel"):
        return
    version = tuple(int(part) for part in str(kernel.__version__).split(".")[:1])
    if version < (7,):
        raise NotSupported(
            f"This kernel is ipykernel {kernel.__version__}. Before version 7 a waiting cell holds up every "
            "click, so nobody could decide anything. The campaign goes on by itself: look at it without "
            "waiting, or upgrade: pip install 'ipykernel>=7'."
        )
