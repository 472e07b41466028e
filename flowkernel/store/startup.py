"""What happens when the store opens: it fills its memory, and catches up with the journal."""

from collections.abc import Mapping
from itertools import starmap
from logging import getLogger
from pathlib import Path

from immutables import Map

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault, MoveNotAllowed
from flowkernel.store import rows
from flowkernel.store.batch import Batch
from flowkernel.store.caches import NewIdFilter, RecentIds
from flowkernel.store.event_rows import CellRuns, Messages, open_only
from flowkernel.store.families import FamilyLink
from flowkernel.store.journal.frames import FrameContent
from flowkernel.store.journal.journal import Journal
from flowkernel.store.journal.segments import Header, frames_after, read_header
from flowkernel.store.live_state import EVENT_ID_COUNT, EXECUTION_ID_COUNT, LiveState
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import TRANSACTION_BYTES, Projector
from flowkernel.store.tables import save_meta

logger = getLogger(__name__)


def load_state(pool: CursorPool, *, event_ids: int = EVENT_ID_COUNT) -> LiveState:
    """What the store holds in memory, read from the tables; so many ids of events."""
    executions = map(rows.EXECUTION.model_of, pool.read("list_live"))
    live = {execution.execution_id: execution for execution in executions}
    flows = map(rows.FLOW.model_of, pool.read("list_flows"))
    newest_id = next(iter(pool.read("newest_execution_id")[0].values()))
    recent = pool.read("newest_event_ids", limit=event_ids) if event_ids else []
    links = starmap(FamilyLink, (r.values() for r in pool.read("list_family_links")))
    state = LiveState(
        last_seq=int(pool.meta()["applied_seq"]),
        execution_ids=NewIdFilter(str(newest_id or ""), limit=EXECUTION_ID_COUNT),
        live=Map(live),
        flows={flow.name: flow for flow in flows},
        version_hashes={row["hash"] for row in pool.read("list_version_hashes")},
        event_ids=RecentIds(
            (str(row["event_id"]) for row in recent), limit=EVENT_ID_COUNT
        ),
    )
    state.links.add(links)
    state.messages = Map(_load_messages(pool, list(live)))
    if live:
        _load_parts(pool, state, list(live))
    return state


def _load_parts(pool: CursorPool, state: LiveState, live_ids: list[str]) -> None:
    state.cell_runs = _load_cell_runs(pool, live_ids)
    calls = pool.read("list_live_calls", execution_ids=live_ids)
    state.add_calls(
        (str(row["parent_id"]), row["call_key"], str(row["id"])) for row in calls
    )


def _load_cell_runs(pool: CursorPool, live_ids: list[str]) -> dict[str, CellRuns]:
    cell_runs: dict[str, CellRuns] = {}
    for record in pool.read("list_live_cells", execution_ids=live_ids):
        run = rows.CELL_RUN.model_of(record)
        runs_of_execution = cell_runs.setdefault(run.execution_id, {})
        runs_of_execution[run.cell_run_id] = None if run.ended_at else run
    return cell_runs


def _load_messages(pool: CursorPool, live_ids: list[str]) -> dict[str, Messages]:
    messages: dict[str, Messages] = {}
    for record in pool.read("list_live_messages", execution_ids=live_ids):
        message = rows.MESSAGE.model_of(record)
        entry = open_only({message.message_id: message})
        messages.setdefault(message.execution_id, {}).update(entry)
    return messages


def check_database_exists(database: Path, journal: Path | None) -> None:
    """Refuse to create a new database beside a journal: its records would be out of sight.

    Raises:
        EngineFault: There is a journal and no database.
    """
    if journal and not database.exists() and read_header(journal) is not None:
        raise EngineFault(
            f"There is no {str(database)!r}, but there is its journal. `flowkernel rebuild` "
            f"makes the database from it; to start again, move {str(journal)!r} away."
        )


def open_journal(folder: Path, pool: CursorPool) -> Journal:
    """The journal of this database; a new one if there is none.

    Raises:
        EngineFault: The folder has the journal of another database.
        DiskFull: It cannot be created.
    """
    meta, header = pool.meta(), read_header(folder)
    applied = int(meta["applied_frame"])
    if header is None:
        if applied:
            logger.warning(
                f"The journal in {str(folder)!r} is gone; a new one is started"
            )
        header = _new_header(meta, pool)
    elif header.journal_id != meta["journal_id"]:
        raise EngineFault(
            f"The journal in {str(folder)!r} is not that of the database beside it: was a "
            "backup put in place? Move the journal away to continue with this database, or "
            "make the database from the journal with `flowkernel rebuild`."
        )
    return Journal(folder, header, applied=applied)


def _new_header(meta: Mapping[str, str], pool: CursorPool) -> Header:
    """The header of a new journal. The database gets an id for it if it has none."""
    journal_id = meta["journal_id"] or new_id()
    if not meta["journal_id"]:
        save_meta(pool.writer_connection(), "journal_id", journal_id)
    return Header(journal_id=journal_id, base_seq=int(meta["applied_seq"]))


def catch_up(folder: Path, state: LiveState, projector: Projector) -> None:
    """Write to the tables what only the journal has."""
    for item in frames_after(folder, projector.applied):
        if isinstance(item, str):
            logger.error(f"The journal is damaged. {item}")
            continue
        replay(item, state, projector)
        if projector.backlog_size >= TRANSACTION_BYTES:
            projector.flush()
    projector.flush_if_possible()


def replay(content: FrameContent, state: LiveState, projector: Projector) -> None:
    """Add what is in a frame to the state, and give it to the projector."""
    batch = Batch(state, projector.find_execution)
    for event in content.events:
        try:
            batch.replay(event)
        except MoveNotAllowed as error:  # Only if earlier frames are damaged.
            logger.error(f"Event {event.event_id} of frame {content.frame}: {error}")
    changes = batch.changes
    changes.flows = content.flows
    changes.versions = {item.version.flow_version: item for item in content.versions}
    changes.pruned = content.pruned
    changes.frame, changes.size = content.frame, content.size
    projector.add(changes)
    state.apply(changes)
