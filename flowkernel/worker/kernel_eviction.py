"""Which parked kernels must go: there are too many, they are too old, too large. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRun:
    """A kernel that is kept while somebody decides."""

    execution_id: str
    seconds: float  #: Since it was parked.
    memory: int  #: Bytes it and its children use.


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedLimits:
    """What parked kernels of one worker may take. Each inclusive."""

    kernels: int
    seconds: float
    memory: int


def to_go(parked: Iterable[ParkedRun], room: ParkedLimits) -> dict[str, str]:
    """The executions whose kernels must go, the oldest first, and why."""
    gone: dict[str, str] = {}
    left = sorted(parked, key=lambda one: -one.seconds)
    for one in left:
        if one.seconds > room.seconds:
            hours = room.seconds / 3600
            gone[one.execution_id] = f"It was kept for {hours:g} h, which is the limit."
    left = [one for one in left if one.execution_id not in gone]
    while len(left) > room.kernels:
        gone[left.pop(0).execution_id] = (
            f"Newer ones needed its place: {room.kernels} are kept at most."
        )
    while left and sum(one.memory for one in left) > room.memory:
        gone[left.pop(0).execution_id] = (
            f"Parked kernels took more than {room.memory / 1e6:,.0f} MB together."
        )
    return gone
