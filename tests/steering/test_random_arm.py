from __future__ import annotations

from dataclasses import replace

from aisteer.problem.parameters import Choice, Float, Int
from aisteer.problem.pool import Pool
from aisteer.problem.space import Space
from aisteer.steering.protocols import Datum, Evidence
from aisteer.steering.random_arm import RandomArm

BOX = Space(x=Float(0, 1), n=Int(1, 9), c=Choice(["a", "b"]), constraints=["x + n <= 8"])
POOL = Pool({"key": [f"k{i}" for i in range(30)], "f": [float(i) for i in range(30)]}, "key", features=["f"])
NOTHING = Evidence("main", {})


def draws(arm: RandomArm, n: int, evidence: Evidence = NOTHING) -> list[dict]:
    return [draft.parameters for draft in arm.propose(evidence, n).drafts]


def test_the_sequence_depends_on_the_seed_alone():
    for space in (BOX, POOL):
        assert draws(RandomArm(space, 1), 20) == draws(RandomArm(space, 1), 20)
        assert draws(RandomArm(space, 1), 20)[:5] == draws(RandomArm(space, 1), 5)
        assert draws(RandomArm(space, 1), 20) != draws(RandomArm(space, 2), 20)


def test_a_restart_goes_on_where_the_arm_was():
    for space in (BOX, POOL):
        whole = draws(RandomArm(space, 3), 24)
        arm = RandomArm(space, 3)
        ran = tuple(Datum(f"R{i}", p, {}) for i, p in enumerate(whole[:9]))
        known = replace(NOTHING, data=ran, pending=tuple(whole[9:11]), failed=(whole[11],))
        assert draws(arm, 12, known) == whole[12:]
        assert draws(RandomArm(space, 3), 12, known) == whole[12:]


def test_points_lie_within_the_constraints_and_differ():
    found = draws(RandomArm(BOX, 0), 300)
    assert all(BOX.validate(point) == point for point in found)
    assert len({tuple(p.values()) for p in found}) == 300


def test_every_candidate_is_drawn_once():
    found = draws(RandomArm(POOL, 0), 100)
    assert sorted(p["key"] for p in found) == sorted(POOL.keys)


def test_a_box_of_few_points_ends():
    few = Space(n=Int(1, 3), c=Choice([True, False]))
    assert len(draws(RandomArm(few, 0), 100)) == 6


def test_what_was_rejected_is_not_drawn_again():
    first = draws(RandomArm(POOL, 0), 1)[0]
    known = replace(NOTHING, rejected=((first, 999),))
    assert first not in draws(RandomArm(POOL, 0), 29, known)
