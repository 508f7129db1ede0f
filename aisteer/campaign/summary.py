"""A campaign in a few lines, for a terminal or a kernel without widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aisteer.campaign.described import describe_proposal, describe_run
from aisteer.campaign.preformatted import preformatted
from aisteer.campaign.starting import driven_elsewhere
from aisteer.campaign.steering import setting_in_words
from aisteer.campaign.trust import warning
from aisteer.problem.resources import in_unit
from aisteer.problem.space import Space

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import State

__all__ = ["as_html", "as_text"]

_SHOWN = 8


def as_text(campaign: Campaign) -> str:
    """The campaign as plain text."""
    with campaign.journal.lock:
        state = campaign.state
        waiting = [state.proposals[name] for name in list(state.waiting)]
        live = [state.runs[name] for name in list(state.live)]
        ended = ", ".join(f"{count} {end}" for end, count in state.totals.ended.items()) or "none ended"
        moving = (
            "started"
            if state.active
            else "paused" + (f": {state.pause_reason}" if state.pause_reason else "")
        )
        lines = [f"Campaign {state.name!r:.120} ({moving}; {campaign.driven_by()})"]
        driven = campaign.driving or driven_elsewhere(campaign)
        known = f"{len(live)} live" if driven or not live else f"{len(live)} live when last heard of"
        lines.append(f"  runs: {known}, {ended}; proposals: {len(waiting)} waiting of {len(state.proposals)}")
        if state.added:
            rows = sum(data["rows"] - len(data["bad"]) for data in state.added.values())
            lines.append(f"  data from elsewhere: {rows:,} rows ({', '.join(state.added)})")
        if state.budget is not None:
            amount, unit = state.budget["amount"], state.budget["unit"]
            spent, reserved, counts = state.spent, state.reserved, state.budget["counts"]
            lines.append(
                f"  budget: {spent:.4g} {counts}, {reserved:.4g} reserved of {in_unit(amount, unit)}"
            )
        for task, settings in state.steering.items():
            whose, space = "" if len(state.steering) == 1 else f" ({task})", _box(state, task)
            lines += [f"  steered{whose}: {setting_in_words(n, v, space)}" for n, v in settings.items()]
        fits = {task: warning(fit.summary) for task, fit in state.models.items()}
        lines += [f"  surrogate of {task}: {words}" for task, words in fits.items() if words]
        troubles = list(state.troubles.values())
    lines += [f"  {describe_proposal(one, state)}" for one in waiting[:_SHOWN]]
    last = "" if driven else " · as last heard of"
    lines += [f"  {describe_run(one, state)}{last}" for one in live[:_SHOWN]]
    lines += [f"  trouble: {one.message}" for one in troubles[:_SHOWN]]
    return "\n".join(lines)


def _box(state: State, task: str) -> Space | None:
    """A task's box, for its units; candidates of a pool are not read for that."""
    space = state.definition["tasks"].get(task, {}).get("space") or {}
    return Space.from_json(space) if space.get("kind") == Space.kind else None


def as_html(campaign: Campaign) -> str:
    """The same, escaped."""
    return preformatted(as_text(campaign))
