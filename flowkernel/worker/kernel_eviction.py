"""Which parked kernels are over the limits of number, age and memory. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictionCandidate:
    """A kernel that is kept: until a person decides, or after the end of its run."""

    execution_id: str
    seconds: float  #: Since it was parked.
    memory: int  #: Bytes that it and its children use.
    #: Its run is over, so that nothing is lost but the kernel.
    has_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedLimits:
    """What the parked kernels of one worker may use. Each inclusive."""

    kernels: int
    seconds: float
    memory: int


def evictions(
    candidates: Iterable[EvictionCandidate], limits: ParkedLimits
) -> dict[str, str]:
    """The executions whose kernels must go, and the reason for each.

    The oldest go first; but before one that waits for a decision, those whose runs have ended.
    """
    ordered = sorted(candidates, key=lambda c: (not c.has_ended, -c.seconds))
    hours = limits.seconds / 3600
    reasons = {
        candidate.execution_id: f"It was kept for {hours:g} h, which is the limit."
        for candidate in ordered
        if candidate.seconds > limits.seconds
    }
    remaining = [
        candidate for candidate in ordered if candidate.execution_id not in reasons
    ]
    return reasons | _without_room(remaining, limits)


def _without_room(
    remaining: list[EvictionCandidate], limits: ParkedLimits
) -> dict[str, str]:
    """As `evictions`, by number and memory alone. Takes the candidates from the list."""
    reasons: dict[str, str] = {}
    while len(remaining) > limits.kernels:
        reasons[remaining.pop(0).execution_id] = (
            f"Newer ones needed its place: {limits.kernels} are kept at most."
        )
    while remaining and sum(c.memory for c in remaining) > limits.memory:
        reasons[remaining.pop(0).execution_id] = (
            f"Parked kernels took more than {limits.memory / 1e6:,.0f} MB together."
        )
    return reasons
