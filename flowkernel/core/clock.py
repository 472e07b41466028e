"""The only source of time and of ids."""

import os
import time
import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment as an aware datetime in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never goes back. Only differences have a meaning."""
    return time.monotonic()


#: Characters of a short id: those that come from the clock.
SHORT = 18


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): ids made later on one machine sort later.

    The twelve bits after the millisecond are its fraction, a quarter of a microsecond
    each. Python 3.14 has `uuid.uuid7`: use that when 3.13 is no longer supported.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    version, variant = 0x7 << 76, 0x2 << 62
    stamp = (milliseconds & (2**48 - 1)) << 80
    return str(uuid.UUID(int=stamp | version | fraction << 64 | variant | random))


def short_id(id_: str) -> str:
    """The beginning of an id, which no other one has: for commands, and for `LIKE` in SQL.

    >>> short_id("019ac6b2-5e8a-7f3c-a1b2-c3d4e5f60718")
    '019ac6b2-5e8a-7f3c'
    """
    return id_[:SHORT]
