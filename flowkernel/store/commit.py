"""What the writer hands to those who follow the store: events, and the state after them."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from flowkernel.core.models import Event, Execution, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The events of one batch, and what had not ended right after the last of them.

    Everything in it is of the same moment, and never changes. Who follows the store decides
    from this, and from nothing newer: what is newer comes with the next commit.
    """

    seq: int  #: The number of the last event on disk at that moment.
    events: tuple[Event, ...] = ()  #: In order of `seq`.
    live: Mapping[str, Execution]  #: The executions that had not ended, by id.
    #: Their messages, by execution and by id; None for one that is not open.
    messages: Mapping[str, Mapping[str, Message | None]]
    #: The executions that the events changed, by id, as they were after them.
    changed: Mapping[str, Execution] = field(default_factory=dict)
    #: The messages that the events changed, as they were after them.
    changed_messages: Sequence[Message] = ()
    #: What was deleted: ids of roots, whose families are gone, and of single executions.
    removed: Set[str] = frozenset()

    def open_messages(self) -> list[Message]:
        """The messages that waited for an answer."""
        groups = self.messages.values()
        return [m for group in groups for m in group.values() if m is not None]
