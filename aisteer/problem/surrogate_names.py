"""The surrogates that a policy can be asked for by name."""

from __future__ import annotations

__all__ = ["SURROGATES"]

SURROGATES = ("gaussian process", "deep ensemble")
"""The first is what a policy uses if nothing is said."""
