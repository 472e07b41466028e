"""Containers for what the store holds in memory. The docstring of each says what bounds it."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import itemgetter
from typing import Generic, TypeVar

from cachetools import FIFOCache

T = TypeVar("T")


class RecentIds:
    """The newest `limit` ids that were added."""

    def __init__(self, ids: Iterable[str] = (), *, limit: int) -> None:
        self._ids = dict.fromkeys(ids)
        self._limit = limit

    def __contains__(self, id_: str) -> bool:
        return id_ in self._ids

    def add(self, ids: Iterable[str]) -> list[str]:
        """Add these; return the oldest ids that were removed to stay within the limit."""
        self._ids.update(dict.fromkeys(ids))
        removed = []
        while len(self._ids) > self._limit:
            removed.append(next(iter(self._ids)))
            del self._ids[removed[-1]]
        return removed


class NewIdFilter:
    """Says of an id whether it is certainly new, so that no table must be searched for it.

    New ids are UUIDs of version 7: they grow with time, about. All used ids above a floor
    are remembered, so an id above the floor that is not among them is new. Below the floor
    only the table knows. The floor rises so that at most `limit` ids are remembered.
    """

    def __init__(self, floor: str, *, limit: int) -> None:
        """Any id up to `floor`, inclusive, may be in use already."""
        self._floor = floor
        self._recent = RecentIds(limit=limit)

    def is_new(self, id_: str) -> bool:
        """Whether it is certain that this id is not in use."""
        return id_ > self._floor and id_ not in self._recent

    def add(self, ids: Iterable[str]) -> None:
        """Remember that these are in use."""
        for id_ in self._recent.add(ids):
            self._floor = max(self._floor, id_)


class BoundedCache(Generic[T]):
    """The values added last, at most `size` bytes in all. Safe in threads."""

    def __init__(self, *, size: int) -> None:
        self._entries: FIFOCache[str, tuple[T, int]] = FIFOCache(size, itemgetter(1))
        self._lock = threading.Lock()

    def get(self, key: str) -> T | None:
        """The value, if it is still there."""
        with self._lock:
            entry = self._entries.get(key)
        return entry[0] if entry else None

    def put(self, key: str, value: T, size: int) -> None:
        """Add a value of about `size` bytes; remove the oldest values if there is no room."""
        with self._lock, suppress(ValueError):  # One that is larger than the cache.
            self._entries.pop(key, None)
            self._entries[key] = (value, size)

    def remove_where(self, matches: Callable[[T], bool]) -> None:
        """Remove the values of which `matches` is true."""
        with self._lock:
            for key in [k for k, (value, _) in self._entries.items() if matches(value)]:
                del self._entries[key]
