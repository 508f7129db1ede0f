"""A task of a remote service that executes one attempt: the order in, a short answer out. The truth is in the spool."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from . import block, fencing, guest, lots, names, parcels, root, stream
from .archives import Archives
from .attempt import TOO_SOON
from .claim import brief, holder_is_dead, read_claim
from .files import Json

_SMALL = 32 << 10
"""Bytes of observations that are answered as a whole."""


def execute(where: str, order: Json) -> Json:
    """Execute one attempt, if it is ours to execute.

    Args:
        where: The spool's root, as ``create`` answered it.
        order: ``nonce``; ``key``; ``request``, or ``place`` (``[lot, offset, length]``) where it was brought in a lot;
            perhaps ``code``: ``{"name", "data"}``, the parcel (base64) that the simulation needs; and ``block``:
            ``{"walltime"}`` that the endpoint's blocks were asked for with (seconds or ``HH:MM:SS``).

    Returns:
        ``executed``; then ``end`` (its record, not checked) and, where they are short, all observations as
        ``stream`` (each byte one character). Otherwise ``reason``, and ``claim`` where somebody else has claimed it,
        with ``holder_dead`` where that was a process of this machine that is no more; or ``again`` where it has to be
        submitted again, in ``after`` seconds if that is told, with the parcels that are ``missing``. The answer has
        less than 1 MB; it may never arrive, and nobody needs it.
    """
    try:
        place = root.check(where, order.get("nonce"))
        key = order.get("key")
        folder, path = names.folder_of(key), names.home(place, key)
        request = order.get("request") or _out_of_lot(place, str(key), order.get("place"))
        if missing := _missing(place, order, request):
            return {**_not("what it needs is not in the spool (any more)", again=True), "missing": missing}
        if not isinstance(request, dict) or f"{request.get('uuid')}-{request.get('attempt')}" != key:
            return _not("its request is missing, or another attempt's")
        request = {**request, "block": order.get("block")}
        _prepare(place, order, request)
    except (root.NoRoot, names.BadName, parcels.BadParcel) as error:
        return _not(str(error))
    except (OSError, ValueError, TypeError, KeyError) as error:
        return _not(f"what it needs could not be put in place: {error}", again=True)
    alone = threading.current_thread() is threading.main_thread()
    answer = guest.execute(place, folder, alone=alone, handed=request)
    if not answer["executed"]:
        return {
            **_not(answer["reason"], again=answer.get("again") is True),
            **_why_not(path, request, answer["reason"]),
        }
    return {"executed": True, "end": answer.get("record"), **_observed(path, answer.get("record"))}


def _not(reason: str, *, again: bool = False) -> Json:
    return {"executed": False, "reason": reason, "again": again}


def _out_of_lot(place: str, key: str, spot: object) -> Json | None:
    found = lots.Lots(place)
    try:
        return found.read(key, spot)
    finally:
        found.close()


def _why_not(path: str, request: Json, reason: str) -> Json:
    """Who has it, or from when on it may begin."""
    if reason == TOO_SOON:
        return {"after": max(0.0, (block.ends(request) or 0.0) - time.time())}
    claim = read_claim(path)
    if claim is None:
        return {}
    return {"claim": brief(claim), "holder_dead": holder_is_dead(claim)}


def _prepare(place: str, order: Json, request: Json) -> None:
    """Put its code in place, and fence the attempts before it."""
    code = order.get("code")
    if isinstance(code, dict):
        name, size = code["name"], len(code["data"]) * 3 // 4 - code["data"][-2:].count("=")
        if not parcels.is_whole(place, name):
            parcels.Parcel(place, name, name.rpartition("/")[2].partition(".")[0], size).take(0, code["data"])
    epoch = request.get("epoch")
    for folder in request.get("previous") or ():
        path = names.home(place, names.key_of(folder))
        if not (os.path.lexists(os.path.join(path, "fenced")) or _is_packed(place, path, folder)):
            fencing.fence(place, path, epoch if isinstance(epoch, int) else 0)
    restart = request.get("restart")
    if restart and not os.path.lexists(os.path.join(place, str(restart), "value.json")):
        Archives(Path(place)).restore(str(restart))


def _missing(place: str, order: Json, request: object) -> list[str]:
    """The parcels that it needs and that are not there: a scratch disk is purged now and then."""
    spot = order.get("place")
    if request is None and isinstance(spot, list) and spot:
        lot = f"lots/{spot[0]}.jsonl"
        return [] if parcels.is_whole(place, lot) else [lot]
    simulation = request.get("simulation") if isinstance(request, dict) else None
    said = simulation if isinstance(simulation, dict) else {}
    suffix = {"source": ".py", "pickle": ".pkl"}.get(str(said.get("mode")))
    name = f"code/{said.get('code')}{suffix}"
    if suffix is None or isinstance(order.get("code"), dict) or os.path.lexists(os.path.join(place, name)):
        return []
    return [name]


def _is_packed(place: str, path: str, folder: str) -> bool:
    """Whether an earlier attempt has ended and was packed: it needs no fence."""
    return not os.path.isdir(path) and Archives(Path(place)).find(folder) is not None


def _observed(path: str, record: Json | None) -> Json:
    """Its observations, where all of them are short."""
    if record is None or not 0 < record["length"] <= _SMALL:
        return {}
    found = stream.read_on(f"{path}/observations.jsonl", limit=_SMALL)
    if found.gap or len(found.data) != record["length"]:
        return {}
    return {"stream": found.data.decode("latin-1")}
