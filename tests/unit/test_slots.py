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

    assert table.grant_resumes() == ["old"]
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

    assert table.grant_starts() == ["lost"]


class SlotMachine(RuleBasedStateMachine):
    """Executions start, wait, continue and end in any order; some grants are not recorded."""

    def __init__(self):
        super().__init__()
        self.table = SlotTable(3)
        self.status = {}
        self.waiting = set()

    def apply(self, execution_id, kind, stands, **payload):
        self.table.apply(event(execution_id, kind, **payload))
        self.status[execution_id] = stands

    def with_status(self, *statuses):
        return sorted(e for e, status in self.status.items() if status in statuses)

    @rule()
    def create(self):
        self.apply(f"e{len(self.status)}", K.CREATED, S.QUEUED, status=S.QUEUED)

    @rule(is_recorded=st.booleans())
    def grant(self, is_recorded):
        resumed = self.table.grant_resumes()
        started = self.table.grant_starts()
        for execution_id in resumed + started:
            if not is_recorded:
                self.table.take_back(execution_id)
                if execution_id in resumed:
                    self.table.resume(execution_id)
            elif execution_id in resumed:
                self.waiting.discard(execution_id)
                self.apply(execution_id, K.RESUMED, S.RUNNING)
            else:
                self.apply(execution_id, K.STARTED, S.RUNNING, worker="w")

    @precondition(lambda self: self.with_status(S.RUNNING))
    @rule(data=st.data())
    def wait(self, data):
        self.apply(
            data.draw(st.sampled_from(self.with_status(S.RUNNING))),
            K.WAITING,
            S.WAITING,
        )

    @precondition(lambda self: self.with_status(S.WAITING))
    @rule(data=st.data())
    def wake(self, data):
        execution_id = data.draw(st.sampled_from(self.with_status(S.WAITING)))
        self.waiting.add(execution_id)
        self.table.resume(execution_id)

    @precondition(lambda self: self.with_status(S.QUEUED, S.RUNNING, S.WAITING))
    @rule(data=st.data())
    def end(self, data):
        execution_id = data.draw(
            st.sampled_from(self.with_status(S.QUEUED, S.RUNNING, S.WAITING))
        )
        self.waiting.discard(execution_id)
        self.apply(execution_id, K.ENDED, S.ENDED_CANCELLED, status=S.ENDED_CANCELLED)

    @precondition(lambda self: self.with_status(S.RUNNING, S.WAITING))
    @rule(data=st.data())
    def lose(self, data):
        execution_id = data.draw(
            st.sampled_from(self.with_status(S.RUNNING, S.WAITING))
        )
        self.waiting.discard(execution_id)
        self.apply(execution_id, K.LOST, S.QUEUED, worker="w")

    @invariant()
    def no_more_run_than_there_are_slots(self):
        assert len(self.with_status(S.RUNNING)) <= self.table.slots
        assert self.table.free >= 0

    @invariant()
    def none_is_forgotten(self):
        assert sorted(self.table.queued) == self.with_status(S.QUEUED)
        assert set(self.table.resuming) == self.waiting
        assert sorted(self.table.holding) == self.with_status(S.RUNNING)


SlotMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestSlots = SlotMachine.TestCase
