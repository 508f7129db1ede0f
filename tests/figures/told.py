"""A campaign's history, written through the journal's gate: proposed, decided, run and ended, without waiting."""

from __future__ import annotations

import json
import math

import aisteer as ai
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor

DRIVER = Actor("driver", "test")
AI = Actor("ai", "bayesian")


@ai.simulation
def yield_of(temperature, share):
    """A smooth hill, so that outcomes are computed and not made up."""
    return {"yield": math.exp(-(((temperature - 900) / 300) ** 2) - ((share - 0.4) / 0.3) ** 2)}


@ai.simulation
def length_of(word):
    return {"length": float(len(word))}


class Told:
    """Writes a campaign's history: proposals, decisions, launches and ends, as the driver would."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.epoch = 1
        campaign.submit(cmd.TakeLease(actor=DRIVER, epoch=1, holder={}))
        campaign.submit(cmd.Start(actor=campaign.actor))

    def propose(self, points, *, origin="ai", predicted=None, task="main"):
        drafts = [
            cmd.Draft(task=task, parameters=p, origin=origin, predicted=q or {})
            for p, q in zip(points, predicted or [None] * len(points), strict=True)
        ]
        actor = self.campaign.actor if origin == "human" else AI
        receipt = self.campaign.submit(
            cmd.Propose(actor=actor, drafts=drafts, epoch=None if origin == "human" else self.epoch)
        )
        return [r.event.proposal for r in receipt.events if isinstance(r.event, ev.ProposalMade)]

    def launch(self, proposals):
        state = self.campaign.state
        for name in proposals:
            revision = state.proposals[name].revision
            self.campaign.submit(cmd.Accept(actor=self.campaign.actor, proposal=name, revision=revision))
        wishes = [
            cmd.LaunchRequest(uuid=f"{n:0>32}", endpoint="local", seed=0, proposal=n) for n in proposals
        ]
        receipt = self.campaign.submit(cmd.Launch(actor=DRIVER, epoch=self.epoch, launches=wishes))
        return [r.event.run for r in receipt.events if isinstance(r.event, ev.AttemptLaunched)]

    def end(self, run, outcome, end="done"):
        event = ev.AttemptEnded(run=run, attempt=1, end=end, outcome=outcome, used=1.0)
        self.campaign.submit(cmd.Report(actor=DRIVER, epoch=self.epoch, events=[event]))

    def observe(self, run, values):
        path = self.campaign.folder / "observations" / run / "1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"seq": i, "t": 1e9 + i, "kind": "obs", "values": v} for i, v in enumerate(values)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def run(self, points, simulation, *, error=0.0, **options):
        """Propose, launch, compute and end."""
        runs = self.launch(self.propose(points, **options))
        for name, point in zip(runs, points, strict=True):
            outcome = simulation(**point)
            self.end(name, {key: [value, error] for key, value in outcome.items()})
        return runs


GRID = [{"temperature": t, "share": s} for t in (400.0, 700.0, 1000.0, 1700.0) for s in (0.1, 0.4, 0.8)]
