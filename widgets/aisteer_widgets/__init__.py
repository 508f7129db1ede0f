"""What is on the screen. Each view works alone: ``aisteer_widgets.Review(campaign)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisteer_widgets.connect import Connect
    from aisteer_widgets.views import Belief, Board, Convergence, Ledger, LivePlot, Review, RunBoard, Steer

__all__ = ["Belief", "Board", "Connect", "Convergence", "Ledger", "LivePlot", "Review", "RunBoard", "Steer"]


def __getattr__(name: str) -> Any:
    if name == "Connect":
        from aisteer_widgets.connect import Connect

        return Connect
    if name in __all__:
        from aisteer_widgets import views

        return getattr(views, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
