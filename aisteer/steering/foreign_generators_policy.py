"""A mind of somebody else's as a policy: it proposes, our surrogate predicts, and another policy fills in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aisteer.journal.commands import Draft
from aisteer.problem.pool import Pool
from aisteer.problem.regions import ruled_out
from aisteer.problem.space import Space
from aisteer.steering.context import in_context
from aisteer.steering.drafting import drafted
from aisteer.steering.foreign_generators import PATIENCE, named
from aisteer.steering.foreign_generators_asking import Answer, Conversation
from aisteer.steering.foreign_generators_loading import Live, MindMissing, speaker_of
from aisteer.steering.foreign_generators_patience import NoAnswer, Patience
from aisteer.steering.foreign_generators_spoken import Assignment
from aisteer.steering.points import point_key, taken_points
from aisteer.steering.protocols import Batch, Evidence, Json, Policy, Predicts
from aisteer.steering.restraint import settings_of

__all__ = ["ForeignPolicy"]

_WORDS = 300
"""Letters of what a mind raised that are repeated."""


class ForeignPolicy:
    """Proposes what another mind proposes.

    Args:
        definition: The task's.
        space: Its space or pool.
        own: Our policy with a surrogate, which predicts; ``None`` where PyTorch is missing.
        fallback: What proposes where the mind cannot.
        folder: The campaign's, where the mind's code is kept.
        live: Finds an object of this process, where the mind is one.

    Attributes:
        trouble: What is wrong with the mind now, in words; empty when nothing is.
    """

    name = "generator"
    repeatable = False
    """It remembers what it was asked, so it is not asked what it would propose if things stood otherwise."""

    def __init__(
        self,
        definition: Json,
        space: Space | Pool,
        *,
        own: Policy | None,
        fallback: Policy,
        folder: Path | None = None,
        live: Live = lambda: None,
    ) -> None:
        options = definition["policy"]["options"]
        self.data: Json = options["mind"]
        self.space = space
        self.own = own
        self.fallback = fallback
        self.trouble = ""
        self._assignment = Assignment(definition, space, int(definition.get("seed") or 0))
        self._initial = int(options.get("initial") or 0)
        self._patience: Patience[Answer] = Patience(float(options.get("patience") or PATIENCE))
        self._folder, self._live = folder, live
        self._conversation: Conversation | None = None

    @property
    def fitter(self) -> Any:
        """Of our surrogate, for those who show what is believed; ``None`` without one."""
        return getattr(self.own, "fitter", None)

    def judge(self, evidence: Evidence) -> Any:
        """Of our surrogate: the acquisition at inputs, for those who show it."""
        return self.own.judge(evidence)  # type: ignore[union-attr]  # whoever asks has its fitter

    # --- proposing ----------------------------------------------------------------------------

    def propose(self, evidence: Evidence, n: int) -> Batch:
        """Up to ``n`` different drafts: the mind's, and where it falls short the fallback's."""
        summary = self.own.propose(evidence, 0).summary if self.own is not None else {}
        if n <= 0:
            return Batch((), summary=summary)
        taken = len(taken_points(evidence, self.space.names))
        first = min(n, max(0, self._initial - taken))
        drafts = self._filled(evidence, first, "") if first else []
        left = n - len(drafts)
        if left:
            drafts += self._proposed(_with(evidence, drafts), left)
        return Batch(drafts, summary=summary)

    def _proposed(self, evidence: Evidence, n: int) -> list[Draft]:
        evidence, note = in_context(evidence), self._renewed(evidence)
        fault, answer = "", Answer()
        try:
            answer = self._patience.ask(lambda: self._answer(evidence, n))
        except MindMissing as missing:
            self.trouble = str(missing)
            return []
        except NoAnswer as late:
            fault = str(late)
        except Exception as error:  # noqa: BLE001  a mind is anybody's code
            fault = f"raised {type(error).__name__}: {str(error)[:_WORDS]}".rstrip(": ")
            self._forget()
            if not evidence.data and not evidence.failed:
                # Many generators need data to begin with, and say so by raising.
                words = f"{self._who} proposes nothing before the first outcome ({fault})"
                self.trouble = ""
                return self._filled(evidence, n, words)
        if answer.note:
            note += f"; one at a time ({answer.note[:_WORDS]})"
        drafts = self._drafts(evidence, self._still_free(evidence, answer.points)[:n], note)
        short = n - len(drafts)
        if not short or answer.waits:
            self.trouble = ""
            return drafts
        fault = fault or self._shortfall(answer, len(drafts), n)
        if self._conversation is not None and self._conversation.one_at_a_time and not self._patience.busy:
            self._forget()  # it waits for a point that was refused: a new one begins where the campaign is
        more = self._filled(_with(evidence, drafts), short, f"{self._who} {fault}")
        self.trouble = self._in_trouble(fault, len(more), n) if more or answer.wrong else ""
        return [*drafts, *more]

    def _answer(self, evidence: Evidence, n: int) -> Answer:
        """On a thread of its own: nothing else may touch the conversation meanwhile."""
        if self._conversation is None:
            speaker = speaker_of(self.data, self._assignment, self._folder, self._live)
            self._conversation = Conversation(speaker, self.space, self._patience.seconds)
        return self._conversation.ask(evidence, n)

    def _renewed(self, evidence: Evidence) -> str:
        """A mind that was told what is no more is made anew; of one that cannot be, what it was told is said."""
        if self._conversation is None or self._patience.busy:
            return ""
        gone = self._conversation.contradicted(evidence)
        if not gone:
            return ""
        if self._forget():
            return ""
        return f"; it was told of {', '.join(gone[:5])}, which no longer counts"

    def _forget(self) -> bool:
        """Let go of the mind, where it can be made anew and told everything again."""
        if self.data["mode"] == "live":
            return False
        self._conversation = None
        return True

    def _still_free(self, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        """Those that can be proposed now: an answer may have come late."""
        taken, settings = taken_points(evidence, self.space.names), settings_of(evidence)
        names = self.space.names
        return [
            p for p in points if point_key(names, p) not in taken and not ruled_out(self.space, settings, p)
        ]

    # --- in words -----------------------------------------------------------------------------

    @property
    def _who(self) -> str:
        return named(self.data)

    @property
    def _instead(self) -> str:
        return str(getattr(self.fallback, "name", "another policy"))

    def _shortfall(self, answer: Answer, got: int, n: int) -> str:
        if answer.wrong:
            return f"proposed what cannot be: {answer.wrong[0][:_WORDS].rstrip('.')}"
        why = ", ".join(f"{count} {words}" for words, count in answer.skipped.most_common(3))
        return f"gave {got} of {n} new points{f' ({why})' if why else ''}"

    def _in_trouble(self, fault: str, filled: int, n: int) -> str:
        return (
            f"{self._who} {fault}. {filled} of {n} proposals are of {self._instead!r} instead; runs go on, and nothing "
            "was lost. It is asked again with the next results. To take another mind: campaign.redefine(policy=…)."
        )

    # --- drafts -------------------------------------------------------------------------------

    def _drafts(self, evidence: Evidence, points: Sequence[Json], note: str) -> list[Draft]:
        predicts = (
            "predicted and ranked by our own surrogate"
            if self.own is not None
            else "nothing predicts it here"
        )
        words = f"proposed by {self._who}; {predicts}{note}"
        reason = {"kind": "mind", "name": str(self.data.get("name")), "words": words}
        return [
            drafted(evidence, point, said, [reason, *said["reasons"]])
            for point, said in zip(points, self.predict(evidence, points), strict=True)
        ]

    def _filled(self, evidence: Evidence, n: int, fault: str) -> list[Draft]:
        """Drafts of the fallback, with why."""
        drafts = self.fallback.propose(evidence, n).drafts
        if not fault:
            return list(drafts)
        reason = {
            "kind": "mind",
            "name": self._instead,
            "instead_of": str(self.data.get("name")),
            "words": f"of {self._instead!r}, as {fault}",
        }
        return [replace(draft, reasons=[reason, *draft.reasons]) for draft in drafts]

    def predict(self, evidence: Evidence, points: Sequence[Json]) -> list[Json]:
        """What our own surrogate expects of points; nothing where PyTorch is missing."""
        if self.own is not None:
            assert isinstance(self.own, Predicts)
            return list(self.own.predict(evidence, points))
        words = "Predictions need PyTorch and BoTorch: pip install 'aisteer[steer]'."
        said: Json = {"predicted": {}, "acquisition": None, "rank": None, "of": None}
        return [{**said, "reasons": [{"kind": "fit", "words": words}]} for _ in points]


def _with(evidence: Evidence, drafts: Sequence[Draft]) -> Evidence:
    """The evidence as it stands with ``drafts`` made: they are not made twice."""
    if not drafts:
        return evidence
    return replace(evidence, waiting=(*evidence.waiting, *(("", d.parameters) for d in drafts)))
