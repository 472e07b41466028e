"""Which executions were deleted lately, for those who may still show them."""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

#: Ids of deleted executions that are kept in memory: a few MB.
MAX_IDS = 20_000


class Removal(NamedTuple):
    """Executions that were deleted together."""

    seq: int  #: The number of the last event before that.
    ids: list[str]  #: Of roots, whose families are gone, and of single executions.


class Removals:
    """The last removals. They have no number among the events; here they are counted."""

    def __init__(self, seq: int) -> None:
        """None that was made up to event number `seq` is known."""
        #: A client that has everything up to this number learns of all removals.
        self.since = seq + 1
        self.count = 0  #: Of all removals, those that are no longer kept included.
        self._items: deque[Removal] = deque()
        self._ids = 0

    def add(self, seq: int, ids: Iterable[str]) -> None:
        """Executions were deleted after event number `seq`."""
        removal = Removal(seq, sorted(ids))
        self._items.append(removal)
        self.count += 1
        self._ids += len(removal.ids)
        while self._ids > MAX_IDS and len(self._items) > 1:
            oldest = self._items.popleft()
            self._ids -= len(oldest.ids)
            self.since = oldest.seq + 1

    def before(self, seq: int) -> int:
        """How many of all removals a client knows that has everything up to `seq`.

        What was removed right after that event it may know or not: that is told again.
        """
        return self.count - sum(removal.seq >= seq for removal in self._items)

    def after(self, count: int) -> list[str]:
        """The ids of all removals but the first `count`."""
        kept_from = self.count - len(self._items)
        newer = islice(self._items, max(0, count - kept_from), None)
        return [id_ for removal in newer for id_ in removal.ids]
