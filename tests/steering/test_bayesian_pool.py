from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from aisteer.problem.pool import Pool
from aisteer.steering.bayesian_pool import BayesianPool
from aisteer.steering.beliefs import belief
from aisteer.steering.domains import Candidates
from aisteer.steering.protocols import Evidence
from tests.steering.scenes import known, task

MAXIMIZE = {"kind": "maximize", "outcome": "yield"}
SIZE = 120
BITS = (np.random.default_rng(0).random((SIZE, 64)) < 0.15).astype(float)
VALUE = BITS @ np.random.default_rng(1).normal(size=64)
PRINTS = Pool({"key": [f"m{i}" for i in range(SIZE)]}, "key", features=BITS)
NUMBERS = Pool(
    {"key": list(range(SIZE)), "a": np.linspace(0, 1, SIZE).tolist(), "b": VALUE.tolist()},
    "key",
    features=["a", "b"],
)


def seen(rows: list[int], pool: Pool = PRINTS, **more) -> Evidence:
    points = [pool.point(pool.keys[row]) for row in rows]
    return known(points, [float(VALUE[row]) for row in rows], **more)


def rows(batch, pool: Pool = PRINTS) -> list[int]:
    return [pool.keys.index(draft.parameters["key"]) for draft in batch.drafts]


def test_the_first_candidates_differ_from_each_other_and_are_seeded():
    nothing = Evidence("main", task(PRINTS))
    first = rows(BayesianPool(PRINTS, MAXIMIZE, seed=1).propose(nothing, 8))
    assert first == rows(BayesianPool(PRINTS, MAXIMIZE, seed=1).propose(nothing, 8))
    assert first[:4] == rows(BayesianPool(PRINTS, MAXIMIZE, seed=1).propose(nothing, 4))
    assert len(set(first)) == 8
    assert first != rows(BayesianPool(PRINTS, MAXIMIZE, seed=2).propose(nothing, 8))


def test_the_first_candidates_resemble_the_pool_better_than_random_ones():
    ai = BayesianPool(PRINTS, MAXIMIZE)
    chosen = rows(ai.propose(Evidence("main", task(PRINTS)), 8))

    def covered(some) -> float:
        return float(ai.domain.similarities(some).max(axis=1).mean())

    rng = np.random.default_rng(0)
    assert all(covered(chosen) > covered(rng.permutation(SIZE)[:8].tolist()) for _ in range(20))


def test_what_ran_failed_runs_or_waits_is_never_proposed_again():
    told = seen(
        list(range(10)),
        failed=({"key": "m10"},),
        bad=({"key": "m11"},),
        pending=({"key": "m12"},),
        waiting=(("P1", {"key": "m13"}),),
    )
    found = rows(BayesianPool(PRINTS, MAXIMIZE).propose(told, SIZE))
    assert sorted(found) == list(range(14, SIZE))


def test_a_pool_that_is_used_up_gives_nothing():
    batch = BayesianPool(PRINTS, MAXIMIZE).propose(seen(list(range(SIZE))), 4)
    assert list(batch.drafts) == []


def test_it_finds_the_best_with_fewer_runs_than_chance():
    ai = BayesianPool(PRINTS, MAXIMIZE)
    ran: list[int] = []
    while len(ran) < 32:
        ran += rows(ai.propose(seen(ran), 8 if not ran else 4))
    top = set(np.argsort(-VALUE)[:12].tolist())
    assert len(set(ran)) == 32
    assert len(top & set(ran)) >= 7  # Chance: 3.2.


def test_candidates_with_numbers_are_compared_by_distance():
    ai = BayesianPool(NUMBERS, MAXIMIZE)
    batch = ai.propose(seen(list(range(0, SIZE, 8)), NUMBERS), 2)
    assert "Matérn" in batch.summary["kernel"]
    assert set(batch.summary["length_scales"] or {}) <= {"key"}
    nearest = next(r for r in batch.drafts[0].reasons if r["kind"] == "nearest")
    assert nearest["measure"] == "distance"
    assert set(rows(batch, NUMBERS)) & set(np.argsort(-VALUE)[:10].tolist())


def test_the_same_evidence_gives_the_same_batch_after_a_restart():
    told = seen(list(range(15)), pending=({"key": "m20"},))
    assert BayesianPool(PRINTS, MAXIMIZE).propose(told, 4) == BayesianPool(PRINTS, MAXIMIZE).propose(told, 4)


def test_what_is_under_way_counts():
    told = seen(list(range(15)))
    first, second = rows(BayesianPool(PRINTS, MAXIMIZE).propose(told, 2))
    beside = replace(told, pending=({"key": f"m{first}"},))
    assert rows(BayesianPool(PRINTS, MAXIMIZE).propose(beside, 1)) == [second]


def test_a_rejected_candidate_is_put_back_and_comes_again_much_later():
    told = seen(list(range(15)))
    (first,) = rows(BayesianPool(PRINTS, MAXIMIZE).propose(told, 1))
    fresh = replace(told, rejected=(({"key": f"m{first}"}, 0),))
    assert first not in rows(BayesianPool(PRINTS, MAXIMIZE).propose(fresh, 4))
    faded = replace(told, rejected=(({"key": f"m{first}"}, 500),))
    assert rows(BayesianPool(PRINTS, MAXIMIZE).propose(faded, 1)) == [first]


def test_a_proposal_names_its_neighbours_its_rank_and_their_outcomes():
    told = seen(list(range(15)))
    (draft,) = BayesianPool(PRINTS, MAXIMIZE).propose(told, 1).drafts
    assert (draft.rank, draft.of) == (1, SIZE - 15)
    nearest = next(r for r in draft.reasons if r["kind"] == "nearest")
    assert nearest["measure"] == "similarity"
    row = PRINTS.keys.index(draft.parameters["key"])
    alike = (BITS[:15] @ BITS[row]) / (BITS[:15].sum(1) + BITS[row].sum() - BITS[:15] @ BITS[row])
    assert [run["similarity"] for run in nearest["runs"]] == pytest.approx(sorted(alike, reverse=True)[:3])
    assert nearest["runs"][0]["value"] == VALUE[int(np.argmax(alike))]


def test_a_humans_candidate_is_ranked_among_those_that_have_not_run():
    ai = BayesianPool(PRINTS, MAXIMIZE)
    told = seen(list(range(15)))
    everyone = ai.predict(told, [{"key": f"m{i}"} for i in range(15, SIZE)])
    assert sorted(said["rank"] for said in everyone) == list(range(1, SIZE - 14))


def test_beliefs_hold_every_candidate_and_each_run_predicted_from_the_others():
    ai = BayesianPool(PRINTS, MAXIMIZE)
    told = seen(list(range(20)))
    shown = belief(ai, told, x=None, y=None, resolution=9, at={})
    assert shown["mean"].shape == shown["std"].shape == (SIZE,)
    assert shown["ran"].sum() == 20
    assert shown["loo_mean"].shape == shown["measured"].shape == (20,)
    assert (
        np.abs(shown["mean"][:20] - shown["measured"]).mean()
        < np.abs(shown["loo_mean"] - shown["measured"]).mean()
    )


def test_a_candidate_that_was_rejected_does_not_come_straight_back_before_there_is_a_surrogate():
    nothing = Evidence("main", task(PRINTS))
    first = rows(BayesianPool(PRINTS, MAXIMIZE).propose(nothing, 4))
    refused = replace(nothing, rejected=((PRINTS.point(PRINTS.keys[first[1]]), 0),))
    again = rows(BayesianPool(PRINTS, MAXIMIZE).propose(refused, 4))
    assert first[1] not in again
    assert len(again) == 4


# --- memory -----------------------------------------------------------------------------------

SCREEN = """
import sys
import numpy as np
from aisteer.problem.pool import Pool
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence

rng = np.random.default_rng(0)
bits, numbers = (rng.random((60, 64)) < 0.15).astype(float), rng.normal(size=(60, 2))
for features in (bits, numbers, np.hstack([bits, numbers])):
    pool = Pool({"key": list(range(60))}, "key", features=features)
    definition = {"objective": {"kind": "maximize", "outcome": "yield"}}
    data = tuple(Datum(f"R{i}", {"key": i}, {"yield": (features[i].sum(), 0.0)}) for i in range(20))
    batch = policy(definition, pool).propose(Evidence("main", definition, data=data), 2)
    assert len(batch.drafts) == 2 and batch.drafts[0].predicted
print(*sorted({"sympy", "botorch.acquisition", "botorch.models.gp_regression", "scipy.stats"} & set(sys.modules)))
"""


def test_screening_a_pool_loads_neither_sympy_nor_what_only_boxes_are_searched_with():
    done = subprocess.run([sys.executable, "-c", SCREEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_comparing_a_pool_with_a_part_of_it_takes_little_more_memory_than_the_result():
    features = (np.random.default_rng(2).random((1500, 32)) < 0.2).astype(float)
    domain = Candidates(Pool({"key": list(range(1500))}, "key", features=features))
    tracemalloc.start()
    try:
        alike = domain.similarities(np.arange(700))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.6 * alike.nbytes
    np.testing.assert_array_equal(alike[:700], alike[:700].T)
