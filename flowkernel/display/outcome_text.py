"""How a run is, and how long it took, in the words of every list, tree and command. Pure.

A run that a person influenced says so beside its status. The time in which it waited for people
is no work: it stands beside the time of the work, as a number of its own.
"""

from datetime import datetime

from flowkernel.core.models import Execution
from flowkernel.core.text import duration_text, one_line

#: Seconds that are shown as a wait for a person, inclusive: fewer are none.
SHOWN_WAIT = 0.1
NAME_LENGTH = 40  #: Characters of a person's name, inclusive.


def status_text(execution: Execution) -> str:
    """The status in words, and what people did: "succeeded, 1 cell skipped by ada"."""
    parts = [execution.status.label, intervention_text(execution)]
    return ", ".join(filter(None, parts))


def retried_text(execution: Execution, retry: Execution | None) -> str:
    """The status in words, and how its last retry is: "failed, retried: succeeded"."""
    status = status_text(execution)
    return status if retry is None else f"{status}, retried: {retry.status.label}"


def intervention_text(execution: Execution) -> str:
    """What people did to it, in words; empty if nobody touched it."""
    cells = _cells_text(execution)
    sentences = [_by(cells, execution.decided_by)] if cells else []
    if execution.inputs_changed_by:
        sentences.append(_by("inputs changed", execution.inputs_changed_by))
    if execution.decided_under:
        sentences.append(f"{_name(execution.decided_under)} decided under it")
    return ", ".join(sentences)


def _cells_text(execution: Execution) -> str:
    """The cells that were decided on: "1 cell skipped, 2 edited"."""
    counts = {
        "skipped": execution.skipped_cells,
        "edited": execution.mended_cells,
        "retried": execution.retried_cells,
    }
    parts = [f"{count} {verb}" for verb, count in counts.items() if count]
    if not parts:
        return ""
    count, _, verb = parts[0].partition(" ")
    first = f"{count} cell{'' if count == '1' else 's'} {verb}"
    return ", ".join([first, *parts[1:]])


def _by(text: str, person: str | None) -> str:
    return f"{text} by {_name(person)}" if person else text


def _name(person: str) -> str:
    return one_line(person, NAME_LENGTH)


def took_text(
    execution: Execution,
    now: datetime | None = None,
    wait_start: datetime | None = None,
) -> str:
    """How long it took: "7.0 s, and 4 min 22 s waiting for a person".

    Empty if it never started, or has not ended and there is no `now`. `wait_start`: since
    when it, or one under it, waits for a person just now.
    """
    end = execution.ended_at or now
    if execution.started_at is None or end is None:
        return ""
    seconds = (end - execution.started_at).total_seconds()
    current = (end - wait_start).total_seconds() if wait_start is not None else 0.0
    waited = min(seconds, execution.answer_seconds + max(0.0, current))
    if waited < SHOWN_WAIT:
        return duration_text(seconds)
    work = duration_text(seconds - waited)
    return f"{work}, and {duration_text(waited)} waiting for a person"


def work_text(execution: Execution) -> str:
    """How long it worked, for a column of a list; empty if it has not ended."""
    seconds = execution.work_seconds
    return "" if seconds is None else duration_text(seconds)


def waited_seconds(execution: Execution, now: datetime) -> float:
    """How long it waited for people, until now if it waits for one just now."""
    start = waiting_since(execution)
    if start is None or execution.status.is_ended:
        return execution.answer_seconds
    return execution.answer_seconds + max(0.0, (now - start).total_seconds())


def waiting_since(execution: Execution) -> datetime | None:
    """Since when it, or something under it, waits for a person; None: it does not just now."""
    # An engine of an older version says it of its own messages and pauses alone.
    return execution.waiting_since or execution.asked_at
