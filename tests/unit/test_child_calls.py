"""A call has one child, and a retry keeps what succeeded and what still runs."""

from datetime import UTC, datetime

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import (
    EventKind,
    Execution,
    Failure,
    Flow,
    FlowKind,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.child_calls import ParentCall
from flowkernel.engine.dispatch.live_families import LiveFamilies
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest
from flowkernel.home import Home
from flowkernel.store import Store

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(execution_id, status=S.RUNNING, **fields):
    defaults = {"root_id": "root", "flow_version": "v1", "flow_name": "leaf"}
    return Execution(
        execution_id=execution_id,
        type="FLOW",
        name="leaf",
        status=status,
        created_at=NOON,
        **{**defaults, **fields},
    )


def a_call(*children, is_wrapped=False, retry_of=None, losses=0):
    return ParentCall(
        parent=execution("parent", retry_of="parent-1", losses=losses),
        child=execution("new", S.QUEUED, retry_of=retry_of),
        is_wrapped=is_wrapped,
        children=children,
    )


def own(status, **fields):
    return execution("own", status, parent_id="parent", **fields)


def earlier(status, **fields):
    return execution("earlier", status, parent_id="parent-1", **fields)


@pytest.mark.parametrize("child", [own(S.ENDED_SUCCESS), earlier(S.ENDED_SUCCESS)])
def test_what_succeeded_is_not_run_again(child):
    assert a_call(child).existing() is child


def test_the_source_of_what_succeeded_may_have_changed():
    child = earlier(S.ENDED_SUCCESS, flow_version="v0")

    assert a_call(child).existing() is child


@pytest.mark.parametrize("status", [S.QUEUED, S.RUNNING, S.WAITING, S.PAUSED])
def test_what_still_runs_is_waited_for(status):
    for child in (own(status), earlier(status)):
        assert a_call(child).existing() is child


@pytest.mark.parametrize(
    "child",
    [
        earlier(S.RUNNING, requested_action=RequestedAction.CANCEL),
        earlier(S.PAUSED, failure=Failure()),
        earlier(S.PENDING),
    ],
    ids=["being cancelled", "nobody decides", "never started"],
)
def test_an_earlier_child_that_comes_to_nothing_is_not_waited_for(child):
    assert a_call(child).existing() is None


@pytest.mark.parametrize("status", [S.ENDED_ERROR, S.ENDED_CANCELLED])
def test_a_child_after_one_that_failed_is_its_retry(status):
    call = a_call(earlier(status))

    assert (call.existing(), call.retry_of()) == (None, "earlier")


def test_other_inputs_are_another_call():
    call = a_call(own(S.ENDED_SUCCESS, inputs={"day": 1}))

    assert (call.existing(), call.retry_of()) == (None, None)


def test_a_wrapper_that_was_lost_goes_on_from_its_last_try():
    failed = own(S.ENDED_ERROR, inputs={"other": 1})

    assert a_call(failed, is_wrapped=True, losses=1).existing() is failed
    assert a_call(failed, is_wrapped=True).existing() is None
    assert a_call(failed, is_wrapped=True).retry_of() == "own"


def test_a_retry_that_a_wrapper_has_started_already_is_that_retry():
    first = own(S.ENDED_ERROR)
    second = execution("second", parent_id="parent", retry_of="own")

    call = a_call(first, second, is_wrapped=True, retry_of="own")
    another = a_call(first, second, is_wrapped=True, retry_of="second")

    assert call.existing() is second
    assert (another.existing(), another.retry_of()) == (None, "second")


@pytest.fixture
def service():
    with Store(":memory:") as store:
        service = Service(store, Home(None), Config())
        service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        yield service


def call_of(service, parent, key="step"):
    request = StartRequest(flow="f", parent_id=parent.execution_id, call_key=key)
    return service.start(request)


def run(service, execution, status):
    id_ = execution.execution_id
    service.store.append([make_event(id_, K.STARTED, worker="w")])
    if status is not S.RUNNING:
        service.store.append([make_event(id_, K.ENDED, status=status)])


def test_a_leaf_that_succeeded_is_kept_under_a_parent_that_failed(service):
    """Top calls mid, mid calls leaf; leaf succeeds, mid fails, top fails, top is retried."""
    top = service.start(StartRequest(flow="f"))
    mid = call_of(service, top)
    leaf = call_of(service, mid)
    run(service, leaf, S.ENDED_SUCCESS)
    run(service, mid, S.ENDED_ERROR)
    run(service, top, S.ENDED_ERROR)

    again = service.retry(top.execution_id, StartRequest(execution_id=new_id()))
    next_mid = call_of(service, again)

    assert next_mid.retry_of == mid.execution_id
    assert call_of(service, next_mid).execution_id == leaf.execution_id


def test_a_child_that_outlived_its_parent_is_adopted_by_the_retry(service):
    top = service.start(StartRequest(flow="f"))
    child = call_of(service, top)
    run(service, child, S.RUNNING)
    run(service, top, S.ENDED_ERROR)

    again = service.retry(top.execution_id, StartRequest(execution_id=new_id()))

    assert call_of(service, again).execution_id == child.execution_id


def test_what_has_not_ended_is_not_retried(service):
    running = service.start(StartRequest(flow="f"))

    for retry in (
        lambda: service.retry(running.execution_id, StartRequest()),
        lambda: service.start(StartRequest(retry_of=running.execution_id)),
    ):
        with pytest.raises(
            MoveNotAllowed, match="cannot be retried before it has ended"
        ):
            retry()


def test_a_cancel_reaches_what_outlived_its_parent(service):
    """Mid was killed; what it had started goes on, and would start more."""
    top = service.start(StartRequest(flow="f"))
    mid = call_of(service, top)
    leaf = call_of(service, mid)
    other = service.start(StartRequest(flow="f"))
    for execution in (top, leaf):
        run(service, execution, S.RUNNING)
    run(service, mid, S.ENDED_ERROR)

    service.cancel(top.execution_id, "ada")

    for execution in (top, leaf):
        current = service.store.get_execution(execution.execution_id)
        assert current.requested_action is RequestedAction.CANCEL
    assert service.store.get_execution(other.execution_id).status is S.QUEUED
    with pytest.raises(MoveNotAllowed, match="is being cancelled"):
        call_of(service, leaf)


def test_what_outlives_its_parent_counts_to_the_parent_above():
    families = LiveFamilies()
    for child_id, parent_id in (("mid", "top"), ("leaf", "mid")):
        families.apply(make_event(child_id, K.CREATED, parent_id=parent_id))

    families.apply(make_event("mid", K.ENDED, status=S.ENDED_ERROR))
    assert (families.children("top"), families.children("mid")) == (["leaf"], [])

    families.apply(make_event("leaf", K.ENDED, status=S.ENDED_SUCCESS))
    assert families.children("top") == []
