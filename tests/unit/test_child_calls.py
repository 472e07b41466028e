"""A call has one child, and a retry keeps what succeeded and what still runs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import ExecutionNotFound, FlowNotFound, MoveNotAllowed
from flowkernel.core.event_factory import make_event
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import (
    EventKind,
    Failure,
    Flow,
    FlowKind,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.child_calls import ParentCall
from flowkernel.engine.dispatch.live_families import LiveFamilies
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.erasure import Erasure
from flowkernel.engine.execution_verbs import cancel_family
from flowkernel.engine.prompts.stale_prompts import find_stale, settle_stale
from flowkernel.engine.retention import delete as delete_execution
from flowkernel.engine.retention import prune
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest
from flowkernel.engine.starting import adopted_event
from flowkernel.engine.wrapper_registry import WrapperUse
from flowkernel.home import Home
from flowkernel.store import Store
from tests.records import an_execution
from tests.stage import service

__all__ = ["service"]

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(execution_id, status=S.RUNNING, **fields):
    defaults = {"root_id": "root", "flow_version": "v1", "flow_name": "leaf"}
    return an_execution(execution_id, status, **{**defaults, **fields})


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
    ],
    ids=["being cancelled", "nobody decides"],
)
def test_an_earlier_child_that_comes_to_nothing_is_not_waited_for(child):
    """What succeeded under it is kept all the same."""
    call = a_call(child)

    assert (call.existing(), call.retry_of()) == (None, "earlier")


def test_an_earlier_child_that_never_started_is_not_retried():
    call = a_call(earlier(S.PENDING))

    assert (call.existing(), call.retry_of()) == (None, None)


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


def call_of(service, parent, key="step"):
    request = StartRequest(flow="f", parent_id=parent.execution_id, call_key=key)
    return service.start(request)


def run(service, execution, status):
    id_ = execution.execution_id
    service.store.append([make_event(id_, K.STARTED, worker="w")])
    if status is not S.RUNNING:
        service.store.append([make_event(id_, K.ENDED, status=status)])


def retry(service, execution):
    request = StartRequest(execution_id=new_id())
    return service.retry(execution.execution_id, request)


def ids_under(service, execution):
    _top, members = service.subtree(execution.execution_id)
    return [member.execution_id for member in members]


def current(service, execution):
    return service.store.get_execution(execution.execution_id)


def test_a_leaf_that_succeeded_is_kept_under_a_parent_that_failed(service):
    """Top calls mid, mid calls leaf; leaf succeeds, mid fails, top fails, top is retried."""
    top = service.start(StartRequest(flow="f"))
    mid = call_of(service, top)
    leaf = call_of(service, mid)
    run(service, leaf, S.ENDED_SUCCESS)
    run(service, mid, S.ENDED_ERROR)
    run(service, top, S.ENDED_ERROR)

    again = retry(service, top)
    next_mid = call_of(service, again)

    assert next_mid.retry_of == mid.execution_id
    assert call_of(service, next_mid).execution_id == leaf.execution_id
    assert ids_under(service, again) == [next_mid.execution_id, leaf.execution_id]
    assert ids_under(service, top) == [mid.execution_id, leaf.execution_id]


@pytest.fixture
def outlived(service):
    """Top was retried; the child of its first try goes on, with a child of its own."""
    top = service.start(StartRequest(flow="f"))
    child = call_of(service, top)
    leaf = call_of(service, child)
    for execution in (child, leaf):
        run(service, execution, S.RUNNING)
    run(service, top, S.ENDED_ERROR)
    return top, retry(service, top), child, leaf


def test_a_child_that_outlived_its_parent_is_adopted_by_the_retry(service, outlived):
    top, again, child, leaf = outlived

    adopted = call_of(service, again)

    assert adopted.execution_id == child.execution_id
    assert (adopted.parent_id, adopted.adopted_by) == (
        top.execution_id,
        again.execution_id,
    )
    both = [child.execution_id, leaf.execution_id]
    assert ids_under(service, top) == ids_under(service, again) == both
    assert service.store.ancestors(leaf.execution_id) == [adopted, again]


def test_an_adoption_is_recorded_once_and_by_whom(service, outlived):
    top, again, child, _leaf = outlived

    for _ in range(2):
        call_of(service, again)

    page = service.store.events_after(0, execution_id=child.execution_id)
    [event] = [event for event in page.events if event.kind is K.ADOPTED]
    assert event.payload == {
        "parent_id": again.execution_id,
        "root_id": again.execution_id,
        "call_key": "step",
        "former_parent_id": top.execution_id,
    }


def test_a_cancel_of_the_retry_reaches_what_it_adopted(service, outlived):
    _top, again, child, leaf = outlived
    call_of(service, again)

    service.cancel(again.execution_id, "ada")

    for execution in (child, leaf):
        assert current(service, execution).requested_action is RequestedAction.CANCEL


def test_a_cancel_in_the_same_frame_reaches_what_was_adopted(service, outlived):
    """The writer decides both before the adoption is in memory."""
    _top, again, child, _leaf = outlived
    adopted = adopted_event(again, current(service, child))

    def adopt_and_cancel(batch):
        batch.append_checked([adopted])
        return cancel_family(batch, again.execution_id, "ada")

    service.store.decide(adopt_and_cancel)

    assert current(service, child).requested_action is RequestedAction.CANCEL


def test_events_of_what_was_adopted_belong_to_both_families(service, outlived):
    top, again, _child, leaf = outlived
    call_of(service, again)
    service.log(leaf.execution_id, "stdout", "on it", event_id=new_id())

    for root in (top, again):
        events = service.store.events_after(0, root_id=root.execution_id).events
        found = [(event.execution_id, event.kind) for event in events]
        assert (leaf.execution_id, K.LOGGED) in found


def test_a_refused_start_leaves_no_environment_behind(service, tmp_path):
    with pytest.raises(FlowNotFound):
        service.start(StartRequest(flow="unknown", environ={"SECRET": "s"}))

    folder = Home(tmp_path).environment
    assert not folder.exists() or not list(folder.iterdir())


def test_an_execution_does_not_adopt_what_is_above_it(service, outlived):
    """The child retries its parent within itself, and that makes the same call."""
    top, _again, child, _leaf = outlived
    request = StartRequest(
        flow="f", retry_of=top.execution_id, parent_id=child.execution_id
    )
    inner = service.start(request)

    assert call_of(service, inner).execution_id != child.execution_id


@pytest.fixture
def delete(service, tmp_path):
    erasure = Erasure(service.store, Home(tmp_path), lambda: None)
    return lambda execution: delete_execution(service, erasure, execution.execution_id)


@pytest.fixture
def retried(service):
    """Top failed after its child had succeeded, and was retried; its retry, too."""
    top = service.start(StartRequest(flow="f"))
    child = call_of(service, top)
    run(service, child, S.ENDED_SUCCESS)
    run(service, top, S.ENDED_ERROR)
    second = retry(service, top)
    run(service, second, S.ENDED_ERROR)
    return top, child, second, retry(service, second)


def test_what_a_live_retry_needs_is_not_pruned(service, retried):
    top, child, second, third = retried

    assert prune(service, days=None, keep=0).families == 0
    assert service.store.prune([top.execution_id, second.execution_id]) == []
    assert call_of(service, third).execution_id == child.execution_id

    run(service, third, S.ENDED_SUCCESS)
    assert prune(service, days=None, keep=0).families == 3
    assert service.store.find_execution(child.execution_id) is None


def test_what_a_live_retry_needs_is_not_deleted(service, delete, retried):
    top, child, _second, third = retried

    for execution in (top, child):
        with pytest.raises(MoveNotAllowed, match="deleted before its retry has ended"):
            delete(execution)

    run(service, third, S.ENDED_SUCCESS)
    delete(child)


def test_what_outlives_one_that_was_adopted_keeps_the_adopter(service, delete):
    """A retry that has ended had adopted a child that has ended; that one's child goes on."""
    top = service.start(StartRequest(flow="f"))
    first = call_of(service, top, "first")
    adopted = call_of(service, first, "step")
    leaf = call_of(service, adopted, "leaf")
    for execution in (top, adopted, leaf):
        run(service, execution, S.RUNNING)
    run(service, first, S.ENDED_ERROR)
    again = call_of(service, top, "first")
    run(service, again, S.RUNNING)
    assert call_of(service, again, "step").execution_id == adopted.execution_id
    for execution in (adopted, again):
        ended = make_event(execution.execution_id, K.ENDED, status=S.ENDED_SUCCESS)
        service.store.append([ended])

    with pytest.raises(MoveNotAllowed):
        delete(again)

    service.cancel(top.execution_id, "ada")
    assert current(service, leaf).requested_action is RequestedAction.CANCEL


def test_a_wrapper_that_was_lost_goes_on_from_what_it_adopted():
    failed = earlier(S.ENDED_ERROR, adopted_by="parent")

    assert a_call(failed, is_wrapped=True, losses=1).existing() is failed


def test_what_was_adopted_and_failed_waits_for_its_new_wrapper():
    failed = earlier(S.PAUSED, failure=Failure(), adopted_by="parent")
    live = {"earlier": failed, "parent": execution("parent")}

    assert a_call(failed).existing() is failed
    assert not find_stale(live, [], live.get)


def wrapped_start(service):
    """A wrapper, and what it sends to start the flow that it wraps."""
    uses = [WrapperUse(name="interactive", inputs={})]
    wrapper = service.start(StartRequest(flow="f", using=uses))
    id_ = wrapper.execution_id
    call = {"wrapped_of": id_, "parent_id": id_, "call_key": CALL_KEY}
    return wrapper, partial(StartRequest, **call)


def started_under(service, wrapper, **fields):
    """What a wrapper runs, started and given to a worker."""
    id_ = wrapper.execution_id
    call = {"wrapped_of": id_, "parent_id": id_, "call_key": CALL_KEY, **fields}
    child = service.start(StartRequest(**call))
    service.store.append([make_event(child.execution_id, K.STARTED, worker="w")])
    return child


def test_what_two_wrappers_run_names_who_changed_its_inputs(service):
    """The person was asked about the inner wrapper: its flow is started by that one."""
    uses = [WrapperUse(name=name, inputs={}) for name in ("interactive", "retry")]
    outer = service.start(StartRequest(flow="f", using=uses, inputs={"day": 1}))
    inner = started_under(service, outer, parks=True, inputs={"day": 1})
    first = started_under(service, inner, inputs={"day": 1})
    failed = {"status_message": "no", "is_parked": False, "failure": {}}
    answer = {"verb": "retry_with_inputs", "decided_by": "ada", "inputs": {"day": 2}}
    for id_, kind, payload in (
        (first.execution_id, K.ENDED, {"status": S.ENDED_ERROR}),
        (inner.execution_id, K.FAILED, failed),
        (inner.execution_id, K.DECIDED, answer),
        (inner.execution_id, K.ENDED, {"status": S.ENDED_ERROR}),
    ):
        service.store.append([make_event(id_, kind, **payload)])

    retry = {"retry_of": inner.execution_id, "inputs": {"day": 2}}
    again = started_under(service, outer, **retry)
    second = started_under(service, again, inputs={"day": 2})

    for execution in (again, second):
        changed = (execution.inputs_changed_by, execution.replaced_inputs)
        assert changed == ("ada", {"day": 1})
    assert second.retry_of == first.execution_id
    assert first.inputs_changed_by is None


def test_threads_of_a_wrapper_that_start_at_once_start_one(service):
    _wrapper, request = wrapped_start(service)

    with ThreadPoolExecutor(8) as threads:
        requests = [request(execution_id=new_id()) for _ in range(8)]
        children = list(threads.map(service.start, requests))

    assert len({child.execution_id for child in children}) == 1


@pytest.mark.parametrize(
    ("child_status", "message", "status"),
    [
        (S.RUNNING, None, S.ENDED_ERROR),
        (S.RUNNING, "It takes too long.", S.ENDED_SUCCESS),
        (S.ENDED_SUCCESS, None, S.ENDED_SUCCESS),
    ],
)
def test_a_wrapper_that_returns_while_its_flow_runs_has_failed(
    service, child_status, message, status
):
    wrapper, request = wrapped_start(service)
    run(service, wrapper, S.RUNNING)
    run(service, service.start(request()), child_status)
    payload = {"status": S.ENDED_SUCCESS, "status_message": message}
    event = make_event(wrapper.execution_id, K.ENDED, "w", **payload)

    assert accept(service, "w", [WorkerReport(event, 1)]) == []

    ended = current(service, wrapper)
    assert ended.status is status
    if status is S.ENDED_ERROR:
        assert ended.status_message == (
            "It returned while 'f' was running. A wrapper waits for what it runs, and ends "
            "with this.wrapped.end_as(child)."
        )


def test_what_a_sweep_has_seen_is_decided_where_it_is_written(service):
    """A person decides on the failure after the sweep has seen it, as its wrapper ended."""
    top = service.start(StartRequest(flow="f"))
    request = StartRequest(flow="f", parent_id=top.execution_id, parks=True)
    child = service.start(request)
    run(service, child, S.RUNNING)
    id_, failed = child.execution_id, {"status_message": "no", "is_parked": True}
    service.store.append([make_event(id_, K.FAILED, "w", **failed)])
    run(service, top, S.ENDED_ERROR)
    stale = find_stale(service.store.live, [], service.store.find_execution)
    assert stale.failed_ids == [id_]

    service.store.append([make_event(id_, K.DECIDED, verb="retry_cell")])
    service.store.decide(partial(settle_stale, stale=stale))

    assert current(service, child).status is S.PAUSED


def test_the_next_engine_knows_what_was_adopted(tmp_path):
    with Store(tmp_path / "db") as store:
        service = Service(store, Home(None), Config())
        service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        top = service.start(StartRequest(flow="f"))
        child = call_of(service, top)
        run(service, child, S.RUNNING)
        run(service, top, S.ENDED_ERROR)
        again = retry(service, top)
        call_of(service, again)

    with Store(tmp_path / "db") as store:
        service = Service(store, Home(None), Config())

        assert call_of(service, again).execution_id == child.execution_id
        assert store.call_children([again], "step") == [current(service, child)]
        service.cancel(again.execution_id, "ada")
        assert current(service, child).requested_action is RequestedAction.CANCEL
        store.rebuild()
        assert current(service, child).adopted_by == again.execution_id


def test_what_a_retry_has_adopted_is_not_deleted_with_it(service, delete, outlived):
    top, again, child, leaf = outlived
    call_of(service, again)
    run(service, again, S.ENDED_ERROR)

    # Only through what has adopted it does a cancel reach it.
    with pytest.raises(MoveNotAllowed):
        delete(again)
    assert prune(service, days=None, keep=0).families == 0

    for execution in (child, leaf):
        ended = make_event(execution.execution_id, K.ENDED, status=S.ENDED_SUCCESS)
        service.store.append([ended])
    delete(again)
    assert current(service, child).parent_id == top.execution_id


def test_a_retry_of_what_is_deleted_just_then_is_refused(service, monkeypatch):
    top = service.start(StartRequest(flow="f"))
    run(service, top, S.ENDED_ERROR)
    decide = service.store.decide

    def delete_first(change):
        monkeypatch.undo()
        service.store.prune([top.execution_id])
        return decide(change)

    monkeypatch.setattr(service.store, "decide", delete_first)

    with pytest.raises(ExecutionNotFound):
        retry(service, top)


def test_a_retry_of_what_was_adopted_stays_in_its_new_family(service, outlived):
    _top, again, child, _leaf = outlived
    call_of(service, again)
    service.store.append(
        [make_event(child.execution_id, K.ENDED, status=S.ENDED_ERROR)]
    )

    assert retry(service, child).parent_id == again.execution_id


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


def test_a_retry_keeps_what_succeeded_under_a_child_that_is_being_cancelled(service):
    """Top was killed; its retry calls mid again before the old mid has ended."""
    top = service.start(StartRequest(flow="f"))
    mid = call_of(service, top)
    leaf = call_of(service, mid)
    run(service, mid, S.RUNNING)
    run(service, leaf, S.ENDED_SUCCESS)
    service.cancel(mid.execution_id, "ada")
    run(service, top, S.ENDED_ERROR)

    again = service.retry(top.execution_id, StartRequest())
    run(service, again, S.RUNNING)
    other_mid = call_of(service, again)
    run(service, other_mid, S.RUNNING)

    assert not current(service, mid).status.is_ended
    assert other_mid.retry_of == mid.execution_id
    assert call_of(service, other_mid).execution_id == leaf.execution_id


def test_the_last_try_is_retried_though_an_older_one_has_not_ended(service):
    """The old mid is still being cancelled when its retry has failed, too."""
    top = service.start(StartRequest(flow="f"))
    mid = call_of(service, top)
    run(service, call_of(service, mid), S.ENDED_ERROR)
    run(service, mid, S.RUNNING)
    service.cancel(mid.execution_id, "ada")
    run(service, top, S.ENDED_ERROR)
    again = retry(service, top)
    second_mid = call_of(service, again)
    second_leaf = call_of(service, second_mid)
    for execution in (second_leaf, second_mid, again):
        run(service, execution, S.ENDED_ERROR)

    third_mid = call_of(service, retry(service, again))

    assert not current(service, mid).status.is_ended
    assert third_mid.retry_of == second_mid.execution_id
    assert call_of(service, third_mid).retry_of == second_leaf.execution_id


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
        assert current(service, execution).requested_action is RequestedAction.CANCEL
    assert current(service, other).status is S.QUEUED
    with pytest.raises(MoveNotAllowed, match="is being cancelled"):
        call_of(service, leaf)


@pytest.fixture
def families():
    """Top started mid, and mid started leaf."""
    families = LiveFamilies()
    for child_id, parent_id in (("mid", "top"), ("leaf", "mid")):
        families.apply(make_event(child_id, K.CREATED, parent_id=parent_id), {})
    return families


def test_what_outlives_its_parent_counts_to_the_parent_above(families):
    families.apply(make_event("mid", K.ENDED, status=S.ENDED_ERROR), {})
    assert (families.children("top"), families.children("mid")) == (["leaf"], [])

    families.apply(make_event("leaf", K.ENDED, status=S.ENDED_SUCCESS), {})
    assert families.children("top") == []


def test_what_is_adopted_counts_to_its_new_parent(families):
    adopted = make_event("leaf", K.ADOPTED, parent_id="top-2")

    families.apply(adopted, {"leaf": own(S.RUNNING)})

    assert (families.children("mid"), families.children("top-2")) == ([], ["leaf"])
    assert families.top_of("leaf") == "top-2"


def test_what_is_kept_is_nobodys_live_child(families):
    families.apply(make_event("leaf", K.ENDED, status=S.ENDED_SUCCESS), {})

    families.apply(make_event("leaf", K.ADOPTED, parent_id="top-2"), {})

    assert families.children("top-2") == []


def test_the_next_engine_knows_who_is_above_what_outlived_its_parent():
    families = LiveFamilies()
    leaf = execution("leaf", parent_id="mid")

    families.recall({"top": execution("top"), "leaf": leaf}, {"leaf": "top"})

    assert families.children("top") == ["leaf"]
