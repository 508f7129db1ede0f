"""Signing in to Globus: a link that is opened, and the code that comes back for it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import globus_sdk
from globus_compute_sdk.sdk.auth.globus_app import get_globus_app
from globus_sdk.login_flows import CommandLineLoginFlowManager

from aisteer.execution.globus.faults import SIGN_IN, NotSignedIn, translated

__all__ = ["app", "sign_in"]

_asking = threading.local()
"""Who is asked for the code, while somebody signs in."""


class _Asking(CommandLineLoginFlowManager):
    """Asks whoever signs in, and nobody else, where the SDK would print a link and wait for a typed line."""

    def print_authorize_url(self, authorize_url: str) -> None:
        """Give the link away."""
        ask = getattr(_asking, "ask", None)
        if ask is None:
            raise NotSignedIn(SIGN_IN)
        self._code = str(ask(authorize_url)).strip()

    def prompt_for_code(self) -> str:
        """The code that came back for it."""
        return self._code


def app() -> globus_sdk.GlobusApp:
    """The SDK's own sign-in, which its command line shares, but never asking in a thread of ours."""
    made = get_globus_app()
    if isinstance(made, globus_sdk.UserApp):
        config = dataclasses.replace(made.config, login_flow_manager=_Asking)
        return globus_sdk.UserApp(made.app_name, client_id=made.client_id, config=config)
    return made  # type: ignore[no-any-return]  # the SDK has no types


def sign_in(made: globus_sdk.GlobusApp, ask: Callable[[str], str]) -> None:
    """Sign in, for this process and all that share the SDK's sign-in.

    Args:
        made: Whose sign-in it is.
        ask: Is given the link to open, and answers with the code that Globus shows there. It may take its time:
            call this in a thread of its own.
    """
    _asking.ask = ask
    try:
        with translated("sign-in"):
            made.login(force=True)
    finally:
        _asking.ask = None
