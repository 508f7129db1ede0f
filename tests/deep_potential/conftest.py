"""The models of tests/fixtures/deep_potential, and what deepmd-kit answers with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "fixtures" / "deep_potential"


@dataclass(frozen=True)
class Answers:
    """What stands in answers.npz, by case and model."""

    stored: dict

    def frames(self, case: str) -> tuple:
        cells = self.stored.get(f"{case}/cells")
        return self.stored[f"{case}/positions"], cells, list(self.stored[f"{case}/symbols"])

    def of(self, case: str, model: str) -> SimpleNamespace:
        names = ("energy", "forces", "virial", "atomic_energies")
        return SimpleNamespace(**{name: self.stored[f"{case}/{model}/{name}"] for name in names})


@pytest.fixture(scope="session")
def answers() -> Answers:
    with np.load(FOLDER / "answers.npz") as stored:
        return Answers(dict(stored))


@pytest.fixture(scope="session")
def models() -> Path:
    return FOLDER
