"""The random structure on which the fast path is tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisteer.deep_potential.checkpoint import read_checkpoint
from aisteer.deep_potential.engine import random_structure


@pytest.mark.parametrize("types", [2, 48, 60])
def test_each_of_any_number_of_types_is_in_it(models, types):
    member = read_checkpoint(models / "water-0.ckpt.pt")
    many = replace(member, descriptor=replace(member.descriptor, sel=(14,) + (4,) * (types - 1)))
    frames = random_structure(many, 0.6)
    assert set(frames.types.tolist()) == set(range(types))
    apart = frames.positions[0] - frames.positions[0][:, None]
    apart -= np.round(apart @ np.linalg.inv(frames.cells[0])) @ frames.cells[0]
    assert np.linalg.norm(apart, axis=-1)[~np.eye(len(frames.types), dtype=bool)].min() > 0.6
