"""The last changes, for windows that come back or read slowly. Pure.

A window is only a position: so a slow one costs no memory. It gets the newest row of each
execution and message, and is told to read its lists again if something may be missing.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from flowkernel.server_extension.change_reader import ChangeBatch, RemovalText, RowText

MAX_ROWS = 5_000  #: Rows that are kept, inclusive.
MAX_BYTES = 16 * 1024 * 1024  #: Characters of the rows that are kept, inclusive.
MAX_REMOVALS = 1_000  #: Texts about deletions that are kept, inclusive.
#: Characters of one message to a window, about: rows of one event are not parted.
MAX_MESSAGE = 1024 * 1024
NEVER = -1  #: Of a position: it has to begin again.


class WindowPosition(NamedTuple):
    """Up to where a window has everything."""

    seq: int
    removals: int  #: How many texts about deletions there were then.
    resets: int  #: How often everything had begun again then.


class WindowMessage(NamedTuple):
    """A message to a window, as JSON text, and the position after it."""

    text: str
    position: WindowPosition


@dataclass(slots=True)
class NumberedRemoval:
    """A text about deletions, in the order in which they came."""

    number: int  #: Counted from 1.
    seq: int  #: Of the event before it, or of a later one: that is not known exactly.
    text: str


class RecentChanges:
    """What came from the engine lately.

    Args:
        seq: The number after which it begins.
    """

    def __init__(
        self, seq: int, *, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES
    ) -> None:
        self.seq = seq  #: Up to here everything came.
        self.last_seq = seq  #: Of the engine, as far as is known.
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._floor = seq  #: What changed up to here is not kept.
        self._rows: OrderedDict[str, RowText] = OrderedDict()  #: In order of `seq`.
        self._bytes = 0
        self._removals: deque[NumberedRemoval] = deque()
        self._removal_count = 0
        #: The last text about deletions that is no longer kept; None: all are.
        self._forgotten: NumberedRemoval | None = None
        self._resets = 0
        self._removed_since = 0  #: Below it, something may be deleted without a text.

    def reset(self, seq: int) -> None:
        """Begin again after this number: something may be missing before it."""
        self._rows.clear()
        self._removals.clear()
        self._bytes = self._removed_since = 0
        self._forgotten = None
        self._resets += 1
        self.seq = self.last_seq = self._floor = seq

    def add(self, batch: ChangeBatch) -> None:
        """Keep what a read brought."""
        if batch.removed_since is not None:
            self._removed_since = max(self._removed_since, batch.removed_since)
        for removal in batch.removals:
            self._remove(removal)
        for row in batch.rows:
            former = self._rows.pop(row.key, None)
            self._bytes += len(row.text) - (len(former.text) if former else 0)
            self._rows[row.key] = row
        self.seq = max(self.seq, batch.seq or 0)
        while len(self._rows) > self._max_rows or self._bytes > self._max_bytes:
            _key, oldest = self._rows.popitem(last=False)
            self._bytes -= len(oldest.text)
            self._floor = max(self._floor, oldest.seq)

    def _remove(self, removal: RemovalText) -> None:
        self._removal_count += 1
        # A window may come back with any number that the engine had when we came to it.
        seq = max(self.seq, self.last_seq)
        numbered = NumberedRemoval(self._removal_count, seq, removal.text)
        self._removals.append(numbered)
        if len(self._removals) > MAX_REMOVALS:
            self._forgotten = self._removals.popleft()
        for key, row in list(self._rows.items()):
            if not row.ids.isdisjoint(removal.ids):
                self._bytes -= len(self._rows.pop(key).text)

    # -- windows -------------------------------------------------------------------------

    def position_now(self) -> WindowPosition:
        """The position of a window that reads its lists now."""
        return WindowPosition(self.seq, self._removal_count, self._resets)

    def position_after(self, seq: int) -> WindowPosition:
        """The position of a window that comes back with everything up to a number.

        What was deleted right after that event it may know or not: it is told again.
        """
        is_unknown = seq > max(self.seq, self.last_seq) or seq < self._removed_since
        if self._forgotten is not None and self._forgotten.seq >= seq:
            is_unknown = True
        newer = sum(removal.seq >= seq for removal in self._removals)
        resets = NEVER if is_unknown else self._resets
        return WindowPosition(seq, self._removal_count - newer, resets)

    def message_after(self, position: WindowPosition) -> WindowMessage | None:
        """What a window gets next; None: it has everything."""
        if self._lacks_something(position):
            text = f'{{"kind":"reset","seq":{self.seq}}}'
            return WindowMessage(text, self.position_now())
        removals = [r.text for r in self._removals if r.number > position.removals]
        rows, is_all = _first_rows(self._rows_after(position.seq))
        if not removals and not rows:
            return None
        seq = max(self.seq, position.seq) if is_all else rows[-1].seq
        changes = ",".join([*removals, *(row.text for row in rows)])
        text = f'{{"kind":"changes","seq":{seq},"changes":[{changes}]}}'
        return WindowMessage(
            text, WindowPosition(seq, self._removal_count, self._resets)
        )

    def _lacks_something(self, position: WindowPosition) -> bool:
        """Whether something is not kept that a window would need."""
        has_begun_again = position.resets != self._resets
        forgotten = self._forgotten.number if self._forgotten is not None else 0
        return (
            has_begun_again
            or position.seq < self._floor
            or position.removals < forgotten
        )

    def _rows_after(self, seq: int) -> Iterator[RowText]:
        newest_first = reversed(self._rows.values())
        return reversed([*takewhile(lambda row: row.seq > seq, newest_first)])


def _first_rows(rows: Iterator[RowText]) -> tuple[list[RowText], bool]:
    """The first rows, about `MAX_MESSAGE` characters, and whether those are all."""
    part: list[RowText] = []
    size = 0
    for row in rows:
        if size >= MAX_MESSAGE and row.seq != part[-1].seq:
            return part, False
        part.append(row)
        size += len(row.text)
    return part, True
