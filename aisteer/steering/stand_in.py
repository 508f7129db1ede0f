"""What happens when a surrogate fails in the middle of a question: the question is put again to one that does not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from aisteer.steering.fitting import Fitter
from aisteer.surrogates.protocol import NotFitted

__all__ = ["standing_in"]

P = ParamSpec("P")
R = TypeVar("R")


class _Fits(Protocol):
    @property
    def fitter(self) -> Fitter: ...


S = TypeVar("S", bound=_Fits)


def standing_in(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method of a policy that is called again, with the Gaussian process, where the user's own surrogate fails."""

    @functools.wraps(method)
    def asked(policy: S, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(policy, *args, **kwargs)
        except NotFitted as refused:
            if not policy.fitter.refuse(str(refused)):
                raise
        return method(policy, *args, **kwargs)

    return asked
