"""What a view asks for, carried out by the same calls that a cell would make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aisteer.errors import AisteerError, Refused, StaleRevision
from aisteer_widgets.ordered import observation_of, text_of, values_of
from aisteer_widgets.saving import Progress, save_figure
from aisteer_widgets.steering_orders import STEERING

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
    verb = str(order.get("verb"))
    if verb in STEERING:
        return _told(lambda: Answer(ok=True, message=STEERING[verb](campaign, order)))
    try:
        handler = _VERBS[verb]
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
    handle = _seen(campaign, order).reject(text_of(order, "reason"))
    return Answer(ok=True, message=f"{handle.id} is rejected.")


def _edit(campaign: Any, order: Mapping[str, Any]) -> Answer:
    handle = _seen(campaign, order)
    child = handle.edit(reason=text_of(order, "reason"), **values_of(order))
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
    values = values_of(order)
    if not values:
        raise Refused("Give the candidate's values first. Nothing was proposed.")
    handle = campaign.propose(task=text_of(order, "task") or None, reason=text_of(order, "reason"), **values)
    return Answer(ok=True, message=f"Your candidate is {handle.id}.", select=handle.id)


def _retry(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    values = {**run.parameters, **values_of(order)}
    reason = text_of(order, "reason") or f"again after {run.id}"
    handle = campaign.propose(task=run.snapshot.task, reason=reason, repeat=True, **values)
    return Answer(
        ok=True, message=f"{handle.id} proposes it again; it waits for your acceptance.", select=handle.id
    )


def _run(campaign: Any, order: Mapping[str, Any]) -> Any:
    return campaign.runs[str(order.get("run"))]


def _stop(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.stop(text_of(order, "reason"))
    return Answer(ok=True, message=f"Stop of {run.id} is requested; it holds when the run says so.")


def _pause_run(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.pause(text_of(order, "reason"))
    return Answer(ok=True, message=f"Pause of {run.id} is requested; it writes a checkpoint first.")


def _resume(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    run.resume()
    return Answer(ok=True, message=f"{run.id} is queued again, from its checkpoint.")


def _extend(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    made = run.extend(reason=text_of(order, "reason"), **values_of(order))
    words = f"{made.id} continues it." if made.id != run.id else "the run has been told."
    return Answer(ok=True, message=f"{run.id} is extended: {words}")


def _branch(campaign: Any, order: Mapping[str, Any]) -> Answer:
    run = _run(campaign, order)
    at, given = observation_of(order), values_of(order)
    if at is not None:
        given = {**given, "from_observation": at}
    made = run.branch(reason=text_of(order, "reason"), **given)
    where = "last checkpoint" if at is None else f"checkpoint nearest to observation {at:,}"
    return Answer(ok=True, message=f"{made.id} branches {run.id} from its {where}.")


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
}
