"""The model in the user's hands: one Deep Potential or a committee of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisteer.deep_potential.checkpoint import read_checkpoint, write_checkpoint
from aisteer.deep_potential.description import Description
from aisteer.deep_potential.deviation import Deviation
from aisteer.deep_potential.device import device_of
from aisteer.deep_potential.engine import Engine, Precision
from aisteer.deep_potential.fidelity import Fidelity, measure_fidelity
from aisteer.deep_potential.skin import SKIN, SkinList
from aisteer.deep_potential.structures import frames_of
from aisteer.errors import BadModel, BadStructure

if TYPE_CHECKING:
    from ase import Atoms

    from aisteer.deep_potential.calculator import DeepPotentialCalculator
    from aisteer.deep_potential.training.record import TrainingRecord

__all__ = ["DeepPotential", "Evaluation", "load"]

Overflow = Literal["refuse", "nearest"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model says of a structure: ``energy, forces, virial = model.evaluate(…)``.

    The leading axes are the members (of a committee only), then the frames as they were given.

    Attributes:
        energy: In eV.
        forces: In eV/Å, of shape (…, atoms, 3).
        virial: −Σ r ⊗ ∂E/∂r in eV, of shape (…, 3, 3); the stress is −virial / volume.
        atomic_energies: In eV, of shape (…, atoms).
        dropped: How many neighbours were more than ``sel`` and left out, in all frames.
    """

    energy: Numbers
    forces: Numbers
    virial: Numbers
    atomic_energies: Numbers
    dropped: int = 0

    def __iter__(self) -> Iterator[Numbers]:
        return iter((self.energy, self.forces, self.virial))


class DeepPotential:
    """One Deep Potential, or a committee of them. Made by :func:`load`.

    Attributes:
        members: Descriptions of the models.
        committee: Whether answers have a leading axis of members.
        overflow: What becomes of neighbours beyond ``sel``.
        target: The largest error of a force by the series, in eV/Å.
        r_min: Where the series begin, in Å, if that was asked for.
        training: How it was trained, where that was done here.
    """

    def __init__(
        self,
        members: Sequence[Description],
        *,
        committee: bool,
        overflow: Overflow = "refuse",
        target: float = 1e-6,
        r_min: float | None = None,
    ) -> None:
        if overflow not in {"refuse", "nearest"}:
            raise BadModel(f'overflow is "refuse" or "nearest", not {overflow!r:.40}.')
        given: tuple[tuple[str, object], ...] = (("target", target), ("r_min", r_min))
        for name, value in given:
            if value is not None and not (isinstance(value, int | float | np.number) and 0 < value < np.inf):
                raise BadModel(f"{name} is a number above 0, not {value!r:.40}.")
        _check_alike(members)
        self.members = tuple(members)
        self.committee = committee
        self.overflow = overflow
        self.target = target
        self.r_min = r_min
        self.training: TrainingRecord | None = None
        self._engine = Engine(self.members, r_min=r_min, target=target)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        kind = f"committee of {len(self)}" if self.committee else "model"
        first = self.members[0].descriptor
        return f"<DeepPotential: {kind}, {'/'.join(self.type_map)}, cutoff {first.cutoff:g} Å, sel {list(first.sel)}>"

    @property
    def type_map(self) -> tuple[str, ...]:
        """Chemical symbols; the position of one is its type."""
        return self.members[0].type_map

    @property
    def cutoff(self) -> float:
        """In Å."""
        return self.members[0].descriptor.cutoff

    def evaluate(
        self,
        positions: ArrayLike,
        cell: ArrayLike | None,
        types: ArrayLike | Sequence[str],
        *,
        pbc: bool | Sequence[bool] | None = None,
        exact: bool = False,
        precision: Precision = "fp64",
        skin: SkinList | None = None,
        device: str | None = None,
    ) -> Evaluation:
        """Energy, forces and virial.

        Args:
            positions: In Å, of shape (…, atoms, 3): leading axes are frames of one composition.
            cell: Vectors in rows, in Å, of shape (3, 3) or (…, 3, 3); ``None`` for open boundaries.
            types: Of each atom: positions in :attr:`type_map`, or chemical symbols.
            pbc: Which directions repeat; all with a cell, none without.
            exact: Evaluate the networks themselves, in the precision that they were trained in. Otherwise their
                Chebyshev series, whose error :meth:`fidelity` measures.
            precision: Of the series: all in double precision, ``mixed`` with the matrix products in single, or ``fp32``
                with the series too. Distances and sums over atoms are always in double.
            skin: Keeps the neighbour list from call to call, for structures that move a little in between. One for each
                structure, or for each batch of them. Without it neighbours are searched each time.
            device: Where torch is to compute the series, such as ``"cuda"``; neighbours are searched on the CPU. Unless
                it is given, compiled loops do all of it on the CPU.

        Raises:
            BadModel: There is no such device, or the networks themselves are wanted there.
            BadStructure: What cannot be evaluated, with frame and atom.
            NeighbourOverflow: An atom has more neighbours than the model takes.
        """
        frames = frames_of(positions, cell, types, type_map=self.type_map, pbc=pbc)
        found = self._engine.neighbours(frames, overflow=self.overflow, skin=skin)
        engine = self._engine
        where = device_of(device, exact=exact)
        answers = (
            engine.exact(frames, found) if exact else engine.fast(frames, found, _checked(precision), where)
        )
        lead = (len(self), *frames.shape) if self.committee else frames.shape
        size = len(frames.types)
        atomic = np.stack([answer.atomic for answer in answers]).reshape(*lead, size)
        return Evaluation(
            atomic.sum(axis=-1),
            np.stack([answer.forces for answer in answers]).reshape(*lead, size, 3),
            np.stack([answer.virial for answer in answers]).reshape(*lead, 3, 3),
            atomic,
            found.dropped,
        )

    def deviation(
        self,
        positions: ArrayLike,
        cell: ArrayLike | None,
        types: ArrayLike | Sequence[str],
        *,
        pbc: bool | Sequence[bool] | None = None,
        exact: bool = False,
        precision: Precision = "fp64",
        device: str | None = None,
    ) -> Deviation:
        """How far the members are apart; arguments as for :meth:`evaluate`.

        Raises:
            NotSupported: There are fewer than two members.
        """
        answer = self.evaluate(
            positions, cell, types, pbc=pbc, exact=exact, precision=precision, device=device
        )
        if not self.committee:
            return Deviation.of(answer.energy[None], answer.forces[None], answer.virial[None])
        return Deviation.of(answer.energy, answer.forces, answer.virial)

    def calculator(
        self,
        *,
        exact: bool = False,
        precision: Precision = "fp64",
        skin: float = SKIN,
        device: str | None = None,
    ) -> DeepPotentialCalculator:
        """An ASE calculator: ``atoms.calc = model.calculator()``; options as for :meth:`evaluate`.

        It keeps its neighbour list as long as no atom has moved farther than half the `skin`, in Å.
        """
        from aisteer.deep_potential.calculator import DeepPotentialCalculator

        device_of(device, exact=exact)
        return DeepPotentialCalculator(
            self, exact=exact, precision=_checked(precision), skin=skin, device=device
        )

    def fidelity(self, structures: Atoms | Sequence[Atoms]) -> Fidelity:
        """How exact the fast path is: its nets over the fitted range, its forces on these structures.

        Args:
            structures: ASE's atoms, with a cell where they are periodic.

        Raises:
            BadStructure: There are none, or one cannot be evaluated.
        """
        given: list[Atoms] = [structures] if hasattr(structures, "get_positions") else list(structures)
        if not given or not all(hasattr(each, "get_positions") for each in given):
            raise BadStructure(
                "There are no structures of ASE, so nothing was measured. Give one, or a list of them."
            )
        frames = [
            frames_of(
                atoms.positions,
                atoms.cell.array if atoms.pbc.any() else None,
                atoms.get_chemical_symbols(),
                type_map=self.type_map,
                pbc=atoms.pbc if atoms.pbc.any() else None,
            )
            for atoms in given
        ]
        return measure_fidelity(self._engine, frames)

    def save(self, *paths: str | PathLike[str]) -> tuple[Path, ...]:
        """Write checkpoints that deepmd-kit runs: one path for each member.

        Raises:
            BadModel: There are more or fewer paths than members, or one does not end in ``.pt``.
        """
        if len(paths) != len(self):
            raise BadModel(
                f"There are {len(self)} models and {len(paths)} paths; give one path for each model."
            )
        return tuple(
            write_checkpoint(each, Path(path)) for each, path in zip(self.members, paths, strict=True)
        )


def load(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    trust: bool = False,
    overflow: Overflow = "refuse",
    target: float = 1e-6,
    r_min: float | None = None,
) -> DeepPotential:
    """Load a model that deepmd-kit trained, or a committee.

    Args:
        path: ``model.ckpt.pt``; a list of them is a committee, of one too.
        trust: Let code in the file run. Checkpoints need no trust; frozen models (``.pth``) and some old ones do.
        overflow: An atom with more neighbours than ``sel`` is refused, or only the ``nearest`` count as in deepmd-kit.
        target: The largest error of a force, in eV/Å, by which the order of the fast path is chosen.
        r_min: In Å: neighbours nearer than this are left to the networks. The smaller, the more terms are needed.
            Unless it is given, seven tenths of the least distance in the training data (0.6 where that was not kept).

    Raises:
        BadModel: A file is missing, broken, foreign or not supported, or members do not belong together.
        Untrusted: A file needs ``trust=True``.
    """
    alone = isinstance(path, str | PathLike)
    paths: list[str | PathLike[str]] = [path] if isinstance(path, str | PathLike) else list(path or ())
    if not paths:
        raise BadModel("There are no paths, so no model was loaded. Name at least one checkpoint.")
    if not all(isinstance(each, str | PathLike) for each in paths):
        raise BadModel(f"A model is named by its path, or several by a list of paths, not by {path!r:.60}.")
    members = [read_checkpoint(Path(each), trust=trust) for each in paths]
    return DeepPotential(members, committee=not alone, overflow=overflow, target=target, r_min=r_min)


def _checked(precision: Precision) -> Precision:
    if precision not in {"fp64", "mixed", "fp32"}:
        raise BadModel(f'precision is "fp64", "mixed" or "fp32", not {precision!r:.40}.')
    return precision


def _check_alike(members: Sequence[Description]) -> None:
    """What a committee shares: who is a neighbour, and what a type means."""
    first = members[0]
    for other in members[1:]:
        for what, ours, theirs in (
            ("type map", first.type_map, other.type_map),
            ("cutoff", first.descriptor.cutoff, other.descriptor.cutoff),
            ("start of smoothing", first.descriptor.smooth_from, other.descriptor.smooth_from),
            ("sel", first.descriptor.sel, other.descriptor.sel),
        ):
            if ours != theirs:
                raise BadModel(
                    f"These are no committee: the {what} of {first.name} is {ours}, that of {other.name} is {theirs}. "
                    "Members are trained on the same type map with the same descriptor; load them one by one.",
                    path=other.name,
                )
