"""A figure saved from the board is what ``campaign.figure(…).save(…)`` writes."""

from __future__ import annotations

import json
import re

import pytest
from test_bridge import board as board  # noqa: PLC0414  the fixture
from test_bridge import until
from test_orders import campaign as campaign  # noqa: PLC0414  the fixture

from aisteer.errors import Refused
from aisteer.journal import commands as cmd
from aisteer.journal import events as ev
from aisteer.journal.events import Actor
from aisteer_widgets.orders import carry_out
from aisteer_widgets.saving import wanted

DRIVER = Actor("driver", "here")


@pytest.fixture
def finished(campaign):
    """One run that has ended."""
    campaign.submit(cmd.Start(actor=campaign.actor))
    epoch = campaign.journal.take_lease({}, DRIVER)
    proposal = campaign.propose(temperature=900.0, density=8.0)
    proposal.accept(hold=0)
    wish = cmd.LaunchRequest(uuid=proposal.id, endpoint="local", seed=1, proposal=proposal.id)
    campaign.submit(cmd.Launch(actor=DRIVER, epoch=epoch, launches=[wish]))
    end = ev.AttemptEnded(run="R1", attempt=1, end="done", outcome={"diffusion": [0.72, 0.01]})
    campaign.submit(cmd.Report(actor=DRIVER, epoch=epoch, events=[end]))
    return campaign


def order(panel, **more):
    return {"type": "order", "id": f"id-{panel}", "verb": "figure", "figure": panel, "task": "main", **more}


def test_a_panels_figure_is_written_as_pdf_and_svg_with_data_and_provenance(finished, monkeypatch):
    monkeypatch.chdir(finished.folder.parent.parent)
    steps = []
    answer = carry_out(finished, order("convergence"), lambda *told: steps.append(told))
    assert answer.ok
    revision = finished.state.position
    stem = f"convergence-r{revision}"
    names = {path.name for path in (finished.folder / "figures").iterdir()}
    assert names == {f"{stem}.pdf", f"{stem}.svg", f"{stem}.data.csv", f"{stem}.provenance.json"}
    known = json.loads((finished.folder / "figures" / f"{stem}.provenance.json").read_text())
    assert known["campaign"]["revision"] == revision
    assert answer.path == str((finished.folder / "figures").resolve())
    assert answer.message == (
        f"Saved campaigns/melting/figures/{stem}.pdf and .svg, with data and provenance beside them."
    )
    assert steps == [(1, 3, "collecting"), (2, 3, "writing PDF"), (3, 3, "writing SVG")]


def test_the_board_is_told_how_far_it_is_and_where_it_went(finished, board):
    board._hear(board, order("convergence"), [])
    until(lambda: any(said["type"] == "answer" for said in board.said), "no answer", 30)
    kinds = [said["type"] for said in board.said]
    assert kinds == ["progress"] * 3 + ["answer"]
    assert board.said[-1]["path"].endswith("figures")


def test_a_folder_that_cannot_be_written_is_told_with_a_way_out(finished):
    (finished.folder / "figures").write_text("in the way")
    answer = carry_out(finished, order("convergence"))
    assert not answer.ok
    assert "Nothing of the campaign is touched" in answer.message
    assert "campaign.figure('convergence').save('convergence-r" in answer.message


@pytest.mark.parametrize(
    ("panel", "more", "call"),
    [
        (
            "belief",
            {"view": "map", "x": "temperature", "y": "density"},
            "campaign.figure('surrogate', x='temperature', y='density')",
        ),
        (
            "belief",
            {"view": "slices", "at": {"density": 8.0}},
            "campaign.figure('slices', at={'density': 8.0})",
        ),
        ("belief", {"view": "drives"}, "campaign.figure('sensitivity')"),
        ("belief", {"view": "tested"}, "campaign.figure('predictions')"),
        ("belief", {"view": "calibration"}, "campaign.figure('calibration')"),
        ("belief", {"view": "front"}, "campaign.figure('pareto')"),
        (
            "live",
            {"runs": ["R1"], "quantity": "energy", "clock": "step"},
            "campaign.figure('observations', runs=['R1'], x='step', y='energy')",
        ),
        (
            "live",
            {"runs": ["R1"], "quantity": "energy", "clock": "", "relative": True},
            "campaign.figure('observations', runs=['R1'], x='observation', y='energy', relative=True)",
        ),
    ],
)
def test_what_a_panel_shows_is_one_call_of_the_campaign(campaign, panel, more, call):
    assert wanted(campaign.state, order(panel, **more)).call == call


@pytest.mark.parametrize(
    "asked",
    [
        order("ledger"),
        order("belief", view="map", x="nothing", y="density"),
        order("live"),
        {"verb": "figure"},
    ],
)
def test_a_panel_without_a_picture_is_refused_in_words(campaign, asked):
    with pytest.raises(Refused, match="nothing in this panel to save"):
        wanted(campaign.state, asked)
    assert not carry_out(campaign, asked).ok


def test_names_of_any_kind_give_a_plain_file_name(campaign):
    shown = {"runs": ["R1"], "quantity": "../../=cmd()🙂 " + "x" * 300, "clock": "step"}
    stem = wanted(campaign.state, order("live", **shown)).stem
    assert re.fullmatch(r"observations-cmd-x{36}-R1-step-[0-9a-f]{6}", stem)


def test_two_pictures_never_share_a_file(campaign):
    seen = {"runs": ["R1"], "quantity": "energy"}
    shown = [
        seen,
        seen | {"runs": ["R2"]},
        seen | {"clock": "step"},
        seen | {"relative": True},
        seen | {"runs": [f"R{n}" for n in range(1, 7)]},
        seen | {"runs": [f"R{n}" for n in (1, 3, 5, 7, 9, 11)]},
        seen | {"quantity": "τ"},
        seen | {"quantity": "σ"},
    ]
    stems = [wanted(campaign.state, order("live", **one)).stem for one in shown]
    assert len(set(stems)) == len(stems)
    assert stems[0] == "observations-energy-R1"
