"""The record of a home whose engine has stopped: its tables, as Python values."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

#: Characters of a key that are shown: those by place have all inputs in them.
LABEL = 40
Row = dict[str, Any]
TABLES = ("execution", "cell_run", "event", "log", "message", "flow", "flow_version")


@dataclass(frozen=True)
class Line:
    """One effect of a flow."""

    what: str  #: "begin" or "done".
    key: str
    execution_id: str
    attempt: int
    answer: str | None


@dataclass
class Record:
    """What a database says happened, and what the file of effects says."""

    rows: dict[str, list[Row]]
    lines: list[Line]

    @cached_property
    def executions(self) -> dict[str, Row]:
        return {row["execution_id"]: row for row in self.rows["execution"]}

    @cached_property
    def events(self) -> dict[str, list[Row]]:
        """The events of each execution, in order, with their payload as values."""
        events: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.rows["event"], key=lambda row: row["seq"]):
            payload = json.loads(row["payload"])
            events[row["execution_id"]].append({**row, "payload": payload})
        return events

    def seqs(self, execution_id: str, kind: str, **payload: Any) -> list[int]:
        """The numbers of its events of a kind, with these values in their payload."""
        return [
            event["seq"]
            for event in self.events[execution_id]
            if event["kind"] == kind and payload.items() <= event["payload"].items()
        ]

    def created(self, execution_id: str) -> int:
        """The number of the event with which it begins."""
        return self.seqs(execution_id, "created")[0]

    def ended(self, execution_id: str) -> float:
        """The number of the event with which it ends; infinite if it has not ended."""
        return min(self.seqs(execution_id, "ended"), default=float("inf"))

    def cancelled(self, execution_id: str) -> float:
        """The number of the event that asks for its end; infinite if there is none."""
        return min(
            self.seqs(execution_id, "asked", what="cancel"), default=float("inf")
        )

    def adoptions(self, execution_id: str) -> Iterator[tuple[int, str, float]]:
        """When it was adopted, by whom, and when by the next one; infinite: by nobody."""
        events = [e for e in self.events[execution_id] if e["kind"] == "adopted"]
        ends = [event["seq"] for event in events[1:]]
        for event, until in zip(events, [*ends, float("inf")], strict=False):
            yield event["seq"], event["payload"]["parent_id"], until

    def goes_on(self, execution_id: str, seq: int) -> bool:
        """Whether it had neither ended nor been cancelled at this number, nor had failed.

        One that has failed waits for its wrapper to decide, which may be gone.
        """
        if min(self.ended(execution_id), self.cancelled(execution_id)) < seq:
            return False
        moves = [
            event["kind"]
            for event in self.events[execution_id]
            if event["seq"] < seq and event["kind"] in ("failed", "decided", "lost")
        ]
        return moves[-1:] != ["failed"]

    def ancestors(self, execution_id: str) -> Iterator[Row]:
        """Its parent, the parent of that, and so on."""
        parent = self.executions.get(self.executions[execution_id]["parent_id"])
        while parent is not None:
            yield parent
            parent = self.executions.get(parent["parent_id"])

    @cached_property
    def lineages(self) -> dict[tuple[str, ...], list[str]]:
        """The executions of each call, over all tries of its parents, the oldest first.

        A call is known by its key, the calls above it, and the first try of the root.
        """
        lineages: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for execution_id in sorted(self.executions, key=self.created):
            lineages[self._lineage(execution_id)].append(execution_id)
        return lineages

    def _lineage(self, execution_id: str) -> tuple[str, ...]:
        row = self.executions[execution_id]
        parent = self.executions.get(row["parent_id"])
        if parent is not None:
            call = row["call_key"] or execution_id
            return (*self._lineage(parent["execution_id"]), call)
        while row["retry_of"] in self.executions:
            row = self.executions[row["retry_of"]]
        return (row["execution_id"],)

    def about(self, execution_id: str) -> str:
        """An execution in a few words: its key or name, id and status."""
        row = self.executions[execution_id]
        inputs = json.loads(row["inputs"] or "null") or {}
        label = inputs.get("key") or row["call_key"] or row["name"]
        return f"{row['flow_name']} {label[:LABEL]} {execution_id} {row['status']}"


def read_record(database: Path, effects: Path) -> Record:
    """The record of a database that no process has open."""
    return Record(read_tables(database), _lines(effects))


def read_tables(database: Path) -> dict[str, list[Row]]:
    """All rows of all tables; ids as text."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return {table: _rows(connection, table) for table in TABLES}


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[Row]:
    result = connection.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in result.description]
    ids = {column[0] for column in result.description if str(column[1]) == "UUID"}
    return [
        {
            name: str(value) if name in ids and value is not None else value
            for name, value in zip(names, row, strict=True)
        }
        for row in result.fetchall()
    ]


def _lines(effects: Path) -> list[Line]:
    if not effects.exists():
        return []
    records = map(json.loads, effects.read_text("utf-8").splitlines())
    return [
        Line(r["what"], r["key"], r["execution_id"], r["attempt"], r.get("answer"))
        for r in records
    ]
