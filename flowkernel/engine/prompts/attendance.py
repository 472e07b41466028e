"""Whether a wrapper asks a person, and why it does or does not, for the log of the run."""

from dataclasses import dataclass

from flowkernel.core.clock import now
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Execution
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.prompts.presence import Activity, Presence
from flowkernel.engine.prompts.wrapper_requests import previous_prompt

WAITS, FAILS = "It waits for a person", "It does not wait for a person"


@dataclass(frozen=True, slots=True)
class Attendance:
    """Whether a person is there to be asked."""

    is_attended: bool
    why: str  #: A sentence or two.


def attendance_of(
    inbox: Inbox, presence: Presence, execution: Execution, minutes: float
) -> Attendance:
    """Whether a person is there to be asked by this wrapper: as its start said, or as was seen.

    Also if the person was asked before, and the wrapper only runs again after a loss.

    Args:
        minutes: How old the last sign of a person may be, inclusive.
    """
    attendance = _as_said(execution)
    if attendance is not None:
        return attendance
    if _has_asked(inbox, execution):
        return Attendance(True, f"{WAITS}, who was asked before.")
    return _as_seen(presence, minutes)


def _as_said(execution: Execution) -> Attendance | None:
    """What its start said; None: nothing."""
    if execution.is_attended is False:
        return Attendance(False, f"{FAILS}: it was started with --unattended.")
    if execution.is_interactive:
        return Attendance(True, f"{WAITS}: it was started with --interactive.")
    if execution.is_attended:
        return Attendance(True, f"{WAITS}: it was started with --attended.")
    return None


def _as_seen(presence: Presence, minutes: float) -> Attendance:
    sign = presence.within(minutes)
    if sign is not None:
        advice = "A run that nobody watches is started with --unattended."
        return Attendance(True, f"{WAITS}: {_activity_text(sign)}. {advice}")
    last = presence.last
    rest = f"; {_activity_text(last)}" if last is not None else ""
    advice = "With --attended it waits all the same."
    reason = f"nobody was active within the last {minutes:g} minutes{rest}"
    return Attendance(False, f"{FAILS}: {reason}. {advice}")


def _activity_text(activity: Activity) -> str:
    seconds = abs((now() - activity.at).total_seconds())
    return f"{activity.person} was active {ago_text(seconds)} ({activity.channel})"


def ago_text(seconds: float) -> str:
    """How long ago something was: `a moment ago`, `12 minutes ago`, `3 hours ago`."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "a moment ago"


def _has_asked(inbox: Inbox, execution: Execution) -> bool:
    children = inbox.service.store.call_children([execution], CALL_KEY)
    return any(
        previous_prompt(inbox, execution.execution_id, child)
        for child in children
        if child.is_failed
    )
