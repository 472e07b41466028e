"""Slots: never more than there are, and none that waits for one is forgotten."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import SlotTable

S = ExecutionStatus
K = EventKind


def event(execution_id, kind, **payload):
    return Event(
        event_id=new_id(),
        execution_id=execution_id,
        kind=kind,
        happened_at=now(),
        payload=payload,
    )


def test_one_whose_wait_is_over_comes_before_one_that_never_started():
    table = SlotTable(1)
    table.apply(event("old", K.CREATED, status=S.QUEUED))
    table.apply(event("old", K.STARTED, worker="w"))
    table.apply(event("old", K.WAITING))
    table.apply(event("new", K.CREATED, status=S.QUEUED))

    table.resume("old")

    assert [grant.execution_id for grant in table.grant_resumes()] == ["old"]
    assert table.grant_starts() == []


def test_a_papermill_process_needs_no_slot():
    table = SlotTable(1)
    table.apply(event("external", K.CREATED, status=S.QUEUED))
    table.apply(event("external", K.STARTED, worker="papermill-1"))

    assert table.free == 1


def test_what_was_lost_comes_first():
    table = SlotTable(1)
    for name in ("lost", "queued"):
        table.apply(event(name, K.CREATED, status=S.QUEUED))
    table.apply(event("lost", K.STARTED, worker="w"))

    table.apply(event("lost", K.LOST, worker="w"))

    assert [grant.execution_id for grant in table.grant_starts()] == ["lost"]


def test_a_grant_under_way_is_not_given_again():
    table = SlotTable(2)
    for name in ("first", "second", "third"):
        table.apply(event(name, K.CREATED, status=S.QUEUED))

    grants = table.grant_starts()

    assert [grant.execution_id for grant in grants] == ["first", "second"]
    assert (table.free, table.grant_starts()) == (0, [])
    table.take_back(grants[0])
    assert [grant.execution_id for grant in table.grant_starts()] == ["first"]


def test_an_old_grant_does_not_take_back_a_newer_one():
    table = SlotTable(1)
    table.apply(event("one", K.CREATED, status=S.QUEUED))
    [old] = table.grant_starts()
    table.apply(event("one", K.PAUSED))
    table.apply(event("one", K.QUEUED))
    [new] = table.grant_starts()

    table.take_back(old)

    assert table.grants == {"one": new}


def test_only_what_waits_is_resumed():
    table = SlotTable(1)
    table.apply(event("one", K.CREATED, status=S.QUEUED))
    table.apply(event("one", K.STARTED, worker="w"))

    table.resume("one")
    table.resume("never heard of")

    assert (table.grant_resumes(), table.free) == ([], 0)


def test_who_lost_the_kernel_while_waiting_for_a_slot_gets_none():
    table = SlotTable(1)
    table.apply(event("one", K.CREATED, status=S.QUEUED))
    table.apply(event("one", K.PAUSED))
    table.apply(event("one", K.DECIDED, verb="retry_cell"))
    assert [grant.execution_id for grant in table.grant_resumes()] == ["one"]

    table.apply(event("one", K.KERNEL_LOST))

    assert (table.grant_resumes(), table.free) == ([], 1)


class SlotMachine(RuleBasedStateMachine):
    """Executions start, wait, continue and end in any order, while grants are under way.

    What is recorded is heard later: `status` is what is on disk, the table follows behind.
    """

    def __init__(self):
        super().__init__()
        self.table = SlotTable(3)
        self.status = {}
        self.over = set()  #: They wait, and their wait is over.
        self.undecided = set()  #: They lost their kernel while they waited for a slot.
        self.on_the_way = []  #: Recorded, not heard yet: events, and refused grants.
        self.flying = []  #: Given out, not decided on yet.

    def record(self, execution_id, kind, status, /, **payload):
        self.status[execution_id] = status
        self.over.discard(execution_id)
        self.undecided.discard(execution_id)
        self.on_the_way.append(event(execution_id, kind, **payload))

    def draw(self, data, *statuses):
        names = sorted(e for e, status in self.status.items() if status in statuses)
        return data.draw(st.sampled_from(names)) if names else None

    @rule()
    def create(self):
        self.record(f"e{len(self.status)}", K.CREATED, S.QUEUED, status=S.QUEUED)

    @rule()
    def grant(self):
        for kind, grants in (
            (K.RESUMED, self.table.grant_resumes()),
            (K.STARTED, self.table.grant_starts()),
        ):
            self.flying += [(kind, grant) for grant in grants]

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), fails=st.booleans())
    def land(self, data, fails):
        """The writer decides on a grant; its reply comes after all events before it."""
        number = data.draw(st.integers(0, len(self.flying) - 1))
        kind, grant = self.flying.pop(number)
        execution_id, status = grant.execution_id, self.status[grant.execution_id]
        fits = (
            status is S.QUEUED if kind is K.STARTED else status in (S.WAITING, S.PAUSED)
        )
        if fits and not fails and execution_id not in self.undecided:
            self.record(execution_id, kind, S.RUNNING, worker="w")
        else:
            self.on_the_way.append(grant)

    @precondition(lambda self: self.on_the_way)
    @rule(count=st.integers(1, 5))
    def hear(self, count):
        for _ in range(min(count, len(self.on_the_way))):
            news = self.on_the_way.pop(0)
            if isinstance(news, Event):
                self.table.apply(news)
            else:
                self.table.take_back(news)

    @rule(data=st.data())
    def wait(self, data):
        if execution_id := self.draw(data, S.RUNNING):
            self.record(execution_id, K.WAITING, S.WAITING)

    @rule(data=st.data())
    def wake(self, data):
        """A wait that the table has heard of is over."""
        if self.on_the_way:
            return
        if execution_id := self.draw(data, S.WAITING):
            self.over.add(execution_id)
            self.table.resume(execution_id)

    @rule(data=st.data())
    def pause(self, data):
        if execution_id := self.draw(data, S.QUEUED, S.RUNNING, S.WAITING):
            self.record(execution_id, K.PAUSED, S.PAUSED)

    @rule(data=st.data())
    def resume(self, data):
        if execution_id := self.draw(data, S.PAUSED):
            self.on_the_way.append(event(execution_id, K.REQUESTED, what="resume"))
            self.over.add(execution_id)
            self.undecided.discard(execution_id)

    @rule(data=st.data())
    def lose_kernel(self, data):
        """A person had decided on a failure; its kernel is gone before it has a slot."""
        execution_id = self.draw(data, S.PAUSED)
        if execution_id in self.over:
            self.on_the_way.append(event(execution_id, K.KERNEL_LOST))
            self.over.discard(execution_id)
            self.undecided.add(execution_id)

    @rule(data=st.data())
    def end(self, data):
        if execution_id := self.draw(data, S.QUEUED, S.RUNNING, S.WAITING, S.PAUSED):
            status = S.ENDED_CANCELLED
            self.record(execution_id, K.ENDED, status, status=status)

    @rule(data=st.data())
    def lose(self, data):
        if execution_id := self.draw(data, S.RUNNING, S.WAITING):
            self.record(execution_id, K.LOST, S.QUEUED, worker="w")

    @invariant()
    def no_more_run_than_there_are_slots(self):
        running = [e for e, status in self.status.items() if status is S.RUNNING]
        assert len(running) <= self.table.slots
        assert self.table.free >= 0

    @invariant()
    def no_grant_is_given_twice(self):
        granted = [grant for _, grant in self.flying]
        granted += [news for news in self.on_the_way if not isinstance(news, Event)]
        current = [g for g in granted if self.table.grants.get(g.execution_id) == g]
        assert len(current) == len({grant.execution_id for grant in current})

    @invariant()
    def none_is_forgotten_once_all_is_heard(self):
        if self.on_the_way:
            return
        by_status = {s: {e for e, t in self.status.items() if t is s} for s in S}
        assert set(self.table.queued) == by_status[S.QUEUED]
        assert set(self.table.holding) == by_status[S.RUNNING]
        assert set(self.table.resuming) == self.over
        assert self.table.grants.keys() <= {
            grant.execution_id for _, grant in self.flying
        }


SlotMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestSlots = SlotMachine.TestCase
