"""What must be true of executions: none is lost, hung, run again, doubled or taken back."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from tests.chaos.ledger import Ledger
from tests.chaos.promise import Promise
from tests.chaos.record import Record

SUCCESS, CANCELLED = "ENDED_SUCCESS", "ENDED_CANCELLED"
#: What may follow an end.
AFTER_THE_END = {"adopted", "saved", "message_closed", "message_answered"}
LEAVES = {"leaf", "sleeper", "asker", "mender"}
#: How a run ends that found no engine.
NO_ENGINE = "EngineUnreachable"


def run_promises(record: Record, ledger: Ledger) -> list[Promise]:
    """The promises about executions."""
    acknowledged = [*ledger.starts, *ledger.retries]
    count = len(record.executions)
    interruptions, cancels = ledger.interruptions, ledger.cancels
    pairs = sum(len(ids) - 1 for ids in record.lineages.values())
    return [
        Promise.of(
            "acknowledged lost",
            len(acknowledged) + len(ledger.flows) + len(interruptions) + len(cancels),
            _lost(record, ledger),
        ),
        Promise.of("hung", count, _hung(record)),
        Promise.of("succeeded and run again", pairs, _run_again(record)),
        Promise.of("two children at a time for one call", pairs, _rivals(record, True)),
        Promise.of("run again beside a try that runs", pairs, _rivals(record, False)),
        Promise.of("effects beyond 1 + losses", len(record.lines), _effects(record)),
        Promise.of(
            "succeeded without effect, output, log or note", count, _without(record)
        ),
        Promise.of(
            "acknowledged cancels undone", len(cancels), _undone(record, ledger)
        ),
        Promise.of("begun under a cancelled parent", count, _late_children(record)),
        Promise.of("adopted and out of reach", count, _out_of_reach(record)),
        Promise.of("losses that do not agree", count, _losses(record)),
        Promise.of("events after the end", count, _after_the_end(record)),
        Promise.of("failed for want of an engine", count, _without_engine(record)),
    ]


def _lost(record: Record, ledger: Ledger) -> Iterator[str]:
    for execution_id in [*ledger.starts, *ledger.retries]:
        if execution_id not in record.executions:
            yield f"start of {execution_id}"
    names = {row["name"] for row in record.rows["flow"]}
    yield from (f"flow {name}" for name in ledger.flows if name not in names)
    for execution_id, verb in ledger.interruptions:
        kinds = {"asked", "paused", "queued", "resumed"}
        if not any(e["kind"] in kinds for e in record.events[execution_id]):
            yield f"{verb} of {record.about(execution_id)}"
    for execution_id in ledger.cancels:
        is_cancelled = record.executions[execution_id]["status"] == CANCELLED
        if record.cancelled(execution_id) == float("inf") and not is_cancelled:
            yield f"cancel of {record.about(execution_id)}"


def _hung(record: Record) -> Iterator[str]:
    for execution_id, row in record.executions.items():
        if row["ended_at"] is None:
            last = [f"{e['seq']} {e['kind']}" for e in record.events[execution_id][-4:]]
            facts = f"asked={row['requested_action']} losses={row['losses']} {last}"
            yield f"{record.about(execution_id)}: {row['status_message']} {facts}"


def _run_again(record: Record) -> Iterator[str]:
    for ids in record.lineages.values():
        for first, second in combinations(ids, 2):
            is_success = record.executions[first]["status"] == SUCCESS
            if is_success and record.created(second) > record.ended(first):
                yield _pair(record, first, second)


def _rivals(record: Record, of_one_parent: bool) -> Iterator[str]:
    """A try that begins while another one of the same call goes on."""
    for ids in record.lineages.values():
        for first, second in combinations(ids, 2):
            parents = {record.executions[i]["parent_id"] for i in (first, second)}
            goes_on = record.goes_on(first, record.created(second))
            if goes_on and (len(parents) == 1) == of_one_parent:
                yield _pair(record, first, second)


def _pair(record: Record, first: str, second: str) -> str:
    ended, created = record.ended(first), record.created(second)
    return (
        f"{record.about(first)} (ended {ended}), then {record.about(second)} "
        f"(created {created}, parent {record.executions[second]['parent_id']})"
    )


def _effects(record: Record) -> Iterator[str]:
    counts = Counter((line.execution_id, line.what) for line in record.lines)
    for (execution_id, what), count in counts.items():
        if execution_id not in record.executions:
            yield f"{count} times {what!r} of {execution_id}, which is not in the record"
        elif count > 1 + record.executions[execution_id]["losses"]:
            losses = record.executions[execution_id]["losses"]
            about = record.about(execution_id)
            yield f"{count} times {what!r} with {losses} losses: {about}"


def _without(record: Record) -> Iterator[str]:
    """What a leaf that succeeded did, and the engine acknowledged, is all there."""
    done = {line.execution_id for line in record.lines if line.what == "done"}
    logs = {row["execution_id"] for row in record.rows["log"]}
    notes = {m["execution_id"] for m in record.rows["message"] if m["status"] == "NOTE"}
    outputs = {
        i for i, e in record.executions.items() if '"key"' in (e["output"] or "")
    }
    for execution_id, row in record.executions.items():
        flow = row["flow_name"]
        if flow not in LEAVES or row["status"] != SUCCESS:
            continue
        sources = {"effect": done, "output": outputs}
        sources |= {"log": logs} if flow == "leaf" else {}
        sources |= {"note": notes} if flow == "asker" else {}
        for name, ids in sources.items():
            if execution_id not in ids:
                yield f"no {name}: {record.about(execution_id)}"


def _undone(record: Record, ledger: Ledger) -> Iterator[str]:
    for execution_id in ledger.cancels:
        had_ended = record.ended(execution_id) < record.cancelled(execution_id)
        if record.executions[execution_id]["status"] != CANCELLED and not had_ended:
            message = record.executions[execution_id]["status_message"]
            yield f"{record.about(execution_id)}: {message}"


def _late_children(record: Record) -> Iterator[str]:
    for execution_id in record.executions:
        for ancestor in record.ancestors(execution_id):
            cancelled = record.cancelled(ancestor["execution_id"])
            if record.created(execution_id) > cancelled:
                about = record.about(ancestor["execution_id"])
                yield f"{record.about(execution_id)} under {about}"
                break


def _out_of_reach(record: Record) -> Iterator[str]:
    """What goes on although who has adopted it is cancelled."""
    for execution_id in record.executions:
        for seq, parent_id, until in record.adoptions(execution_id):
            cancelled = record.cancelled(parent_id)
            is_held = seq < cancelled < min(until, record.ended(execution_id))
            if is_held and record.cancelled(execution_id) == float("inf"):
                about = record.about(parent_id)
                yield f"{record.about(execution_id)}, adopted by {about}"


def _losses(record: Record) -> Iterator[str]:
    for execution_id, row in record.executions.items():
        lost = len(record.seqs(execution_id, "lost"))
        started = len(record.seqs(execution_id, "started"))
        if lost != row["losses"] or started > 1 + lost:
            about = record.about(execution_id)
            yield f"losses={row['losses']}, {lost} lost, {started} started: {about}"


def _after_the_end(record: Record) -> Iterator[str]:
    for execution_id in record.executions:
        for event in record.events[execution_id]:
            is_late = event["seq"] > record.ended(execution_id)
            if is_late and event["kind"] not in AFTER_THE_END:
                yield f"{event['seq']} {event['kind']}: {record.about(execution_id)}"


def _without_engine(record: Record) -> Iterator[str]:
    for execution_id, row in record.executions.items():
        if NO_ENGINE in (row["status_message"] or ""):
            yield f"{record.about(execution_id)}: {row['status_message']}"
