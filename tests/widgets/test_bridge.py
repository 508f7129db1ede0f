"""The bridge between a real campaign and a view that has no browser."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

import aisteer_widgets
from aisteer.journal import commands as cmd
from aisteer_widgets.view_models.scene import Wishes


def until(claim, words, timeout=60.0):
    deadline = time.monotonic() + timeout
    while not claim():
        assert time.monotonic() < deadline, words
        time.sleep(0.01)


@pytest.fixture
def board(campaign):
    made = aisteer_widgets.Board(campaign)
    made.said = []
    made.send = lambda content, buffers=None: made.said.append(content)
    yield made
    made.close()


def test_a_call_in_a_cell_shows_on_the_board(campaign, board):
    assert board.review["heading"] == "No proposal waits for you"
    name = campaign.propose(temperature=900, density=8.0).id
    until(lambda: board.review.get("cards"), "the proposal does not show")
    assert board.review["cards"][0]["id"] == name


def test_a_click_is_a_decision_and_is_answered(campaign, board):
    proposal = campaign.propose(temperature=900, density=8.0)
    click = {
        "type": "order",
        "id": "a1",
        "verb": "accept",
        "proposal": proposal.id,
        "revision": proposal.revision,
    }
    board._hear(board, click, [])
    until(lambda: board.said, "no answer")
    assert board.said[0]["ok"]
    assert campaign.proposals[proposal.id].state == "accepted"
    until(lambda: board.review["held"], "the held proposal does not show")


class _Broken:
    """A view that cannot be served."""

    wishes = Wishes(task="main")
    shows = ()

    def follow(self, scene):
        message = "it cannot be made"
        raise ValueError(message)

    flush = forget = part = lambda self: None


def test_a_view_that_fails_costs_the_others_nothing(campaign, board, caplog):
    broken = _Broken()
    board._bridge.attach(broken)
    name = campaign.propose(temperature=900, density=8.0).id
    until(lambda: board.review.get("cards"), "the proposal does not show")
    assert board.review["cards"][0]["id"] == name
    assert not board.review["blocked"]
    assert "could not be brought up to date" in caplog.text
    board._bridge.detach(broken)


def test_what_is_folded_while_a_picture_is_made_is_in_the_next_one(campaign, board):
    bridge, seen = board._bridge, []

    class Late:
        wishes, shows = Wishes(task="main"), ()

        def follow(self, scene):
            seen.append((scene.state.position, bridge._pictured[0]))

        flush = forget = part = lambda self: None

    late = Late()
    bridge.attach(late)
    until(lambda: bridge._pictured[0] == campaign.state.position, "no picture was made")
    campaign.propose(temperature=900, density=8.0)
    until(lambda: bridge._pictured[0] == campaign.state.position, "what was proposed is not pictured")
    assert seen[-1][0] == campaign.state.position


class _Painter:
    """Makes a picture during which somebody on another thread decides."""

    def __init__(self, decide):
        self.decide = decide
        self.pictures = []
        self.forgotten = 0

    def follow(self, scene):
        if not self.pictures:
            deciding = threading.Thread(target=self.decide)
            deciding.start()
            deciding.join(60)
            assert not deciding.is_alive(), "the decision waits for the picture"
        self.pictures.append(dict.fromkeys(scene.state.accepted))

    def forget(self):
        self.forgotten += 1


def test_a_decision_does_not_wait_for_a_picture_which_is_then_made_again(campaign, board):
    proposal = campaign.propose(temperature=900, density=8.0)
    painter = _Painter(proposal.accept)
    board._bridge._show(board._bridge.scene(), [painter])
    assert len(painter.pictures) == 2
    assert painter.forgotten == 1
    assert list(painter.pictures[1]) == [proposal.id]


def test_runs_are_counted_between_events_never_in_the_middle_of_one(campaign, board):
    counting = threading.Thread(target=board._bridge.scene)
    with campaign.journal.lock:  # as whoever folds an event has it
        counting.start()
        counting.join(0.3)
        assert counting.is_alive(), "it counts while an event is folded"
    counting.join(60)
    assert not counting.is_alive()


def test_a_picture_during_which_nothing_happens_is_made_once(campaign, board):
    painter = _Painter(lambda: None)
    with campaign.journal.lock:  # nothing else may happen meanwhile
        board._bridge._show(board._bridge.scene(), [painter])
    assert len(painter.pictures) == 1


def test_a_double_click_is_one_decision_with_one_answer(campaign, board):
    proposal = campaign.propose(temperature=900, density=8.0)
    click = {
        "type": "order",
        "id": "r1",
        "verb": "reject",
        "proposal": proposal.id,
        "revision": proposal.revision,
    }
    before = campaign.state.position
    board._hear(board, click, [])
    board._hear(board, dict(click), [])
    until(lambda: len(board.said) == 2, "no answers")
    assert board.said[0] == board.said[1]
    assert campaign.state.position == before + 1


def test_only_parts_that_changed_are_sent(campaign, board):
    sent = []
    board.observe(lambda change: sent.append(change["name"]), names=list(board.shows))
    campaign.note("nothing that is on the screen")
    until(lambda: "footer" in sent, "the revision does not show")
    assert set(sent) <= {"footer", "header"}


def test_a_view_that_does_not_paint_is_sent_less(campaign, board, monkeypatch):
    monkeypatch.setattr("aisteer_widgets.views.SLOWEST", 600.0)
    until(lambda: board.pulse, "no sign of life")
    board._painted, board._waits = time.monotonic() - 1200, 0.0
    campaign.propose(temperature=900, density=8.0)
    until(lambda: board.review["cards"], "the first picture is sent")
    until(lambda: board._waits - time.monotonic() > 100.0, "the next one does not wait")
    board._hear(board, {"type": "painted"}, [])
    campaign.propose(temperature=901, density=8.0)
    until(lambda: len(board.review["cards"]) == 2, "a view that paints is sent the next one")


def test_several_views_share_one_thread_and_it_ends_with_the_last(campaign, board):
    review = aisteer_widgets.Review(campaign)
    thread = board._bridge._thread
    assert review._bridge is board._bridge
    assert review._bridge._thread is thread
    review.close()
    board.close()
    until(lambda: not thread.is_alive(), "the thread goes on without a view")


def test_a_closed_view_is_let_go(campaign):
    review = weakref.ref(made := aisteer_widgets.Review(campaign))
    thread = made._bridge._thread
    made.close()
    until(lambda: not thread.is_alive(), "the thread goes on without a view")
    del made
    gc.collect()
    assert review() is None


def test_what_another_process_writes_shows_too(campaign, board):
    from aisteer.journal.store import Journal

    with Journal.open(campaign.folder) as elsewhere:
        elsewhere.submit(cmd.Note(actor=campaign.actor, text="from elsewhere"))
        position = elsewhere.position
    until(lambda: board.footer["revision"] >= position, "the event does not show")


def test_a_search_in_a_box_says_that_there_is_no_pool(campaign, board):
    board._hear(board, {"type": "search", "task": "main", "text": "x"}, [])
    until(lambda: board.said, "no answer")
    assert board.said[0]["words"] == "This task has no pool to search."


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "x",
        {"type": "wish", "runs_page": "x", "selected": [1]},
        {"type": "nothing"},
        {"type": "order"},
    ],
)
def test_whatever_a_browser_sends_does_not_raise(campaign, board, content):
    board._hear(board, content, [])
    campaign.propose(temperature=900, density=8.0)
    until(lambda: board.review.get("cards"), "the board is gone")


@pytest.mark.parametrize("name", [name for name in aisteer_widgets.__all__ if name != "Connect"])
def test_each_view_works_alone(campaign, name):
    view = getattr(aisteer_widgets, name)(campaign)
    assert view.header["name"] == "melting"
    view.close()


def test_a_board_whose_campaign_was_closed_says_so(campaign, board):
    campaign.close()
    until(lambda: board.troubles["items"], "the board says nothing")
    assert 'ai.open("melting")' in board.troubles["items"][0]["message"]
