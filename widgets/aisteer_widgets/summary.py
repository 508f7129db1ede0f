"""The campaign as a small piece of HTML that stays in the notebook when the kernel is gone."""

from __future__ import annotations

import html
import time
from typing import Any

from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.header import header
from aisteer_widgets.view_models.origin import aside
from aisteer_widgets.view_models.review import card
from aisteer_widgets.view_models.runs import row
from aisteer_widgets.view_models.scene import Scene, Wishes
from aisteer_widgets.view_models.status import troubles
from aisteer_widgets.view_models.tasks import task_of

__all__ = ["moment", "static_html"]

Json = dict[str, Any]
CARDS = 6
_STYLE = (
    "<style>.jp-OutputArea-child:not(:has(.aisteer)):has(+ .jp-OutputArea-child .aisteer-summary)"
    " { display: none; } .aisteer-summary code { user-select: all; }</style>"
)
"""Where the board is not (no kernel, or not yet), the summary stands instead of the words that say so."""
RUNS = 6


def moment(scene: Scene) -> tuple[Any, ...]:
    """What makes the summary worth writing anew: decisions, ends, starts and pauses; not each event."""
    state = scene.state
    decided = sum(scene.state.totals.ended.values())
    return (
        state.active,
        tuple(state.waiting)[:CARDS],
        len(state.accepted),
        decided,
        bool(state.troubles),
        len(state.live),
    )


def static_html(scene: Scene, wishes: Wishes) -> str:
    """The summary. All text in it is escaped.

    Args:
        scene: The campaign.
        wishes: Which task it is about.
    """
    head = header(scene, wishes.task)
    names = [n for n in list(scene.state.live)[:RUNS] if n in scene.state.runs]
    parts = [
        f"<b>{_e(head['name'])}</b> {_e(head['objective'])}<br>",
        f"<span>{_e(_status(scene, head))}</span>",
        _best(scene, wishes),
        _table("Proposals that wait", ("", "Point", "Expected", "Cost"), _proposals(scene)),
        _table("Live runs", ("", "Point", "State", ""), [_run(scene, n) for n in names]),
        "".join(f"<p>⚠ {_e(t['message'])}</p>" for t in troubles(scene)["items"]),
        _footer(scene),
    ]
    return f'{_STYLE}<div class="aisteer-summary">{"".join(parts)}</div>'


def _footer(scene: Scene) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(scene.now))
    words = (
        f"This is not live: it stands as of {when}, revision {scene.state.position:,}. Everything is saved."
    )
    how = "To steer it, run this line in a cell; it works in a fresh kernel by itself:"
    too = "Running the notebook's cells from the top works too."
    code = html.escape(scene.again)
    advice = f'<p class="aisteer-advice">{_e(how)}<br><code>{code}</code><br>{_e(too)}</p>'
    return f"<p><i>{_e(words)}</i></p>{advice}"


def _e(value: object) -> str:
    return html.escape(fmt.clip(value, 600))


def _status(scene: Scene, head: Json) -> str:
    state = scene.state
    ended = ", ".join(f"{n:,} {end}" for end, n in scene.state.totals.ended.items())
    words = [
        "started" if state.active else "paused",
        f"{len(state.live):,} live" + (" when last heard of" if state.live and not scene.driver else ""),
        ended,
        f"{len(state.waiting):,} waiting for a decision" if state.waiting else "",
        head["budget"]["label"] if head["budget"] else "",
    ]
    return " · ".join(w for w in words if w)


def _best(scene: Scene, wishes: Wishes) -> str:
    best = scene.tally.best(wishes.task)
    objective = task_of(scene.state, wishes.task).objective
    if best is None or objective is None:
        return ""
    value = fmt.estimate(best.value, best.error, objective.unit)
    where = ", ".join([best.run, *filter(None, [aside(scene, wishes.task)])])
    return f"<br>Best so far: <b>{_e(value)}</b> ({_e(where)})"


def _proposals(scene: Scene) -> list[tuple[str, ...]]:
    made: list[tuple[str, ...]] = []
    for name in list(scene.state.waiting)[:CARDS]:
        c = card(scene, scene.state.proposals[name])
        point = ", ".join(f"{p['name']} {p['value']}" for p in c["parameters"][:6])
        made.append(
            (c["id"], fmt.clip(point, 120), c["expected"]["text"] if c["expected"] else "", c["cost"])
        )
    return made


def _run(scene: Scene, name: str) -> tuple[str, ...]:
    r = row(scene, scene.state.runs[name])
    return r["id"], r["what"], f"{r['words']} {r['since']}", r["latest"]


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{_e(c)}</th>" for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{_e(v)}</td>" for v in r) + "</tr>" for r in rows)
    return f"<p><b>{_e(title)}</b></p><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
