"""Containers of what is known by heart. Each says what bounds it."""

import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

T = TypeVar("T")
SHELVES = 256  #: A power of two. With 10,000 values a change copies 40 of them.


class PersistentMap(Mapping[str, T]):
    """A mapping that is never changed: `changed` gives another, and copies little of it.

    Whoever walks through one sees it as it was when they took it.
    """

    def __init__(self, values: Mapping[str, T] | None = None) -> None:
        """With these values."""
        self._shelves: list[dict[str, T]] = [{} for _ in range(SHELVES)]
        for key, value in (values or {}).items():
            self._shelves[hash(key) & SHELVES - 1][key] = value
        self._count = sum(map(len, self._shelves))

    def changed(self, put: Mapping[str, T], drop: Iterable[str]) -> "PersistentMap[T]":
        """The same with some values put in, and some keys gone."""
        other: PersistentMap[T] = PersistentMap.__new__(PersistentMap)
        other._shelves, other._count = self._shelves.copy(), self._count
        fresh: set[int] = set()
        for key, value in put.items():
            shelf = other._own(key, fresh)
            other._count += key not in shelf
            shelf[key] = value
        for key in drop:
            other._count -= other._own(key, fresh).pop(key, None) is not None
        return other

    def _own(self, key: str, fresh: set[int]) -> dict[str, T]:
        number = hash(key) & SHELVES - 1
        if number not in fresh:
            fresh.add(number)
            self._shelves[number] = self._shelves[number].copy()
        return self._shelves[number]

    def __getitem__(self, key: str) -> T:
        return self._shelves[hash(key) & SHELVES - 1][key]

    def __contains__(self, key: object) -> bool:
        return key in self._shelves[hash(key) & SHELVES - 1]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._shelves)

    def __len__(self) -> int:
        return self._count

    def values(self) -> ValuesView[T]:
        """All values; far quicker to walk through than one key at a time."""
        return dict(self.items()).values()

    def items(self) -> ItemsView[str, T]:
        """All keys with their values."""
        whole: dict[str, T] = {}
        for shelf in self._shelves:
            whole.update(shelf)
        return whole.items()


class RecentIds:
    """The newest ids, up to a number."""

    def __init__(self, ids: Iterable[str] = (), *, limit: int) -> None:
        self._ids = dict.fromkeys(ids)
        self._limit = limit

    def __contains__(self, id_: str) -> bool:
        return id_ in self._ids

    def add(self, ids: Iterable[str]) -> list[str]:
        """Remember these; return the oldest, over the limit, that are forgotten."""
        self._ids.update(dict.fromkeys(ids))
        gone = []
        while len(self._ids) > self._limit:
            gone.append(next(iter(self._ids)))
            del self._ids[gone[-1]]
        return gone


class Births:
    """Tells an id that nothing was ever born with. Ids grow with time, about.

    All ids above a floor are remembered, so that whatever is above it and not remembered is
    new. Below it, who asks must look.
    """

    def __init__(self, floor: str, *, limit: int) -> None:
        """Up to `floor`, anything may have been born before."""
        self._floor = floor
        self._recent = RecentIds(limit=limit)

    def is_new(self, id_: str) -> bool:
        """Whether it is certain that nothing has this id."""
        return id_ > self._floor and id_ not in self._recent

    def add(self, ids: Iterable[str]) -> None:
        """Remember that these were born."""
        for id_ in self._recent.add(ids):
            self._floor = max(self._floor, id_)


class BoundedCache(Generic[T]):
    """The values that were put in last, up to a number, and to so many bytes in all."""

    def __init__(self, *, count: int, size: int) -> None:
        self._count = count
        self._size = size
        self._used = 0
        self._values: dict[str, tuple[T, int]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> T | None:
        """The value, if it is still there."""
        found = self._values.get(key)
        return found[0] if found else None

    def put(self, key: str, value: T, size: int) -> None:
        """Keep a value of about so many bytes; let the oldest go if there is no room."""
        with self._lock:
            self._drop(key)
            self._values[key] = (value, size)
            self._used += size
            while len(self._values) > self._count or self._used > self._size:
                self._drop(next(iter(self._values)))

    def drop(self, key: str) -> None:
        """Forget it."""
        with self._lock:
            self._drop(key)

    def drop_where(self, is_gone: Callable[[T], bool]) -> None:
        """Forget those of which this is true."""
        with self._lock:
            for key in [k for k, (value, _) in self._values.items() if is_gone(value)]:
                self._drop(key)

    def _drop(self, key: str) -> None:
        _, size = self._values.pop(key, (None, 0))
        self._used -= size
