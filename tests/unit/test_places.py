"""Families that wait with live kernels never block themselves, however few places there are."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.engine.dispatch.places import Places
from flowkernel.engine.dispatch.slots import SlotTable

MAX_DEPTH = 50


def places(capacity, held=0, *, slots=2, is_running=True, max_depth=MAX_DEPTH):
    return Places(
        capacity=capacity, held=held, slots=slots, max_depth=max_depth,
        is_running=is_running,
    )  # fmt: skip


@dataclass(eq=False)
class Member:
    """An execution: it runs, starts its children and waits for them, and ends."""

    depth: int
    parent: "Member | None" = None
    children: list["Member"] = field(default_factory=list)
    has_ended: bool = False

    @property
    def can_end(self):
        return all(child.has_ended for child in self.children)


def family(sizes, depth=0, parent=None):
    """A root and what it will start: `sizes` says how many children, level by level."""
    root = Member(depth, parent)
    for _ in range(sizes[0] if sizes else 0):
        root.children.append(family(sizes[1:], depth + 1, root))
    return root


class Machine:
    """One worker, with its queue. Everything that can happen does, in a random order."""

    def __init__(self, roots, capacity, slots, seed, max_depth=MAX_DEPTH):
        self.capacity, self.slots, self.max_depth = capacity, slots, max_depth
        self.queue, self.running, self.waiting = list(roots), [], []
        self.most_held = 0
        self.random = random.Random(seed)

    def run(self):
        while self.queue or self.running or self.waiting:
            has_moved = self._resume() or self._start()
            if self.running:
                self._go_on(self.random.choice(self.running))
            elif not has_moved:
                raise AssertionError("nothing runs, and nothing can start")

    def _resume(self):
        ready = [member for member in self.waiting if member.can_end]
        for member in ready[: self.slots - len(self.running)]:
            self.waiting.remove(member)
            self.running.append(member)
        return bool(ready)

    def _start(self):
        held = len(self.running) + len(self.waiting)
        now = Places(
            capacity=self.capacity, held=held, slots=self.slots,
            max_depth=self.max_depth, is_running=bool(self.running),
        )  # fmt: skip
        table = SlotTable(self.slots)
        table.holding = {str(n) for n in range(len(self.running))}
        table.queued = dict.fromkeys(map(id, self.queue))
        table.depths = {
            id(member): member.depth for member in self.queue if member.depth
        }
        granted = {grant.execution_id for grant in table.grant_starts(now)}
        starts = [member for member in self.queue if id(member) in granted]
        self.queue = [member for member in self.queue if id(member) not in granted]
        self.running += starts
        self.most_held = max(self.most_held, held + len(starts))
        return bool(starts)

    def _go_on(self, member):
        self.running.remove(member)
        if member.can_end:
            member.has_ended = True
        else:
            self.queue += [child for child in member.children if not child.has_ended]
            self.waiting.append(member)


@given(
    st.lists(st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=12),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(),
)
def test_every_family_ends_however_few_places_there_are(
    families, capacity, slots, seed
):
    machine = Machine([family(sizes) for sizes in families], capacity, slots, seed)

    machine.run()


@given(
    st.lists(st.lists(st.integers(1, 2), max_size=4), min_size=1, max_size=30),
    st.integers(16, 60),
    st.integers(1, 4),
    st.integers(),
)
def test_no_more_are_held_than_there_are_places(families, capacity, slots, seed):
    """If places are kept for every level that families can have."""
    roots = [family(sizes) for sizes in families]
    machine = Machine(roots, capacity, slots, seed, max_depth=4)

    machine.run()

    assert machine.most_held <= capacity


def test_a_chain_as_deep_as_it_may_be_ends_in_few_places():
    machine = Machine([family([1] * MAX_DEPTH) for _ in range(10)], 8, 2, 0)

    machine.run()

    assert machine.most_held <= MAX_DEPTH + 8


def test_roots_leave_places_for_children():
    held = next(n for n in range(100) if not places(96, n).has_place(0))

    assert held == 96 - 24 - 1
    assert places(96, held).has_place(1)


@pytest.mark.parametrize("slots", [2, 16, 64])
def test_many_slots_do_not_take_most_places_from_roots(slots):
    assert places(100, 49, slots=slots).has_place(0)


def test_a_worker_always_takes_one_root():
    assert places(1, 0, is_running=False).has_place(0)
    assert not places(1, 1, is_running=False).has_place(0)


def test_a_child_starts_where_nothing_runs_and_no_place_remains():
    assert not places(2, 2, is_running=False).has_place(1)
    assert places(2, 2, is_running=False).may_exceed(1)
    assert not places(2, 2).may_exceed(1)


def test_a_worker_of_an_older_version_has_no_limit():
    assert places(None, 100_000).has_place(0)
