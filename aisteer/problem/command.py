"""A simulation that is an executable: its command, its input files, and how to read its output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.problem.naming import did_you_mean
from aisteer.problem.simulation import GIVEN, Named
from aisteer.problem.units import read_units

__all__ = ["LAUNCHER", "PLACEHOLDER", "TAKES", "CommandSimulation"]

Json = dict[str, Any]
PLACEHOLDER = re.compile(r"(?<![$\\{])\{([A-Za-z_]\w*)\}(?!\})")
"""``{temperature}``; not ``${variable}`` of the program's own language, and not ``{{literal}}``."""
LAUNCHER = "{launcher}"
"""The word of a command that is the MPI launcher of the place where it runs."""
TAKES = ("last", "first", "mean", "min", "max")
_SIGNALS = ("TERM", "INT", "HUP", "USR1", "USR2", "KILL")


class CommandSimulation:
    """What one run computes, by an executable in a folder of its own.

    Parameters stand in the command, the input files and the environment as ``{temperature}``;
    ``{{`` and ``}}`` stand for braces of the program's own.

    Args:
        argv: The command and its arguments, one list item each; no shell is involved. The item ``{launcher}``
            is the MPI launcher of the place where it runs, with as many ranks as the task's resources say.
        inputs: File name to its template, written before the command starts.
        files: File name to the path of a file at the endpoint that is linked there (a potential, a mesh).
        environment: Variables set for the command.
        parser: How growing output becomes observations: ``{"file": "log.lammps", "pattern": …}``, with
            ``"stdout"`` for what it prints. The pattern is a regular expression with named groups, matched
            line by line; each group is a value.
        outcome: Outcome name to how it is found: ``{"observation": "energy", "take": "last"}`` (or
            ``first``, ``mean``, ``min``, ``max``), or ``{"file": …, "pattern": …}`` with a group ``value``
            and perhaps a group ``error``, of which the last match counts.
        stop_signal: The signal that asks it to end.
        name: For display; the command's own name if not given.
        units: Units of what its parser and its outcome find, by name.

    Raises:
        BadDefinition: No command, a path out of the run's folder, a pattern that cannot be read, or an
            outcome that nothing leads to.

    Example:
        >>> CommandSimulation(
        ...     ["lmp", "-in", "in.lmp"],
        ...     inputs={"in.lmp": "variable T equal {temperature}"},
        ...     parser={"file": "log.lammps", "pattern": r"^ *(?P<step>[0-9]+) +(?P<energy>[-+.0-9e]+)"},
        ...     outcome={"energy": {"observation": "energy", "take": "last"}},
        ... ).parameters
        ('temperature',)
    """

    kind = "command"
    is_generator = True
    checkpoint = False
    controls: tuple[str, ...] = ()

    def __init__(
        self,
        argv: Sequence[str],
        *,
        outcome: Mapping[str, Mapping[str, str]],
        inputs: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        parser: Mapping[str, str] | None = None,
        stop_signal: str = "TERM",
        name: str = "",
        units: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(argv, str) or not argv:
            raise BadDefinition(
                f"The command is a list of words, such as ['lmp', '-in', 'in.lmp'], not {argv!r}."
            )
        self.argv = [str(word) for word in argv]
        self.inputs = _texts("inputs", inputs)
        self.files = _texts("files", files)
        self.environment = _texts("environment", environment)
        self.parser = None if parser is None else _parser(parser)
        self.outcome = {str(what): _found_by(what, how, self.parser) for what, how in outcome.items()}
        self.stop_signal = stop_signal.removeprefix("SIG")
        self._words = [word for word in self.argv if word != LAUNCHER]
        if not self._words:
            raise BadDefinition(f"{LAUNCHER} starts ranks of a command, and there is none after it.")
        self.name = name or PurePath(self._words[0]).name
        self.units = read_units(self.name, units)
        for path in (*self.inputs, *self.files):
            _inside(path)
        if not self.outcome:
            raise BadDefinition(f"Say where {self.name!r} leaves its outcome: outcome={{'energy': …}}.")
        if self.stop_signal not in _SIGNALS:
            known = ", ".join(_SIGNALS)
            raise BadDefinition(f"stop_signal must be one of {known}, not {stop_signal!r}.")

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that stand in braces somewhere, in the order in which they appear."""
        texts = [*self._words, *self.inputs.values(), *self.files.values(), *self.environment.values()]
        found = dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text))
        return tuple(name for name in found if name not in GIVEN)

    @property
    def required(self) -> tuple[str, ...]:
        """The same: every one has to be given."""
        return self.parameters

    @property
    def returned(self) -> tuple[str, ...]:
        """Names of its outcomes."""
        return tuple(self.outcome)

    @property
    def yielded(self) -> tuple[str, ...]:
        """Names of its observations: the groups of its parser's pattern."""
        return tuple(re.compile(self.parser["pattern"]).groupindex) if self.parser else ()

    def check(self, space: Named) -> None:
        """Check that the space gives every parameter that stands in braces, and that each is used.

        Raises:
            BadDefinition: It does not; unknown and missing parameters are named.
        """
        names = tuple(space.names)
        missing = [name for name in self.parameters if name not in names]
        unused = [name for name in names if name not in self.parameters]
        if missing:
            raise BadDefinition(
                f"{self.name!r} has {{{missing[0]}}} in its command or files, and the space has no "
                f"{missing[0]!r}.{did_you_mean(missing[0], names)} "
                "Braces of the program's own are written {{ and }}.",
                missing=missing,
            )
        if unused:
            raise BadDefinition(
                f"The space has {', '.join(unused)}, which stands nowhere in the command, inputs or "
                f"environment of {self.name!r}. Write it there in braces: {{{unused[0]}}}.",
                unknown=unused,
            )

    def __repr__(self) -> str:
        return f"<simulation {self.name}({', '.join(self.parameters)}): executable>"

    def to_json(self) -> Json:
        """What the definition says of it, and what the worker is sent."""
        data: Json = {
            "kind": self.kind,
            "name": self.name,
            "parameters": list(self.parameters),
            "required": list(self.required),
            "generator": True,
            "checkpoint": False,
            "controls": [],
            "argv": list(self.argv),
            "inputs": dict(self.inputs),
            "files": dict(self.files),
            "environment": dict(self.environment),
            "parser": self.parser,
            "outcome": self.outcome,
            "stop_signal": self.stop_signal,
        }
        if self.units:
            data["units"] = dict(self.units)
        return data


def _texts(what: str, given: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(given or {})
    for name, text in found.items():
        pair: tuple[object, object] = (name, text)
        if not all(isinstance(one, str) for one in pair):
            raise BadDefinition(f"{what} maps names to text; {name!r} is {type(text).__name__}.")
    return found


def _inside(path: str) -> None:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or path in {"", "."}:
        raise BadDefinition(
            f"The file {path!r} would not lie in the run's own folder. Give a name inside it."
        )


def _pattern(given: Mapping[str, str], what: str) -> re.Pattern[str]:
    try:
        return re.compile(given["pattern"])
    except KeyError:
        raise BadDefinition(f"The {what} lacks a pattern, a regular expression with named groups.") from None
    except re.error as error:
        raise BadDefinition(f"The pattern of the {what} cannot be read: {error}.") from error


def _keys(given: Mapping[str, str], known: Iterable[str], what: str) -> None:
    for key in given:
        if key not in set(known):
            raise BadDefinition(f"The {what} has no {key!r}.{did_you_mean(key, known)}")


def _parser(given: Mapping[str, str]) -> Json:
    _keys(given, ("file", "pattern"), "parser")
    if not _pattern(given, "parser").groupindex:
        raise BadDefinition(
            "The parser's pattern needs named groups, such as (?P<energy>…): they name the values."
        )
    file = str(given.get("file", "stdout"))
    if file != "stdout":
        _inside(file)
    return {"file": file, "pattern": given["pattern"]}


def _found_by(what: str, how: Mapping[str, str], parser: Json | None) -> Json:
    if "observation" in how:
        _keys(how, ("observation", "take"), f"outcome {what!r}")
        groups = re.compile(parser["pattern"]).groupindex if parser else {}
        if how["observation"] not in groups:
            near = did_you_mean(how["observation"], groups)
            raise BadDefinition(
                f"The outcome {what!r} is taken from the observation {how['observation']!r}, which the "
                f"parser does not give (it gives {', '.join(groups) or 'nothing'}).{near}"
            )
        if how.get("take", "last") not in TAKES:
            raise BadDefinition(f"The outcome {what!r} takes one of {', '.join(TAKES)}, not {how['take']!r}.")
        return {"observation": how["observation"], "take": how.get("take", "last")}
    _keys(how, ("file", "pattern"), f"outcome {what!r}")
    if "value" not in _pattern(how, f"outcome {what!r}").groupindex:
        raise BadDefinition(f"The pattern of the outcome {what!r} needs a group (?P<value>…).")
    file = str(how.get("file", "stdout"))
    if file != "stdout":
        _inside(file)
    return {"file": file, "pattern": how["pattern"]}
