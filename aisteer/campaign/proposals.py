"""Proposals in the user's hands: snapshots that know the revision they were read at."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import proposal_row
from aisteer.campaign.described import describe_proposal
from aisteer.campaign.preformatted import in_lines, preformatted
from aisteer.errors import UnknownName
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.problem.frames import data_frame

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import Proposal
    from aisteer.steering.autonomy import Verdict

__all__ = ["ProposalHandle", "Proposals"]

Json = dict[str, Any]


class ProposalHandle:
    """A proposal as it was read, and what can be done with it.

    A decision is made on what was read: when somebody else decided meanwhile, it is refused with what
    changed. Its own decisions move the handle along.

    Attributes:
        snapshot: The proposal as the journal had it.
    """

    def __init__(self, campaign: Campaign, snapshot: Proposal) -> None:
        self._campaign = campaign
        self.snapshot = snapshot

    # --- looking at it ------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its name, such as ``P3``."""
        return self.snapshot.id

    @property
    def parameters(self) -> Json:
        """Values by parameter name."""
        return dict(self.snapshot.parameters)

    @property
    def state(self) -> str:
        """``waiting``, ``accepted``, ``launched``, ``rejected``, ``edited`` or ``withdrawn``, as read."""
        return self.snapshot.state

    @property
    def predicted(self) -> dict[str, tuple[float, float]]:
        """Outcome name to predicted mean and standard deviation."""
        return {name: (mean, std) for name, (mean, std) in self.snapshot.predicted.items()}

    @property
    def reasons(self) -> tuple[Json, ...]:
        """What the numbers are made of."""
        return self.snapshot.reasons

    @property
    def revision(self) -> int:
        """The journal's position at which it last changed."""
        return self.snapshot.revision

    @property
    def run(self) -> str | None:
        """The run that came of it."""
        return self.snapshot.launched

    def verdict(self) -> Verdict:
        """What the autonomy rules say of it now: ``accept``, ``ask`` or ``reject``, and why, with their numbers."""
        from aisteer.steering.autonomy import Context, judge
        from aisteer.steering.rules import Ask

        journal = self._campaign.journal
        journal.refresh()
        with journal.lock:
            state = journal.state
            now = state.proposals[self.id]
            return judge(
                state.rule_for(now.task) or Ask().to_json(), now, Context.of(state, now, time.time())
            )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.snapshot, name)

    def refresh(self) -> ProposalHandle:
        """The same proposal as it stands now."""
        return self._campaign.proposals[self.id]

    def __repr__(self) -> str:
        return describe_proposal(self.snapshot, self._campaign.journal.state)

    def __str__(self) -> str:
        return in_lines(repr(self))

    def _repr_html_(self) -> str:
        return preformatted(repr(self))

    # --- deciding -----------------------------------------------------------------------------

    def accept(self, reason: str = "", *, hold: float | None = None) -> ProposalHandle:
        """Let it run. It launches after the campaign's ``hold``, and can be undone until it is claimed.

        Args:
            reason: Kept with the decision.
            hold: Seconds before it can launch, instead of the campaign's.

        Raises:
            StaleRevision: It changed since it was read.
            BudgetExceeded: The budget does not cover it.
        """
        if self._agreed("accepted"):
            return self
        wait = self._campaign.hold if hold is None else float(hold)
        return self._decide(
            cmd.Accept(
                actor=self._campaign.actor, proposal=self.id, revision=self.revision, hold=wait, reason=reason
            )
        )

    def reject(self, reason: str = "") -> ProposalHandle:
        """Do not run it.

        Raises:
            StaleRevision: It changed since it was read.
        """
        if self._agreed("rejected"):
            return self
        return self._decide(
            cmd.Reject(actor=self._campaign.actor, proposal=self.id, revision=self.revision, reason=reason)
        )

    def edit(self, *, reason: str = "", resources: Any = None, **parameters: Any) -> ProposalHandle:
        """Replace it by a new proposal with other values, which waits for its own decision.

        Args:
            reason: Kept with the edit.
            resources: ``ai.Resources`` for this one run.
            **parameters: What changes; the rest stays.

        Returns:
            The new proposal.

        Raises:
            BadParameters: The new values do not fit the space.
            StaleRevision: It changed since it was read.
        """
        campaign = self._campaign
        merged = campaign.validate(
            {**self.snapshot.parameters, **parameters}, self.snapshot.task, edit=parameters
        )
        now = self.refresh().snapshot
        if now.state == "edited" and now.child is not None:
            child = campaign.proposals[now.child]
            if child.parameters == merged and self._mine(now):
                self.snapshot = now
                return child
        receipt = campaign.submit(
            cmd.Edit(
                actor=campaign.actor,
                proposal=self.id,
                revision=self.revision,
                parameters=merged,
                reason=reason,
                cost=campaign.cost(self.snapshot.task, resources or self.snapshot.resources),
                resources=None if resources is None else resources.to_json(),
            )
        )
        self.snapshot = self.refresh().snapshot
        made = [r.event for r in receipt.events if isinstance(r.event, ev.ProposalMade)]
        return campaign.proposals[made[-1].proposal]

    def undo(self) -> ProposalHandle:
        """Take the decision back; the proposal waits again. Possible until its run is claimed.

        Raises:
            Refused: There is no decision, or the run has started.
            StaleRevision: Somebody decided anew since it was read.
        """
        now = self.refresh().snapshot
        mine, theirs = self.snapshot.decision, now.decision
        # A launch moves the revision, but it is still the decision that was read.
        same = mine is not None and theirs is not None and mine.position == theirs.position
        revision = now.revision if same else self.revision
        return self._decide(cmd.Undo(actor=self._campaign.actor, proposal=self.id, revision=revision))

    def _decide(self, command: cmd.Command) -> ProposalHandle:
        self._campaign.submit(command)
        self.snapshot = self.refresh().snapshot
        return self

    def _agreed(self, verdict: str) -> bool:
        """Whether we decided so already (the cell ran twice); then the handle only moves along."""
        now = self.refresh().snapshot
        decided = now.decision is not None and now.decision.verdict == verdict and now.state != "withdrawn"
        if decided and self._mine(now):
            self.snapshot = now
            return True
        return False

    def _mine(self, proposal: Proposal) -> bool:
        return proposal.decision is not None and proposal.decision.by == self._campaign.actor


class Proposals(Mapping[str, ProposalHandle]):
    """All proposals of a campaign, by name: ``campaign.proposals["P3"]``."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    def __getitem__(self, name: str) -> ProposalHandle:
        state = self._campaign.state
        try:
            return ProposalHandle(self._campaign, state.proposals[str(name)])
        except KeyError:
            last = f"P{state.next_proposal - 1}"
            known = f"They go from P1 to {last}." if state.next_proposal > 1 else "There are none yet."
            message = f"There is no proposal {name!r} in {state.name!r:.80}. {known}"
            raise UnknownName(message, name=name) from None

    def __iter__(self) -> Iterator[str]:
        with self._campaign.journal.lock:
            return iter(list(self._campaign.state.proposals))

    def __len__(self) -> int:
        return len(self._campaign.state.proposals)

    @property
    def waiting(self) -> list[ProposalHandle]:
        """Those that wait for a decision, oldest first."""
        with self._campaign.journal.lock:
            state = self._campaign.state
            return [ProposalHandle(self._campaign, state.proposals[name]) for name in state.waiting]

    def frame(self, task: str | None = None) -> pd.DataFrame:
        """A table, one row per proposal.

        Raises:
            MissingExtra: pandas is not installed.
        """
        with self._campaign.journal.lock:
            found = list(self._campaign.state.proposals.values())
        rows = [proposal_row(p) for p in found if task is None or p.task == task]
        return data_frame(rows, index="proposal")

    def __repr__(self) -> str:
        waiting = self.waiting
        words = f"{len(self)} proposals, {len(waiting)} waiting"
        return "\n".join([words, *(f"  {one!r}" for one in waiting[:10])])
