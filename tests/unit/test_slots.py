"""Slots: never more than there are, and nobody who waits for one is forgotten."""

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
    board = SlotTable(1)
    board.apply(event("old", K.CREATED, status=S.QUEUED))
    board.apply(event("old", K.STARTED, worker="w"))
    board.apply(event("old", K.WAITING))
    board.apply(event("new", K.CREATED, status=S.QUEUED))

    board.resume("old")

    assert board.grant_resumes() == ["old"]
    assert board.grant_starts() == []


def test_somebody_s_own_papermill_needs_no_slot():
    board = SlotTable(1)
    board.apply(event("theirs", K.CREATED, status=S.QUEUED))
    board.apply(event("theirs", K.STARTED, worker="papermill-1"))

    assert board.free == 1


def test_what_was_lost_comes_first():
    board = SlotTable(1)
    for name in ("lost", "queued"):
        board.apply(event(name, K.CREATED, status=S.QUEUED))
    board.apply(event("lost", K.STARTED, worker="w"))

    board.apply(event("lost", K.LOST, worker="w"))

    assert board.grant_starts() == ["lost"]


class Slots(RuleBasedStateMachine):
    """Executions start, wait, go on and end in any order; some grants come to nothing."""

    def __init__(self):
        super().__init__()
        self.board = SlotTable(3)
        self.status = {}
        self.wants = set()

    def says(self, execution_id, kind, stands, **payload):
        self.board.apply(event(execution_id, kind, **payload))
        self.status[execution_id] = stands

    def those(self, *statuses):
        return sorted(e for e, status in self.status.items() if status in statuses)

    @rule()
    def create(self):
        self.says(f"e{len(self.status)}", K.CREATED, S.QUEUED, status=S.QUEUED)

    @rule(is_kept=st.booleans())
    def grant(self, is_kept):
        resumed = self.board.grant_resumes()
        started = self.board.grant_starts()
        for execution_id in resumed + started:
            if not is_kept:
                self.board.take_back(execution_id)
                if execution_id in resumed:
                    self.board.resume(execution_id)
            elif execution_id in resumed:
                self.wants.discard(execution_id)
                self.says(execution_id, K.RESUMED, S.RUNNING)
            else:
                self.says(execution_id, K.STARTED, S.RUNNING, worker="w")

    @precondition(lambda self: self.those(S.RUNNING))
    @rule(data=st.data())
    def wait(self, data):
        self.says(
            data.draw(st.sampled_from(self.those(S.RUNNING))), K.WAITING, S.WAITING
        )

    @precondition(lambda self: self.those(S.WAITING))
    @rule(data=st.data())
    def wake(self, data):
        execution_id = data.draw(st.sampled_from(self.those(S.WAITING)))
        self.wants.add(execution_id)
        self.board.resume(execution_id)

    @precondition(lambda self: self.those(S.QUEUED, S.RUNNING, S.WAITING))
    @rule(data=st.data())
    def end(self, data):
        execution_id = data.draw(
            st.sampled_from(self.those(S.QUEUED, S.RUNNING, S.WAITING))
        )
        self.wants.discard(execution_id)
        self.says(execution_id, K.ENDED, S.ENDED_CANCELLED, status=S.ENDED_CANCELLED)

    @precondition(lambda self: self.those(S.RUNNING, S.WAITING))
    @rule(data=st.data())
    def lose(self, data):
        execution_id = data.draw(st.sampled_from(self.those(S.RUNNING, S.WAITING)))
        self.wants.discard(execution_id)
        self.says(execution_id, K.LOST, S.QUEUED, worker="w")

    @invariant()
    def no_more_run_than_there_are_slots(self):
        assert len(self.those(S.RUNNING)) <= self.board.slots
        assert self.board.free >= 0

    @invariant()
    def nobody_is_forgotten(self):
        assert sorted(self.board.queued) == self.those(S.QUEUED)
        assert set(self.board.resuming) == self.wants
        assert sorted(self.board.holding) == self.those(S.RUNNING)


Slots.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestSlots = Slots.TestCase
