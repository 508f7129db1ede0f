"""The widgets: each shows some panels of one campaign. Everything that is decided here is decided in Python."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, ClassVar

import anywidget
import traitlets

from aisteer_widgets.assets import css, esm
from aisteer_widgets.bridge import Bridge, bridge_of
from aisteer_widgets.orders import Answer
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.screen import parts
from aisteer_widgets.view_models.tasks import task_names

__all__ = ["Belief", "Board", "Convergence", "Ledger", "LivePlot", "Review", "RunBoard", "Steer", "View"]

Json = dict[str, Any]
PULSE = 4.0
"""Seconds between two signs of life, so that a view knows when its kernel is gone."""
SLOWEST = 8.0
"""Seconds between two pictures for a view that does not say that it paints (hidden, or gone)."""
_WISHES = {f.name for f in fields(Wishes)}


class View(anywidget.AnyWidget):
    """A live view of a campaign; see ``Board`` and its parts.

    Args:
        campaign: The campaign.
        task: The task that plots show first; the first one by default.
    """

    _esm = traitlets.Unicode(esm()).tag(sync=True)
    _css = traitlets.Unicode(css()).tag(sync=True)
    _panels = traitlets.List().tag(sync=True)
    _parts = traitlets.List().tag(sync=True)
    pulse = traitlets.Int(0).tag(sync=True)
    header = traitlets.Dict().tag(sync=True)
    fields = traitlets.Dict().tag(sync=True)
    review = traitlets.Dict().tag(sync=True)
    runs = traitlets.Dict().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    convergence = traitlets.Dict().tag(sync=True)
    belief = traitlets.Dict().tag(sync=True)
    own = traitlets.Dict().tag(sync=True)
    steer = traitlets.Dict().tag(sync=True)
    ledger = traitlets.Dict().tag(sync=True)
    hindsight = traitlets.Dict().tag(sync=True)
    troubles = traitlets.Dict().tag(sync=True)
    footer = traitlets.Dict().tag(sync=True)

    PANELS: ClassVar[tuple[str, ...]] = ()
    NEEDS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, campaign: Any, task: str = "") -> None:
        self._bridge: Bridge = bridge_of(campaign)
        names = task_names(campaign.state)
        self.wishes = Wishes(task=task or (names[0] if names else ""), hindsight=self.PANELS == ("ledger",))
        self.shows = tuple(
            dict.fromkeys(("header", "fields", *self.PANELS, *self.NEEDS, "troubles", "footer"))
        )
        self._ready: Json = {}
        self._sent: Json = {}
        self._memo: Json = {}
        self._pulsed = 0.0
        self._painted = time.monotonic()
        self._waits = 0.0
        scene = self._bridge.scene()
        first = finite(parts(scene, self.wishes, self.shows))
        super().__init__(_panels=list(self.PANELS), _parts=list(self.shows), **first)
        self._sent = first
        self.on_msg(self._hear)
        self._bridge.attach(self)

    # --- to the browser, on the bridge's thread ---

    def follow(self, scene: Scene) -> None:
        """Make the picture of ``scene``."""
        self._ready = parts(scene, self.wishes, self.shows, self._memo)

    def forget(self) -> None:
        """Keep nothing of the picture that was made last."""
        self._memo.clear()

    def flush(self) -> None:
        """Send the parts that changed, and a sign of life; not faster than the browser paints."""
        now = time.monotonic()
        pulse = now - self._pulsed >= PULSE
        if now < self._waits and not pulse:
            return
        changed = {}
        if now >= self._waits:
            changed = {name: part for name, part in self._ready.items() if part != self._sent.get(name)}
        if not changed and not pulse:
            return
        clean = finite(changed)
        with self.hold_sync():
            for name, part in clean.items():
                setattr(self, name, part)
            self.pulse += 1
        self._sent.update(changed)
        self._pulsed = now
        silence = now - self._painted
        self._waits = now + (0.0 if silence < 2.0 else min(SLOWEST, silence / 2))

    def part(self) -> None:
        """Say that the campaign was closed here."""
        words = (
            "The campaign was closed in this kernel; runs at the endpoint go on. "
            f"Open it again: {self.header.get('again', '')}"
        )
        self.troubles = {"items": [{"source": "closed", "message": words, "run": ""}], "more": ""}

    # --- from the browser, on whichever thread ---

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Put what a view says where it belongs; nothing is done here."""
        if not isinstance(content, dict):
            return
        kind = content.get("type")
        if kind == "painted":
            self._painted = time.monotonic()
            self._waits = 0.0
        elif kind == "order":
            name = str(content.get("id", ""))
            self._bridge.order(content, lambda answer: self._answer(name, answer), self._progress(name))
        elif kind == "search":
            task, text = str(content.get("task", "")), str(content.get("text", ""))[:200]
            self._bridge.search(task, text, lambda found: self.send({"type": "found", "text": text, **found}))
        elif kind == "table":
            name, task, text = (str(content.get(key, "")) for key in ("id", "task", "text"))
            self._bridge.read(task, text, lambda told: self.send({"type": "table", "id": name, "told": told}))
        elif kind == "wish":
            self._wish(content)

    def _answer(self, name: str, answer: Answer) -> None:
        self._painted = time.monotonic()
        self._waits = 0.0
        self.send(
            {
                "type": "answer",
                "id": name,
                "ok": answer.ok,
                "message": answer.message,
                "select": answer.select,
                "path": answer.path,
            }
        )

    def _progress(self, name: str) -> Callable[[int, int, str], None]:
        """What tells the view how far the order ``name`` is."""

        def tell(step: int, steps: int, words: str) -> None:
            self.send({"type": "progress", "id": name, "step": step, "steps": steps, "words": words})

        return tell

    def _wish(self, content: Json) -> None:
        known = {k: v for k, v in content.items() if k in _WISHES}
        for name in ("runs_page", "ledger_page"):
            if name in known:
                known[name] = max(0, int(known[name])) if isinstance(known[name], int) else 0
        if "runs_held" in known:
            known["runs_held"] = tuple(str(n) for n in list(known["runs_held"])[:32])
        elif "runs_page" in known or "runs_filter" in known:
            known["runs_held"] = ()
        if "hindsight" in known:
            known["hindsight"] = bool(known["hindsight"])
        if "selected" in known:
            known["selected"] = tuple(str(n) for n in list(known["selected"])[:8])
        for name in ("belief_at", "own"):
            if name in known:
                known[name] = _plain(known[name])
        self.wishes = replace(self.wishes, **known)
        self._painted, self._waits = time.monotonic(), 0.0
        self._bridge.wake()

    def close(self) -> None:
        """Close the widget; the campaign goes on."""
        self._bridge.detach(self)
        super().close()


def _plain(values: Any) -> Json:
    """Values by name, as typed: numbers, texts and truth values, not too many and not too long."""
    if not isinstance(values, dict):
        return {}
    kept = {str(k)[:200]: v for k, v in list(values.items())[:200]}
    return {
        k: v[:2000] if isinstance(v, str) else v for k, v in kept.items() if isinstance(v, int | float | str)
    }


def finite(value: Any) -> Any:
    """``value`` with numbers that JSON does not have left out."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


class Board(View):
    """The whole campaign on one screen."""

    PANELS = ("review", "steer", "convergence", "belief", "runs", "live", "ledger")
    NEEDS = ("own", "hindsight")


class Review(View):
    """The proposals that wait for a decision."""

    PANELS = ("review",)
    NEEDS = ("own",)


class RunBoard(View):
    """The runs: what each does, and what can be asked of it."""

    PANELS = ("runs",)


class LivePlot(View):
    """What live runs show, as it arrives."""

    PANELS = ("live",)


class Convergence(View):
    """The best value so far, beside the random arm."""

    PANELS = ("convergence",)


class Belief(View):
    """What the surrogate believes."""

    PANELS = ("belief",)
    NEEDS = ("own",)


class Steer(View):
    """How the AI itself is steered."""

    PANELS = ("steer",)


class Ledger(View):
    """Every decision, beside what came of it."""

    PANELS = ("ledger",)
    NEEDS = ("hindsight",)
