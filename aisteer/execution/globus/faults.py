"""What goes wrong between us and Globus Compute, in words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import globus_sdk
from globus_compute_sdk.errors import TaskExecutionFailed, VersionMismatch

from aisteer.errors import AisteerError, EndpointError
from aisteer.execution.ends import clean_text
from aisteer.execution.globus.role import NOT_STARTED

__all__ = ["SIGN_IN", "NotSignedIn", "UnknownEndpoint", "Unreachable", "explained", "translated"]

_ERROR = re.compile(
    r"[\w.]*(Error|Exception|Lost|Specification|Failed|Exceeded|Interrupt)\b.*:|Failed to start task"
)
_LOCAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOENT})
_SUBMISSION = "submission"
_WORD = re.compile(r"[A-Za-z]{3}")
SIGN_IN = (
    "Nobody is signed in to Globus here, or the sign-in has expired. Runs that wait stay accepted, those at the "
    "endpoint go on. Sign in with aisteer_widgets.Connect(), or set GLOBUS_COMPUTE_CLIENT_ID and "
    "GLOBUS_COMPUTE_CLIENT_SECRET."
)


class Unreachable(EndpointError):
    """The web service does not answer, or answers that it cannot now. It is tried again."""


class NotSignedIn(EndpointError):
    """Nobody is signed in to Globus here, or the sign-in has expired."""


class UnknownEndpoint(EndpointError):
    """There is no such endpoint, or it is not ours to use."""


def explained(error: BaseException) -> str:
    """An error of the SDK, as it is said to people."""
    if isinstance(error, AisteerError):
        return str(error)
    if isinstance(error, TaskExecutionFailed):
        unstarted = NOT_STARTED in str(error.remote_data)
        return f"it {'could not be started' if unstarted else 'failed'} there: {_said(error.remote_data)}"
    if isinstance(error, globus_sdk.GlobusAPIError):
        return str(_refused(_SUBMISSION, error))
    if _is_local(error):
        return f"A file here cannot be used: {_short(error)}. Runs stay accepted; it is tried again."
    if isinstance(error, globus_sdk.GlobusError | OSError):
        return str(_unreachable(_SUBMISSION, error))
    return _short(error)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """The service's errors as ours.

    Args:
        what: What it is asked for, in the middle of a sentence.
    """
    try:
        yield
    except EndpointError:
        raise
    except globus_sdk.GlobusAPIError as error:
        raise _refused(what, error) from error
    except VersionMismatch as error:
        raise EndpointError(
            f"Globus Compute takes this release of its SDK no more: {error}. Runs that wait stay accepted, those "
            "at the endpoint go on. Install a newer globus-compute-sdk and restart the kernel."
        ) from error
    except (globus_sdk.GlobusError, OSError) as error:
        if _is_local(error):
            raise EndpointError(
                f"Globus Compute cannot be asked here ({what}): {_short(error)}. Runs that wait stay accepted, those "
                "at the endpoint go on. Can the home folder be written?"
            ) from error
        raise _unreachable(what, error) from error


def _is_local(error: BaseException) -> bool:
    """Whether it is about a file or a disk here, not about the way to the service."""
    return isinstance(error, OSError) and (error.filename is not None or error.errno in _LOCAL)


def _unreachable(what: str, error: BaseException) -> Unreachable:
    return Unreachable(
        f"Globus Compute does not answer ({what}: {_short(error)}). Runs at the endpoint go on, and nothing is "
        "lost; it is tried again. Is there a way out to the internet from here?"
    )


def _refused(what: str, error: globus_sdk.GlobusAPIError) -> EndpointError:
    status = error.http_status
    known = "endpoint" in what  # who may see an endpoint is told by 401 as well
    if isinstance(error, globus_sdk.AuthAPIError) or (status == 401 and not known) or _wants_consent(error):
        return NotSignedIn(SIGN_IN)
    if status == 403 and what == _SUBMISSION:
        return UnknownEndpoint(
            f"The endpoint refuses this user ({_short(error)}). Nothing was sent; runs stay accepted, and it is tried "
            "again. Sign in with the identity that may use it, or ask its administrator for the right to."
        )
    if status in {401, 403}:
        return UnknownEndpoint(
            f"Globus Compute does not let you use {what} ({_short(error)}). Nothing was sent; runs stay accepted. "
            "Sign in with the identity that may use it, or ask its administrator."
        )
    if status == 404:
        return UnknownEndpoint(
            f"Globus Compute knows no {what}, or it is not yours to see. Nothing was sent; runs stay accepted. "
            "Check the id: `globus-compute-endpoint list` where it runs, or the endpoint's page in the web app."
        )
    if status == 429 or status >= 500:
        return Unreachable(
            f"Globus Compute cannot answer now ({what}: {_short(error)}). Runs at the endpoint go on, and nothing "
            "is lost; it is tried again."
        )
    return EndpointError(
        f"Globus Compute refused: {what}: {_short(error)}. Nothing was sent; runs stay accepted. Check what "
        "ai.connect was given."
    )


def _wants_consent(error: globus_sdk.GlobusAPIError) -> bool:
    """Whether a sign-in is asked for that allows more."""
    return bool(error.info.consent_required) or bool(error.info.authorization_parameters)


def _said(remote: str) -> str:
    """What a traceback says: its last line that is a word about the error."""
    lines = [line.strip() for line in str(remote).splitlines() if line.strip()]
    if lines and NOT_STARTED in lines[0]:
        return clean_text(lines[-1], 500)
    found = [line for line in lines if _ERROR.match(line)] or [line for line in lines if _WORD.search(line)]
    return clean_text("".join(found[-1:]), 500) or "it gives no reason"


def _short(error: BaseException) -> str:
    if isinstance(error, globus_sdk.GlobusAPIError):
        return clean_text(f"{error.http_status} {error.message or error.text}", 300)
    return clean_text(f"{type(error).__name__}: {error}", 300)
