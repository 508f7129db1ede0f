"""The autonomy rule as words, and as a choice on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aisteer.errors import BadDefinition
from aisteer.steering.rules import Accept, Ask, Rule, rule_from_json
from aisteer_widgets.view_models import format as fmt

__all__ = ["CHOICES", "autonomy", "earned", "rule_named", "words_of_rule"]

Json = dict[str, Any]

CHOICES: dict[str, tuple[str, Rule]] = {
    "ask": ("Ask me", Ask()),
    "calibrated": ("Accept while calibrated, else ask", Accept(when="calibrated") | Ask()),
    "known": ("Accept near what is known, else ask", Accept(when="known") | Ask()),
    "all": ("Accept all the budget covers", Accept() | Ask()),
}
"""What can be chosen without a number; any other rule is set in a cell and shown in its words."""

_NUMBERS = "Rules with numbers are set in a cell: campaign.autonomy = ai.Accept(cost_below=…) | ai.Ask()"


def rule_named(name: str) -> Rule:
    """The rule of a choice.

    Raises:
        KeyError: There is no such choice.
    """
    return CHOICES[name][1]


def earned(asked: Mapping[str, Any]) -> Rule:
    """Accept while the coverage that the AI has shown is at least a share, and what a run costs is below a limit.

    Args:
        asked: ``coverage`` (a share of 0 to 1), ``least`` (outcomes that it has to be counted on), and ``cost`` in the
            budget's unit, where there is a limit.

    Raises:
        BadDefinition: A number that will not do.
    """
    numbers = {n: asked.get(n) for n in ("coverage", "least", "cost")}
    coverage, least, cost = numbers["coverage"], numbers["least"], numbers["cost"]
    if not isinstance(coverage, int | float) or isinstance(coverage, bool) or not 0 < coverage < 1:
        raise BadDefinition("The coverage has to be between 0 and 100 %. Nothing was changed.")
    if type(least) is not int:
        raise BadDefinition("Say on how many outcomes the coverage has to be counted. Nothing was changed.")
    below = float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None
    return Accept(when=f"coverage_bound >= {coverage:g}", least=least, cost_below=below) | Ask()


def words_of_rule(rule: Json) -> str:
    """A stored rule in its own words."""
    if not rule:
        return "ask"
    try:
        return str(rule_from_json(rule))
    except BadDefinition as error:
        return f"a human decides: the rules cannot be read ({error})"


def autonomy(rule: Json, read_only: str) -> Json:
    """The select in the head: what happens when a proposal arrives."""
    value = next((name for name, (_, known) in CHOICES.items() if known.to_json() == rule), "")
    if not value:
        value = "rule" if rule else "ask"
    options = [{"value": name, "label": words} for name, (words, _) in CHOICES.items()]
    words = words_of_rule(rule)
    if value == "rule":
        options.insert(0, {"value": "rule", "label": fmt.clip(words, 60)})
    title = "Every proposal waits for you" if value == "ask" else f"Now: {fmt.clip(words, 400)}"
    return {
        "value": value,
        "options": options,
        "title": f"{title}. {_NUMBERS}",
        "blocked": fmt.clip(read_only, 200),
    }
