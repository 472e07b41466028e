"""Executions and messages as rows that changed, and which of them a watcher wants. Pure."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from flowkernel.core.json_values import dumps
from flowkernel.core.models import Execution, Message
from flowkernel.core.progress import Progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import EXECUTION, MESSAGE, ChangedRow

#: Ids that one text about removals has, inclusive: about 40 kB.
REMOVED_IDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """The newest row of an execution or a message, as JSON text."""

    seq: int  #: Of the event that changed it last.
    key: str  #: The id of the execution or message.
    execution_id: str  #: Of a message: the execution that sent it.
    root_id: str
    current_root_id: str  #: Of the family to which it belongs now: see `adopted`.
    parent_id: str | None = None
    adopted_by: str | None = None
    status: str | None = None  #: Of an execution; None: it is a message.
    text: str

    def belongs_to(self, ids: Set[str]) -> bool:
        """Whether `ids` has its execution, or the root with which its record is kept."""
        return self.execution_id in ids or self.root_id in ids

    @property
    def left_text(self) -> str:
        """What is sent instead to those who want only executions of another status."""
        return f'{{"seq":{self.seq},"left":"{self.execution_id}"}}'


class ChangeSelection(NamedTuple):
    """Which rows a watcher wants. With a parent or a status: only executions."""

    root_id: str | None = None
    parent_id: str | None = None
    status: ExecutionStatus | None = None

    def text_of(self, change: RowChange) -> str | None:
        """What a watcher gets of a change; None: nothing."""
        if self.root_id not in (None, change.root_id, change.current_root_id):
            return None
        if change.status is None:
            wants_messages = self.parent_id is None and self.status is None
            return change.text if wants_messages else None
        if self.parent_id not in (None, change.parent_id, change.adopted_by):
            return None
        has_status = self.status in (None, change.status)
        return change.text if has_status else change.left_text


def execution_change(
    execution: Execution,
    progress: Progress | None,
    seq: int,
    current_root_id: str | None = None,
) -> RowChange:
    """The row of an execution. `seq` is that of its last event, or of its progress.

    Args:
        current_root_id: Of the family that has it now; None: that in which it was started.
    """
    row = dumps(EXECUTION.light_row(execution))
    return RowChange(
        seq=seq,
        key=execution.execution_id,
        execution_id=execution.execution_id,
        root_id=execution.root_id,
        current_root_id=current_root_id or execution.root_id,
        parent_id=execution.parent_id,
        adopted_by=execution.adopted_by,
        status=execution.status,
        text=_execution_text(seq, row, progress),
    )


def message_change(message: Message, current_root_id: str | None = None) -> RowChange:
    """The row of a message. `current_root_id`: see `execution_change`."""
    row = dumps(MESSAGE.light_row(message))
    return RowChange(
        seq=message.last_seq,
        key=message.message_id,
        execution_id=message.execution_id,
        root_id=message.root_id,
        current_root_id=current_root_id or message.root_id,
        text=_message_text(message.last_seq, row),
    )


def stored_change(
    row: ChangedRow, progress: Progress | None, root_id: str | None
) -> RowChange:
    """A row that was read from the store, of the family with this root; None: of any."""
    is_message = row.status is None
    text = (
        _message_text(row.seq, row.text)
        if is_message
        else _execution_text(row.seq, row.text, progress)
    )
    return RowChange(
        seq=row.seq,
        key="" if is_message else row.execution_id,
        execution_id=row.execution_id,
        root_id=row.root_id,
        current_root_id=root_id or row.root_id,
        parent_id=row.parent_id,
        adopted_by=row.adopted_by,
        status=row.status,
        text=text,
    )


def removal_texts(ids: Sequence[str]) -> Iterator[str]:
    """What is sent of executions that were deleted."""
    for start in range(0, len(ids), REMOVED_IDS):
        yield dumps({"removed": ids[start : start + REMOVED_IDS]})


def texts(
    changes: Iterable[RowChange], selection: ChangeSelection
) -> Iterator[tuple[int, str]]:
    """What a watcher gets of changes: the number and the text of each."""
    for change in changes:
        text = selection.text_of(change)
        if text is not None:
            yield change.seq, text


def _execution_text(seq: int, row: str, progress: Progress | None) -> str:
    progress_text = dumps(progress and progress.to_json())
    return f'{{"seq":{seq},"execution":{row},"progress":{progress_text}}}'


def _message_text(seq: int, row: str) -> str:
    return f'{{"seq":{seq},"message":{row}}}'
