"""Runs, decisions and observations as files for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aisteer.campaign.columns import decision_row, observation_row, run_row
from aisteer.errors import BadDefinition, MissingExtra

if TYPE_CHECKING:
    from aisteer.campaign.campaign import Campaign

__all__ = ["FORMATS", "export", "safe_cell"]

Json = dict[str, Any]
FORMATS = ("csv", "parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(campaign: Campaign, folder: Path, kind: str = "csv") -> dict[str, Path]:
    """Write ``runs``, ``decisions`` and ``observations`` into ``folder``.

    Text that a spreadsheet would take for a formula gets a ``'`` before it in CSV files.

    Args:
        campaign: The campaign.
        folder: Made when missing; files of an earlier export are replaced.
        kind: ``csv`` or ``parquet``.

    Returns:
        What to the file that holds it.

    Raises:
        MissingExtra: Parquet needs pyarrow, which is not installed.
    """
    if kind not in FORMATS:
        raise BadDefinition(f"Export as {' or '.join(FORMATS)}, not {kind!r}.")
    tables = {"runs": _runs, "decisions": _decisions, "observations": _observations}
    folder.mkdir(parents=True, exist_ok=True)
    write = _write_csv if kind == "csv" else _write_parquet
    made = {}
    for name, rows in tables.items():
        path = folder / f"{name}.{kind}"
        draft = path.with_name(f".{path.name}.draft")
        try:
            write(draft, lambda rows=rows: rows(campaign))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        made[name] = path
    return made


def _runs(campaign: Campaign) -> Iterator[Json]:
    with campaign.journal.lock:
        found = list(campaign.state.runs.values())
    return (run_row(run) for run in found)


def _decisions(campaign: Campaign) -> Iterator[Json]:
    return (decision_row(row) for row in campaign.ledger.rows())


def _observations(campaign: Campaign) -> Iterator[Json]:
    mirror = campaign.opened.mirror
    with campaign.journal.lock:
        attempts = [(run.id, a.number) for run in campaign.state.runs.values() for a in run.attempts]
    for run, attempt in attempts:
        for line in mirror.observations(run, attempt):
            yield {"run": run, **observation_row(attempt, line)}


# --- writing ----------------------------------------------------------------------------------


def safe_cell(value: Any) -> Any:
    """A CSV cell that no spreadsheet takes for a formula."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value.startswith(_FORMULA):
        with suppress(ValueError):
            float(value)
            return value
        return f"'{value}"
    return "" if value is None else value


def _columns(rows: Iterable[Json]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _write_csv(path: Path, rows: Any) -> None:
    names = _columns(rows())
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([safe_cell(name) for name in names])
        for row in rows():
            writer.writerow([safe_cell(row.get(name)) for name in names])


def _write_parquet(path: Path, rows: Any) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra(
            "Parquet files need pyarrow, which is not installed here. "
            "Install it with: pip install 'aisteer[parquet]', or export as csv."
        ) from error
    listed = list(rows())
    columns = {name: _arrow_column([row.get(name) for row in listed]) for name in _columns(listed)}
    pq.write_table(pa.table(columns), path)


def _arrow_column(values: list[Any]) -> Any:
    """A column of one type; where values differ in kind, their JSON."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and float in kinds:
        return pa.array([None if value is None else float(value) for value in values])
    if len(kinds) <= 1 and not kinds & {dict, list, tuple}:
        with suppress(pa.ArrowInvalid, OverflowError):
            return pa.array(values)
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in values
    ]
    return pa.array(texts)
