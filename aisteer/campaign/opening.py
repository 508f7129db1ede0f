"""``ai.open``: the same campaign, tomorrow."""

from __future__ import annotations

from pathlib import Path

from aisteer.campaign.campaign import Campaign
from aisteer.campaign.opened import Opened
from aisteer.errors import BadDefinition, UnknownName
from aisteer.journal.names import folder_for, root
from aisteer.journal.store import Journal
from aisteer.problem.naming import did_you_mean
from aisteer.steering.foreign_generators import ForeignMind, named, replaceable

__all__ = ["campaigns", "nothing_in", "open_campaign"]


def campaigns(folder: str | Path | None = None) -> list[Path]:
    """The folders of all campaigns below ``folder``."""
    place = Path(folder) if folder is not None else root()
    if not place.is_dir():
        return []
    found = (one for one in sorted(place.iterdir()) if one.is_dir())
    return [one for one in found if (one / "journal.db").exists() or (one / "campaign.json").exists()]


def nothing_in(folder: str | Path | None) -> str:
    """That there is no campaign in ``folder``, and where there are some instead."""
    place = Path(folder) if folder is not None else root()
    near = [one for one in sorted(place.absolute().parent.glob(f"*/{root().name}")) if campaigns(one)]
    if near:
        words = f"There are some in {', '.join(map(str, near[:3]))}: say aisteer --folder {near[0]} …"
    else:
        words = (
            "Say where they are with --folder or $AISTEER_CAMPAIGNS, or create one with ai.Campaign(name, …)."
        )
    return f"There is no campaign in {place.absolute()}. {words}"


def open_campaign(
    name: str,
    *,
    trust: bool = False,
    folder: str | Path | None = None,
    journal: str | None = None,
    policy: object = None,
) -> Campaign:
    """Open a campaign that exists: nothing is lost, and runs that go on are picked up by ``start()``.

    Args:
        name: Its name.
        trust: Run its code even though its files belong to another user.
        folder: The folder that holds campaigns; ``$AISTEER_CAMPAIGNS`` or ``campaigns`` if not given.
        journal: The PostgreSQL URL that its journal is kept on, where the folder does not say.
        policy: ``ai.generator(…)`` of an object, in the place of the one that proposed in a process that is gone.

    Raises:
        UnknownName: There is none of this name.
        JournalDamaged: Its journal cannot be read.
        BadDefinition: ``policy`` is not what the campaign was defined with.
    """
    place = folder_for(name, Path(folder) if folder is not None else root())
    opened = Opened.get(place)
    if opened is None:
        try:
            opened = Opened.keep(place, Journal.open(place, url=journal))
        except UnknownName:
            names = [one.name for one in campaigns(place.parent)]
            known = f"There are {', '.join(names[:20])}." if names else nothing_in(place.parent)
            raise UnknownName(
                f"There is no campaign {name!r:.80}. {known}{did_you_mean(name, names)}", name=name
            ) from None
    opened.trusted = opened.trusted or trust
    if policy is not None:
        _bring(opened, policy)
    return Campaign._of(opened)  # noqa: SLF001  one of the two ways into a campaign


def _bring(opened: Opened, policy: object) -> None:
    """Put an object in the place of the one of its kind that proposed in a process that is gone."""
    if not isinstance(policy, ForeignMind) or policy.live is None:
        raise BadDefinition(
            f"ai.open(…, policy=…) takes ai.generator(…) of an object, not {policy!r:.100}. Whatever can be made from "
            "the definition is made from it; to change it: campaign.redefine(policy=…)."
        )
    state = opened.journal.state
    minds = {
        name: (task.get("policy") or {}).get("options", {}).get("mind") or {}
        for name, task in state.definition["tasks"].items()
    }
    of_its_kind = [name for name, mind in minds.items() if replaceable(mind, policy.data)]
    if not of_its_kind:
        known = ", ".join(f"{named(mind)} for {name!r}" for name, mind in minds.items() if mind) or "none"
        raise BadDefinition(
            f"The campaign {state.name!r:.80} has no mind that {named(policy.data)} could stand in for (it has "
            f"{known}). To take another one: campaign.redefine(policy=…)."
        )
    opened.minds.update(dict.fromkeys(of_its_kind, policy.live))
