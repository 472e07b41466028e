"""What is read when the store opens."""

from flowkernel.store import rows
from flowkernel.store.batch import KNOWN_EVENTS, Cells, Recent, State
from flowkernel.store.pool import Pool


def load_state(pool: Pool) -> State:
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
    flows = map(rows.FLOW.model_of, pool.read("list_flows"))
    meta = {record["key"]: record["value"] for record in pool.read("list_meta")}
    newest = next(iter(pool.read("newest_execution_id")[0].values()))
    recent = pool.read("newest_event_ids", limit=KNOWN_EVENTS)
    return State(
        last_seq=int(meta["applied_seq"]),
        newest_id=str(newest or ""),
        live=live,
        cells=cells,
        flows={flow.name: flow for flow in flows},
        versions={record["hash"] for record in pool.read("list_version_hashes")},
        event_ids=Recent(str(record["event_id"]) for record in recent),
    )
