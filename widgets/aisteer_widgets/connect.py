"""The connect panel: from signing in to Globus to an endpoint that a campaign can run on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anywidget
import traitlets

from aisteer.campaign.connect import Connection
from aisteer.errors import EndpointError
from aisteer_widgets.assets import CONNECT, css, esm
from aisteer_widgets.connecting import Connecting
from aisteer_widgets.view_models.connect import panel, result
from aisteer_widgets.view_models.connect_told import Choice

__all__ = ["Connect"]

Json = dict[str, Any]
LONGEST = 4000
"""Characters of what is typed into a field."""


class Connect(anywidget.AnyWidget):
    """Sign in to Globus, choose an endpoint, fill in its template; ``endpoint`` is what a campaign takes.

    Nothing of it holds up the kernel. The code of a sign-in is handed to Globus and kept nowhere; the notebook sees
    neither it nor a token.

    Args:
        endpoint: The id of an endpoint to begin with.
    """

    _esm = traitlets.Unicode(esm(CONNECT)).tag(sync=True)
    _css = traitlets.Unicode(css(("style", "connect", "narrow"))).tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)

    def __init__(self, endpoint: str = "", *, connecting: Callable[..., Connecting] = Connecting) -> None:
        self._choice = Choice()
        self._used: tuple[Connection, str] | None = None
        self._guard = threading.Lock()
        self._connecting = connecting(self._show)
        super().__init__(shown=panel(self._connecting.known, self._choice, time.time()))
        self.on_msg(self._hear)
        if endpoint:
            self._choice = Choice(endpoint=self._connecting.look_at(endpoint))
        self._connecting.look()

    @property
    def endpoint(self) -> Connection:
        """The endpoint that was taken last, for ``ai.Campaign(…, endpoint=panel.endpoint)``.

        Raises:
            EndpointError: None was taken yet.
        """
        if self._used is None:
            raise EndpointError(
                "No endpoint was taken in this panel yet, so there is nothing for a campaign to run on. Choose one, "
                'fill in its form, and press "Use this endpoint".'
            )
        return self._used[0]

    @property
    def line(self) -> str:
        """The line of code that gives the same endpoint; empty before one was taken."""
        return "" if self._used is None else self._used[1]

    # --- to the browser, on whichever thread knows something new ---

    def _show(self) -> None:
        with self._guard:
            self.shown = panel(self._connecting.known, self._choice, time.time(), self.line)

    # --- from the browser ---

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        text = str(content.get("text", ""))[:LONGEST]
        if kind == "sign-in":
            self._connecting.sign_in()
        elif kind == "code":
            self._connecting.code(text)
        elif kind == "cancel":
            self._connecting.cancel()
        elif kind == "look":
            self._connecting.look()
        elif kind == "choose":
            self._choose(self._connecting.look_at(text))
        elif kind == "fill":
            self._fill(content)
        elif kind == "use":
            self._fill(content)
            self._use()

    def _choose(self, endpoint: str) -> None:
        if endpoint != self._choice.endpoint and self._connecting.known.endpoint(endpoint) is not None:
            self._choice = Choice(endpoint=endpoint)
            self._show()

    def _fill(self, content: Json) -> None:
        """Take in what was typed, for the endpoint that it was typed for."""
        if content.get("endpoint") != self._choice.endpoint:
            return
        self._choice = replace(
            self._choice,
            texts=_texts(content.get("texts")),
            watch=str(content.get("watch", ""))[:64],
            watch_text=str(content.get("watch_text", ""))[:LONGEST],
            places=_texts(content.get("places")),
        )
        self._show()

    def _use(self) -> None:
        made = result(self._connecting.known, self._choice)
        if made.connection is not None:
            self._used = (made.connection, made.line)
        self._show()

    def close(self) -> None:
        """Close the panel; its ``endpoint`` stays usable."""
        self._connecting.close()
        super().close()


def _texts(said: object) -> dict[str, str]:
    if not isinstance(said, dict):
        return {}
    return {str(name)[:200]: str(text)[:LONGEST] for name, text in list(said.items())[:100]}
