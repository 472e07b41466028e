"""Two who act at once, in the order that did harm: each was seen before it was mended.

`test_late_commits.py` tries all orders at random. These are single ones, step by step, so that
the sentence of a failure says which promise is broken.
"""

from functools import partial

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import FlowkernelError, MoveNotAllowed
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.callers import ExecutionCaller
from flowkernel.engine.dispatch import dispatcher
from flowkernel.engine.dispatch.lost_workers import record_losses
from flowkernel.engine.dispatch.wait_requests import WaitRequest
from flowkernel.engine.prompts.inbox import MessageRequest
from flowkernel.engine.start_plan import StartRequest
from tests.integration.late_engine import SLOTS, LateEngine, SteppedCall

S = ExecutionStatus
K = EventKind
WORKER = "worker-a"


@pytest.fixture
def engine(tmp_path):
    engine = LateEngine(tmp_path)
    yield engine
    errors = engine.errors.messages
    engine.close()
    assert errors == []


def poll(engine, *holding):
    """The worker asks for work; the ids of what it is to start."""
    reply = engine.poll(WORKER, dict.fromkeys(holding, 1), set())
    engine.settle()
    return [start["execution"]["execution_id"] for start in reply["start"]]


def start(engine, count=1, **fields):
    ids = [
        engine.service.start(StartRequest(flow="f", **fields)).execution_id
        for _ in range(count)
    ]
    engine.settle()
    return ids


def running(engine, count):
    """The ids of executions that run in the worker."""
    ids = start(engine, count)
    poll(engine)
    poll(engine, *ids)
    assert [engine.store.live[id_].status for id_ in ids] == [S.RUNNING] * count
    return ids


def end(engine, *ids):
    """They succeed, in one report; the engine has not heard of it yet."""
    engine.store.append(
        [make_event(id_, K.ENDED, WORKER, status=S.ENDED_SUCCESS) for id_ in ids]
    )


def status_of(engine, execution_id):
    return engine.store.get_execution(execution_id).status


def turns(first, second):
    """Both calls stand still before their write; then they go on in turns, to their ends."""
    calls = [SteppedCall("first", first), SteppedCall("second", second)]
    while not all(call.is_over for call in calls):
        for call in calls:
            if not call.is_over:
                call.go_on()
    return calls


# -- cancel ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_acknowledged_cancel_is_not_taken_back(engine, verb):
    [id_] = running(engine, 1)
    engine.service.cancel(id_, "ann")

    with pytest.raises(MoveNotAllowed, match="is being cancelled"):
        getattr(engine.service, verb)(id_, "bob")

    execution = engine.store.get_execution(id_)
    assert execution.requested_action is RequestedAction.CANCEL
    engine.store.decide(partial(record_losses, [execution], Config()))
    assert status_of(engine, id_) is S.ENDED_CANCELLED


def test_a_pause_that_stood_still_does_not_take_back_a_cancel(engine):
    [id_] = running(engine, 1)
    pause = SteppedCall("pause", lambda: engine.service.pause(id_, "bob"))
    pause.go_on()

    engine.service.cancel(id_, "ann")
    while not pause.is_over:
        pause.go_on()

    assert isinstance(pause.error, FlowkernelError)
    requested = engine.store.get_execution(id_).requested_action
    assert requested is RequestedAction.CANCEL


# -- slots -----------------------------------------------------------------------------------


def test_a_cancel_that_is_heard_late_costs_nobody_a_slot(engine):
    """A wait is over while what is next in the queue was cancelled a moment ago."""
    parent, first, second = running(engine, SLOTS)
    engine.store.append([make_event(parent, K.WAITING, on="for a child")])
    engine.settle()
    [third] = start(engine)
    poll(engine, parent, first, second)
    poll(engine, parent, first, second, third)
    [queued] = start(engine)

    end(engine, first, second)
    engine.service.cancel(queued, "ann")
    engine.run(partial(engine.dispatcher.resume, parent))
    engine.hear()
    engine.settle()

    assert status_of(engine, parent) is S.RUNNING
    assert engine.dispatcher.slots.free == SLOTS - 2
    more = start(engine)
    assert poll(engine, parent, third) == more


def test_what_is_granted_and_not_yet_recorded_is_not_granted_again(engine):
    poll(engine)
    first, second = (
        engine.service.start(StartRequest(flow="f")).execution_id for _ in "ab"
    )

    engine.hear()  # The first is granted, and what records it stands still.
    engine.hear()

    assert sorted(engine.promised()) == sorted([first, second])


# -- calls -----------------------------------------------------------------------------------


def test_of_two_calls_with_one_key_at_once_both_get_one_child(engine):
    [parent] = running(engine, 1)
    caller = ExecutionCaller(parent, 1)

    def call():
        request = StartRequest(flow="f", parent_id=parent, call_key="fetch#1")
        return engine.service.start(request, caller=caller)

    first, second = turns(call, call)

    assert first.value.execution_id == second.value.execution_id
    assert len(engine.store.list_executions(parent_id=parent)) == 1


def test_a_change_of_wrappers_that_stood_still_loses_no_new_source(engine):
    retry = {"name": "retry", "inputs": {}}
    wrap = SteppedCall("wrap", lambda: engine.service.wrap("f", [retry]))
    wrap.go_on()

    engine.service.register(Flow(name="f", kind=FlowKind.CELL, source="new"))
    while not wrap.is_over:
        wrap.go_on()

    flow = engine.store.get_flow("f")
    assert (flow.source, [use["name"] for use in flow.wrappers]) == ("new", ["retry"])


# -- attempts --------------------------------------------------------------------------------


def test_what_a_lost_kernel_still_sends_is_not_recorded(engine):
    [id_] = running(engine, 1)
    old = ExecutionCaller(id_, 1)
    calls = [
        lambda: engine.service.set_output(id_, {"a": 1}, merge=True, caller=old),
        lambda: engine.service.log(id_, "log", "x", event_id=new_id(), caller=old),
        lambda: engine.service.start(
            StartRequest(flow="f", parent_id=id_, call_key="k"), caller=old
        ),
        lambda: engine.inbox.send(id_, MessageRequest(subject="?"), caller=old),
    ]
    stepped = [SteppedCall("a call of the old kernel", call) for call in calls]
    for call in stepped:
        call.go_on()

    execution = engine.store.get_execution(id_)
    engine.store.decide(partial(record_losses, [execution], Config()))
    engine.settle()
    poll(engine)
    seq = engine.store.last_seq
    for call in stepped:
        while not call.is_over:
            call.go_on()

    assert [type(call.error).__name__ for call in stepped] == ["AttemptIsOver"] * 4
    assert engine.store.last_seq == seq


# -- what follows from a commit --------------------------------------------------------------


def test_an_event_that_fails_loses_its_own_reaction_only(engine):
    first, second = running(engine, 2)
    follow = engine.dispatcher.workers.follow

    def follow_others(event):
        if event.execution_id == first:
            raise ZeroDivisionError
        follow(event)

    engine.dispatcher.workers.follow = follow_others
    end(engine, first, second)
    engine.settle()

    assert second not in engine.dispatcher.progress
    assert not engine.dispatcher.live
    assert "could not follow event" in engine.errors.messages.pop()
    [third] = start(engine)
    assert poll(engine) == [third]


def test_grants_that_cannot_be_recorded_are_given_again(engine, monkeypatch):
    """Whatever the reason: here, one that nobody has thought of."""
    monkeypatch.setattr(dispatcher, "PAUSE", 0.0)
    poll(engine)
    id_ = engine.service.start(StartRequest(flow="f")).execution_id
    engine.hear()
    [(_call, future)] = engine.calls
    engine.calls.clear()

    future.set_exception(ZeroDivisionError())
    engine.turn()
    engine.settle()

    assert poll(engine) == [id_]
    assert engine.errors.messages.pop() == "could not record what was decided"


def test_a_request_to_wait_reads_what_it_waits_for_once(engine, monkeypatch):
    [parent] = running(engine, 1)
    targets = start(engine, 5, run=False)
    reads = []
    get = engine.store.get_execution
    monkeypatch.setattr(
        engine.store, "get_execution", lambda id_: reads.append(id_) or get(id_)
    )

    caller = ExecutionCaller(parent, 1)
    engine.hold(caller, WaitRequest(targets=targets, seconds=0))
    engine.settle()

    assert sorted(reads) == sorted(targets)
