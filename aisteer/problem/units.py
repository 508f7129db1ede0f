"""Names and units as a reader sees them. Units are for display: nothing is converted."""

from __future__ import annotations

from collections.abc import Mapping

from aisteer.errors import BadDefinition

__all__ = ["label", "read_units"]


def label(name: str, unit: str = "") -> str:
    """A name and its unit as an axis or a table's head says them.

    Example:
        >>> label("ionisation_energy", "eV")
        'ionisation energy (eV)'
    """
    words = " ".join(name.replace("_", " ").split()) or name
    return f"{words} ({unit})" if unit else words


def read_units(owner: str, units: Mapping[str, str] | None) -> dict[str, str]:
    """The units that a simulation declares for what it yields and returns, by name.

    Args:
        owner: The simulation's name, for messages.
        units: As it was given.

    Raises:
        BadDefinition: It is no mapping of names to text.
    """
    if units is None:
        return {}
    given: object = units
    if not isinstance(given, Mapping) or not all(
        isinstance(part, str) for pair in given.items() for part in pair
    ):
        raise BadDefinition(
            f"units of {owner!r} maps the names that it yields or returns to text, such as "
            f"units={{'energy': 'eV'}}, not {given!r:.100}."
        )
    return {name: unit.strip() for name, unit in given.items() if unit.strip()}
