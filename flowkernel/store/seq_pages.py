"""Reading the store by the numbers of events: what came, or changed, after one of them.

A page says how far it goes: everything up to that number is in it, or was before it. So a
reader who continues from there misses nothing, whatever is recorded meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flowkernel.core.models import Event
from flowkernel.store import rows
from flowkernel.store.families import FamilyMember, members_under
from flowkernel.store.list_queries import uuid_text
from flowkernel.store.live_state import LiveState
from flowkernel.store.pool import CursorPool, Record
from flowkernel.store.projector import Projector

#: Events, or changed rows, of one page.
PAGE_ROWS = 1_000
#: Bytes of the events of one page, about; one event may have more, and is a page then.
PAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events after a number, logs included, in order.

    Events of kind LOGGED come without `event_id` and `actor`: those are not kept.
    """

    events: list[Event]
    upto: int  #: There is no other event up to this number.


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """An execution or a message, as it was last changed."""

    seq: int  #: The event that changed it.
    execution_id: str  #: Of a message: the execution that sent it.
    root_id: str
    parent_id: str | None = None
    adopted_by: str | None = None
    status: str | None = None  #: None: it is a message.
    text: str  #: The light row, as JSON.


@dataclass(frozen=True, slots=True)
class ChangePage:
    """The rows that changed after a number, each once, in the order of their last change."""

    rows: list[ChangedRow]
    upto: int  #: No other row was last changed up to this number.
    is_complete: bool  #: There was no other row at all when the page was read.


class SeqPages:
    """The part of `Store` that reads by number, and what all its reading needs."""

    def __init__(
        self, path: str, pool: CursorPool, projector: Projector, state: LiveState
    ) -> None:
        self._path = path
        self._pool = pool
        self._projector = projector
        self._state = state

    def _read(self, name: str, **values: Any) -> list[Record]:
        self._projector.flush_if_possible()
        return self._pool.read(name, **values)

    def _applied(self, upto: int | None) -> int:
        """Up to which number the tables have everything; at most `upto`."""
        self._projector.flush_if_possible()
        applied = int(self._pool.meta()["applied_seq"])
        return applied if upto is None else min(applied, upto)

    def events_after(
        self,
        seq: int,
        *,
        root_id: str | None = None,
        execution_id: str | None = None,
        limit: int = PAGE_ROWS,
        max_bytes: int = PAGE_BYTES,
    ) -> EventPage:
        """A page of the events after number `seq`: all, or of one family or execution.

        Args:
            limit: Events, inclusive.
            max_bytes: Of their payloads; the first event is there, whatever its size.
        """
        root_id = root_id and uuid_text(root_id)
        selection: dict[str, Any] = {
            "root_id": root_id,
            "execution_id": execution_id and uuid_text(execution_id),
            "adopted_ids": self.adopted_ids(root_id) if root_id else [],
        }
        upto = self._applied(None)
        last, is_cut = self._page_end("event_seqs", seq, upto, limit, selection)
        bounds = {"seq": seq, "upto": last, **selection}
        end = _end_within(self._pool.read("event_sizes", **bounds), max_bytes)
        bounds["upto"] = last if end is None else end
        events = [
            rows.EVENT.model_of(r) for r in self._pool.read("events_between", **bounds)
        ]
        events += map(rows.log_event, self._pool.read("log_between", **bounds))
        events.sort(key=lambda event: event.seq)
        return EventPage(events, bounds["upto"] if is_cut or end is not None else upto)

    def adopted_ids(self, root_id: str) -> list[str]:
        """The executions of other families that a family has adopted, and all under them."""
        root_ids = self._state.links.roots_of(root_id)
        if len(root_ids) == 1:
            return []
        members = [
            FamilyMember(**record)
            for record in self._read("family_ids", root_ids=[*root_ids])
        ]
        below = members_under(root_id, members)
        return [member.execution_id for member in below if member.root_id != root_id]

    def changes_after(
        self,
        seq: int,
        *,
        upto: int | None = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        limit: int = PAGE_ROWS,
    ) -> ChangePage:
        """A page of the executions and messages that changed after number `seq`.

        Rows with the same number, which one event changed, are never parted.

        Args:
            upto: Only those that were last changed up to this number.
            parent_id: Only executions, those of this parent.
            limit: Rows, about.
        """
        root_id = root_id and uuid_text(root_id)
        selection = {
            "root_id": root_id,
            "adopted_ids": self.adopted_ids(root_id) if root_id else [],
            "parent_id": parent_id and uuid_text(parent_id),
        }
        upto = self._applied(upto)
        last, is_cut = self._page_end("change_seqs", seq, upto, limit, selection)
        bounds = {"seq": seq, "upto": last, **selection}
        found = self._pool.read("changed_executions", **bounds)
        found += self._pool.read("changed_messages", **bounds)
        changed = sorted((ChangedRow(**r) for r in found), key=lambda row: row.seq)
        return ChangePage(changed, last if is_cut else upto, not is_cut)

    def _page_end(
        self, name: str, seq: int, upto: int, limit: int, selection: Mapping[str, Any]
    ) -> tuple[int, bool]:
        """The number that a page of `limit` rows ends with, and whether more may follow."""
        records = self._pool.read(name, seq=seq, upto=upto, limit=limit, **selection)
        if len(records) < limit:
            return upto, False
        return records[-1]["seq"], True


def _end_within(sizes: Iterable[Record], max_bytes: int) -> int | None:
    """The last number that fits into so many bytes, at least the first; None: all fit."""
    total = 0
    last: int | None = None
    for record in sizes:
        total += record["size"]
        if total > max_bytes and last is not None:
            return last
        last = record["seq"]
    return None
