"""Runs in the user's hands: watch, stop, pause, extend, branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aisteer.campaign.checkpoints import last_checkpoint, nearest_checkpoint
from aisteer.campaign.columns import run_row
from aisteer.campaign.described import describe_run
from aisteer.campaign.files import file_of
from aisteer.campaign.observations import Observations
from aisteer.campaign.preformatted import in_lines, preformatted
from aisteer.campaign.printed import printed
from aisteer.campaign.proposals import ProposalHandle
from aisteer.errors import BadParameters, NotSupported, Refused, UnknownName
from aisteer.journal import commands as cmd
from aisteer.problem.frames import data_frame
from aisteer.problem.objective import Estimate
from aisteer.problem.simulation import check_controls

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from aisteer.campaign.campaign import Campaign
    from aisteer.journal.state import Run

__all__ = ["RunHandle", "Runs"]

Json = dict[str, Any]


class RunHandle:
    """A run: always as it stands now, and what can be asked of it."""

    def __init__(self, campaign: Campaign, name: str) -> None:
        self._campaign = campaign
        self.id = name

    # --- looking at it ------------------------------------------------------------------------

    @property
    def snapshot(self) -> Run:
        """The run as the journal has it now."""
        return self._campaign.state.runs[self.id]

    @property
    def state(self) -> str:
        """Where it stands (``accepted``, ``waiting``, ``running``, ``ended`` …; see ``Run``)."""
        return self.snapshot.state

    @property
    def end(self) -> str:
        """How it ended (``done``, ``partial``, ``failed``, ``lost``, ``withdrawn``); empty while it lives."""
        return self.snapshot.end

    @property
    def parameters(self) -> Json:
        """Values by parameter name."""
        return dict(self.snapshot.parameters)

    @property
    def outcome(self) -> dict[str, Estimate]:
        """Outcome name to value with standard error (0 where none was given)."""
        return {name: Estimate(value, error) for name, (value, error) in self.snapshot.outcome.items()}

    @property
    def message(self) -> str:
        """Why it failed and what to do next."""
        return self.snapshot.message

    @property
    def observations(self) -> Observations:
        """What it wrote while it ran, so far."""
        return Observations(self._campaign, self.id)

    def log(self, stream: str = "stderr", *, attempt: int | None = None) -> str:
        """What it printed to ``stderr`` or ``stdout``, so far; of its last attempt unless another is named.

        Raises:
            NotSupported: The campaign is not driven by this process.
            EndpointError, SpoolError: The endpoint does not answer; ask again later.
        """
        return printed(self._campaign, self.id, stream, attempt)

    def file(self, name: str, *, attempt: int | None = None) -> Path:
        """Where a file that it wrote into its folder is, such as ``trajectory.extxyz``; of the last attempt with one.

        Raises:
            NotSupported: The campaign is not driven by this process, or the endpoint's files are not seen from here.
            UnknownName: It wrote no such file.
        """
        return file_of(self._campaign, self.id, name, attempt)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.snapshot, name)

    def __repr__(self) -> str:
        return describe_run(self.snapshot, self._campaign.journal.state)

    def __str__(self) -> str:
        return in_lines(repr(self))

    def _repr_html_(self) -> str:
        return preformatted(repr(self))

    # --- what is possible ---------------------------------------------------------------------

    def blockers(self) -> dict[str, str]:
        """Each verb to why it is not possible now; an empty reason means that it is."""
        run, simulation = self.snapshot, self._simulation
        live = "" if run.live else f"{self.id} is {run.end or run.state}"
        no_checkpoint = "" if simulation.get("checkpoint") else self._no_checkpoint
        controls = "" if simulation.get("controls") else f"{simulation['name']!r} has no controls"
        found = {
            "stop": "" if run.state == "paused" else live,
            "set": live or controls,
            "pause": no_checkpoint or live,
            "resume": "" if run.state == "paused" else f"{self.id} is not paused",
            "branch": no_checkpoint or self._without_checkpoint(run),
        }
        found["extend"] = controls if run.live else no_checkpoint or self._without_checkpoint(run)
        return found

    def _without_checkpoint(self, run: Run) -> str:
        if last_checkpoint(run, self._campaign.opened.mirror):
            return ""
        if run.live:
            return f"{self.id} has no checkpoint yet"
        return f"{self.id} ended before it wrote a checkpoint (checkpoint_every=… sets how often, in seconds)"

    @property
    def _simulation(self) -> Json:
        found: Json = self._campaign.state.definition["tasks"][self.snapshot.task]["simulation"]
        return found

    @property
    def _no_checkpoint(self) -> str:
        return (
            f"its simulation {self._simulation.get('name')!r} has no checkpoint "
            "(yield one beside the observation, and decorate it with @ai.simulation(checkpoint=True))"
        )

    def _need(self, verb: str) -> None:
        reason = self.blockers()[verb]
        if reason == self._no_checkpoint:
            raise NotSupported(f"{self.id} cannot {verb}: {reason}. It goes on as it is.", run=self.id)
        if reason:
            raise Refused(f"{self.id} cannot {verb}: {reason}. Nothing was written.", run=self.id)

    # --- asking it ----------------------------------------------------------------------------

    def stop(self, reason: str = "") -> RunHandle:
        """Ask it to stop; what it has so far becomes a partial outcome. Requested until acknowledged."""
        if self._asked("stop") is None:
            self._need("stop")
            self._request("stop", {}, reason)
        return self

    def pause(self, reason: str = "") -> RunHandle:
        """Ask it to write a checkpoint and release its worker.

        Raises:
            NotSupported: Its simulation has no checkpoint.
        """
        if self.state != "paused" and self._asked("pause") is None:
            self._need("pause")
            self._request("pause", {}, reason)
        return self

    def resume(self) -> RunHandle:
        """Queue it again, from its checkpoint."""
        self._campaign.submit(cmd.Resume(actor=self._campaign.actor, run=self.id))
        return self

    def set(self, *, reason: str = "", **values: Any) -> RunHandle:
        """Send controls into it, such as ``steps=400``.

        Raises:
            BadParameters: A name that is no control of its simulation.
        """
        self._need("set")
        check_controls(self._simulation["name"], self._simulation["controls"], values)
        if self._asked("set") != values:
            self._request("set", values, reason)
        return self

    def extend(self, *, reason: str = "", **values: Any) -> RunHandle | ProposalHandle:
        """Let it go further: a control while it runs, afterwards a child run from its last checkpoint.

        Args:
            reason: Kept with the decision.
            **values: Controls as the simulation understands them, such as ``steps=400`` (in all).

        Returns:
            The run itself, or the accepted proposal of its child.

        Raises:
            NotSupported: It ended, and its simulation has no checkpoint.
        """
        if not values:
            known = ", ".join(f"{name}=…" for name in self._simulation["controls"]) or "it has no controls"
            raise Refused(f"Say how far {self.id} should go: extend({known}).", run=self.id)
        if self.snapshot.live:
            return self.set(reason=reason, **values)
        self._need("extend")
        check_controls(self._simulation["name"], self._simulation["controls"], values)
        return self._child("extend", values, reason)

    def branch(
        self, *, reason: str = "", from_observation: int | None = None, **parameters: Any
    ) -> ProposalHandle:
        """Start a child from one of its checkpoints, with other values; the same again is the same child.

        Args:
            reason: Kept with the decision.
            from_observation: Begin from the checkpoint that is nearest to this observation (its number, from 0, as
                in ``observations``; -1 is the last); from the last checkpoint unless given. How near that is,
                ``checkpoint_every`` says.
            **parameters: Values that are not the run's own.

        Returns:
            The accepted proposal of the child.

        Raises:
            NotSupported: Its simulation has no checkpoint.
            BadParameters: The values do not fit the space, there is no such observation, or a parameter of the
                campaign is itself called ``from_observation``.
        """
        self._need("branch")
        known = {*self.snapshot.effective, *self._simulation["controls"]}
        if from_observation is not None and "from_observation" in known:
            raise BadParameters(
                f"{self.id} has a parameter that is called from_observation itself, so branch(from_observation=…) "
                "could mean either. Nothing was written. Without it a branch begins from the last checkpoint; with "
                "another value of that parameter it is a run of its own: campaign.propose(…)."
            )
        return self._child("branch", parameters, reason, from_observation)

    def mark_bad(self, reason: str = "") -> RunHandle:
        """Take its outcome out of the fit."""
        self._campaign.submit(cmd.Mark(actor=self._campaign.actor, run=self.id, bad=True, reason=reason))
        return self

    def unmark(self, reason: str = "") -> RunHandle:
        """Put its outcome back into the fit."""
        self._campaign.submit(cmd.Mark(actor=self._campaign.actor, run=self.id, bad=False, reason=reason))
        return self

    def _asked(self, verb: str) -> Json | None:
        """The values of the last such control, if it still stands: a cell that runs twice asks once."""
        for control in reversed(self.snapshot.controls):
            if control.verb == verb:
                stands = self.snapshot.live and control.answer not in {"refused", "missed"}
                return control.values if stands else None
        return None

    def _request(self, verb: str, values: Json, reason: str) -> None:
        actor = self._campaign.actor
        self._campaign.submit(cmd.Request(actor=actor, run=self.id, verb=verb, values=values, reason=reason))

    def _child(
        self, action: Any, values: Json, reason: str, observation: int | None = None
    ) -> ProposalHandle:
        campaign, run, mirror = self._campaign, self.snapshot, self._campaign.opened.mirror
        resources = campaign.state.proposals[run.proposal].resources
        # What a human chose to do next is no random draw, so it does not count for the random arm.
        own = not campaign.definition["tasks"][run.task].get("baseline")
        task = run.task if own else campaign.task_named(None)
        draft = cmd.Draft(
            task=task,
            parameters=campaign.validate({**run.effective, **values}, task, edit=values),
            origin="human",
            action=action,
            run=self.id,
            restart=(
                last_checkpoint(run, mirror)
                if observation is None
                else nearest_checkpoint(run, mirror, observation)
            ),
            observation=observation,
            cost=campaign.cost(task, resources),
            resources=resources,
            reason=reason,
        )
        return campaign.propose_draft(draft, accept=True)


class Runs(Mapping[str, RunHandle]):
    """All runs of a campaign, by name: ``campaign.runs["R7"]``."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    def __getitem__(self, name: str) -> RunHandle:
        state = self._campaign.state
        if str(name) not in state.runs:
            known = (
                f"They go from R1 to R{state.next_run - 1}." if state.next_run > 1 else "There are none yet."
            )
            raise UnknownName(f"There is no run {name!r} in {state.name!r:.80}. {known}", name=name)
        return RunHandle(self._campaign, str(name))

    def __iter__(self) -> Iterator[str]:
        with self._campaign.journal.lock:
            return iter(list(self._campaign.state.runs))

    def __len__(self) -> int:
        return len(self._campaign.state.runs)

    @property
    def live(self) -> list[RunHandle]:
        """Those that are at an endpoint, or on their way there."""
        with self._campaign.journal.lock:
            return [RunHandle(self._campaign, name) for name in self._campaign.state.live]

    def frame(self, task: str | None = None) -> pd.DataFrame:
        """A table, one row per run.

        Raises:
            MissingExtra: pandas is not installed.
        """
        with self._campaign.journal.lock:
            found = list(self._campaign.state.runs.values())
        rows = [run_row(run) for run in found if task is None or run.task == task]
        return data_frame(rows, index="run")

    def __repr__(self) -> str:
        live = self.live
        return "\n".join([f"{len(self)} runs, {len(live)} live", *(f"  {one!r}" for one in live[:10])])
