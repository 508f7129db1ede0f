"""What somebody who does not see the spool has done in it: orders in plain JSON, one answer for each.

Each order has ``do`` and answers ``{"done": true, …}``, or ``{"done": false, "problem": words}``; one that fails
holds up no other, and a repeat is harmless.

``create``
    The first of a letter: makes the root, marked with the letter's nonce; a repeat is harmless.
``control``
    ``key``, ``control`` (``id``, ``epoch``, ``verb``, ``values``): puts it before the attempt, whether it has begun
    or waits in a queue.
``withdraw``
    ``key``, ``request`` (its ``epoch`` and ``attempt`` suffice): answers ``end``, the record of an attempt that ended
    here, since that was asked and nobody had claimed it; else None.
``have``
    ``names`` of parcels: answers ``have``, those that are there and whole.
``put``
    ``name``, ``sha256``, ``size``, ``offset``, ``data`` (base64): a stretch of a parcel. Answers ``stored``, whether it
    is in its place, and ``next``, where to go on.
``pack``
    ``keys`` of attempts that are mirrored and sealed: answers ``packed``, how many were, those that have an end.
``read``
    ``key``, ``name`` (``stdout.log``, ``stderr.log``), ``offset``, ``limit``: answers ``data`` (base64) and ``size``
    of a file of an attempt, packed or not.

A **parcel** is ``code/<sha256>.py``, ``code/<sha256>.pkl``, ``code/worker-<sha256>.zip`` or ``lots/<name>.jsonl``.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import controls, ending, files, names, parcels, root
from .claim import Claimant, is_claimed
from .files import Json
from .folder import make_folder
from .withdrawal import withdraw

if TYPE_CHECKING:
    from .archives import Archives

_MOST = 10_000
_READABLE = frozenset({"stdout.log", "stderr.log", "observations.jsonl", "end.json", "request.json"})
_STRETCH = 1 << 20
_LARGEST_READ = 256 << 20


class BadOrder(ValueError):
    """What should be orders are none; the message says what is wrong."""


def with_root(where: object, letter: object) -> tuple[str, list[Json]]:
    """Carry out a letter's orders; the root's real path, and the answers.

    Raises:
        BadOrder: It is no letter.
        NoRoot: The root is not this campaign's, or cannot be made.
    """
    if not isinstance(letter, dict) or not isinstance(where, str):
        raise BadOrder("the letter is no object, or the root no text")
    found = _listed(letter.get("orders"))
    place = where
    answers: list[Json] = []
    if found and found[0].get("do") == "create":
        place = _create(where, letter.get("nonce"))
        answers, found = [{"done": True}], found[1:]
    return place, answers + carry_out(root.check(place, letter.get("nonce")), found)


def carry_out(place: str, listed: object) -> list[Json]:
    """Carry out orders in a root that was checked; their answers.

    Raises:
        BadOrder: They are no list of objects.
    """
    return [_carry_out(place, order) for order in _listed(listed)]


def _listed(value: object) -> list[Json]:
    if value is None:
        return []
    if (
        not isinstance(value, list)
        or len(value) > _MOST
        or not all(isinstance(order, dict) for order in value)
    ):
        raise BadOrder(f"orders are a list of at most {_MOST} objects")
    return value


def _carry_out(place: str, order: Json) -> Json:
    do = _DO.get(str(order.get("do")))
    if do is None:
        return _undone(f"this worker knows no order {str(order.get('do'))[:40]!r}: its version may be older")
    try:
        return {"done": True, **do(place, order)}
    except (names.BadName, BadOrder, parcels.BadParcel) as error:
        return _undone(str(error))
    except OSError as error:
        return _undone(f"it could not be done: {error.strerror or error} ({error.filename or place})")
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        return _undone(f"the order is not well formed: {type(error).__name__}: {str(error)[:200]}")


def _undone(problem: str) -> Json:
    return {"done": False, "problem": problem}


def _create(where: str, nonce: object) -> str:
    if not isinstance(nonce, str) or not names.NONCE.fullmatch(nonce):
        raise BadOrder(f"{str(nonce)[:80]!r} is no nonce")
    place = root.expanded(where)
    found = files.read_json(os.path.join(place, "spool.json"))
    if found is None or (found.get("nonce") == nonce and found.get("format") != root.FORMAT):
        try:
            os.makedirs(
                place, mode=0o700, exist_ok=True
            )  # a scratch disk is shared: nobody else controls these runs
            root.make(place, nonce)
        except OSError as error:
            raise root.NoRoot(
                f"The spool {place} cannot be made: {error.strerror or error}. Nothing runs. Name a folder that can be "
                "written where the endpoint's workers are."
            ) from error
    return place


def _control(place: str, order: Json) -> Json:
    if not controls.is_control(order["control"]):
        raise BadOrder("that is no control")
    path = names.home(place, order["key"])
    make_folder(path)  # one that waits in a queue has none: its worker reads this before it claims
    controls.append(path, order["control"])
    return {}


def _withdraw(place: str, order: Json) -> Json:
    path = names.home(place, order["key"])
    request = order.get("request")
    claimant = Claimant(place)
    try:
        end = (
            None
            if is_claimed(path)
            else withdraw(path, claimant, request if isinstance(request, dict) else None)
        )
        if end is not None:
            ending.write_end(
                path, end
            )  # where that fails, the answer still says it: it is claimed, nobody begins it
    finally:
        claimant.forget()
    return {"end": end}


def _have(place: str, order: Json) -> Json:
    wanted = order["names"]
    if not isinstance(wanted, list) or len(wanted) > _MOST:
        raise BadOrder("names are a list")
    return {"have": [name for name in wanted if parcels.is_whole(place, name)]}


def _put(place: str, order: Json) -> Json:
    parcel = parcels.Parcel(place, order["name"], order["sha256"], order["size"])
    stored, following = parcel.take(order["offset"], order["data"])
    return {"stored": stored, "next": following}


def _pack(place: str, order: Json) -> Json:
    keys = order["keys"]
    if not isinstance(keys, list) or len(keys) > _MOST:
        raise BadOrder("keys are a list")
    for key in keys:
        names.home(place, key)
    return {"packed": _archives(place).pack(keys)}


def _read(place: str, order: Json) -> Json:
    name = order["name"]
    if name not in _READABLE:
        raise BadOrder(f"{str(name)[:80]!r} is not read: {', '.join(sorted(_READABLE))} are")
    path = os.path.join(names.home(place, order["key"]), name)
    offset, limit = int(order.get("offset") or 0), min(int(order.get("limit") or _STRETCH), _STRETCH)
    if offset < 0 or limit < 0:
        raise BadOrder("offset and limit are numbers of bytes")
    try:
        fd = os.open(path, files.READ)
    except FileNotFoundError:
        whole = _archives(place).read(names.folder_of(order["key"]), name, _LARGEST_READ)
        if whole is None:
            raise
        return {"data": _text(whole[offset : offset + limit]), "size": len(whole)}
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise BadOrder(f"{name} is no file")
        return {"data": _text(os.pread(fd, limit, offset)), "size": info.st_size}
    finally:
        os.close(fd)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _archives(place: str) -> Archives:
    from pathlib import Path

    from .archives import Archives

    return Archives(Path(place))


_DO: dict[str, Callable[[str, Json], Json]] = {
    "control": _control,
    "withdraw": _withdraw,
    "have": _have,
    "put": _put,
    "pack": _pack,
    "read": _read,
}
