"""What a driver would have written, by hand."""

from __future__ import annotations

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor

DRIVER, BY_AI = Actor("driver", "test:1"), Actor("ai", "bayesian")


def proposed(campaign, *points, predicted=None, **more):
    """The AI proposes points; the names of its proposals."""
    _lead(campaign)
    drafts = [
        cmd.Draft(task="main", parameters=p, origin="ai", predicted=predicted or {}, **more) for p in points
    ]
    made = campaign.submit(cmd.Propose(actor=BY_AI, drafts=drafts, epoch=campaign.state.epoch)).events
    return [record.event.proposal for record in made]


def launched(campaign):
    """All that is accepted runs; the names of the runs."""
    _lead(campaign)
    wishes = [
        cmd.LaunchRequest(uuid=f"{p:0>32}", endpoint="local", seed=1, proposal=p)
        for p in campaign.state.accepted
    ]
    made = campaign.submit(cmd.Launch(actor=DRIVER, epoch=campaign.state.epoch, launches=wishes)).events
    return [record.event.run for record in made]


def ended(campaign, run, end="done", **outcome):
    """A run ends with outcomes."""
    event = ev.AttemptEnded(
        run=run, attempt=1, end=end, used=1.0, outcome={name: [value] for name, value in outcome.items()}
    )
    campaign.submit(cmd.Report(actor=DRIVER, epoch=campaign.state.epoch, events=[event]))
    return run


def _lead(campaign):
    if campaign.state.epoch == 0:
        campaign.submit(cmd.TakeLease(actor=DRIVER, epoch=1, holder={"host": "test", "pid": 1}))
        campaign.submit(cmd.Start(actor=campaign.actor))
