"""All that is sought in a task: its objectives, and what outcomes have to meet besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.constraints import Linear, parse_constraint
from aisteer.problem.naming import did_you_mean
from aisteer.problem.objective import Maximize, Minimize, Objective, objective_from_json

__all__ = ["Goals", "wanted_outcomes"]

Json = dict[str, Any]
_ACQUISITIONS = {"level_set": ("level", "straddle", "variance"), "learn": ("learning", "variance")}
_MOST = 3
"""Objectives: of more, nearly every run is as good as any other."""


@dataclass(frozen=True, slots=True)
class Goals:
    """What is sought.

    Attributes:
        objectives: One of any kind, or two or three to be maximized or minimized.
        feasible: What outcomes have to meet, ``sum(coefficients * outcomes) <= bound``.
    """

    objectives: tuple[Objective, ...]
    feasible: tuple[Linear, ...] = ()

    @classmethod
    def read(cls, objective: object, feasible: object = ()) -> Goals:
        """The goals as a user gives them: one objective or several, and texts such as ``"density >= 0.9"``.

        Raises:
            BadDefinition: They do not go together, or a text is no linear inequality.
        """
        given = (objective,) if isinstance(objective, Objective) else objective
        if (
            not isinstance(given, Sequence)
            or not given
            or not all(isinstance(one, Objective) for one in given)
        ):
            raise BadDefinition(
                f'objective={objective!r:.100} will not do. Give it ai.Maximize("…"), ai.Minimize("…"), '
                'ai.Target("…", value), ai.LevelSet("…", threshold) or ai.Learn("…"), or a list of what is to be '
                "maximized and minimized."
            )
        if len(given) > 1:
            _check_several(given)
        return cls(tuple(given), _feasible(feasible))

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> Goals:
        """The goals in a task's definition; one of an older release has a single objective.

        Raises:
            BadDefinition: A kind that this release does not know.
        """
        listed = task.get("objectives") or [task["objective"]]
        return cls(tuple(objective_from_json(one) for one in listed), _feasible(task.get("feasible") or ()))

    @property
    def first(self) -> Objective:
        """The objective, or the first of several."""
        return self.objectives[0]

    @property
    def several(self) -> bool:
        """Whether there is more than one objective, so that no single run is the best."""
        return len(self.objectives) > 1

    @property
    def has_best(self) -> bool:
        """Whether there is such a thing as the best run."""
        return not self.several and self.first.has_best

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What a run has to return: the objectives' outcomes, then those that ``feasible`` names."""
        named = (name for constraint in self.feasible for name in constraint.names)
        return tuple(dict.fromkeys([*(one.outcome for one in self.objectives), *named]))

    @property
    def acquisitions(self) -> tuple[str, ...]:
        """Names of what candidates can be judged by, the usual one first."""
        if self.several:
            return ("hypervolume", "thompson")
        return _ACQUISITIONS.get(self.first.kind, ("improvement", "ucb", "thompson"))

    def unit(self, outcome: str) -> str:
        """The unit that an objective gives its outcome; empty for others."""
        return next((one.unit for one in self.objectives if one.outcome == outcome), "")

    def sign(self, outcome: str) -> float:
        """-1 for what is to be minimized, else 1."""
        return next((one.sign for one in self.objectives if one.outcome == outcome), 1.0)

    def met(self, outcomes: Mapping[str, float]) -> bool:
        """Whether a run's outcomes are feasible; one that lacks an outcome is not."""
        return all(
            all(name in outcomes for name in constraint.names) and constraint.holds(outcomes)
            for constraint in self.feasible
        )

    def check_returned(self, returned: Iterable[str] | None, simulation: str) -> None:
        """Check that a simulation returns what is spoken of, as far as that can be known before it runs.

        Args:
            returned: Names of all its outcomes; ``None`` where they are not known.
            simulation: Its name.

        Raises:
            BadDefinition: It returns no such outcome.
        """
        if returned is None:
            return
        known = tuple(returned)
        for name in self.outcomes:
            if name not in known:
                raise BadDefinition(
                    f"{simulation!r} returns no outcome {name!r}; it returns {', '.join(known) or 'nothing'}."
                    f"{did_you_mean(name, known)}"
                )

    def to_json(self) -> Json:
        """The keys of a task's definition that speak of goals; those that say nothing are absent."""
        data: Json = {"objective": self.first.to_json()}
        if self.several:
            data["objectives"] = [one.to_json() for one in self.objectives]
        if self.feasible:
            data["feasible"] = list(dict.fromkeys(one.text for one in self.feasible))
        return data

    @property
    def words(self) -> str:
        """What is sought, as a sentence says it."""
        sought = " and ".join(one.words for one in self.objectives)
        asked = ", ".join(dict.fromkeys(one.text for one in self.feasible))
        return f"{sought} where {asked}" if asked else sought


def wanted_outcomes(task: Mapping[str, Any]) -> list[str]:
    """What a run of a task's definition has to return."""
    if not task.get("objectives") and not task.get("feasible"):
        return [task["objective"]["outcome"]]
    return list(Goals.of(task).outcomes)


def _check_several(given: Sequence[Objective]) -> None:
    names = [one.outcome for one in given]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise BadDefinition(f"There are two goals on the outcome {double!r}; one outcome has one goal.")
    odd = next((one for one in given if not isinstance(one, Maximize | Minimize)), None)
    if odd is not None:
        raise BadDefinition(
            f"{odd!r} cannot stand beside other objectives: of several, each is to be maximized or minimized. "
            "Return the distance to a target as an outcome of its own, and minimize that."
        )
    if len(given) > _MOST:
        raise BadDefinition(
            f"There are {len(given)} objectives, and at most {_MOST} can be weighed against each other. Combine some "
            'inside the simulation, or ask for them in feasible=["…"].'
        )


def _feasible(given: object) -> tuple[Linear, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Sequence):
        raise BadDefinition(f'feasible takes texts such as ["density >= 0.9"], not {given!r:.100}.')
    found: list[Linear] = []
    for text in dict.fromkeys(texts):
        for constraint in parse_constraint(text):
            if not isinstance(constraint, Linear):
                raise BadDefinition(
                    f"{text!r:.100} in feasible is not linear in the outcomes. Return what is compared as an outcome "
                    "of its own, and compare that."
                )
            found.append(constraint)
    return tuple(found)
