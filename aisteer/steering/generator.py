"""Our policy as a generator of gest-api: for libEnsemble, Xopt, Optimas, or a loop of one's own."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aisteer.errors import AisteerError, BadParameters, MissingExtra
from aisteer.problem.parameters import Float, is_finite_number
from aisteer.problem.surrogate_names import reference_to
from aisteer.steering.policies import policy
from aisteer.steering.protocols import Datum, Evidence, Policy, Predicts
from aisteer.steering.vocs import Problem, plain, problem_of

try:
    from gest_api.generator import Generator as Base
except ImportError as missing:
    raise MissingExtra(
        "aisteer.steering.Generator is a generator of gest-api, which is not installed here. "
        "Install it with: pip install 'aisteer[gest,steer]'."
    ) from missing

__all__ = ["Generator"]

Json = dict[str, Any]
_SAME = 1e-6
"""How far a result may be, along each side of the unit cube, from the suggestion that it answers."""


class Generator(Base):  # type: ignore[misc]  # without gest-api there is no base
    """Bayesian optimisation as a gest-api generator. It needs no campaign and writes no journal.

    The first points are spread over the space, then a Gaussian process chooses (``aisteer.steering.bayesian_box``).
    What was suggested and has not come back counts as under way. The same results in the same order, with the same
    seed, give the same suggestions.

    Args:
        vocs: Variables (continuous; discrete: whole numbers, numbers in order, or options; contextual ones with bounds
            are observed, and suggestions are made for where they were last), objectives, constraints on outcomes,
            constants (they come with each suggestion), observables (kept, not used).
        seed: Of everything that is drawn.
        initial: How many first points; the policy knows if not given.
        **options: Others of the policy, as a campaign's ``policy={"options": …}`` has them: ``acquisition``, ``fixed``,
            ``surrogate``, ``trust_region``.

    Raises:
        ValueError: The VOCS asks for something that the policy cannot do, or it has no such option.
        MissingExtra: gest-api, PyTorch or BoTorch is not installed.

    Example:
        >>> from gest_api.vocs import VOCS
        >>> generator = Generator(VOCS(variables={"x": [0, 5]}, objectives={"f": "MINIMIZE"}), seed=1)
        >>> points = generator.suggest(2)
        >>> generator.ingest([{**point, "f": (point["x"] - 2) ** 2} for point in points])
    """

    returns_id = False

    def __init__(self, vocs: Any, *, seed: int = 0, initial: int | None = None, **options: Any) -> None:
        super().__init__(vocs)
        self.vocs = vocs
        self.seed = operator.index(seed)
        self.initial = initial
        self._problem = problem_of(vocs)
        self._definition = _definition(self._problem, self.seed, {"initial": initial, **options})
        self._policy: Policy | None = None
        self._data: list[Datum] = []
        self._failed: list[Json] = []
        self._pending: list[Json] = []
        self._results: list[Json] = []
        self._observed: Json = {}
        _ = self._mind  # what it cannot do, or cannot be without, is said now

    def _validate_vocs(self, vocs: Any) -> None:
        problem_of(vocs)

    # --- suggesting ---------------------------------------------------------------------------

    def suggest(self, num_points: int | None = None) -> list[Json]:
        """Points to evaluate next, best first: each variable and constant by name.

        Args:
            num_points: How many; one if not given.

        Raises:
            ValueError: There are not so many points that were not suggested before.
        """
        n = 1 if num_points is None else int(num_points)
        drafts = self._mind.propose(self._evidence, n).drafts
        if len(drafts) < n and num_points is not None:
            raise ValueError(
                f"{n} points were asked for, and {len(drafts)} are left that were not suggested or evaluated before. "
                "Ask for fewer, or for None to take what there is."
            )
        points = [dict(draft.parameters) for draft in drafts]
        self._pending += points
        return [self._in_their_terms(point) for point in points]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Take in results; they need not be of points that were suggested here.

        A result whose ``xopt_error`` is set, or that lacks a finite value of an objective or constraint, is a
        failure: nothing is learned of it but that points close to it are not worth another try.

        Args:
            results: Each with its variables and outcomes by name.

        Raises:
            BadParameters: A result lacks a variable (a ``ValueError``); none of them was taken in.
        """
        taken = [(self._point(result), dict(result)) for result in results]
        for point, result in taken:
            self._results.append(result)
            self._forget(point)
            self._observe(point)
            outcomes = self._outcomes(result)
            if outcomes is None:
                self._failed.append(point)
            else:
                self._data.append(Datum(f"E{len(self._results)}", point, outcomes))

    def predict(self, points: Sequence[Mapping[str, Any]]) -> list[dict[str, tuple[float, float]]]:
        """What is expected of points: mean and standard deviation of each outcome; nothing before three results."""
        ours = [self._point(point) for point in points]
        mind = self._mind
        assert isinstance(mind, Predicts)
        theirs = {name: outcome for outcome, name in self._problem.outcomes.items()}
        return [
            {theirs[name]: (mean, std) for name, (mean, std) in said["predicted"].items()}
            for said in mind.predict(self._evidence, ours)
        ]

    # --- what Xopt asks of generators beside gest-api -------------------------------------------

    @property
    def data(self) -> Any:
        """Everything that was taken in, as a DataFrame; ``None`` before the first result. Setting it begins anew."""
        if not self._results:
            return None
        from aisteer.problem.frames import data_frame

        return data_frame(self._results)

    @data.setter
    def data(self, frame: Any) -> None:
        self._data, self._failed, self._pending, self._results, self._observed = [], [], [], [], {}
        if frame is not None:
            self.add_data(frame)

    def add_data(self, frame: Any) -> None:
        """``ingest`` of a DataFrame, one result in each row."""
        self.ingest(frame.to_dict(orient="records"))

    # --- between their terms and ours -----------------------------------------------------------

    @property
    def _mind(self) -> Policy:
        if self._policy is None:
            # Whoever names a surrogate of their own here runs it themselves: it is no stranger's code.
            self._policy = policy(self._definition, self._problem.space, folder=Path())
        return self._policy

    @property
    def _evidence(self) -> Evidence:
        return Evidence(
            task="generator",
            definition=self._definition,
            data=tuple(self._data),
            failed=tuple(self._failed),
            pending=tuple(self._pending),
            steering={"pinned": self._observed} if self._observed else {},
            revision=len(self._results),
        )

    def _in_their_terms(self, point: Json) -> Json:
        problem = self._problem
        chosen = {name: ours for name, ours in problem.parameters.items() if ours not in _context(problem)}
        found = {**problem.fixed, **{name: point[ours] for name, ours in chosen.items()}}
        return {name: found[name] for name in (*self.vocs.variables, *self.vocs.constants) if name in found}

    def _point(self, result: Mapping[str, Any]) -> Json:
        """Its parameters as the space writes them; values beyond the bounds are kept, they are data all the same."""
        missing = [name for name in self._problem.parameters if name not in result]
        if missing:
            raise BadParameters(
                f"A result lacks {', '.join(missing)}; nothing was taken in.", missing=missing
            )
        point: Json = {}
        for name, ours in self._problem.parameters.items():
            value = plain(result[name])
            with contextlib.suppress(AisteerError):
                value = self._problem.space.parameters[ours].validate(ours, value)
            point[ours] = value
        return point

    def _outcomes(self, result: Mapping[str, Any]) -> dict[str, tuple[float, float]] | None:
        """Its finite outcomes; ``None`` where it failed."""
        found: dict[str, tuple[float, float]] = {}
        for name, ours in self._problem.outcomes.items():
            value = plain(result.get(name))
            if is_finite_number(value):
                found[ours] = (float(value), 0.0)
        needed = (*self.vocs.objectives, *self.vocs.constraints)
        complete = all(self._problem.outcomes[name] in found for name in needed)
        return found if complete and not _failed(result) else None

    def _forget(self, point: Json) -> None:
        """A suggestion that this result answers is under way no more."""
        for i, waiting in enumerate(self._pending):
            if _same(self._problem, waiting, point):
                del self._pending[i]
                return

    def _observe(self, point: Json) -> None:
        """Where what is observed stands now, within its bounds."""
        for name in _context(self._problem):
            parameter = self._problem.space.parameters[name]
            assert isinstance(parameter, Float)
            self._observed[name] = min(max(float(point[name]), parameter.low), parameter.high)

    def __getstate__(self) -> Json:
        """Copies and pickles take the results along; the fit is made of them again."""
        return {**self.__dict__, "_policy": None}


def _definition(problem: Problem, seed: int, options: Json) -> Json:
    """The problem as a task of a campaign; options that were not given are left out."""
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(fixed := given.get("fixed"), Mapping):
        given["fixed"] = {problem.parameters.get(name, name): value for name, value in fixed.items()}
    if "surrogate" in given:
        given["surrogate"] = reference_to(given["surrogate"])
    return {**problem.definition, "seed": seed, "policy": {"name": "bayesian", "options": given}}


def _failed(result: Mapping[str, Any]) -> bool:
    error = plain(result.get("xopt_error", False))
    return bool(error) and not (isinstance(error, float) and math.isnan(error))


def _same(problem: Problem, left: Json, right: Json) -> bool:
    if left == right:
        return True
    try:
        both = problem.space.encode([left, right])
    except (KeyError, StopIteration, TypeError, ValueError):
        return False
    near = np.abs(both[0] - both[1]) < _SAME
    return bool(all(near[i] for i, name in enumerate(problem.space.names) if name not in _context(problem)))


def _context(problem: Problem) -> list[str]:
    """Parameters that are observed, not chosen."""
    found: list[str] = problem.definition.get("context") or []
    return found
