"""The summary that stays in the notebook when the kernel is gone."""

from __future__ import annotations

from pathlib import Path

from melting import melting
from stories import Story
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

import aisteer as ai
from aisteer_widgets.reopening import again
from aisteer_widgets.summary import static_html
from aisteer_widgets.view_models.scene import Wishes


def test_the_line_that_brings_the_board_back_works_in_a_kernel_that_knows_nothing(campaign):
    line = again(campaign)
    assert line == 'import aisteer as ai; ai.open("melting")'
    campaign.close()
    opened = eval(line.partition("; ")[2], {"ai": ai})
    assert opened.name == "melting"
    opened.close()


def test_a_campaign_in_a_folder_of_its_own_is_found_again(tmp_path: Path):
    from test_orders import melt

    place = tmp_path / "else where"
    made = ai.Campaign(
        'a "quoted" name',
        simulation=melt,
        space=ai.Space(temperature=ai.Float(300, 2000), density=ai.Float(7.0, 9.0)),
        objective=ai.Maximize("diffusion"),
        folder=place,
    )
    line = again(made)
    made.close()
    opened = eval(line.partition("; ")[2], {"ai": ai})
    assert opened.folder == made.folder
    opened.close()


def test_the_summary_says_that_it_is_not_live_and_what_to_do():
    line = 'import aisteer as ai; ai.open("copper-melt")'
    text = static_html(melting().scene(again=line), Wishes(task="main"))
    assert "This is not live" in text
    assert "<code>import aisteer as ai; ai.open(&quot;copper-melt&quot;)</code>" in text
    assert "it works in a fresh kernel by itself" in text
    assert "Running the notebook&#x27;s cells from the top works too." in text


def test_the_summary_escapes_what_it_shows():
    story = Story(name="<script>alert(1)</script>").start()
    text = static_html(story.scene(again='ai.open("<script>")'), Wishes(task="main"))
    assert "<script" not in text
