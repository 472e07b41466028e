"""What a kernel that was given up still sends changes nothing, whichever verb it uses."""

from collections.abc import Callable
from typing import Any

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import AttemptIsOver, NotAllowed
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import DecisionVerb as V
from flowkernel.core.models import EventKind as K
from flowkernel.core.models import FlowKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.caller_checks import append_as, as_caller, check_below
from flowkernel.engine.callers import ExecutionCaller
from flowkernel.engine.prompts.decisions import DecisionRequest, decide
from flowkernel.engine.prompts.inbox import Inbox, MessageRequest
from flowkernel.engine.prompts.wrapper_requests import PromptRequest, send_prompt
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import SourceRecord, StartRequest
from flowkernel.home import Home
from flowkernel.store import Store

SOURCE = SourceRecord(name="report", kind=FlowKind.CELL, source="1")
Verb = Callable[[Service, str, ExecutionCaller], Any]
Prepare = Callable[[Service, str], str]


def send_message(service: Service, execution_id: str, caller: ExecutionCaller) -> Any:
    request = MessageRequest(subject="x", wait=False)
    return Inbox(service).send(execution_id, request, caller=caller)


def start_child(service: Service, execution_id: str, caller: ExecutionCaller) -> Any:
    request = StartRequest(source=SOURCE, parent_id=execution_id, call_key="x#1")
    return service.start(request, caller=caller)


def report_waiting(service: Service, execution_id: str, caller: ExecutionCaller) -> Any:
    waiting = make_event(execution_id, K.WAITING, on="a child")
    return append_as(service.store, caller, [waiting], strict=False)


VERBS: dict[str, Verb] = {
    "output": lambda service, id_, caller: service.set_output(
        id_, {"by": "the old kernel"}, merge=True, caller=caller
    ),
    "log": lambda service, id_, caller: service.log(
        id_, "log", "x", event_id=new_id(), caller=caller
    ),
    "save": lambda service, id_, caller: service.save(
        id_, {"name": "x"}, "", caller=caller
    ),
    "message": send_message,
    "start": start_child,
    "wait": report_waiting,
}


@pytest.fixture
def service(tmp_path):
    """A service whose home has no engine."""
    with Store(":memory:") as store:
        yield Service(store, Home(tmp_path), Config())


def start(service: Service, **fields: Any) -> str:
    """An execution that a worker runs."""
    execution = service.start(StartRequest(source=SOURCE, **fields))
    service.store.append([started(execution.execution_id, "w1")])
    return execution.execution_id


def started(execution_id: str, worker: str) -> Any:
    return make_event(execution_id, K.STARTED, worker=worker, notebook_path="n")


@pytest.mark.parametrize("verb", VERBS)
def test_an_attempt_that_was_lost_changes_nothing(service, verb):
    execution_id = start(service)
    lost = make_event(execution_id, K.LOST, worker="w1", why="it is gone")
    service.store.append([lost])
    service.store.append([started(execution_id, "w2")])
    before = service.store.last_seq

    with pytest.raises(
        AttemptIsOver, match="attempt 1 of 'report'; attempt 2 runs now"
    ):
        VERBS[verb](service, execution_id, ExecutionCaller(execution_id, 1))

    assert service.store.last_seq == before
    VERBS[verb](service, execution_id, ExecutionCaller(execution_id, 2))
    assert service.store.last_seq > before


def running(service: Service, parent_id: str) -> str:
    return start(service, parent_id=parent_id, parks=True)


def recorded(service: Service, parent_id: str) -> str:
    request = StartRequest(source=SOURCE, parent_id=parent_id, run=False)
    return service.start(request).execution_id


def after(*kinds: K) -> Prepare:
    """A child after events of these kinds."""

    def prepare(service: Service, parent_id: str) -> str:
        child_id = running(service, parent_id)
        failure = {"status_message": "No.", "is_parked": True}
        payloads = {K.ENDED: {"status": S.ENDED_ERROR}, K.FAILED: failure}
        events = [
            make_event(child_id, kind, **payloads.get(kind, {})) for kind in kinds
        ]
        service.store.append(events)
        return child_id

    return prepare


#: What a flow requests of what it started: the child before that, and the request.
REQUESTS: dict[str, tuple[Prepare, Verb]] = {
    "cancel": (running, lambda s, id_, caller: s.cancel(id_, "", caller=caller)),
    "pause": (running, lambda s, id_, caller: s.pause(id_, "", caller=caller)),
    "resume": (
        lambda s, parent_id: s.pause(running(s, parent_id), "").execution_id,
        lambda s, id_, caller: s.resume(id_, "", caller=caller),
    ),
    "run": (recorded, lambda s, id_, caller: s.run(id_, {}, "", caller=caller)),
    "retry": (
        after(K.ENDED),
        lambda s, id_, caller: s.retry(id_, StartRequest(), caller=caller),
    ),
    "prompt": (
        after(K.FAILED),
        lambda s, id_, caller: send_prompt(
            Inbox(s),
            caller.execution_id,
            PromptRequest(about_id=id_),
            None,
            caller=caller,
        ),
    ),
    "decide": (
        after(K.FAILED),
        lambda s, id_, caller: decide(
            s, id_, DecisionRequest(verb=V.FAIL), archive=False, caller=caller
        ),
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_attempt_that_was_lost_requests_nothing_of_what_it_started(service, name):
    """The check at the door came before the loss."""
    prepare, request = REQUESTS[name]
    execution_id = start(service)
    child_id = prepare(service, execution_id)
    service.store.append([make_event(execution_id, K.LOST, worker="w1")])
    service.store.append([started(execution_id, "w2")])
    before = service.store.last_seq

    with pytest.raises(AttemptIsOver):
        request(service, child_id, ExecutionCaller(execution_id, 1))

    assert service.store.last_seq == before
    request(service, child_id, ExecutionCaller(execution_id, 2))
    assert service.store.last_seq > before


@pytest.mark.parametrize("verb", VERBS)
def test_an_execution_that_has_ended_changes_nothing(service, verb):
    execution_id = start(service)
    ended = make_event(execution_id, K.ENDED, status=S.ENDED_SUCCESS)
    service.store.append([ended])
    before = service.store.last_seq

    with pytest.raises(AttemptIsOver, match="'report', which has ended"):
        VERBS[verb](service, execution_id, ExecutionCaller(execution_id, 1))

    assert service.store.last_seq == before


def test_an_attempt_is_known_of_events_of_older_versions(service):
    """Their `started` has no attempt."""
    execution_id = start(service)

    assert service.store.get_execution(execution_id).attempt == 1
    service.store.append([make_event(execution_id, K.LOST, worker="w1")])
    assert service.store.get_execution(execution_id).attempt == 2


def test_what_is_under_an_execution_is_its_own_at_any_depth(service):
    top, stranger = start(service), start(service)
    child = start(service, parent_id=top)
    leaf = start(service, parent_id=child)

    for id_ in (top, child, leaf):
        check_below(service.store, ExecutionCaller(top, 1), id_, "POST /x")
    for caller, id_ in ((top, stranger), (child, top), (leaf, child), (stranger, leaf)):
        with pytest.raises(NotAllowed, match="POST /x of 'report'"):
            check_below(service.store, ExecutionCaller(caller, 1), id_, "POST /x")


def test_an_execution_starts_as_itself_whatever_its_request_says():
    caller = ExecutionCaller(new_id(), 1)
    request = StartRequest(source=SOURCE, started_by="ada", is_interactive=True)

    own = as_caller(request, caller)

    assert own.started_by == f"execution {caller.execution_id}"
    assert (own.parent_id, own.is_interactive) == (caller.execution_id, False)
    with pytest.raises(NotAllowed):
        as_caller(StartRequest(source=SOURCE, parent_id=new_id()), caller)
