"""How the AI of a task is steered: what was set, by whom and why, and how it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import moment
from aisteer.campaign.points import spaces_of
from aisteer.campaign.preformatted import preformatted
from aisteer.journal import commands as cmd
from aisteer.problem.pool import Pool
from aisteer.problem.regions import box_in_words, check_room, ruled_out, value_in_words

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import State
    from aisteer.problem.space import Space

__all__ = ["Steering", "setting_in_words", "steer"]

Json = dict[str, Any]


class Steering:
    """The settings of a task's AI as they were read: ``campaign.steering()``, or what ``campaign.steer(…)`` answers.

    Attributes:
        task: The task.
        settings: Setting to value; what is absent is as the policy has it by itself.
        said: Setting to ``by``, ``time`` (Unix), ``reason``, ``position`` and ``before`` of its last change.
        withdrawn: Waiting proposals that this steering ruled out.
    """

    def __init__(
        self, campaign: Campaign, task: str, position: int = 0, withdrawn: tuple[str, ...] = ()
    ) -> None:
        self._campaign = campaign
        self._position = position
        self.task = task
        self.withdrawn = withdrawn
        with campaign.journal.lock:
            state = campaign.state
            self.settings: Json = dict(state.steering.get(task, {}))
            self.said: dict[str, Json] = dict(state.steered.get(task, {}))

    def undo(self, reason: str = "") -> Steering:
        """Take this steering back; of ``campaign.steering()``, the last one.

        Raises:
            Refused: What it set was changed since.
        """
        position = self._position or max((what["position"] for what in self.said.values()), default=0)
        campaign = self._campaign
        before = {n: what["before"] for n, what in self.said.items() if what["position"] == position}
        merged = {n: v for n, v in {**self.settings, **before}.items() if v is not None}
        named = _ruled_out(campaign.state, campaign.space(self.task), self.task, merged)
        command = cmd.Unsteer(
            actor=campaign.actor, task=self.task, position=position, reason=reason, ruled_out=named
        )
        return _answer(campaign, self.task, command)

    def frame(self) -> Any:
        """A table, one row per setting.

        Raises:
            MissingExtra: pandas is not installed.
        """
        from aisteer.problem.frames import data_frame

        rows = []
        for name, value in self.settings.items():
            what = self.said[name]
            said = {"by": what["by"], "time": moment(what["time"]), "reason": what["reason"]}
            rows.append({"setting": name, "value": value, **said})
        return data_frame(rows, index="setting")

    def words(self) -> list[str]:
        """A line for each setting: what, by whom, why."""
        space = self._campaign.space(self.task)
        lines = []
        for name, value in self.settings.items():
            what = self.said[name]
            why = f": {what['reason']}" if what["reason"] else ""
            lines.append(f"{setting_in_words(name, value, space)} (by {what['by']}{why})")
        return lines

    def __repr__(self) -> str:
        lines = self.words() or ["nothing is steered: the AI goes by itself"]
        if self.withdrawn:
            lines.append(f"withdrawn, as it is ruled out now: {', '.join(self.withdrawn)}")
        return "\n".join([f"Steering of {self.task!r}", *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        return preformatted(repr(self))


def setting_in_words(name: str, value: Any, space: Space | Pool | None = None) -> str:
    """``temperature pinned to 300 K``, ``forbidden: temperature 300 to 500 K``, ``exploration 2``."""
    if name == "pinned":
        return ", ".join(
            f"{name} pinned to {value_in_words(space, name, pin)}" for name, pin in value.items()
        )
    if name in {"forbidden", "favoured"}:
        return f"{name}: " + "; ".join(box_in_words(space, box) for box in value)
    if name == "weights":
        return "weights " + ", ".join(f"{outcome} {weight:g}" for outcome, weight in value.items())
    if name == "trust_region" and isinstance(value, bool):
        return "trust region on" if value else "trust region off"
    return (
        f"{name.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{name.replace('_', ' ')} {value}"
    )


def steer(campaign: Campaign, task: str | None, change: Mapping[str, Any], reason: str) -> Steering:
    """Change settings of a task's AI; see ``Campaign.steer``."""
    name = campaign.task_named(task)
    state = campaign.state
    space = spaces_of(state.definition, campaign.folder, name)
    plain = cmd.checked(space, state.definition["tasks"][name], dict(change))
    merged = {n: v for n, v in {**state.steering.get(name, {}), **plain}.items() if v is not None}
    check_room(space, merged)
    named = _ruled_out(state, space, name, merged)
    command = cmd.Steer(actor=campaign.actor, task=name, change=plain, reason=reason, ruled_out=named)
    return _answer(campaign, name, command)


def _ruled_out(state: State, space: Space | Pool, task: str, settings: Json) -> list[str]:
    """Waiting proposals of the AI that settings leave out, where the gate cannot see it: in a pool."""
    if not isinstance(space, Pool):
        return []
    waiting = [state.proposals[name] for name in list(state.waiting)]
    mine = [p for p in waiting if p.task == task and p.action == "start" and p.origin in {"ai", "random"}]
    return [p.id for p in mine if ruled_out(space, settings, p.parameters)]


def _answer(campaign: Campaign, task: str, command: cmd.Command) -> Steering:
    from aisteer.journal.events import ProposalWithdrawn, Steered

    events = campaign.submit(command).events
    position = next((r.position for r in events if isinstance(r.event, Steered)), 0)
    withdrawn = tuple(r.event.proposal for r in events if isinstance(r.event, ProposalWithdrawn))
    return Steering(campaign, task, position, withdrawn)
