"""Figures: what they say is what the journal knows, and all of it stands beside the picture."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import threading

import matplotlib as mpl
import numpy as np
import pytest
from told import GRID, Told, length_of, yield_of

import aisteer as ai
from aisteer.errors import NotSupported, UnknownName
from aisteer.figures import KINDS, figure
from aisteer.figures.spec import Axis, Band, Line, Marks, Surface
from aisteer.figures.style import LOOKS, SERIES


def layers(made, kind, panel=0):
    return {one.label: one for one in made.spec.panels[panel].layers if isinstance(one, kind)}


def table(made):
    return list(csv.DictReader(io.StringIO(made.data)))


# --- what they say --------------------------------------------------------------------------------


def test_convergence_shows_the_best_so_far_of_both_arms_and_every_run(steered):
    made = figure(steered.campaign, "convergence")
    lines, marks = layers(made, Line), layers(made, Marks)
    values = [yield_of(**p)["yield"] for p in [*GRID, {"temperature": 900.0, "share": 0.5}]]
    np.testing.assert_allclose(lines["best so far"].y, np.maximum.accumulate(values))
    assert len(lines["best so far, random arm"].y) == 3
    assert len(marks["AI's runs"].x) == 12
    assert marks["own runs"].x.tolist() == [13.0]
    assert len(marks["random runs"].x) == 3
    assert made.spec.panels[0].y.text == "yield (mol)"


def test_minimising_makes_the_best_so_far_fall(words):
    words.run([{"word": w} for w in ("cccc"[:3], "bb", "dddd")], length_of)
    best = layers(figure(words.campaign, "convergence"), Line)["best so far"]
    assert best.y.tolist() == [3.0, 2.0, 2.0]


def test_a_run_marked_bad_is_in_no_figure(steered):
    from aisteer.journal import commands as cmd

    steered.campaign.submit(cmd.Mark(actor=steered.campaign.actor, run="R8", bad=True, reason="leak"))
    made = figure(steered.campaign, "convergence")
    assert "R8" not in layers(made, Marks)["AI's runs"].names
    assert "R8" not in [run["run"] for run in made.provenance["runs"]]


def test_a_slice_goes_through_the_measured_points_and_widens_between_them(steered):
    made = figure(steered.campaign, "surrogate", x="temperature", at={"share": 0.4})
    line, band = layers(made, Line)["predicted mean"], layers(made, Band)["95 % band"]
    assert line.x[[0, -1]] == pytest.approx([300, 2000])
    assert made.spec.panels[0].x.scale == "log"
    for point in GRID:
        if point["share"] == 0.4:
            there = np.interp(point["temperature"], line.x, line.y)
            assert there == pytest.approx(yield_of(**point)["yield"], abs=0.08)
    width = band.high - band.low
    assert width.max() > 2 * np.interp(700.0, band.x, width)


def test_a_run_off_the_slice_is_faint_and_said_to_be(steered):
    marks = layers(figure(steered.campaign, "surrogate", x="temperature", at={"share": 0.4}), Marks)
    on, off = marks["AI's runs"], marks["AI's runs, off the slice"]
    assert (on.faint, off.faint) == (False, True)
    shares = {name: run["share"] for name, run in zip((f"R{i + 1}" for i in range(12)), GRID, strict=True)}
    assert {shares[name] for name in on.names} == {0.4}
    assert 0.4 not in {shares[name] for name in off.names}


def test_figures_have_the_colours_of_the_board_on_a_light_page():
    from aisteer_widgets.assets import css

    board = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", css().partition("[data-jp-theme-light")[0]))
    for who in ("ai", "human", "random"):
        assert LOOKS[who].colour.lower() == board[who]
    assert [colour.lower() for colour, _ in SERIES] == [board[f"c{i}"] for i in range(8)]


def test_what_runs_is_shown_where_it_is_with_its_prediction_and_no_outcome(steered):
    marks = layers(figure(steered.campaign, "surrogate", x="temperature"), Marks)["running, predicted"]
    assert marks.names == ["R17"]
    assert marks.x.tolist() == [800.0]
    assert marks.y_error.min() > 0


def test_a_map_shows_mean_and_standard_deviation_over_two_parameters(steered):
    made = figure(steered.campaign, "surrogate", x="temperature", y="share")
    mean, std = (next(one for one in panel.layers if isinstance(one, Surface)) for panel in made.spec.panels)
    peak = np.unravel_index(np.argmax(mean.z), mean.z.shape)
    assert mean.x[peak[1]] == pytest.approx(900, rel=0.25)
    assert mean.y[peak[0]] == pytest.approx(0.4, abs=0.15)
    assert (std.z >= 0).all()


def test_a_pool_is_shown_by_rank_and_by_what_was_predicted_before(words):
    points = [{"word": chr(97 + i % 26) * (1 + i)} for i in range(0, 40, 5)]
    told = [{"length": [len(p["word"]) + 1.0, 2.0]} for p in points]
    words.run(points, length_of, predicted=told)
    made = figure(words.campaign, "surrogate")
    line = layers(made, Line)["predicted mean"]
    assert len(line.x) == 40
    assert (np.diff(line.y) >= 0).all()
    before = layers(made, Marks, panel=1)["AI's proposals"]
    np.testing.assert_allclose(before.x, before.y + 1.0)
    np.testing.assert_allclose(before.x_error, 1.959964 * 2.0, rtol=1e-6)  # 95 %, as every band
    assert "bars: 95 %" in made.spec.panels[1].title


def test_calibration_counts_what_fell_inside_intervals_claimed_before(steered):
    made = figure(steered.campaign, "calibration")
    share = layers(made, Line, panel=1)["12 outcomes"]
    # Every prediction was off by 0.05, with 0.06 claimed and 0.01 measured: 0.82 standard deviations.
    assert share.y[share.x < 0.55].max() == 0.0
    assert share.y[share.x > 0.62].min() == 1.0


def test_calibration_moves_with_the_last_outcomes_and_says_how_sure_its_share_is(steered):
    made = figure(steered.campaign, "calibration")
    band = layers(made, Band, panel=1)["95 % interval"]
    assert (band.low <= layers(made, Line, panel=1)["12 outcomes"].y).all()
    assert band.high[-1] - band.low[-1] > 0.2
    rolling = layers(made, Line, panel=2)["of the last 20"]
    assert rolling.x.tolist() == [10.0, 11.0, 12.0]
    assert rolling.y.tolist() == [1.0, 1.0, 1.0]


def test_predictions_are_shown_before_the_runs_and_from_the_other_runs(steered):
    made = figure(steered.campaign, "predictions")
    before, others = made.spec.panels
    assert len(layers(made, Marks)["AI's proposals"].names) == 12
    assert len(layers(made, Marks, panel=1)["own and edited"].names) == 1
    assert others.x.label == "predicted from the other runs"
    assert before.x.label == "predicted before"


def test_slices_and_sensitivity_are_of_every_parameter(steered):
    made = figure(steered.campaign, "slices", at={"share": 0.4})
    assert [panel.x.label for panel in made.spec.panels] == ["temperature", "share"]
    assert "share = 0.4" in made.spec.panels[0].title
    drives = figure(steered.campaign, "sensitivity")
    alone, together = (layers(drives, Marks)[words] for words in ("alone", "in all, with others"))
    assert set(alone.names) == {"temperature", "share"}
    assert drives.spec.panels[0].y.options == tuple(alone.names)
    assert (together.x >= alone.x - 0.05).all()


def test_a_choice_is_an_axis_with_places_that_the_table_names(campaigns, tmp_path):
    campaign = ai.Campaign(
        "alloys",
        simulation=yield_of,
        space=ai.Space(temperature=ai.Float(300, 2000), share=ai.Choice([0.2, 0.4, 0.6])),
        objective=ai.Maximize("yield"),
    )
    told = Told(campaign)
    told.run([{"temperature": 400.0 + 150 * i, "share": (0.2, 0.4, 0.6)[i % 3]} for i in range(8)], yield_of)
    made = figure(campaign, "surrogate", x="share", y="temperature")
    surface = next(one for one in made.spec.panels[0].layers if isinstance(one, Surface))
    assert surface.x.tolist() == [0.0, 1.0, 2.0]
    assert surface.z.shape == (41, 3)
    assert "share (0 = 0.2, 1 = 0.4, 2 = 0.6)" in made.data
    made.save(tmp_path / "map.svg")
    campaign.close()


def test_what_was_measured_elsewhere_is_drawn_as_that_and_is_no_run(steered):
    import pandas as pd

    table = pd.DataFrame({"temperature": [500.0, 1500.0], "share": [0.1, 0.9], "yield": [0.05, 0.02]})
    steered.campaign.add_data(table, source="a paper")
    made = figure(steered.campaign, "surrogate", x="temperature", y="share")
    every = {
        n
        for m in made.spec.panels[0].layers
        if isinstance(m, Marks) and m.who == "elsewhere"
        for n in m.names
    }
    assert every == {"D1.0", "D1.1"}
    assert "D1.0" not in [run["run"] for run in made.provenance["runs"]]
    assert "D1.0" not in layers(figure(steered.campaign, "convergence"), Line)["best so far"].names
    assert "measured elsewhere" in layers(figure(steered.campaign, "predictions"), Marks, panel=1)


def test_the_front_of_two_objectives_is_what_no_run_beats(steered, monkeypatch):
    definition = steered.campaign.state.definition["tasks"]["main"]
    goals = [{"kind": "maximize", "outcome": "yield"}, {"kind": "minimize", "outcome": "effort", "unit": "h"}]
    monkeypatch.setitem(definition, "objectives", goals)
    state = steered.campaign.state
    for i, run in enumerate(r for r in state.runs.values() if r.task == "main" and "yield" in r.outcome):
        run.outcome["effort"] = (float(i), 0.1)
    made = figure(steered.campaign, "pareto")
    every = {n: m for m in made.spec.panels[0].layers if isinstance(m, Marks) for n in m.names}
    assert not every["R1"].faint  # the least effort
    assert any(m.faint for m in every.values())
    grown = layers(figure(steered.campaign, "convergence"), Line)["hypervolume so far"]
    assert (np.diff(grown.y) >= 0).all()
    assert grown.y[-1] > grown.y[0] >= 0


def test_a_run_that_is_not_feasible_is_neither_best_nor_on_the_front(steered, monkeypatch):
    definition = steered.campaign.state.definition["tasks"]["main"]
    runs = [r for r in steered.campaign.state.runs.values() if r.task == "main" and "yield" in r.outcome]
    for i, run in enumerate(runs):
        run.outcome["effort"] = (float(i), 0.0)
    best = max(runs, key=lambda r: r.outcome["yield"][0])
    monkeypatch.setitem(definition, "feasible", [f"effort <= {best.outcome['effort'][0] - 0.5}"])
    made = figure(steered.campaign, "convergence")
    out = layers(made, Marks)["AI's runs, not feasible"]
    assert best.id in out.names
    assert out.empty
    assert layers(made, Line)["best so far"].y[-1] < best.outcome["yield"][0]
    goals = [{"kind": "maximize", "outcome": "yield"}, {"kind": "minimize", "outcome": "effort", "unit": "h"}]
    monkeypatch.setitem(definition, "objectives", goals)
    made = figure(steered.campaign, "pareto")
    every = {n: m for m in made.spec.panels[0].layers if isinstance(m, Marks) for n in m.names}
    assert every[best.id].empty
    assert best.outcome["yield"][0] not in layers(made, Line)["beaten by none"].y


def test_where_no_run_is_the_best_no_curve_says_so(steered, monkeypatch):
    level = {"kind": "level_set", "outcome": "yield", "unit": "mol", "threshold": 0.5}
    for definition in steered.campaign.state.definition["tasks"].values():
        monkeypatch.setitem(definition, "objective", level)
    lines = layers(figure(steered.campaign, "convergence"), Line)
    assert list(lines) == ["what is sought"]
    assert lines["what is sought"].y.tolist() == [0.5, 0.5]


def test_an_axis_reads_a_name_as_words_with_its_unit(steered):
    assert Axis("ionisation_energy", "eV").text == "ionisation energy (eV)"
    sliced = figure(steered.campaign, "surrogate", x="temperature", at={"share": 0.4}).spec.panels[0]
    assert (sliced.x.text, sliced.y.text, sliced.title) == (
        "temperature (K)",
        "yield (mol)",
        "at share = 0.4",
    )


def test_observations_have_the_units_that_their_simulation_says(campaigns):
    @ai.simulation(units={"energy": "eV", "time_passed": "ps"})
    def relax(x):
        yield {"time_passed": 0.0, "energy": x, "yield": x}
        return {"yield": x}

    objective = ai.Maximize("yield", unit="mol")
    campaign = ai.Campaign("units", simulation=relax, space=ai.Space(x=ai.Float(0, 1)), objective=objective)
    told = Told(campaign)
    told.launch(told.propose([{"x": 0.5}]))
    told.observe("R1", [{"time_passed": 0.1 * i, "energy": -i, "yield": i} for i in range(3)])
    made = figure(campaign, "observations", x="time_passed")
    axes = [(panel.x.text, panel.y.text) for panel in made.spec.panels]
    assert axes == [("time passed (ps)", "energy (eV)"), ("time passed (ps)", "yield (mol)")]
    assert {row["y_unit"] for row in table(made)} == {"eV", "mol"}
    campaign.close()


def test_observations_are_curves_of_runs_and_quantities(steered):
    steered.observe("R17", [{"step": 10 * i, "energy": -i, "note": "text"} for i in range(5)])
    made = figure(steered.campaign, "observations")
    line = layers(made, Line)["R17"]
    assert [panel.y.label for panel in made.spec.panels] == ["energy"]
    assert line.x.tolist() == [0, 10, 20, 30, 40]
    assert line.y.tolist() == [0, -1, -2, -3, -4]
    steered.observe("R17", [{"step": 50, "force": 7.0}, {"step": 60, "force": 5.0}])
    made = figure(steered.campaign, "observations", y="force", relative=True)
    assert layers(made, Line)["R17"].y.tolist() == [0, -2]
    assert made.spec.panels[0].y.text == "force, change since the start"
    kept = figure(steered.campaign, "observations", runs=["R17"], y="force", series=[3])
    assert layers(kept, Line)["R17"].series == 3  # the colour that it has on the board


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_without_runs_gives_a_figure_that_says_so(box, kind):
    made = figure(box.campaign, kind)
    assert any(panel.note for panel in made.spec.panels)
    assert made._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("pie", {}, "no figure 'pie'; there are convergence"),
        ("surrogate", {"z": "share"}, "no option 'z'. It takes x, y, at"),
        ("surrogate", {"x": "pressure"}, "no parameter 'pressure'"),
        ("observations", {"runs": "R99"}, "no run 'R99'"),
        ("convergence", {"task": "other"}, "no task 'other'"),
    ],
)
def test_what_cannot_be_drawn_is_named(steered, kind, options, says):
    with pytest.raises(UnknownName, match=says):
        figure(steered.campaign, kind, **options)


# --- beside the picture ---------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "begins"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_data_and_provenance_stand_beside_the_picture(steered, tmp_path, ending, begins):
    made = figure(steered.campaign, "convergence")
    picture, data, origin = made.save(tmp_path / "new" / f"best.{ending}")
    assert picture.read_bytes().startswith(begins)
    known = json.loads(origin.read_text())
    assert known["campaign"] == {
        "name": "kiln",
        "uuid": steered.campaign.state.uuid,
        "revision": steered.campaign.state.position,
    }
    assert known["data"] == data.name == "best.data.csv"
    assert known["data_sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()
    assert len(known["runs"]) == 16
    assert {run["end"] for run in known["runs"]} == {"done"}
    assert set(known["versions"]) == {"aisteer", "matplotlib", "numpy", "python"}
    assert sorted(path.name for path in picture.parent.iterdir()) == sorted(
        path.name for path in (picture, data, origin)
    )


def test_the_data_reads_back_exactly(steered):
    made = figure(steered.campaign, "convergence")
    marks = layers(made, Marks)["AI's runs"]
    rows = [row for row in table(made) if row["label"] == "AI's runs"]
    assert [float(row["y"]) for row in rows] == marks.y.tolist()
    assert [row["name"] for row in rows] == list(marks.names)
    assert {row["y_unit"] for row in rows} == {"mol"}


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_the_same_figure_gives_the_same_bytes_whatever_style_the_user_has(steered, tmp_path, ending):
    made = figure(steered.campaign, "surrogate", x="temperature")
    first = made.save(tmp_path / f"a.{ending}")[0].read_bytes()
    with mpl.rc_context({"font.size": 30, "text.usetex": True, "svg.fonttype": "none"}):
        second = made.save(tmp_path / f"a.{ending}")[0].read_bytes()
        assert mpl.rcParams["font.size"] == 30
    assert first == second


def test_fonts_are_embedded_and_no_type_3(steered, tmp_path):
    content = figure(steered.campaign, "convergence").save(tmp_path / "a.pdf")[0].read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_a_campaign_draws_its_own_figures_again_and_again(steered):
    for _ in range(2):
        assert "convergence" in repr(steered.campaign.figure("convergence"))


def test_another_ending_writes_nothing(steered, tmp_path):
    with pytest.raises(NotSupported, match=r"not as '.docx'. Nothing was written. Try .save\(.*a.pdf"):
        figure(steered.campaign, "convergence").save(tmp_path / "a.docx")
    assert list(tmp_path.glob("a.*")) == []


def test_a_picture_that_cannot_be_written_leaves_the_old_one(steered, tmp_path, monkeypatch):
    made = figure(steered.campaign, "convergence")
    picture = made.save(tmp_path / "a.svg")[0]
    before = picture.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        made.save(picture)
    assert picture.read_bytes() == before
    assert not list(tmp_path.glob(".a*"))


def test_hostile_names_are_text_in_the_picture_and_in_the_table(campaigns, tmp_path):
    evil = ['=cmd("calc")', "$\\frac{1}{0}$", "_hidden", "<script>alert(1)</script>", "🧪" * 3, "x" * 10_000]
    pool = ai.Pool({"word": evil, "size": [float(i) for i in range(6)]}, "word", features=["size"])
    outcome = '=HYPERLINK("http://evil")'
    campaign = ai.Campaign(
        "$x_{y}$ <b>&", simulation=length_of, space=pool, objective=ai.Minimize("length", unit=outcome)
    )
    told = Told(campaign)
    told.run([{"word": word} for word in evil[:5]], length_of)
    made = figure(campaign, "surrogate")
    svg = made.save(tmp_path / "a.svg")[0].read_text()
    assert "<script>" not in svg
    assert made._repr_png_()
    cells = [value for row in table(made) for value in row.values()]
    assert any(value == '\'=cmd("calc")' for value in cells)
    assert not [value for value in cells if value[:1] in {"=", "+", "@"}]
    campaign.close()


# --- manners --------------------------------------------------------------------------------------


def test_drawing_needs_neither_pyplot_nor_a_display():
    code = (
        "import sys, aisteer.figures.render as render\n"
        "with render.print_style(): pass\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_figures_can_be_drawn_from_several_threads(steered):
    made = figure(steered.campaign, "convergence")
    pictures = []
    threads = [threading.Thread(target=lambda: pictures.append(made._repr_png_())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pictures)) == 1


def test_the_journal_is_free_while_the_surrogate_is_fitted(steered, monkeypatch):
    from aisteer.steering.fitting import Fitter

    honest, free = Fitter.belief, []

    def take():
        free.append(steered.campaign.journal.lock.acquire(timeout=5))
        if free[-1]:
            steered.campaign.journal.lock.release()

    def belief(self, evidence):
        looker = threading.Thread(target=take)
        looker.start()
        looker.join()
        return honest(self, evidence)

    monkeypatch.setattr(Fitter, "belief", belief)
    figure(steered.campaign, "surrogate", x="temperature")
    assert free
    assert all(free)
