"""What the surrogate believes reaches the board: a real mind is asked, with real runs behind it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer_widgets.believing import Believing
from aisteer_widgets.view_models.asked import Question
from aisteer_widgets.view_models.belief import belief
from aisteer_widgets.view_models.own import own
from aisteer_widgets.view_models.packed import unpack
from aisteer_widgets.view_models.questions import questions
from aisteer_widgets.view_models.review import review
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.tally import Tally

pytest.importorskip("botorch")
DRIVER = Actor("driver", "here")


class Asked:
    """The driver as far as a view may ask it: the mind is real, the thread is ours."""

    driving = True

    def __init__(self, mind):
        self.mind, self.questions = mind, 0

    def ask(self, question):
        self.questions += 1
        answer = Future()
        try:
            answer.set_result(question(self.mind))
        except Exception as error:  # noqa: BLE001  as the mind's own thread does
            answer.set_exception(error)
        return answer


def finish(campaign, epoch, temperature, density):
    proposal = campaign.propose(temperature=temperature, density=density)
    proposal.accept(hold=0)
    wish = cmd.LaunchRequest(uuid=proposal.id, endpoint="local", seed=1, proposal=proposal.id)
    (record,) = campaign.submit(cmd.Launch(actor=DRIVER, epoch=epoch, launches=[wish])).events
    outcome = {"diffusion": [temperature * density / 1e4, 0.01]}
    end = ev.AttemptEnded(run=record.event.run, attempt=1, end="done", outcome=outcome)
    campaign.submit(cmd.Report(actor=DRIVER, epoch=epoch, events=[end]))


@pytest.fixture
def fitted(campaign):
    """Five runs, a fit, and a mind that can be asked."""
    from aisteer.steering.mind import Mind

    campaign.submit(cmd.Start(actor=campaign.actor))
    epoch = campaign.journal.take_lease({}, DRIVER)
    for i in range(5):
        finish(campaign, epoch, 400.0 + 300 * i, 7.2 + 0.35 * i)
    fit = ev.SurrogateFitted(task="main", model=0, runs=5)
    campaign.submit(cmd.Fitted(actor=DRIVER, epoch=epoch, fit=fit))
    campaign.opened.driver = Asked(Mind(campaign.folder))
    yield campaign
    campaign.opened.driver = None


def answered(campaign, wishes, shows=("belief", "review")):
    """The scene once everything that these wishes need is answered."""
    believing, state = Believing(campaign), campaign.state
    for _ in range(8):
        believing.look(state, questions(state, wishes, shows, tested=False))
    tally = Tally()
    tally.refresh(state)
    return Scene(state=state, now=state.time, tally=tally, beliefs=believing.known, driver="here")


def test_the_map_is_asked_once_per_fit_and_shows_the_surrogate_itself(fitted):
    believing, wanted = Believing(fitted), [Question("main", "map", ("temperature", "density"))]
    assert believing.look(fitted.state, wanted)
    assert believing.look(fitted.state, wanted)
    assert not believing.look(fitted.state, wanted)
    assert fitted.opened.driver.questions == 1
    chart = belief(answered(fitted, Wishes(task="main")), Wishes(task="main"))["chart"]
    mean, std = unpack(chart["mean"]), unpack(chart["std"])
    assert mean.shape == std.shape == (41, 41)
    assert std.min() >= 0
    assert (chart["x"]["low"], chart["x"]["high"], chart["y"]["high"]) == (300.0, 2000.0, 9.0)
    assert chart["marks"]["letters"] == "hhhhh"


def test_what_was_answered_before_the_ai_was_steered_is_asked_again(fitted, monkeypatch):
    monkeypatch.setattr("aisteer_widgets.believing.LEAST_REST", 0.0)
    monkeypatch.setattr("aisteer_widgets.believing.REST", 0.0)
    believing, wanted = Believing(fitted), [Question("main", "map", ("temperature", "density"))]
    for _ in range(3):
        believing.look(fitted.state, wanted)
    assert fitted.opened.driver.questions == 1
    fitted.steer(exploration=2.0)
    for _ in range(3):
        believing.look(fitted.state, wanted)
    assert fitted.opened.driver.questions == 2


def test_wherever_the_others_are_put_the_picture_is_taken_there_and_the_last_one_stands_meanwhile(fitted):
    believing, state = Believing(fitted), fitted.state
    first = Wishes(task="main", belief="slices")
    for _ in range(2):
        believing.look(state, questions(state, first, ("belief",), tested=False))
    moved = Wishes(
        task="main", belief="slices", belief_at={"temperature": 500.0, "density": 99.0, "nothing": 1}
    )
    tally = Tally()
    tally.refresh(state)
    scene = Scene(state=state, now=state.time, tally=tally, beliefs=believing.known, driver="here")
    part = belief(scene, moved)
    assert part["busy"]["stale"]
    assert part["held"]["moved"]
    part = belief(answered(fitted, moved), moved)
    assert part["busy"] is None
    # What is beyond the bounds is held at the bound; what is no parameter is nothing.
    assert [p["here"] for p in part["chart"]["panels"]] == [500.0, 9.0]


def test_old_questions_are_forgotten_and_what_nobody_wants_any_more_is_not_asked(fitted):
    believing, state = Believing(fitted), fitted.state
    for step in range(40):
        at = (("temperature", 300.0 + step), ("density", 8.0))
        for _ in range(2):
            believing.look(state, [Question("main", "own", (), at)])
    assert len(believing.known.answers) == 24


def test_an_own_candidate_is_told_with_the_ais_best_beside_it_before_it_is_proposed(fitted):
    made = cmd.Draft(
        task="main", parameters={"temperature": 1900.0, "density": 8.9}, origin="ai", rank=1, of=512
    )
    fitted.submit(cmd.Propose(actor=Actor("ai", "bayesian"), drafts=[made]))
    (best,) = fitted.state.waiting
    typed = Wishes(task="main", own={"temperature": 1700.0, "density": 8.8})
    scene = answered(fitted, typed)
    preview = own(scene, typed)
    assert [c["head"] for c in preview["columns"]] == ["Your candidate", f"{best}, the AI’s best that waits"]
    mine = {row["term"]: row for row in preview["columns"][0]["rows"]}
    assert "±" in mine["diffusion"]["text"]
    assert "95" in mine["diffusion"]["more"]
    assert "exploit" in mine["Acquisition"]["more"]
    assert "sampled candidates" in mine["Rank"]["text"]
    assert preview["columns"][0]["nearest"][0].startswith("R5")
    assert list(fitted.state.waiting) == [best]


def test_an_own_candidate_out_of_bounds_is_refused_in_words_while_it_is_typed(fitted):
    typed = Wishes(task="main", own={"temperature": 4500.0, "density": 7.3})
    preview = own(answered(fitted, typed), typed)
    assert preview["bad"]
    assert "outside 300 to 2000 K" in preview["words"]
    half = Wishes(task="main", own={"temperature": 450.0, "density": ""})
    assert "Give all of its values" in own(answered(fitted, half), half)["words"]


def test_what_would_come_next_stands_on_the_card_that_is_looked_at(fitted):
    made = cmd.Draft(
        task="main",
        parameters={"temperature": 1900.0, "density": 8.9},
        origin="ai",
        predicted={"diffusion": [1.0, 0.1]},
    )
    fitted.submit(cmd.Propose(actor=Actor("ai", "bayesian"), drafts=[made]))
    (name,) = fitted.state.waiting
    seen = review(answered(fitted, Wishes(task="main", looked=name)))
    (card,) = seen["cards"]
    assert card["next"].startswith("next temperature")
    assert "±" in card["next"]
    assert not review(answered(fitted, Wishes(task="main")))["cards"][0]["next"]


def test_a_belief_that_is_elsewhere_is_said_to_be(campaign):
    tally = Tally()
    state = campaign.state
    scene = Scene(state=state, now=0.0, tally=tally)
    assert "fitted when three runs of this task have ended" in belief(scene, Wishes(task="main"))["empty"]
