"""Whether a worker has a place for one more execution. Pure.

A place is what an execution needs in its worker as long as it has a kernel, also while it
waits: files and a thread. A slot is given back while it waits, a place is not. So a family can
need many places at the same time, one for each level, and families that wait for places of
each other would wait for ever. Two rules make that impossible:

* An execution starts only if enough places remain for the levels under it: at level `k`, as
  many as there are from `k` to the deepest level for which places are kept. So whatever has
  started, the child of the deepest one that waits finds a place, ends, and gives it back.
* Under that level, which is a quarter of all places at most, the deepest child starts even
  where no place remains, as soon as nothing runs. What a place takes is counted generously.
"""

from dataclasses import dataclass, replace

#: The part of all places, as a divisor, that is kept for levels under roots.
KEPT_PART = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of one worker."""

    #: How many it has in all, as it says; None: no limit is known.
    capacity: int | None
    held: int  #: By executions that have a kernel, or will have one in a moment.
    slots: int  #: Of the engine.
    max_depth: int  #: Levels below a root, inclusive.
    is_running: bool  #: An execution holds a slot: a place may become free by itself.

    def has_place(self, depth: int) -> bool:
        """Whether an execution may start there, so many levels below its root."""
        if self.capacity is None or (depth == 0 and not self.held):
            return True
        free = self.capacity - self.held
        if depth == 0:  # As many children as there are slots can run at the same time.
            return free > self._kept_levels + min(self.slots - 1, self._quarter)
        if depth <= self._kept_levels:
            return free > self._kept_levels - depth
        return free > 0

    def may_exceed(self, depth: int) -> bool:
        """Whether the deepest execution of all may start there, though it has no place."""
        return not self.is_running and depth > self._kept_levels

    def with_one_more(self) -> "Places":
        """The places after an execution has started."""
        return replace(self, held=self.held + 1, is_running=True)

    @property
    def _kept_levels(self) -> int:
        return min(self.max_depth, self._quarter)

    @property
    def _quarter(self) -> int:
        return (self.capacity or 0) // KEPT_PART


#: Of a worker that says nothing.
UNLIMITED = Places(capacity=None, held=0, slots=1, max_depth=0, is_running=False)
