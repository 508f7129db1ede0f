"""The campaign: the object in the user's hands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.campaign import summary
from aisteer.campaign.creating import open_or_create, place_for, tasks_of
from aisteer.campaign.data import Data, DataHandle, add_data
from aisteer.campaign.defaults import HOLD
from aisteer.campaign.definition import define
from aisteer.campaign.endpoints import EndpointView, endpoint_views
from aisteer.campaign.identity import human
from aisteer.campaign.ledger import Ledger
from aisteer.campaign.opened import Opened
from aisteer.campaign.pareto import pareto
from aisteer.campaign.points import spaces_of, validated
from aisteer.campaign.predicting import predict
from aisteer.campaign.preformatted import in_lines
from aisteer.campaign.proposals import ProposalHandle, Proposals
from aisteer.campaign.proposing import all_proposed, is_table, own_draft, own_drafts, proposed
from aisteer.campaign.redefining import change
from aisteer.campaign.runs import Runs
from aisteer.campaign.starting import Started, driven_by, driven_elsewhere, holder
from aisteer.campaign.stated import budget_json, rule_json
from aisteer.campaign.steering import Steering, steer
from aisteer.campaign.tasks import RandomArm, Rule, Task
from aisteer.campaign.trust import Trust, trust
from aisteer.campaign.waiting import Waited, wait
from aisteer.errors import AisteerError, BadParameters, UnknownName
from aisteer.journal import commands as cmd
from aisteer.journal.store import Journal, Receipt
from aisteer.problem.pool import Pool
from aisteer.problem.resources import Budget, budget_from_json

if TYPE_CHECKING:
    import pandas as pd

    from aisteer.journal.events import Actor
    from aisteer.journal.state import State
    from aisteer.problem.space import Space

__all__ = ["Campaign"]

Json = dict[str, Any]


class Campaign:
    """A campaign: what is studied, who decides, where it runs, and everything that happened.

    Opens the campaign when it exists with the same definition; otherwise creates it. Running the cell
    again creates no second campaign.

    Args:
        name: Its name; the folder is made of it.
        simulation: What one run computes: ``@ai.simulation`` or ``ai.CommandSimulation``.
        space: ``ai.Space`` or ``ai.Pool``.
        objective: ``ai.Maximize``, ``ai.Minimize``, ``ai.Target``, ``ai.LevelSet`` or ``ai.Learn``; or a list of two or
            three that are to be maximized and minimized.
        endpoint: ``"local"``, an ``ai.connect(…)``, or any Executor.
        tasks: Several tasks by name, instead of the above.
        budget: ``ai.NodeHours`` or ``ai.Runs``; no limit if not given.
        autonomy: Who may decide without a human; nobody if not given.
        policy: What proposes: its name, or ``ai.generator(…)`` for a mind of somebody else's.
        baseline: ``ai.RandomArm(runs=…)`` really runs random points beside the policy's.
        hold: Seconds that a human acceptance waits before it launches, so that it can be undone.
        seed: What everything random in the campaign starts from.
        folder: The folder that holds campaigns; ``$AISTEER_CAMPAIGNS`` or ``campaigns`` if not given.
        journal: A PostgreSQL URL, to keep the journal there.
        **task: Further arguments of ``ai.Task``: feasible, batch, slots, initial, resources, cost, retries, …

    Raises:
        BadDefinition: Parts that cannot work together.
        DefinitionChanged: It exists with another definition; the differences are named.
    """

    def __init__(
        self,
        name: str,
        *,
        simulation: Any = None,
        space: Space | Pool | None = None,
        objective: Any = None,
        endpoint: Any = None,
        tasks: Mapping[str, Task] | None = None,
        budget: Budget | None = None,
        autonomy: Rule | None = None,
        policy: Any = None,
        baseline: RandomArm | None = None,
        hold: float = HOLD,
        seed: int = 0,
        folder: str | Path | None = None,
        journal: str | None = None,
        **task: Any,
    ) -> None:
        place = place_for(name, folder)
        given = {"simulation": simulation, "space": space, "objective": objective}
        given |= {"endpoint": endpoint, "policy": policy}
        short = {key: value for key, value in {**given, **task}.items() if value is not None}
        wanted = define(
            tasks_of(short, tasks),
            baseline=baseline,
            autonomy=autonomy,
            budget=budget,
            seed=seed,
            hold=hold,
        )
        self.opened: Opened = open_or_create(name, place, wanted, journal)
        self.actor: Actor = human()

    @classmethod
    def _of(cls, opened: Opened) -> Campaign:
        made = cls.__new__(cls)
        made.opened, made.actor = opened, human()
        return made

    # --- looking at it ------------------------------------------------------------------------

    @property
    def journal(self) -> Journal:
        """What happened."""
        return self.opened.journal

    @property
    def state(self) -> State:
        """Everything that is known now. Hold ``journal.lock`` to look at several of its parts at once."""
        self.journal.refresh()
        return self.journal.state

    @property
    def name(self) -> str:
        """Its name."""
        return self.state.name

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.opened.folder

    @property
    def code_folder(self) -> Path | None:
        """Its folder, where code that it names may run as us; ``None`` of somebody else's that was not trusted."""
        return self.opened.code_folder

    @property
    def definition(self) -> Json:
        """The problem as data."""
        return self.state.definition

    @property
    def hold(self) -> float:
        """Seconds that a human acceptance waits before it launches."""
        return float(self.definition.get("hold", HOLD))

    @property
    def proposals(self) -> Proposals:
        """All proposals, by name."""
        return Proposals(self)

    @property
    def runs(self) -> Runs:
        """All runs, by name."""
        return Runs(self)

    @property
    def ledger(self) -> Ledger:
        """Every decision beside what came of it."""
        return Ledger(self)

    def pareto(self, task: str | None = None) -> pd.DataFrame:
        """Of several objectives, the runs that no other run beats in all of them, one row each.

        Only runs that ended ``done``, are not marked bad and meet ``feasible`` are compared.

        Raises:
            NotSupported: There is a single objective.
            MissingExtra: pandas is not installed.
        """
        return pareto(self, task)

    @property
    def endpoint(self) -> EndpointView:
        """Where the (first) task runs."""
        return next(iter(self.endpoints.values()))

    @property
    def endpoints(self) -> dict[str, EndpointView]:
        """Task name to where it runs."""
        return endpoint_views(self)

    def space(self, task: str | None = None) -> Space | Pool:
        """The space or pool of a task."""
        return spaces_of(self.definition, self.folder, self.task_named(task))

    def task_named(self, task: str | None) -> str:
        """``task`` if there is one of that name; without a name, the one that is no baseline.

        Raises:
            UnknownName: There is no such task, or a name is needed.
        """
        tasks: Json = self.definition["tasks"]
        if task is not None:
            if task not in tasks:
                raise UnknownName(f"There is no task {task!r}; there are {', '.join(tasks)}.", name=task)
            return task
        own = [name for name, one in tasks.items() if not one.get("baseline")]
        if len(own) != 1:
            raise UnknownName(f"Say which task: task={' or '.join(map(repr, own))}.")
        return own[0]

    # --- going --------------------------------------------------------------------------------

    def start(self) -> Started:
        """Start, or go on; returns at once. Proposals appear, and what is accepted launches.

        When another driver is at work on the campaign, this one follows it and takes over when it is gone.

        Raises:
            Untrusted: The campaign's code belongs to another user.
            NotSupported: It ran on an Executor of a kernel that is gone.
        """
        driver = self.opened.drive(holder("kernel"))
        self.submit(cmd.Start(actor=self.actor))
        driver.wait_until_driving(0.3)
        return Started(self)

    def pause(self, reason: str = "") -> None:
        """Propose and launch nothing more; live runs go on."""
        self.submit(cmd.Pause(actor=self.actor, reason=reason))

    def close(self) -> None:
        """Let go of the campaign in this process. Runs at the endpoint go on."""
        self.opened.close()

    @property
    def driving(self) -> bool:
        """Whether this process drives it now."""
        return self.opened.driver is not None and self.opened.driver.driving

    def driven_elsewhere(self) -> bool:
        """Whether another process drives it, as far as can be known."""
        return driven_elsewhere(self)

    def driven_by(self) -> str:
        """Who drives it, in words."""
        return driven_by(self)

    async def wait(self, *, ended: int | None = None, timeout: float | None = None) -> Waited:  # noqa: ASYNC109
        """Wait until ``ended`` runs have ended; early, with why, when nothing can happen without a human.

        Args:
            ended: How many; without it, until nothing can happen without a human.
            timeout: Seconds.

        Raises:
            NotSupported: The kernel is older than ipykernel 7, where waiting would hold up every click.
        """
        return await wait(self, ended, timeout)

    # --- deciding -----------------------------------------------------------------------------

    @property
    def autonomy(self) -> Rule:
        """The rules that may decide without a human."""
        from aisteer.steering.rules import rule_from_json

        return rule_from_json(self.state.autonomy or rule_json(None))

    @autonomy.setter
    def autonomy(self, rule: Rule) -> None:
        self.submit(cmd.SetAutonomy(actor=self.actor, rule=rule_json(rule)))

    @property
    def budget(self) -> Budget | None:
        """What may be spent; ``None`` is no limit."""
        return budget_from_json(self.state.budget)

    @budget.setter
    def budget(self, budget: Budget | None) -> None:
        self.submit(cmd.SetBudget(actor=self.actor, budget=budget_json(budget)))

    def propose(
        self,
        key: Any = None,
        /,
        *,
        repeat: bool = False,
        reason: str = "",
        task: str | None = None,
        resources: Any = None,
        **parameters: Any,
    ) -> Any:
        """Propose a point of one's own, or all rows of a table. The same point again is the same proposal.

        Args:
            key: The candidate's key, where the space is a pool; or a DataFrame with a column for each parameter (of
                a pool, for its key), all of whose rows are proposed in one transaction.
            repeat: Make a replicate of a point that was proposed before.
            reason: Kept with the proposal.
            task: The task, where there are several.
            resources: ``ai.Resources`` for this one run.
            **parameters: Values by name.

        Returns:
            The proposal; of a table, a list of them, one for each row.

        Raises:
            BadParameters: They do not fit the space; of a table, the first row that does not is named.
        """
        if is_table(key):
            if parameters:
                raise BadParameters("Give a table of points, or one point by name: not both.")
            drafts = own_drafts(self, key, task=task, resources=resources, reason=reason)
            names = all_proposed(self, drafts, repeat=repeat)
            with self.journal.lock:
                return [ProposalHandle(self, self.journal.state.proposals[name]) for name in names]
        draft = own_draft(self, key, parameters, task=task, resources=resources, reason=reason)
        return self.propose_draft(draft, repeat=repeat)

    def add_data(self, frame: Any, *, source: str, task: str | None = None, reason: str = "") -> DataHandle:
        """Let the AI learn from outcomes that were measured elsewhere: they inform it, and are no runs.

        Running the cell again adds nothing again.

        Args:
            frame: A DataFrame, or a mapping of columns: one for each parameter (of a pool, for its key), at least one
                for an outcome (missing values are left out), and, where known, ``"<outcome> error"`` with standard
                errors. So ``other.runs.frame()`` of another campaign will do.
            source: Where it comes from.
            task: The task, where there are several.
            reason: Kept with it.

        Returns:
            What was added: ``.mark_bad()`` takes it out again.

        Raises:
            BadParameters: A column is missing, or a row does not fit: it is named, and nothing was added.
            Refused: There is other data from that source.
        """
        return add_data(self, frame, source, task, reason)

    def predict(
        self,
        points: Any = None,
        /,
        *,
        task: str | None = None,
        surrogate: str | None = None,
        **parameters: Any,
    ) -> pd.DataFrame:
        """What the surrogate expects of points, proposed or not, by all that is known now.

        Args:
            points: A DataFrame with a column for each parameter (of a pool, for its key); or the key of one candidate.
            task: The task, where there are several.
            surrogate: ``"gaussian process"`` or ``"deep ensemble"``, instead of the one that steers.
            **parameters: One point by name, instead of a table.

        Returns:
            A row for each point, with the table's index: ``"<outcome> predicted"`` and ``"<outcome> std"``, mean and
            standard deviation of the noise-free outcome; ``"<outcome> std measured"`` with what runs scatter by on top
            (learned, or the usual one of their standard errors): that of what a run would show.

        Raises:
            BadParameters: A point does not fit the space, or there is no such surrogate.
            NotSupported: There is no surrogate, or too little to fit one.
            MissingExtra: pandas or PyTorch is not installed.
        """
        return predict(self, points, parameters, task, surrogate)

    def trust(self, task: str | None = None) -> Trust:
        """How far predictions can be trusted: how those that were made before the runs have held, in words and numbers.

        Args:
            task: The task, where there are several.
        """
        return trust(self, task)

    @property
    def data(self) -> Data:
        """What was measured elsewhere, by name."""
        return Data(self)

    def propose_draft(
        self, draft: cmd.Draft, *, repeat: bool = False, accept: bool = False
    ) -> ProposalHandle:
        """Make a proposal of a draft, or find the one that is there already."""
        return self.proposals[proposed(self, draft, repeat=repeat, accept=accept)]

    def validate(
        self, parameters: Mapping[str, Any], task: str | None = None, *, edit: Mapping[str, Any] | None = None
    ) -> Json:
        """Parameters as plain values, checked against a task's space and controls.

        Args:
            parameters: Values by name.
            task: The task, where there are several.
            edit: Which of them were changed, where they come from a proposal or run.

        Raises:
            BadParameters: They do not fit.
        """
        return validated(self.definition, self.folder, self.task_named(task), parameters, edit)

    def cost(self, task: str, resources: Any = None) -> float:
        """Estimated cost of one run, in the budget's unit."""
        from aisteer.journal.state import estimate_cost

        with self.journal.lock:
            state = self.journal.state
            needs = resources.to_json() if hasattr(resources, "to_json") else resources
            return estimate_cost(state.definition["tasks"][task], state, task, needs)

    def steer(self, task: str | None = None, *, reason: str = "", **change: Any) -> Steering:
        """Steer the AI itself while it runs. What is given holds from its next thought on; ``None`` takes it back.

        Waiting proposals of the AI that it rules out are withdrawn; one's own points stay free.

        Args:
            task: The task, where there are several.
            reason: Kept with the change.
            **change: ``pinned={"temperature": 300}``: parameters that the AI leaves at a value.
                ``forbidden=``, ``favoured=``: a box ``{"temperature": [300, 500]}``, or a list of them, that it keeps
                out of, or prefers for a while (half as much after every 10 decisions).
                ``batch=8``: proposals that wait at once. ``exploration=2.0``: how much it makes of what it does not
                know (1 is usual). ``acquisition=``: by name. ``trust_region=True``, or its size as
                a share of each side: search around the best run.
                ``weights={"yield": 2}``: of several objectives. ``surrogate="deep ensemble"``, or the
                ``"gaussian process"``: what it believes with.

        Returns:
            How it is steered now; ``.undo()`` takes this change back.

        Raises:
            BadParameters: An unknown name, a value out of bounds, or nothing would be left to propose.
        """
        return steer(self, task, change, reason)

    def steering(self, task: str | None = None) -> Steering:
        """How the AI of a task is steered: what is set, by whom and why."""
        return Steering(self, self.task_named(task))

    def note(self, text: str, *, about: str | None = None) -> None:
        """Write something down with the campaign, perhaps about a proposal or run."""
        self.submit(cmd.Note(actor=self.actor, text=str(text), about=about))

    def redefine(self, *, task: str | None = None, reason: str = "", **changes: Any) -> list[str]:
        """Change the definition; what has run stays. Arguments are those of ``ai.Campaign``.

        Args:
            task: The task that changes, where there are several.
            reason: Kept with the change.
            **changes: What changes, by the names that ``ai.Campaign`` knows.

        Returns:
            What changed, in words.

        Raises:
            BadDefinition: Parts that cannot work together.
            StaleRevision: Somebody else changed it at the same moment.
        """
        return change(self, task, changes, reason)

    def submit(self, command: cmd.Command) -> Receipt:
        """Give a command to the journal."""
        return self.journal.submit(command)

    # --- showing it ---------------------------------------------------------------------------

    def figure(self, kind: str, **options: Any) -> Any:
        """A figure for a report, such as ``campaign.figure("surrogate", x="temperature").save("s.pdf")``."""
        from aisteer.figures import figure

        return figure(self, kind, **options)

    def __repr__(self) -> str:
        try:
            return summary.as_text(self)
        except AisteerError as error:  # closed, or its storage is gone: say so where it is shown
            return f"Campaign in {self.folder}: {error}"

    def __str__(self) -> str:
        return in_lines(repr(self))

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, str]:
        del include, exclude
        return {"text/plain": summary.as_text(self), "text/html": summary.as_html(self)}

    def _ipython_display_(self) -> None:
        from aisteer.campaign.display import show

        show(self)
