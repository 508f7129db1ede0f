"""What the board's head says of the place where runs are, and what needs attention there."""

from __future__ import annotations

import copy

from aisteer.execution.endpoint import Health
from aisteer_widgets.view_models.header import header
from aisteer_widgets.view_models.status import troubles
from tests.widgets.stories import MELT, Story

ADDRESS = "globus:5f2c0d4e-1111-4222-8333-944455556666?workers=16"


def far() -> Story:
    definition = copy.deepcopy(MELT)
    definition["tasks"]["main"]["endpoint"] = ADDRESS
    return Story(definition).start()


def test_a_remote_endpoint_says_who_runs_who_waits_and_how_long_its_block_lasts() -> None:
    story = far()
    health = Health(
        "online",
        workers=16,
        busy=3,
        waiting=5,
        block_ends=story.now + 1500,
        contact=story.now - 2,
        extra={"workers": 4, "idle": 1},
    )
    [place] = header(story.scene(health={"main": health}), "main")["endpoints"]
    assert place["state"] == "online"
    assert place["detail"].replace("\u00a0", " ") == (
        "3 running, 5 waiting, 1 of 4 workers idle, block ends in 25 min"
    )
    assert "At most 16 runs are there at a time" in place["title"]
    assert "Last heard from at" in place["title"]


def test_what_a_facility_charges_and_the_endpoint_does_not_tell_is_not_made_up() -> None:
    story = far()
    said = header(story.scene(health={"main": Health("online", workers=16)}), "main")
    assert "the facility's own accounting does" in said["endpoints"][0]["title"]
    assert "the facility's own accounting does" in said["budget"]["title"]
    assert "does not tell how many of its workers are idle" in said["endpoints"][0]["title"]
    here = header(Story().start().scene(), "main")
    assert "accounting" not in here["endpoints"][0]["title"] + here["budget"]["title"]


def test_silence_is_said_once_it_is_long_and_something_is_there() -> None:
    story = far()
    for busy, seconds, said in ((1, 200, True), (1, 40, False), (0, 200, False)):
        health = Health("online", busy=busy, contact=story.now - seconds)
        [place] = header(story.scene(health={"main": health}), "main")["endpoints"]
        assert ("last heard" in place["detail"]) is said


def test_an_endpoint_out_of_reach_needs_attention_in_whole_sentences() -> None:
    story = far()
    words = "its agent has sent no heartbeat. 2 runs wait in the service and begin when it is back. Is it started?"
    [item] = troubles(story.scene(health={"main": Health("offline", words)}))["items"]
    assert item["source"].startswith("globus:5f2c0d4e")
    assert item["message"] == words
    assert troubles(story.scene(health={"main": Health("online", words)}))["items"] == []


def test_what_an_endpoint_has_to_say_besides_stands_under_it() -> None:
    story = far()
    note = "it has no watcher: live output and stop wait for a free worker"
    health = Health("online", note, busy=1, extra={"notes": [note]})
    [place] = header(story.scene(health={"main": health}), "main")["endpoints"]
    assert (place["detail"], place["note"]) == ("1 running", note)
