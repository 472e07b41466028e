"""What people did to an execution: decisions, changed inputs, and how long it waited. Pure.

Own columns are about own cells. What they mean for those above an execution is decided here,
too: a wrapper is the run that people started, so it says what is said of the flow that it runs;
any other parent says who decided under it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flowkernel.core.json_record import Json, JsonRecord
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Decision, DecisionVerb, Execution

#: Waits of one execution that are kept as spans, inclusive: the latest. Their sum has all.
MAX_WAITS = 100
#: What a wrapper says of the flow that it runs, as the columns of that.
COUNTS = ("skipped_cells", "mended_cells", "retried_cells")
PEOPLE = ("decided_by", "decided_under", "inputs_changed_by")
#: The fields that an event of kind SAVED sets, besides those that a flow sets.
SAVED_INTERVENTIONS = frozenset({*COUNTS, *PEOPLE})


@dataclass(frozen=True, slots=True, order=True)
class PersonWait(JsonRecord):
    """A time in which an execution, or one under it, waited for a person."""

    start: datetime
    end: datetime


def with_decision(execution: Execution, decision: Decision) -> Execution:
    """The execution with what a decision on its failure adds to its columns."""
    column = _counted_in(execution, decision)
    counts: dict[str, Any] = {}
    if column is not None:
        counts[column] = getattr(execution, column) + 1
    person = decision.decided_by if decision.is_of_person else execution.decided_by
    return replace(execution, **counts, decided_by=person)


def _counted_in(execution: Execution, decision: Decision) -> str | None:
    """The column that counts the cell; None: none, or it is counted there already."""
    failure = execution.failure
    match decision.verb:
        case DecisionVerb.SKIP:
            return "skipped_cells"
        case DecisionVerb.RETRY_CELL if decision.source is not None:
            return None if failure and failure.is_mended else "mended_cells"
        case DecisionVerb.RETRY_CELL:
            return None if failure and failure.is_retried else "retried_cells"
        case _:
            return None


def without_decisions(execution: Execution) -> Execution:
    """The execution as it begins again after a loss: with its own source, in a new kernel.

    A wrapper keeps what it says of the flow that it runs, which is another execution.
    """
    fresh = replace(execution, answer_seconds=0.0, answer_waits=None)
    if execution.wrapped is not None:
        return fresh
    counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    return replace(fresh, **counts, decided_by=None)


def with_wait(execution: Execution, wait: PersonWait) -> Execution:
    """The execution with one more wait; what overlaps with another is counted once.

    What is before its start is no part of its duration, and so no wait.
    """
    start = max(wait.start, execution.started_at or wait.end)
    if start >= wait.end:
        return execution
    earlier = [PersonWait.from_json(record) for record in execution.answer_waits or []]
    waits = _merged([*earlier, PersonWait(start, wait.end)])
    added = _seconds(waits) - _seconds(earlier)
    if added <= 0:
        return execution
    records: Json = [span.to_json() for span in waits[-MAX_WAITS:]]
    total = round(execution.answer_seconds + added, 6)
    return replace(execution, answer_seconds=total, answer_waits=records)


def _merged(waits: Iterable[PersonWait]) -> list[PersonWait]:
    """The same moments as spans that do not touch, in order."""
    spans: list[PersonWait] = []
    for wait in sorted(waits):
        if spans and wait.start <= spans[-1].end:
            end = max(spans[-1].end, wait.end)
            spans[-1] = PersonWait(spans[-1].start, end)
        else:
            spans.append(wait)
    return spans


def _seconds(waits: Iterable[PersonWait]) -> float:
    return sum((wait.end - wait.start).total_seconds() for wait in waits)


def inherited(parent: Execution, child: Execution) -> dict[str, Json]:
    """What changes in the columns of a parent because of those of a child."""
    if parent.wrapped is not None and child.call_key == CALL_KEY:
        people = {name: getattr(child, name) for name in PEOPLE}
        counts = {name: getattr(child, name) for name in COUNTS}
        values = {**counts, **{k: name for k, name in people.items() if name}}
    else:
        person = child.decided_by or child.inputs_changed_by or child.decided_under
        values = {"decided_under": person} if person else {}
    return {k: value for k, value in values.items() if getattr(parent, k) != value}


def changed_inputs(
    previous: Execution | None, execution: Execution, person: str | None
) -> dict[str, Json]:
    """The fields of a new try that say whether a person changed its inputs, and from what.

    Args:
        previous: What it is a retry of, if it is one.
        execution: As it would be.
        person: Who starts it, if a person does.
    """
    if previous is None:
        return {}
    earlier, values = _own_inputs(previous), _own_inputs(execution)
    if earlier == values:
        names = ("inputs_changed_by", "replaced_inputs")
        return {name: getattr(previous, name) for name in names}
    decision = previous.decision
    is_decided = decision is not None and decision.inputs is not None
    if decision is not None and is_decided and decision.is_of_person:
        person = decision.decided_by
    changed = [n for n in {**earlier, **values} if earlier.get(n) != values.get(n)]
    replaced = {name: earlier.get(name) for name in changed}
    return {"inputs_changed_by": person, "replaced_inputs": replaced} if person else {}


def _own_inputs(execution: Execution) -> dict[str, Json]:
    """Its inputs; of a wrapper, those of the flow that it runs."""
    wrapped = execution.wrapped
    return dict(execution.inputs if wrapped is None else wrapped.inputs)
