"""The stream of changes of the engine, from bytes to rows. Pure."""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_FRAME = 16 * 1024 * 1024  #: Bytes of one frame, inclusive: it is a row, or ids.
END = b"\n\n"


class StreamBroken(Exception):
    """What comes is no stream of changes, or has ended."""


class RowText(NamedTuple):
    """The newest row of an execution or a message."""

    seq: int  #: Of the event that changed it last.
    key: str  #: The id of the execution or message.
    ids: frozenset[str]  #: Of the execution it belongs to, and of the root.
    text: str  #: As the engine sends it: a JSON object.


class RemovalText(NamedTuple):
    """Executions that were deleted, with what is under them."""

    ids: frozenset[str]
    text: str  #: As the engine sends it.


@dataclass(slots=True)
class ChangeBatch:
    """What one read brought."""

    rows: list[RowText] = field(default_factory=list)
    removals: list[RemovalText] = field(default_factory=list)
    #: Up to here everything came; None: this read says nothing about it.
    seq: int | None = None
    #: What the engine says at the beginning: below it, deletions may be unknown.
    removed_since: int | None = None


class ChangeReader:
    """Reads one stream from its beginning.

    Rows of one event come together or not at all, so a number never stands for a part.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._rows: list[RowText] = []  #: Whose number has not come yet.

    def feed(self, piece: bytes) -> ChangeBatch:
        """What a piece of the stream completes.

        Raises:
            StreamBroken: It is no stream of changes.
        """
        whole, end, self._rest = (self._rest + piece).rpartition(END)
        if len(self._rest) > MAX_FRAME:
            raise StreamBroken(f"a frame has more than {MAX_FRAME:,} bytes")
        batch = ChangeBatch()
        try:
            for frame in whole.split(END) if end else ():
                self._read_frame(frame.decode(), batch)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StreamBroken(f"{type(error).__name__}: {error}") from error
        return batch

    def _read_frame(self, frame: str, batch: ChangeBatch) -> None:
        fields = dict(_field(line) for line in frame.split("\n"))
        if "data" in fields:
            self._read_object(fields["data"], batch)
        if "id" in fields:
            batch.rows += self._rows
            batch.seq = int(fields["id"])
            self._rows = []

    def _read_object(self, text: str, batch: ChangeBatch) -> None:
        record = json.loads(text)
        if "removed_since" in record:
            batch.removed_since = record["removed_since"]
        elif "removed" in record:
            self._read_removal(RemovalText(frozenset(record["removed"]), text), batch)
        else:
            row = record.get("execution") or record["message"]
            key = row["execution_id"] if "execution" in record else row["message_id"]
            ids = frozenset((row["execution_id"], row["root_id"]))
            self._rows.append(RowText(record["seq"], key, ids, text))

    def _read_removal(self, removal: RemovalText, batch: ChangeBatch) -> None:
        """Take it, and nothing of what it removes that came before it."""
        batch.removals.append(removal)
        for rows in (batch.rows, self._rows):
            rows[:] = [row for row in rows if row.ids.isdisjoint(removal.ids)]


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value
