"""What people decided on failures, in words: who, when, from where, and what. Pure."""

from collections.abc import Iterator, Sequence

from flowkernel.core.clock import short_id
from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    PROGRAM,
    CellRun,
    Decision,
    DecisionVerb,
    Event,
    Json,
)
from flowkernel.core.text import one_line
from flowkernel.display.columns import moment_text
from flowkernel.display.outcome_text import NAME_LENGTH

V = DecisionVerb
#: What became of the run of the cell on which it was decided.
CELL_WORDS = {V.SKIP: "skipped", V.RETRY_CELL: "retried"}


def decision_line(event: Event, execution_id: str, cell_runs: Sequence[CellRun]) -> str:
    """One decision: `2026-11-28 05:04:36  ada, notebook: skipped cell 3 with total=5`.

    Args:
        execution_id: The run that is shown; a decision on another one names that.
        cell_runs: Those of the run that is shown.
    """
    moment = Decision.from_json(event.payload).decided_at or event.happened_at
    text = decision_text(event, execution_id, cell_runs)
    return f"{moment_text(moment)}  {text}"


def decision_lines(
    events: Sequence[Event], execution_id: str, cell_runs: Sequence[CellRun]
) -> Iterator[str]:
    """A line for each decision, below a heading, and below each what was edited."""
    if events:
        yield "\ndecided:"
    for event in events:
        yield f"  {decision_line(event, execution_id, cell_runs)}"
        yield from (f"    {line}" for line in difference_lines(event))


def decision_text(event: Event, execution_id: str, cell_runs: Sequence[CellRun]) -> str:
    """The same without its moment."""
    decision = Decision.from_json(event.payload)
    words = _words(decision, _cell_name(event, decision, cell_runs))
    if event.execution_id != execution_id:
        words += f" (of the run {short_id(event.execution_id)})"
    if decision.why:
        words += f" ({one_line(decision.why, None)})"
    return f"{_who(decision)}: {words}"


def difference_lines(event: Event) -> list[str]:
    """The edit of a cell as the lines of a unified diff; empty if it was not edited."""
    return (Decision.from_json(event.payload).difference or "").splitlines()


def cell_marks(cell_runs: Sequence[CellRun], events: Sequence[Event]) -> dict[str, str]:
    """What was decided on runs of cells, by their ids: "skipped by ada".

    A decision is about the last run of its cell before it.
    """
    marks: dict[str, str] = {}
    for event in events:
        decision = Decision.from_json(event.payload)
        mark = _mark(decision)
        about = [
            run
            for run in cell_runs
            if _is_about(event, decision, run) and run.started_at <= event.happened_at
        ]
        if mark and about:
            marks[about[-1].cell_run_id] = mark
    return marks


def _mark(decision: Decision) -> str:
    word = "edited" if decision.source else CELL_WORDS.get(decision.verb, "")
    person = _person(decision)
    return f"{word} by {person}" if word and person else word


def _is_about(event: Event, decision: Decision, cell_run: CellRun) -> bool:
    is_same = cell_run.execution_id == event.execution_id
    return is_same and cell_run.cell_id == decision.cell_id


def _who(decision: Decision) -> str:
    if not decision.decided_by:
        return "nobody"
    if decision.decided_by.startswith(PROGRAM):
        run = decision.decided_by.removeprefix(PROGRAM)
        return f"the run {short_id(run)}"
    place = one_line(decision.decided_from, NAME_LENGTH)
    return ", ".join(filter(None, (_person(decision), place)))


def _person(decision: Decision) -> str:
    return one_line(decision.decided_by, NAME_LENGTH) if decision.is_of_person else ""


def _cell_name(event: Event, decision: Decision, cell_runs: Sequence[CellRun]) -> str:
    numbers = (run.cell_number for run in cell_runs if _is_about(event, decision, run))
    number = next(numbers, None)
    return "a cell" if number is None else f"cell {number}"


def _words(decision: Decision, cell: str) -> str:
    match decision.verb:
        case V.SKIP:
            values = _values_text(decision.values)
            return f"skipped {cell}" + (f" with {values}" if values else "")
        case V.RETRY_CELL:
            return f"{'edited and ' if decision.source else ''}retried {cell}"
        case V.RETRY:
            return "retried from the start"
        case V.RETRY_WITH_INPUTS:
            values = _values_text(decision.inputs)
            return "retried with other inputs" + (f": {values}" if values else "")
        case V.FAIL:
            return "ended it with the error"
        case V.CANCEL_ALL:
            return "cancelled all"


def _values_text(values: Json) -> str:
    return ", ".join(_pairs(values or {}))


def _pairs(values: dict[str, Json]) -> Iterator[str]:
    for name, value in values.items():
        yield one_line(f"{name}={dumps(value)}", None)
