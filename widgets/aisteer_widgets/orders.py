"""What a view asks for, carried out by the same calls that a cell would make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aisteer.errors import AisteerError, Refused, StaleRevision
from aisteer_widgets.saving import Progress, save_figure
from aisteer_widgets.view_models.autonomy import earned, rule_named

__all__ = ["Answer", "carry_out"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order. ``select`` is the proposal to show next, ``path`` where something was written."""

    ok: bool
    message: str
    select: str = ""
    run: str = ""
    path: str = ""


def _silent(step: int, steps: int, words: str) -> None:
    """Progress that nobody looks at."""


def carry_out(campaign: Any, order: Mapping[str, Any], progress: Progress = _silent) -> Answer:
    """Do what is asked, or say why not. Nothing is swallowed and nothing is raised.

    Args:
        campaign: The campaign.
        order: ``verb`` and what it needs; ``revision`` is the one that the human saw.
        progress: Told of the steps of an order that takes several.
    """
    if order.get("verb") == "figure":
        return _told(lambda: _figure(campaign, order, progress))
    try:
        handler = _VERBS[str(order.get("verb"))]
    except KeyError:
        return Answer(
            ok=False,
            message="This view asked for something that this release does not know. Reload the page.",
        )
    return _told(lambda: handler(campaign, order))


def _told(act: Callable[[], Answer]) -> Answer:
    try:
        return act()
    except (AisteerError, OSError) as error:
        return Answer(ok=False, message=str(error))
    except Exception as error:  # noqa: BLE001  whatever it was, the human who clicked must be told
        return Answer(
            ok=False, message=f"It was not done: {type(error).__name__}: {error}. The campaign goes on."
        )


def _seen(campaign: Any, order: Mapping[str, Any]) -> Any:
    """The proposal at the revision that the human saw, so that a stale decision is refused."""
    handle = campaign.proposals[str(order.get("proposal"))]
    revision = order.get("revision")
    if isinstance(revision, int) and revision != handle.revision:
        handle.snapshot = replace(handle.snapshot, revision=revision)
    return handle


def _accept(campaign: Any, order: Mapping[str, Any]) -> Answer:
    handle = _seen(campaign, order).accept()
    return Answer(ok=True, message=f"{handle.id} is accepted.")


def _reject(campaign: Any, order: Mapping[str, Any]) -> Answer:
    handle = _seen(campaign, order).reject(_text(order, "reason"))
    return Answer(ok=True, message=f"{handle.id} is rejected.")


def _edit(campaign: Any, order: Mapping[str, Any]) -> Answer:
    handle = _seen(campaign, order)
    child = handle.edit(reason=_text(order, "reason"), **_values(order))
    return Answer(
        ok=True,
        message=f"Your edit of {handle.id} is {child.id}; it waits for your acceptance.",
        select=child.id,
    )


def _undo(campaign: Any, order: Mapping[str, Any]) -> Answer:
    handle = campaign.proposals[str(order.get("proposal"))]
    revision, decision = order.get("revision"), handle.snapshot.decision
    if isinstance(revision, int) and decision is not None and decision.position > revision:
        raise StaleRevision(
            f"{handle.id} was decided again since this was shown. Nothing was undone; look again.",
            proposal=handle.id,
            seen=revision,
            now=handle.revision,
        )
    handle.undo()
    if handle.state == "launched":
        return Answer(
            ok=True, message=f"Withdrawal of {handle.id} is requested: it holds unless its run has started."
        )
    return Answer(ok=True, message=f"{handle.id} waits for a decision again.", select=handle.id)


def _propose(campaign: Any, order: Mapping[str, Any]) -> Answer:
    values = _values(order)
    if not values:
        raise Refused("Give the candidate's values first. Nothing was proposed.")
    handle = campaign.propose(task=_text(order, "task") or None, reason=_text(order, "reason"), **values)
    return Answer(ok=True, message=f"Your candidate is {handle.id}.", select=handle.id)


def _retry(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    values = {**run.parameters, **_values(order)}
    reason = _text(order, "reason") or f"again after {run.id}"
    handle = campaign.propose(task=run.snapshot.task, reason=reason, repeat=True, **values)
    return Answer(
        ok=True, message=f"{handle.id} proposes it again; it waits for your acceptance.", select=handle.id
    )


def _run(campaign: Any, order: Mapping[str, Any]) -> Any:
    return campaign.runs[str(order.get("run"))]


def _stop(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.stop(_text(order, "reason"))
    return Answer(ok=True, message=f"Stop of {run.id} is requested; it holds when the run says so.")


def _pause_run(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.pause(_text(order, "reason"))
    return Answer(ok=True, message=f"Pause of {run.id} is requested; it writes a checkpoint first.")


def _resume(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.resume()
    return Answer(ok=True, message=f"{run.id} is queued again, from its checkpoint.")


def _extend(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    made = run.extend(reason=_text(order, "reason"), **_values(order))
    words = f"{made.id} continues it." if made.id != run.id else "the run has been told."
    return Answer(ok=True, message=f"{run.id} is extended: {words}")


def _branch(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    made = run.branch(reason=_text(order, "reason"), **_values(order))
    return Answer(ok=True, message=f"{made.id} branches {run.id} from its last checkpoint.")


def _start(campaign: Any, order: Mapping[str, Any]) -> Answer:
    del order
    campaign.start()
    return Answer(ok=True, message="The campaign is started.")


def _pause(campaign: Any, order: Mapping[str, Any]) -> Answer:
    if order.get("run"):
        return _pause_run(campaign, order)
    campaign.pause()
    return Answer(ok=True, message="The campaign is paused; live runs go on.")


def _figure(campaign: Any, order: Mapping[str, Any], progress: Progress) -> Answer:
    words, folder = save_figure(campaign, order, progress)
    return Answer(ok=True, message=f"{words}.", path=str(folder))


def _autonomy(campaign: Any, order: Mapping[str, Any]) -> Answer:
    rule = rule_named(_text(order, "value"))
    campaign.autonomy = rule
    return Answer(ok=True, message=f"From now on: {rule}.")


def _steer(campaign: Any, order: Mapping[str, Any]) -> Answer:
    change = order.get("change")
    if not isinstance(change, Mapping) or not change:
        raise Refused("Nothing was given to steer by. Nothing was changed.")
    steering = campaign.steer(_text(order, "task") or None, reason=_text(order, "reason"), **dict(change))
    return Answer(ok=True, message=f"The AI is steered{_withdrawn(steering)}.")


def _pin(campaign: Any, order: Mapping[str, Any]) -> Answer:
    """Pin further parameters, or release those whose value is ``None``; others stay pinned."""
    given = order.get("pins")
    pins = dict(given) if isinstance(given, Mapping) else {}
    task = _text(order, "task") or None
    now = {**(campaign.steering(task).settings.get("pinned") or {}), **pins}
    kept = {name: value for name, value in now.items() if value is not None}
    steering = campaign.steer(task, reason=_text(order, "reason"), pinned=kept or None)
    words = ", ".join(f"{name} {value}" for name, value in kept.items()) or "nothing"
    return Answer(ok=True, message=f"Pinned: {words}{_withdrawn(steering)}.")


def _unsteer(campaign: Any, order: Mapping[str, Any]) -> Answer:
    steering = campaign.steering(_text(order, "task") or None).undo(_text(order, "reason"))
    return Answer(ok=True, message=f"The last steering is taken back{_withdrawn(steering)}.")


def _withdrawn(steering: Any) -> str:
    names = ", ".join(steering.withdrawn[:8])
    return f"; withdrawn, as it leaves them out: {names}" if names else ""


def _mark(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    if order.get("bad"):
        run.mark_bad(_text(order, "reason"))
        return Answer(ok=True, message=f"{run.id} is marked bad: it leaves the fit, and can be put back.")
    run.unmark(_text(order, "reason"))
    return Answer(ok=True, message=f"{run.id} is in the fit again.")


def _mark_data(campaign: Any, order: Mapping[str, Any]) -> Answer:
    data = campaign.data[_text(order, "data")]
    if order.get("bad"):
        data.mark_bad(reason=_text(order, "reason"))
        return Answer(ok=True, message=f"{data.id} leaves the fit, and can be put back.")
    data.unmark(reason=_text(order, "reason"))
    return Answer(ok=True, message=f"{data.id} is in the fit again.")


def _rule(campaign: Any, order: Mapping[str, Any]) -> Answer:
    rule = earned(order)
    campaign.autonomy = rule
    return Answer(ok=True, message=f"From now on: {rule}.")


def _oversee(campaign: Any, order: Mapping[str, Any]) -> Answer:
    """What the AI is tested by, and when it proposes the end; a rule that is empty is none."""
    given = order.get("finish")
    finish = {
        n: v for n, v in (given if isinstance(given, Mapping) else {}).items() if v not in (None, "", False)
    }
    shares = {n: order[n] for n in ("audit", "counterfactual", "early_stopping") if order.get(n) is not None}
    words = campaign.redefine(reason=_text(order, "reason"), finish=finish or None, **shares)
    return Answer(ok=True, message=f"{'; '.join(words)}." if words else "That is how it stood before.")


def _text(order: Mapping[str, Any], name: str) -> str:
    value = order.get(name)
    return value[:2000] if isinstance(value, str) else ""


def _values(order: Mapping[str, Any]) -> Json:
    values = order.get("values")
    return {str(k): v for k, v in values.items()} if isinstance(values, Mapping) else {}


_VERBS: dict[str, Callable[[Any, Mapping[str, Any]], Answer]] = {
    "accept": _accept,
    "reject": _reject,
    "edit": _edit,
    "undo": _undo,
    "propose": _propose,
    "retry": _retry,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "extend": _extend,
    "branch": _branch,
    "start": _start,
    "autonomy": _autonomy,
    "rule": _rule,
    "oversee": _oversee,
    "steer": _steer,
    "pin": _pin,
    "unsteer": _unsteer,
    "mark": _mark,
    "unmark": _mark,
    "mark_data": _mark_data,
}
