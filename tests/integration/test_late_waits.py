"""A request to wait that comes late, or twice, gives a slot to no other wait of its flow."""

import threading
from functools import partial

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.errors import MessageNotFound
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.callers import ExecutionCaller
from flowkernel.engine.dispatch import wait_requests
from flowkernel.engine.dispatch.wait_registry import WaitMark
from flowkernel.engine.dispatch.wait_requests import WaitRequest
from flowkernel.engine.prompts.inbox import MessageAnswer, MessageRequest
from flowkernel.engine.start_plan import StartRequest
from flowkernel.flow_api.open_waits import OpenWaits, open_waits
from tests.integration.late_engine import LateEngine

S = ExecutionStatus
K = EventKind
PROCESS = new_id()


@pytest.fixture
def engine(tmp_path):
    engine = LateEngine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def parent(engine):
    """An execution that a worker runs, with two children."""
    parent = engine.service.start(StartRequest(flow="f")).execution_id
    request = partial(StartRequest, flow="f", parent_id=parent)
    parent_and_children = [
        parent,
        *(engine.service.start(request()).execution_id for _ in range(2)),
    ]
    run = [make_event(id_, K.STARTED, worker="w") for id_ in parent_and_children]
    engine.store.append(run)
    engine.settle()
    return parent_and_children


def wait(engine, waiter, target, number, *, oldest=None):
    mark = WaitMark(process=PROCESS, number=number, oldest=oldest or number)
    request = WaitRequest(targets=[target], seconds=60, is_flow=True, mark=mark)
    return engine.hold(ExecutionCaller(waiter, 1), request)


def end(engine, execution_id):
    engine.store.append(
        [make_event(execution_id, K.ENDED, "w", status=S.ENDED_SUCCESS)]
    )
    engine.settle()


def test_a_request_that_comes_late_gives_no_slot_to_the_next_wait(engine, parent):
    waiter, first, second = parent
    late = wait(engine, waiter, first, 1)  # Stands still before it reads anything.
    [stands_still] = engine.calls
    engine.calls.clear()
    again = wait(engine, waiter, first, 1)
    engine.settle()
    end(engine, first)
    assert again.result()["has_slot"]
    next_wait = wait(engine, waiter, second, 2)
    engine.settle()
    assert engine.store.live[waiter].status is S.WAITING

    engine.calls.append(stands_still)
    engine.settle()

    assert engine.store.live[waiter].status is S.WAITING
    assert late.result()["has_slot"] is False
    end(engine, second)
    assert next_wait.result()["has_slot"]
    assert engine.store.live[waiter].status is S.RUNNING


def test_a_request_that_is_open_still_gives_no_slot_to_the_next_wait(engine, parent):
    """As after a timeout of the flow, which waits for something else then."""
    waiter, first, second = parent
    wait(engine, waiter, first, 1)
    engine.settle()
    wait(engine, waiter, second, 2)
    engine.settle()

    end(engine, first)

    assert engine.store.live[waiter].status is S.WAITING


def test_a_wait_of_a_lost_attempt_gives_no_slot_to_the_next_one(engine, parent):
    waiter, first, _ = parent
    wait(engine, waiter, first, 1)
    engine.settle()
    engine.store.append([make_event(waiter, K.LOST, worker="w")])
    engine.store.append([make_event(waiter, K.STARTED, worker="w")])
    engine.store.append([make_event(waiter, K.WAITING, on="something else")])
    engine.settle()

    end(engine, first)

    assert engine.store.live[waiter].status is S.WAITING


def test_a_wait_for_what_was_answered_meanwhile_does_not_begin(engine, parent):
    """A person answers after the request was read, and before the wait is recorded."""
    waiter, *_children = parent
    sent = engine.inbox.send(waiter, MessageRequest(subject="Go on?", request="Say it"))
    engine.settle()
    request = WaitRequest(message=sent.message_id, seconds=60, is_flow=True)
    held = engine.hold(ExecutionCaller(waiter, 1), request)
    for _read in range(2):  # Which message it is, and whether it is open.
        engine.carry_out(0)
        engine.answer(0)
    assert engine.calls  # That it waits, not written yet.

    answer = MessageAnswer(response={"string": "yes", "ok": True}, answered_by="ada")
    engine.inbox.answer(sent.message_id, answer)
    engine.settle()

    assert held.result()["is_over"]
    sql = f"SELECT kind FROM event WHERE execution_id = '{waiter}' ORDER BY seq"
    kinds = [row[0] for row in engine.store.query(sql).rows]
    assert "waiting" not in kinds


def test_a_flow_that_waits_for_a_message_that_is_deleted_goes_on_with_a_slot(
    engine, parent
):
    waiter, *_children = parent
    sender = engine.service.start(StartRequest(flow="f")).execution_id
    request = MessageRequest(subject="Go on?", request="Say it", outlives=True)
    sent = engine.inbox.send(sender, request)
    engine.service.cancel(sender, "ada")
    wait_request = WaitRequest(message=sent.message_id, seconds=60, is_flow=True)
    held = engine.hold(ExecutionCaller(waiter, 1), wait_request)
    engine.settle()
    assert engine.store.live[waiter].status is S.WAITING
    other = engine.service.start(StartRequest(flow="f")).execution_id
    engine.store.append([make_event(other, K.STARTED, worker="w")])
    engine.settle()

    engine.store.prune([sender])
    engine.settle()

    assert not held.done()  # There is no slot.
    end(engine, other)
    assert engine.store.live[waiter].status is S.RUNNING
    with pytest.raises(MessageNotFound):
        held.result()


@pytest.mark.parametrize("kind", ["message", "run"])
def test_a_flow_gets_no_error_without_a_slot(engine, parent, monkeypatch, kind):
    """What it waits for is deleted while others have all slots: it asks again."""
    waiter, *_children = parent
    sender = engine.service.start(StartRequest(flow="f")).execution_id
    request = MessageRequest(subject="Go on?", request="Say it", outlives=True)
    sent = engine.inbox.send(sender, request)
    target = (
        {"message": sent.message_id} if kind == "message" else {"targets": [sender]}
    )
    wait_request = WaitRequest(**target, seconds=60, is_flow=True)
    caller = ExecutionCaller(waiter, 1)
    engine.hold(caller, wait_request)
    engine.settle()
    other = engine.service.start(StartRequest(flow="f")).execution_id
    engine.store.append([make_event(other, K.STARTED, worker="w")])
    engine.settle()
    engine.service.cancel(sender, "ada")
    engine.store.prune([sender])
    engine.settle()
    monkeypatch.setattr(wait_requests, "SLOT_SECONDS", 0.0)

    held = engine.hold(caller, wait_request)
    engine.settle()

    assert held.result() == {"is_over": True, "has_slot": False}
    assert engine.store.live[waiter].status is S.WAITING


def test_threads_of_a_flow_wait_for_different_things(engine, parent):
    waiter, first, second = parent
    waits = [wait(engine, waiter, first, 1), wait(engine, waiter, second, 2, oldest=1)]
    engine.settle()

    end(engine, first)

    assert waits[0].result()["has_slot"]
    assert not waits[1].done()


def test_a_process_says_which_of_its_waits_is_the_oldest():
    waits = OpenWaits()

    with waits.begin() as first:
        with waits.begin() as second:
            assert waits.mark(second)["oldest"] == first
        with waits.begin() as third:
            assert (third, waits.mark(third)["oldest"]) == (3, first)
    with waits.begin() as fourth:
        assert waits.mark(fourth)["oldest"] == fourth


def test_waits_are_numbered_by_process_and_not_by_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(open_waits.get()))
    thread.start()
    thread.join()

    assert found == [open_waits.get()]
