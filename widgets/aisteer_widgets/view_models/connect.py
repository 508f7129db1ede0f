"""The connect panel: sign in, choose an endpoint, fill in its template, and get the line of code that says the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from aisteer.campaign.connect import connect
from aisteer.errors import AisteerError
from aisteer_widgets.view_models import format as fmt
from aisteer_widgets.view_models.connect_told import Choice, Known, Result
from aisteer_widgets.view_models.endpoints import OLDEST, Found, fixed, listed, name_of, python_of, state_of
from aisteer_widgets.view_models.template import MORE, Field, fields, read, watch_roles

__all__ = ["panel", "result"]

Json = dict[str, Any]

SPOOL, WORKERS = "~/aisteer", "8"
_PLAIN: Json = {"limits": "", "required": False, "options": []}
_PLACES: tuple[Json, ...] = (
    {
        **_PLAIN,
        "name": "spool",
        "form": "text",
        "label": "Folder for spools there",
        "about": "~ and variables such as $SCRATCH are those of its workers",
        "default": SPOOL,
    },
    {
        **_PLAIN,
        "name": "workers",
        "form": "integer",
        "label": "Runs sent at a time",
        "about": "unless the task says slots=",
        "default": WORKERS,
    },
)
_PORTS = (("", "as the service says"), ("443", "443"), ("5671", "5671"), ("5672", "5672"))
_NO_WATCHER = (
    "Without a watcher live output and stop wait for a free worker; deadlines and stop conditions hold."
)


def result(known: Known, choice: Choice) -> Result:
    """What the choice comes to: an endpoint for a campaign, or what is still wrong."""
    found = known.endpoint(choice.endpoint)
    if found is None or found.metadata is None:
        return Result()
    if _too_old(found):
        return Result(problem=python_of(found)[1])
    compute, wrong_there = read(_fields(found), choice.texts)
    wrong = {f"compute:{name}": words for name, words in wrong_there.items()}
    watch, words = _watch_of(found, choice, compute)
    wrong |= {"watch": words} if words else {}
    places, wrong_places = _places(choice)
    wrong |= wrong_places
    if wrong:
        return Result(
            wrong=wrong, problem="Something in the form cannot be meant: the fields that are marked say what."
        )
    given = {"compute": compute or None, "watch": watch, **places}
    given = {name: value for name, value in given.items() if value is not None}
    target = f"globus:{found.id}"
    try:
        connection = connect(target, **given)
    except AisteerError as error:
        return Result(problem=fmt.clip(error, 400))
    said = "".join(f", {name}={value!r}" for name, value in given.items())
    return Result(connection, f'ai.connect("{target}"{said})')


def panel(known: Known, choice: Choice, now: float, used: str = "") -> Json:
    """The panel as data.

    Args:
        known: What is known of Globus.
        choice: What was chosen and typed.
        now: Unix seconds.
        used: The line of code of the endpoint that the panel's ``endpoint`` is now; empty where none was taken.
    """
    made = result(known, choice)
    return {
        "sign_in": _sign_in(known),
        "doing": fmt.clip(known.doing, 160),
        "problem": fmt.clip(known.problem, 500),
        "endpoints": _endpoints(known, choice, now),
        "form": _form(known, choice, made, now),
        "line": made.line,
        "used": used,
        "same": bool(used) and used == made.line,
    }


def _sign_in(known: Known) -> Json:
    if known.signed_in is None:
        return {"state": "asking", "words": "Looking whether you are signed in to Globus…", "link": ""}
    if known.link:
        return {"state": "link", "words": "", "link": _safe(known.link)}
    if not known.signed_in:
        return {
            "state": "out",
            "words": "Globus Compute brings your runs to computers that you may use. It has to know who you are.",
            "link": "",
        }
    if known.by_client:
        words = "Signed in with the client of GLOBUS_COMPUTE_CLIENT_ID."
        return {"state": "client", "words": words, "link": ""}
    return {"state": "in", "words": "Signed in to Globus.", "link": ""}


def _safe(link: str) -> str:
    """A link that a browser may be sent to: Globus's, or this machine's."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return link if here or (parts.scheme == "https" and parts.hostname) else ""


def _endpoints(known: Known, choice: Choice, now: float) -> Json | None:
    if not known.signed_in:
        return None
    shown = listed(known.found, choice.endpoint, now)
    empty = ""
    if known.listed and not known.found:
        empty = (
            "Globus knows no endpoint of yours. A facility says the id of its own in its documentation: paste it "
            "below. To have one yourself: pip install globus-compute-endpoint where runs shall go, then "
            "globus-compute-endpoint configure, and start."
        )
    as_of = f"As of {fmt.clock(known.listed)}" if known.listed else ""
    return {**shown, "empty": empty, "as_of": as_of}


# --- the form ---


def _fields(found: Found) -> tuple[Field, ...]:
    return () if fixed(found) else fields(found.schema)


def _too_old(found: Found) -> bool:
    python, note = python_of(found)
    return bool(note) and python[:1].isdigit() and tuple(map(int, python.split(".")[:2])) < OLDEST


def _form(known: Known, choice: Choice, made: Result, now: float) -> Json | None:
    found = known.endpoint(choice.endpoint)
    if not known.signed_in or found is None:
        return None
    state, words = state_of(found, now)
    notes = [python_of(found)[1]]
    if found.problem:
        notes = [words]
    elif state == "offline":
        notes.append(
            "It is offline: what is sent there waits in the service until its agent is started again."
        )
    if found.metadata is not None and fixed(found):
        notes.append("It has one configuration for everybody: there is nothing to fill in.")
    return {
        "id": fmt.clip(found.id, 64),
        "name": name_of(found),
        "ready": found.metadata is not None,
        "notes": [note for note in notes if note],
        "fields": [_shown(one, made) for one in _fields(found)] if found.metadata is not None else [],
        "watch": _watch_form(known, found, choice, made),
        "places": [{**one, "wrong": made.wrong.get(one["name"], "")} for one in _PLACES],
        "ports": [{"value": value, "label": label} for value, label in _PORTS],
        "problem": made.problem,
    }


def _shown(one: Field, made: Result) -> Json:
    return {
        "name": one.name,
        "label": "more settings" if one.name == MORE else fmt.label(one.name),
        "form": one.form,
        "about": one.about,
        "limits": one.limits,
        "required": one.required,
        "default": one.default,
        "options": [{"value": value, "label": label} for value, label in one.options],
        "wrong": made.wrong.get(f"compute:{one.name}", ""),
    }


def _watch_form(known: Known, found: Found, choice: Choice, made: Result) -> Json:
    roles = watch_roles(found.schema)
    options = [
        {"value": f"role:{number}", "label": f"this endpoint, {_said(role)}"}
        for number, role in enumerate(roles)
    ]
    if not fixed(found):
        options.append({"value": "filling", "label": "this endpoint, filled in as I say"})
    options += [
        {"value": one.id, "label": f"endpoint {name_of(one)}, if it sees the same files"}
        for one in known.found
        if one.id != found.id and not one.problem
    ][:20]
    options.append({"value": "none", "label": "none"})
    chosen = _chosen_watch(found, choice)
    about = {
        "none": _NO_WATCHER,
        "filling": "As a JSON object. It has to be a worker of its own, that does not wait behind runs.",
    }
    words = "It brings live output and takes controls there, beside the runs, on a worker of its own."
    if len(chosen) > 20:
        words = "It brings live output and takes controls. It has to see the same files as the runs."
    return {
        "options": options,
        "value": chosen,
        "about": about.get(chosen, words),
        "text": chosen == "filling",
        "wrong": made.wrong.get("watch", ""),
    }


def _said(role: Json) -> str:
    return ", ".join(f"{fmt.clip(name, 30)}={fmt.clip(value, 30)}" for name, value in role.items())


def _chosen_watch(found: Found, choice: Choice) -> str:
    return choice.watch or ("role:0" if watch_roles(found.schema) else "none")


def _watch_of(found: Found, choice: Choice, compute: Json) -> tuple[Json | str | None, str]:
    """What ``watch=`` says, and what is wrong with it."""
    chosen = _chosen_watch(found, choice)
    if chosen == "none":
        return None, ""
    if chosen == "filling":
        more = Field(MORE, "json", "", "", required=True, default="", options=(), schema={})
        said, wrong = read((more,), {MORE: choice.watch_text})
        return said, wrong.get(MORE, "")
    kind, _, number = chosen.partition(":")
    roles = watch_roles(found.schema)
    if kind == "role" and number.isdecimal() and int(number) < len(roles):
        needed = {one.name for one in _fields(found) if one.required}
        return {
            **{name: value for name, value in compute.items() if name in needed},
            **roles[int(number)],
        }, ""
    return chosen, ""


def _places(choice: Choice) -> tuple[Json, dict[str, str]]:
    said = {name: str(choice.places.get(name, "")).strip() for name in ("spool", "workers", "amqp_port")}
    found: Json = {}
    wrong: dict[str, str] = {}
    if said["spool"] and said["spool"] != SPOOL:
        found["spool"] = said["spool"]
        if said["spool"][0] not in "/~$":
            wrong["spool"] = (
                "A folder on the endpoint's file system begins with /, ~ or a variable set there."
            )
    if said["workers"] and said["workers"] != WORKERS:
        if said["workers"].isdecimal() and 0 < int(said["workers"]) < 10_000:
            found["workers"] = int(said["workers"])
        else:
            wrong["workers"] = "A whole number of at least 1 is needed."
    if said["amqp_port"] in {"443", "5671", "5672"}:
        found["amqp_port"] = int(said["amqp_port"])
    return found, wrong
