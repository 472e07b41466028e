"""What must be true of the record: made again it is the same, and watchers saw all of it."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger
from tests.chaos.promise import Promise
from tests.chaos.record import Record, Row, read_tables
from tests.chaos.watcher import Watcher

#: Seconds that `flowkernel rebuild` may take.
REBUILD_SECONDS = 300
#: Rows that are shown of each table that differs.
SHOWN = 2


def record_promises(
    arena: Arena, record: Record, ledger: Ledger, watchers: list[Watcher], last_seq: int
) -> list[Promise]:
    """The promises about the record as a whole."""
    rows = sum(map(len, record.rows.values()))
    streams = [
        fault for watcher in watchers for fault in _stream(watcher, record, last_seq)
    ]
    cell_runs = len(record.rows["cell_run"])
    return [
        Promise.of("rebuilt tables that differ", rows, rebuilt(arena, record)),
        Promise.of("events missed or seen twice", len(watchers[0].seen), streams),
        Promise.of("cell runs that run in ended runs", cell_runs, _running(record)),
        Promise.of("events recorded twice", len(record.rows["event"]), _twice(record)),
        Promise.of("not in the next query", len(ledger.starts), ledger.unseen),
        Promise.of("internal errors", sum(ledger.counts.values()), ledger.faults),
    ]


def copy_home(arena: Arena) -> None:
    """Copy the home of an engine that has stopped; its sockets and output notebooks stay."""
    ignored = shutil.ignore_patterns("engine.json", "*.lock", "*.sock", "notebooks")
    shutil.copytree(arena.home.path, arena.copy.path, ignore=ignored)


def rebuilt(arena: Arena, record: Record) -> Iterator[str]:
    """How the tables differ that `flowkernel rebuild` makes in the copy."""
    command = subprocess.run(
        [sys.executable, "-m", "flowkernel", "rebuild", "--json"],
        env={**os.environ, "FLOWKERNEL_HOME": str(arena.copy.path)},
        capture_output=True,
        text=True,
        timeout=REBUILD_SECONDS,
    )
    if command.returncode:
        yield f"rebuild ended with {command.returncode}: {command.stdout}{command.stderr}"
        return
    after = read_tables(arena.copy.database)
    for table, rows in record.rows.items():
        only_before, only_after = _difference(rows, after[table])
        if only_before or only_after:
            yield (
                f"{table}: {len(only_before)} rows only before, {only_before[:SHOWN]}, "
                f"{len(only_after)} only after, {only_after[:SHOWN]}"
            )


def _difference(before: list[Row], after: list[Row]) -> tuple[list[str], list[str]]:
    old, new = Counter(map(repr, before)), Counter(map(repr, after))
    return sorted((old - new).elements()), sorted((new - old).elements())


def _stream(watcher: Watcher, record: Record, last_seq: int) -> Iterator[str]:
    recorded = {row["seq"] for table in ("event", "log") for row in record.rows[table]}
    expected = {seq for seq in recorded if seq <= last_seq}
    seen = Counter(watcher.seen)
    twice = sorted(seq for seq, count in seen.items() if count > 1)
    missed, unknown = sorted(expected - set(seen)), sorted(set(seen) - recorded)
    facts = {"missed": missed, "seen twice": twice, "not in the record": unknown}
    for name, seqs in facts.items():
        if seqs:
            yield f"{watcher.label} watcher, {len(seqs)} {name}: {seqs[:8]}"
    if watcher.seen != sorted(watcher.seen):
        yield f"{watcher.label} watcher: out of order"


def _running(record: Record) -> Iterator[str]:
    for row in record.rows["cell_run"]:
        is_over = record.executions[row["execution_id"]]["ended_at"] is not None
        if row["status"] == "RUNNING" and is_over:
            yield f"{row['cell_run_id']} of {record.about(row['execution_id'])}"


def _twice(record: Record) -> Iterator[str]:
    counts = Counter(row["event_id"] for row in record.rows["event"])
    yield from (event_id for event_id, count in counts.items() if count > 1)
