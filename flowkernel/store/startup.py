"""What happens when the store opens: reading what is known by heart, and catching up."""

from logging import getLogger
from pathlib import Path

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault, MoveNotAllowed
from flowkernel.store import rows
from flowkernel.store.batch import Batch
from flowkernel.store.caches import Births, PersistentMap, RecentIds
from flowkernel.store.event_rows import Cells, Messages, map_open
from flowkernel.store.journal.frames import FrameContent
from flowkernel.store.journal.journal import Journal
from flowkernel.store.journal.segments import Header, frames_after, header_of
from flowkernel.store.live_state import KNOWN_BIRTHS, KNOWN_EVENTS, LiveState
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import FOLD_BYTES, Projector
from flowkernel.store.tables import save_meta

logger = getLogger(__name__)


def load_state(pool: CursorPool) -> LiveState:
    """What the writer knows by heart: one look at the tables, at the start."""
    live = {
        e.execution_id: e for e in map(rows.EXECUTION.model_of, pool.read("list_live"))
    }
    cells: dict[str, Cells] = {}
    for record in (
        pool.read("list_live_cells", execution_ids=list(live)) if live else ()
    ):
        run = rows.CELL_RUN.model_of(record)
        known = cells.setdefault(run.execution_id, {})
        known[run.cell_run_id] = None if run.ended_at else run
    messages: dict[str, Messages] = {}
    for record in (
        pool.read("list_live_messages", execution_ids=list(live)) if live else ()
    ):
        message = rows.MESSAGE.model_of(record)
        sent = map_open({message.message_id: message})
        messages.setdefault(message.execution_id, {}).update(sent)
    flows = map(rows.FLOW.model_of, pool.read("list_flows"))
    newest = next(iter(pool.read("newest_execution_id")[0].values()))
    recent = (
        str(r["event_id"]) for r in pool.read("newest_event_ids", limit=KNOWN_EVENTS)
    )
    state = LiveState(
        last_seq=int(pool.meta()["applied_seq"]),
        births=Births(str(newest or ""), limit=KNOWN_BIRTHS),
        live=PersistentMap(live),
        cells=cells,
        messages=messages,
        flows={flow.name: flow for flow in flows},
        versions={record["hash"] for record in pool.read("list_version_hashes")},
        event_ids=RecentIds(recent, limit=KNOWN_EVENTS),
    )
    if live:
        called = pool.read("list_live_calls", execution_ids=list(live))
        ids = ((str(r["parent_id"]), r["call_key"], str(r["id"])) for r in called)
        state.add_calls(ids)
    return state


def check_there(database: Path, journal: Path | None) -> None:
    """Refuse to begin anew beside a journal: what it has would be lost from sight.

    Raises:
        EngineFault: There is a journal, and no database.
    """
    if journal and not database.exists() and header_of(journal) is not None:
        raise EngineFault(
            f"There is no {str(database)!r}, but there is its journal. `flowkernel rebuild` "
            f"makes the database from it; to begin anew, move {str(journal)!r} away."
        )


def open_journal(folder: Path, pool: CursorPool) -> Journal:
    """The journal of this database; begun if there is none.

    Raises:
        EngineFault: The folder has the journal of another database.
        DiskFull: It cannot be begun.
    """
    meta, found = pool.meta(), header_of(folder)
    if found is not None and found.journal_id != meta["journal_id"]:
        raise EngineFault(
            f"The journal in {str(folder)!r} is not that of the database beside it: was a "
            "backup put in place? Move the journal away to go on with this database, or "
            "make the database from the journal with `flowkernel rebuild`."
        )
    journal_id, applied = meta["journal_id"], int(meta["applied_frame"])
    if found is None:
        if applied:
            logger.warning(
                f"The journal in {str(folder)!r} is gone; a new one is begun"
            )
        if not journal_id:
            journal_id = new_id()
            save_meta(pool.writing(), "journal_id", journal_id)
        found = Header(journal_id=journal_id, base_seq=int(meta["applied_seq"]))
    return Journal(folder, found, applied=applied)


def catch_up(folder: Path, state: LiveState, folding: Projector) -> None:
    """Take in what the journal has and the tables do not."""
    for told in frames_after(folder, folding.applied):
        if isinstance(told, str):
            logger.error(f"The journal is damaged. {told}")
            continue
        _replay(told, state, folding)
        if folding.unfolded >= FOLD_BYTES:
            folding.settle()
    folding.settle_if_possible()


def _replay(told: FrameContent, state: LiveState, folding: Projector) -> None:
    batch = Batch(state, folding.find_execution)
    for event in told.events:
        try:
            batch.replay(event)
        except MoveNotAllowed as error:  # Only after damage.
            logger.error(f"Event {event.event_id} of frame {told.frame}: {error}")
    changes = batch.changes
    changes.flows = told.flows
    changes.versions = {dated.version.flow_version: dated for dated in told.versions}
    changes.pruned = told.pruned
    changes.frame, changes.size = told.frame, told.size
    folding.add(changes)
    state.accept(changes)
