"""Trust is earned by one surrogate: another that takes its place begins its own record, and each keeps its own."""

from __future__ import annotations

from pathlib import Path

from scenes import HUMAN, Campaign, task

from aisteer.campaign.trust import Trust
from aisteer.journal import commands as cmd
from aisteer.journal.events import SurrogateFitted
from aisteer.steering.mind import Mind
from aisteer.steering.predictors import changes, continued, predicted_by
from aisteer.steering.protocols import Datum
from aisteer.steering.rolling import earned

OURS, OWN = "gaussian process", "tests.steering.lent.regressors:Nearest"


def of(campaign: Campaign) -> int:
    """Of how many predictions the record is, by which autonomy is earned and trust is told."""
    counted = earned(campaign.state, "main")[1].of
    assert Trust(campaign.state, "main").calibrations["yield"].of == counted
    return counted


def test_a_rolling_record_begins_anew_with_another_surrogate_and_each_keeps_its_own(tmp_path: Path):
    campaign = Campaign(main=task(policy="bayesian", initial=4))
    campaign.state.definition["tasks"]["main"]["policy"]["options"] = {"surrogate": OWN, "initial": 4}

    def steered(name: str | None) -> None:
        campaign.submit(cmd.Steer(actor=HUMAN, task="main", change={"surrogate": name}))

    mind = Mind(tmp_path)
    for i in range(10):
        campaign.run(i / 10, x=i / 10, y=(3 * i % 10) / 10)
    steered(OURS)
    for _ in range(2):
        campaign.turn(tmp_path, lambda p: p["x"] - (p["y"] - 0.5) ** 2, mind)
    before = of(campaign)
    assert before == 8
    steered(None)
    for name in list(campaign.state.waiting):
        campaign.reject(name)
    campaign.turn(tmp_path, lambda p: p["x"], mind)
    fit = campaign.state.models["main"].summary
    assert fit["surrogate"] == OWN
    assert fit["calibration"]["of"] == 0, "what the Gaussian process predicted says nothing of another"
    assert [name for _, name in fit["made_by"]] == [OURS, OWN]
    assert of(campaign) == 4, "only what it predicted itself"
    steered(OURS)
    campaign.think(mind)
    assert campaign.state.models["main"].summary["calibration"]["of"] == before
    assert of(campaign) == before


def test_who_predicted_what_is_told_by_the_revision():
    told = continued(continued(continued((), OURS, 7), OURS, 8), OWN, 9)
    assert told == [[0, OURS], [9, OWN]]
    data = [Datum("R1", {}, {}, model=model) for model in (None, 3, 8, 9, 12)]
    assert [predicted_by(told, OWN)(d) for d in data] == [False, False, False, True, True]
    assert [predicted_by(told, OURS)(d) for d in data] == [True, True, True, False, False]
    assert all(predicted_by((), OWN)(d) for d in data)


def test_fits_of_an_earlier_release_are_of_the_surrogate_that_they_name():
    def fit(**summary: str) -> SurrogateFitted:
        return SurrogateFitted(task="main", model=3, runs=9, summary=summary)

    assert changes(fit(kernel="Matérn 5/2")) == ((0, OURS),)
    assert changes(fit(kernel="deep ensemble")) == ((0, "deep ensemble"),)
