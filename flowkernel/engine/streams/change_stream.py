"""Executions and messages as rows that change, for lists that are kept current."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from flowkernel.core.json_values import dumps
from flowkernel.core.models import EventKind, Execution, Message
from flowkernel.core.progress import Progress
from flowkernel.engine.streams.feed import Chunk, Cursor, Feed
from flowkernel.engine.streams.removals import Removals
from flowkernel.engine.streams.row_changes import (
    ChangeSelection,
    RowChange,
    execution_change,
    message_change,
    removal_texts,
    stored_change,
    texts,
)
from flowkernel.engine.streams.sse_frames import first_part, frame, hello, join
from flowkernel.store import ChangePage, Commit

K = EventKind
#: Events of these kinds change the progress of an execution, not its row.
PROGRESS_KINDS = frozenset({K.CELL_STARTED, K.CELL_ENDED, K.LOGGED})
#: Seconds between two rows of the same execution, at least: at most ten a second. The row that
#: is sent is the newest then, so what a page shows is no older for it.
EVERY = 0.1
#: Rows kept in memory; a watcher that is further behind reads from the store.
MAX_ROWS = 10_000
#: Rows that are read from the store for a watcher at a time: about 150 kB.
STORED_ROWS = 200


class ReadChanges(Protocol):
    """Reads a page of changed rows from the store."""

    def __call__(
        self,
        seq: int,
        /,
        *,
        upto: int,
        root_id: str | None,
        parent_id: str | None,
        limit: int,
    ) -> ChangePage:
        """The rows that changed after number `seq`, in order, and how far they go."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows that changed after a number, as JSON texts."""

    texts: list[str]
    seq: int  #: Where the next page continues.
    is_complete: bool  #: Nothing else had changed when this page was made.


class ChangeStream(Feed[ChangeSelection]):
    """The newest row of each execution and message, in the order of their last change.

    Rows that change are collected, and sent at most every `every` seconds: so a row is
    encoded at most once in that time, however many watchers there are. Without watchers
    nothing is encoded. A slow watcher gets the newest row of each, and none twice.
    """

    def __init__(
        self,
        read_changes: ReadChanges,
        *,
        every: float = EVERY,
        max_rows: int = MAX_ROWS,
    ) -> None:
        super().__init__()
        self._read_changes = read_changes
        self._every = every
        self._max_rows = max_rows
        self._commit = Commit(seq=0, live={}, messages={})
        self._progress: Mapping[str, Progress] = {}
        #: The number of the last event of each live execution: its progress may be newer
        #: than its row in the store.
        self._last_seqs: dict[str, int] = {}
        #: By execution, the root of the family that has adopted what changed since then.
        self._other_roots: dict[str, str] = {}
        #: What changed since the last flush, by key.
        self._changed: dict[str, Execution | Message] = {}
        self._rows: OrderedDict[str, RowChange] = OrderedDict()  #: In order of `seq`.
        self._floor = 0  #: Rows that changed last up to here are only in the store.
        self._flushed_seq = 0  #: `_rows` are those of this moment.
        self._flushed_at = 0.0
        self._flush_timer: asyncio.TimerHandle | None = None
        self.removals = Removals(0)

    # -- following the store -------------------------------------------------------------

    def open(self, commit: Commit, progress: Mapping[str, Progress]) -> None:
        """Follow what comes after this moment.

        Args:
            progress: Of the live executions, kept current by its owner.
        """
        self._commit, self._progress = commit, progress
        running = (e.execution_id for e in commit.live.values() if e.worker is not None)
        self._last_seqs = dict.fromkeys(running, commit.seq)
        self._floor = self._flushed_seq = commit.seq
        self.removals = Removals(commit.seq)

    def publish(
        self, commit: Commit, root_ids: Mapping[int, str] | None = None
    ) -> None:
        """Follow what was committed. `root_ids`: see `RecordStreams.publish`."""
        self._commit = commit
        for event in commit.events:
            if event.execution_id not in commit.live:
                self._last_seqs.pop(event.execution_id, None)
            elif event.kind in PROGRESS_KINDS or event.execution_id in commit.changed:
                self._last_seqs[event.execution_id] = event.seq
        if self.watchers:
            self._collect(commit, root_ids or {})
        if commit.removed:
            self._remove(commit)
        if self.watchers == 0:
            self._forget()
            return
        if self._flush_timer is None:
            loop = asyncio.get_running_loop()
            due = self._flushed_at + self._every
            self._flush_timer = loop.call_at(max(due, loop.time()), self._flush)

    def _collect(self, commit: Commit, root_ids: Mapping[int, str]) -> None:
        for event in commit.events:
            if (root_id := root_ids.get(event.seq, event.root_id)) != event.root_id:
                self._other_roots[event.execution_id] = root_id
            execution = commit.live.get(event.execution_id)
            if event.kind in PROGRESS_KINDS and execution is not None:
                self._changed[event.execution_id] = execution
        self._changed.update(commit.changed)
        for message in commit.changed_messages:
            self._changed[message.message_id] = message

    def _remove(self, commit: Commit) -> None:
        ids = commit.removed
        self.removals.add(commit.seq, ids)
        for key, row in list(self._rows.items()):
            if row.belongs_to(ids):
                del self._rows[key]
        for key, record in list(self._changed.items()):
            if not ids.isdisjoint((record.execution_id, record.root_id)):
                del self._changed[key]

    def _forget(self) -> None:
        """Keep nothing in memory: there is nobody to send it to."""
        self._rows.clear()
        self._changed.clear()
        self._other_roots.clear()
        self._floor = self._flushed_seq = self._commit.seq
        self._wake()  # What was made for those who have gone is out of date.

    def _flush(self) -> None:
        """Make the rows that changed, and wake the watchers."""
        self._flush_timer = None
        self._flushed_at = asyncio.get_running_loop().time()
        changes = [self._change_of(record) for record in self._changed.values()]
        self._changed.clear()
        self._other_roots.clear()
        for change in sorted(changes, key=lambda change: change.seq):
            self._rows.pop(change.key, None)
            self._rows[change.key] = change
        self._flushed_seq = self._commit.seq
        while len(self._rows) > self._max_rows:
            _key, oldest = self._rows.popitem(last=False)
            self._floor = oldest.seq
        self._wake()

    def _change_of(self, record: Execution | Message) -> RowChange:
        root_id = self._other_roots.get(record.execution_id)
        if isinstance(record, Message):
            return message_change(record, root_id)
        seq = self._last_seqs.get(record.execution_id, record.last_seq)
        progress = self._progress.get(record.execution_id)
        return execution_change(record, progress, seq, root_id)

    # -- watchers ------------------------------------------------------------------------

    @property
    def last_seq(self) -> int:
        """The number of the last event that is followed."""
        return self._commit.seq

    def cursor(self, after_seq: int | None) -> Cursor:
        """The cursor of a watcher that has everything up to this number; None: up to now."""
        if after_seq is None:
            return Cursor(self.last_seq, self.removals.count)
        return Cursor(after_seq, self.removals.before(after_seq))

    def removed_after(self, seq: int) -> list[str]:
        """Ids of what was deleted, and a client with everything up to `seq` may have."""
        return self.removals.after(self.removals.before(seq))

    def _from_memory(self, cursor: Cursor, selection: ChangeSelection) -> Chunk | None:
        if cursor.seq < self._floor:
            return None
        changes = texts(self._after(cursor.seq), selection)
        part, is_all = first_part(frame(seq, text) for seq, text in changes)
        end = self._flushed_seq if is_all else part[-1].seq
        return self._chunk(join(part), cursor, end)

    def _after(self, seq: int) -> Iterator[RowChange]:
        newest_first = reversed(self._rows.values())
        newer = [*takewhile(lambda change: change.seq > seq, newest_first)]
        return reversed(newer)

    def _chunk(self, data: bytes, cursor: Cursor, end: int) -> Chunk:
        """Frames, after those about the removals that the watcher does not know."""
        removed = removal_texts(self.removals.after(cursor.removals))
        first = b"".join(frame(0, text).content for text in removed)
        return Chunk(first + data, Cursor(max(cursor.seq, end), self.removals.count))

    def _hello(self, cursor: Cursor) -> bytes:
        text = dumps({"seq": cursor.seq, "removed_since": self.removals.since})
        return hello(cursor.seq, frame(cursor.seq, text).content)

    async def _from_store(self, cursor: Cursor, selection: ChangeSelection) -> Chunk:
        page, changes = await self._stored(cursor.seq, selection, STORED_ROWS)
        frames = [frame(seq, text) for seq, text in texts(changes, selection)]
        return self._chunk(join(frames), cursor, page.upto)

    async def page(
        self, after_seq: int, selection: ChangeSelection, limit: int
    ) -> RowPage:
        """A page of the rows that changed after this number, as they are now.

        Args:
            limit: Rows that are read, about: not all of them need be selected.
        """
        if after_seq >= self.last_seq:
            return RowPage([], after_seq, is_complete=True)
        page, changes = await self._stored(after_seq, selection, limit)
        selected = [text for _seq, text in texts(changes, selection)]
        return RowPage(selected, page.upto, page.is_complete)

    async def _stored(
        self, seq: int, selection: ChangeSelection, limit: int
    ) -> tuple[ChangePage, list[RowChange]]:
        """A page of the store, and its rows with those whose progress alone is newer.

        Without those that were deleted while it was read.
        """
        removals = self.removals.count
        page = await asyncio.to_thread(
            self._read_changes,
            seq,
            upto=self.last_seq,
            root_id=selection.root_id,
            parent_id=selection.parent_id,
            limit=limit,
        )
        changes = [
            stored_change(row, self._progress.get(row.execution_id), selection.root_id)
            for row in page.rows
        ]
        known = {row.execution_id for row in page.rows if row.status is not None}
        changes += self._with_newer_progress(seq, page.upto, known)
        removed = {*self.removals.after(removals)}
        present = [change for change in changes if not change.belongs_to(removed)]
        return page, sorted(present, key=lambda change: change.seq)

    def _with_newer_progress(
        self, seq: int, upto: int, known: set[str]
    ) -> Iterator[RowChange]:
        for execution_id, last_seq in self._last_seqs.items():
            execution = self._commit.live.get(execution_id)
            is_between = seq < last_seq <= upto and execution_id not in known
            if is_between and execution is not None and execution.last_seq <= seq:
                progress = self._progress.get(execution_id)
                yield execution_change(execution, progress, last_seq)
