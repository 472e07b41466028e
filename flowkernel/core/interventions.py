"""What people did to an execution: decisions, and changed inputs. Pure.

Own columns are about own cells. What they mean for those above an execution is decided here,
too: a wrapper is the run that people started, so it says what is said of the flow that it runs;
any other parent says who decided under it.
"""

from dataclasses import replace
from typing import Any

from flowkernel.core.json_record import Json
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Decision, DecisionVerb, Event, EventKind, Execution

#: Decisions after which the same execution continues, in its live kernel.
LIVE_VERBS = frozenset({DecisionVerb.RETRY_CELL, DecisionVerb.SKIP})
#: What a wrapper says of the flow that it runs, as the columns of that.
COUNTS = ("skipped_cells", "mended_cells", "retried_cells")
PEOPLE = ("decided_by", "decided_under", "inputs_changed_by")
#: The fields that an event of kind SAVED sets, besides those that a flow sets.
SAVED_INTERVENTIONS = frozenset({*COUNTS, *PEOPLE})


def with_decision(execution: Execution, decision: Decision) -> Execution:
    """The execution with a decision on its failure.

    One after which it continues counts when it does: its kernel may be lost before.
    """
    if decision.verb in LIVE_VERBS:
        column = _counted_in(execution, decision) or ""
        return replace(execution, decision=replace(decision, counts_in=column))
    return replace(
        execution, decision=decision, decided_by=_person(execution, decision)
    )


def is_pending(execution: Execution) -> bool:
    """Whether it has its slot again after a decision, and has not continued yet."""
    decision = execution.decision
    if decision is None or decision.counts_in is None:
        return False
    return execution.failure is None and not execution.status.is_ended


def carried_out(execution: Execution) -> Execution:
    """The execution with what its decision adds to its columns, now that it continues."""
    decision = execution.decision
    if decision is None or not is_pending(execution):
        return execution
    counts: dict[str, Any] = {}
    if decision.counts_in:
        counts[decision.counts_in] = getattr(execution, decision.counts_in) + 1
    return replace(
        execution,
        **counts,
        decision=replace(decision, counts_in=None),
        decided_by=_person(execution, decision),
    )


def carry_out_values(execution: Execution) -> dict[str, Json]:
    """What an event says of it when it continues as decided; see `with_carried_out`."""
    after, decision = carried_out(execution), execution.decision
    assert decision is not None, "`is_pending` is asked first"
    names = (decision.counts_in, "decided_by" if decision.is_of_person else None)
    values = {name: getattr(after, name) for name in names if name}
    return {**values, "carried_out": decision.decision_id}


def with_carried_out(execution: Execution, decision_id: str) -> Execution:
    """The execution when an event has said what its decision adds to its columns."""
    decision = execution.decision
    if decision is None or decision.decision_id != decision_id:
        return execution  # Who follows a tree may not have seen the decision.
    return replace(execution, decision=replace(decision, counts_in=None))


def _person(execution: Execution, decision: Decision) -> str | None:
    """Who decided last, with this decision."""
    return decision.decided_by if decision.is_of_person else execution.decided_by


def _counted_in(execution: Execution, decision: Decision) -> str | None:
    """The column that counts the cell; None: none, or the cell counts there already."""
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
    fresh = replace(execution, answer_seconds=0.0, answer_waits=None, decision=None)
    if execution.wrapped is not None:
        return fresh
    counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    return replace(fresh, **counts, decided_by=None)


def inherited(
    parent: Execution, child: Execution, people: dict[str, Json], *, is_earlier: bool
) -> dict[str, Json]:
    """What an event says of a parent because of an event of a child.

    Args:
        people: Whom the event of the child names, by its columns.
        is_earlier: It was decided before, under another run: then who is named already stays.
            Else the parent is told again even if it names them, for those above may name
            another one.
    """
    is_of_wrapper = parent.wrapped is not None and child.call_key == CALL_KEY
    names = people if is_of_wrapper else _as_decided_under(people)
    if is_earlier:
        names = {k: name for k, name in names.items() if getattr(parent, k) is None}
        names |= {"is_earlier": True} if names else {}
    if not is_of_wrapper:
        return names
    counts = {name: getattr(child, name) for name in COUNTS}
    changed = {k: count for k, count in counts.items() if getattr(parent, k) != count}
    return {**changed, **names}


def _as_decided_under(people: dict[str, Json]) -> dict[str, Json]:
    """What the names of a child are for a parent that is no wrapper of it."""
    person = next((people[name] for name in PEOPLE if people.get(name)), None)
    return {"decided_under": person} if person else {}


def has_own_change(
    execution: Execution, previous: Execution | None, parent: Execution
) -> bool:
    """Whether a new run is the first with the inputs that a person changed.

    Args:
        previous: What it is a retry of, if it is one.
    """
    if _passes_on(parent, execution):
        return False
    return previous is None or _change_of(previous) != _change_of(execution)


def people_in(event: Event, execution: Execution) -> dict[str, Json]:
    """Whom an event names, by columns: those who decided, or changed inputs, with it.

    Args:
        execution: As it is after the event.
    """
    names: dict[str, Json] = {}
    match event.kind:
        case EventKind.CREATED | EventKind.ADOPTED:
            names = {name: getattr(execution, name) for name in PEOPLE}
        case EventKind.SAVED:
            names = {name: event.payload.get(name) for name in PEOPLE}
        case EventKind.DECIDED if _has_taken_effect(execution.decision):
            names = {"decided_by": execution.decided_by}
    return {name: person for name, person in names.items() if person}


def _has_taken_effect(decision: Decision | None) -> bool:
    """Whether a person decided, and nothing has to happen before it counts."""
    return decision is not None and decision.is_of_person and decision.counts_in is None


def changed_inputs(
    previous: Execution | None,
    execution: Execution,
    person: str | None,
    parent: Execution | None = None,
) -> dict[str, Json]:
    """The fields of a new run that say whether a person changed its inputs, and from what.

    Args:
        previous: What it is a retry of, if it is one.
        execution: As it would be.
        person: Who starts it, if a person does.
        parent: Who starts it, if another run does. What a wrapper runs with the inputs that a
            person gave to the wrapper has changed inputs, too.
    """
    if parent is not None and _passes_on(parent, execution):
        return _change_of(parent)
    if previous is None:
        return {}
    earlier, values = own_inputs(previous), own_inputs(execution)
    if earlier == values:
        return _change_of(previous)
    changed = [n for n in {**earlier, **values} if earlier.get(n) != values.get(n)]
    person = person or _who_entered(previous, changed)
    replaced = {name: earlier.get(name) for name in changed}
    return {"inputs_changed_by": person, "replaced_inputs": replaced} if person else {}


def _passes_on(parent: Execution, child: Execution) -> bool:
    """Whether a wrapper runs this with inputs that a person gave to the wrapper."""
    is_run_of_wrapper = parent.wrapped is not None and child.call_key == CALL_KEY
    has_change = bool(_change_of(parent).get("inputs_changed_by"))
    return is_run_of_wrapper and has_change and own_inputs(parent) == own_inputs(child)


def _change_of(execution: Execution) -> dict[str, Json]:
    """Who changed its inputs, and from what.

    A wrapper also names who changed those of one run under it: that is not said of the next.
    """
    if execution.wrapped is not None and execution.replaced_inputs is None:
        return {"inputs_changed_by": None, "replaced_inputs": None}
    names = ("inputs_changed_by", "replaced_inputs")
    return {name: getattr(execution, name) for name in names}


def _who_entered(previous: Execution, changed: list[str]) -> str | None:
    """The person who entered these inputs when they decided on the try before."""
    decision = previous.decision
    if decision is None or decision.inputs is None or not decision.is_of_person:
        return None
    return decision.decided_by if decision.inputs.keys() >= {*changed} else None


def own_inputs(execution: Execution) -> dict[str, Json]:
    """Its inputs; of a wrapper, those of the flow that it runs, at any depth."""
    wrapped = execution.wrapped
    return dict(execution.inputs if wrapped is None else wrapped.inputs)
