"""What the connect panel is made of: what is known of Globus, what a user chose, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aisteer.campaign.connect import Connection
from aisteer_widgets.view_models.endpoints import Found

__all__ = ["Choice", "Known", "Result"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the panel knows of Globus.

    Attributes:
        signed_in: Whether somebody is signed in here; None before that was looked at.
        by_client: Whether that is a client with credentials in the environment.
        link: The link that begins a sign-in, while one is under way. It holds no secret.
        doing: What is being done now, in words.
        problem: What went wrong last, in words.
        found: The endpoints, in the order in which they are shown.
        listed: When they were listed, Unix seconds; 0 before.
    """

    signed_in: bool | None = None
    by_client: bool = False
    link: str = ""
    doing: str = ""
    problem: str = ""
    found: tuple[Found, ...] = ()
    listed: float = 0.0

    def endpoint(self, name: str) -> Found | None:
        """An endpoint by its id."""
        return next((one for one in self.found if one.id == name), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user chose and typed.

    Attributes:
        endpoint: The id of the chosen endpoint.
        texts: By setting of the template, what was typed.
        watch: ``role:<n>`` (this endpoint, in its n-th watch role), ``filling`` (this endpoint, with ``watch_text``),
            another endpoint's id, or ``none``; empty takes the first role, or none.
        watch_text: What the template is filled in with for the watcher, as JSON.
        places: ``spool``, ``workers`` and ``amqp_port``, as typed.
    """

    endpoint: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    watch: str = ""
    watch_text: str = ""
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What the choice comes to.

    Attributes:
        connection: What ``ai.Campaign(endpoint=…)`` takes; None where something is wrong.
        line: The line of code that says the same.
        wrong: By field (``compute:<name>``, ``watch``, ``spool``, ``workers``), what is wrong, in words.
        problem: What is wrong with the whole, in words.
    """

    connection: Connection | None = None
    line: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
