"""What was decided on a failure: a record, without effects."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from flowkernel.core.json_record import Json, JsonRecord


class DecisionVerb(StrEnum):
    """What can be decided on a failure. Stored; the buttons of a prompt have these names."""

    RETRY_CELL = "retry_cell"  #: Run the cell again, in the kernel that failed.
    RETRY = "retry"  #: Start again, in a new kernel.
    RETRY_WITH_INPUTS = "retry_with_inputs"  #: The same, with other inputs.
    SKIP = "skip"  #: Continue after the cell, in the kernel that failed.
    FAIL = "fail"  #: End with the error.
    CANCEL_ALL = "cancel_all"  #: Cancel the whole family.


#: Begins what is recorded as `decided_by` if the kernel of an execution decided.
PROGRAM = "execution "


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(JsonRecord):
    """What was decided on a failure. The payload of a `decided` event."""

    left_out: ClassVar[Set[str]] = frozenset(
        {
            "why",
            "source",
            "difference",
            "values",
            "inputs",
            "decided_at",
            "decision_id",
            "counts_in",
        }
    )
    verb: DecisionVerb
    message_id: str | None = None  #: The prompt that was answered.
    decided_by: str = ""  #: Empty: no person.
    decided_from: str = ""  #: notebook, command line, REST, ...
    cell_id: str | None = None
    why: str | None = None  #: If no person decided.
    source: str | None = None  #: Of the cell, if it was edited.
    difference: str | None = None  #: The edit as a unified diff.
    values: Json = None  #: Of `skip`: by the names that the cell would have set.
    inputs: Json = None  #: Of `retry_with_inputs`: by name.
    #: When the person answered; None: an older version did not say.
    decided_at: datetime | None = None
    decision_id: str | None = None  #: Id of the event; None before it is recorded.
    #: The column in which it counts when its execution goes on; empty: none. None: it went on.
    counts_in: str | None = None

    @property
    def is_of_person(self) -> bool:
        """Whether a person decided; not a wrapper, and not the end of the time to answer."""
        is_program = self.decided_by.startswith(PROGRAM)
        return bool(self.decided_by) and self.why is None and not is_program
