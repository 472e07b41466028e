"""Containers for what the store holds in memory. The docstring of each says what bounds it."""

import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")
#: A power of two. With 10,000 values, a change of one value copies about 40 of them.
BUCKETS = 256


class PersistentMap(Mapping[str, T]):
    """A mapping that never changes: `with_changes` returns another, and copies little of it.

    A reader can iterate over one while the writer makes the next one. It has all values
    that it is given: nothing bounds it.
    """

    def __init__(self, values: Mapping[str, T] | None = None) -> None:
        self._buckets: list[dict[str, T]] = [{} for _ in range(BUCKETS)]
        for key, value in (values or {}).items():
            self._buckets[hash(key) & BUCKETS - 1][key] = value
        self._count = sum(map(len, self._buckets))

    def with_changes(
        self, values: Mapping[str, T], removed: Iterable[str]
    ) -> "PersistentMap[T]":
        """The same mapping with these values set and these keys removed."""
        result: PersistentMap[T] = PersistentMap.__new__(PersistentMap)
        result._buckets, result._count = self._buckets.copy(), self._count
        copied: set[int] = set()
        for key, value in values.items():
            bucket = result._own_bucket(key, copied)
            result._count += key not in bucket
            bucket[key] = value
        for key in removed:
            bucket = result._own_bucket(key, copied)
            result._count -= bucket.pop(key, None) is not None
        return result

    def _own_bucket(self, key: str, copied: set[int]) -> dict[str, T]:
        """The bucket of the key, which no other mapping shares."""
        number = hash(key) & BUCKETS - 1
        if number not in copied:
            copied.add(number)
            self._buckets[number] = self._buckets[number].copy()
        return self._buckets[number]

    def __getitem__(self, key: str) -> T:
        return self._buckets[hash(key) & BUCKETS - 1][key]

    def __contains__(self, key: object) -> bool:
        return key in self._buckets[hash(key) & BUCKETS - 1]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._buckets)

    def __len__(self) -> int:
        return self._count

    def values(self) -> ValuesView[T]:
        """All values; much faster than looking up one key after another."""
        return dict(self.items()).values()

    def items(self) -> ItemsView[str, T]:
        """All keys with their values."""
        merged: dict[str, T] = {}
        for bucket in self._buckets:
            merged.update(bucket)
        return merged.items()


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
    """The values added last: at most `count` of them, and at most `size` bytes in all."""

    def __init__(self, *, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self._size_in_use = 0
        self._entries: dict[str, tuple[T, int]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> T | None:
        """The value, if it is still there."""
        entry = self._entries.get(key)
        return entry[0] if entry else None

    def put(self, key: str, value: T, size: int) -> None:
        """Add a value of about `size` bytes; remove the oldest values if there is no room."""
        with self._lock:
            self._remove(key)
            self._entries[key] = (value, size)
            self._size_in_use += size
            while len(self._entries) > self._count or self._size_in_use > self._size:
                self._remove(next(iter(self._entries)))

    def remove_where(self, matches: Callable[[T], bool]) -> None:
        """Remove the values of which `matches` is true."""
        with self._lock:
            for key in [k for k, (value, _) in self._entries.items() if matches(value)]:
                self._remove(key)

    def _remove(self, key: str) -> None:
        _, size = self._entries.pop(key, (None, 0))
        self._size_in_use -= size
