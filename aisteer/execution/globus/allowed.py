"""What an endpoint's administrator has allowed to be executed there, and which of it is ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aisteer.errors import EndpointError
from aisteer.execution.globus import functions

__all__ = ["NotAllowed", "allowed"]

Json = dict[str, Any]

_MOST = 100
"""Functions of a list that are asked about: each is a request of its own."""


class NotAllowed(EndpointError):
    """An endpoint executes only what its administrator has allowed, and that is not ours, or not this release's."""


def allowed(endpoint: str, listed: Json, describe: Callable[[str], Json]) -> dict[str, str] | None:
    """The ids under which an administrator has registered the functions that travel.

    Args:
        endpoint: Its id.
        listed: What the web service says of it: ``restricted`` and ``functions``.
        describe: What the web service says of a function; nothing of one that is not ours to see.

    Returns:
        An id for each name; None where everything is allowed.

    Raises:
        NotAllowed: One of them is not in the list.
    """
    ids = listed.get("functions")
    if not isinstance(ids, list) or not ids:
        return None
    marks = {functions.mark(name): name for name in functions.NAMES}
    found: dict[str, str] = {}
    for function in [one for one in ids if isinstance(one, str)][:_MOST]:
        name = marks.get(str(describe(function).get("description")))
        if name is not None:
            found.setdefault(name, function)
        if len(found) == len(marks):
            return found
    missing = ", ".join(
        f"{name} {functions.version(name)[:12]}" for name in functions.NAMES if name not in found
    )
    raise NotAllowed(
        f"Endpoint {endpoint} executes only functions that its administrator has allowed, and this release's are not "
        f"among them ({missing}). Nothing was sent; runs stay accepted. Ask the administrator to allow them; the "
        "how-to for facilities says how."
    )
