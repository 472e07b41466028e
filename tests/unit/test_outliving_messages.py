"""A message of `system.message()` waits for its answer when the run that sent it has ended."""

import asyncio
from dataclasses import replace

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, MessageNotFound, NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.core.status import ENDED, ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.inbox import Inbox, MessageAnswer, MessageRequest
from flowkernel.engine.prompts.outliving_messages import (
    MAX_OF_HOME,
    MAX_OF_RUN,
    MAX_SIZE,
)
from flowkernel.engine.running_engine import Engine
from flowkernel.engine.start_plan import StartRequest
from flowkernel.flow_api.context import Context
from flowkernel.home import Home
from flowkernel.store import Batch, Store
from tests.records import an_execution
from tests.stage import ENGINE_FILE, Clock, NoProcesses, clock, service

__all__ = ["clock", "service"]
S, K, MS = ExecutionStatus, EventKind, MessageStatus
FORM = {"properties": {"day": {"element": "string"}}}
REQUEST = MessageRequest(subject="Which day?", body=FORM, call_key="a", outlives=True)


@pytest.fixture
def inbox(service):
    return Inbox(service)


@pytest.fixture
def store(service):
    return service.store


@pytest.fixture
def run(service):
    """Starts a run, or the retry of another one; returns its id."""

    def run(retry_of=None):
        request = StartRequest(flow="f")
        start = service.start if retry_of is None else service.retry
        arguments = [request] if retry_of is None else [retry_of, request]
        id_ = start(*arguments).execution_id
        service.store.append([make_event(id_, K.STARTED, worker="w")])
        return id_

    return run


def send(inbox, execution_id, **fields):
    request = replace(REQUEST, message_id=new_id(), **fields)
    return inbox.send(execution_id, request)


def end(store, execution_id, status=S.ENDED_SUCCESS):
    store.append([make_event(execution_id, K.ENDED, status=status)])


def lose(store, execution_id):
    again = make_event(execution_id, K.STARTED, worker="v")
    store.append([make_event(execution_id, K.LOST, worker="w"), again])


def answer(inbox, message, day="monday"):
    return inbox.answer(message.message_id, MessageAnswer(response={"day": day}))


def in_memory(store):
    """The messages that the store has in memory."""
    groups = store.follow(lambda _commit: None).messages
    return {id_: dict(messages) for id_, messages in groups.items()}


# -- the end of its run ------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(ENDED))
def test_it_is_answered_after_the_end_which_it_does_not_change(
    inbox, store, run, status
):
    sender = run()
    message = send(inbox, sender)
    end(store, sender, status)
    ended = store.get_execution(sender)
    assert (inbox.open(), message.outlives) == ([message], True)

    answered = answer(inbox, message)

    assert (answered.status, answered.response["day"]) == (MS.ANSWERED, "monday")
    assert store.get_execution(sender) == ended
    assert (inbox.open(), in_memory(store)) == ([], {})
    with pytest.raises(NotOpen, match="has already answered"):
        answer(inbox, message, "tuesday")


def test_what_asks_for_nothing_and_what_asks_for_a_password_do_not_outlive(
    inbox, store, run
):
    sender = run()
    note = send(inbox, sender, body=None, wait=False, call_key="b")
    secret = {"properties": {"word": {"element": "password"}}}
    asked = send(inbox, sender, body=secret, call_key="c")

    end(store, sender)

    assert (note.outlives, asked.outlives, inbox.open()) == (False, False, [])
    assert store.get_message(asked.message_id).status is MS.CLOSED


def test_a_message_of_the_run_is_closed_beside_it(inbox, store, run):
    sender = run()
    own = send(inbox, sender, outlives=False, call_key="b")
    kept = send(inbox, sender)

    end(store, sender)

    assert inbox.open() == [kept]
    with pytest.raises(NotOpen, match="Its run ended before there was an answer"):
        answer(inbox, own)


@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_beside_the_end_counts_whichever_is_first(
    inbox, store, run, is_first
):
    sender = run()
    message = send(inbox, sender)
    payload = {"message_id": message.message_id, "response": {}}
    events = [
        make_event(sender, K.MESSAGE_ANSWERED, **payload),
        make_event(sender, K.ENDED, status=S.ENDED_SUCCESS),
        make_event(sender, K.MESSAGE_ANSWERED, **payload),
    ]

    recorded = store.append(events if is_first else events[1:], strict=False)

    assert [event.kind for event in recorded].count(K.MESSAGE_ANSWERED) == 1
    assert store.get_message(message.message_id).status is MS.ANSWERED
    assert in_memory(store) == {}


def test_the_record_is_made_again_with_it(inbox, store, run):
    first, second = run(), run()
    answered, waiting = send(inbox, first), send(inbox, second)
    end(store, first)
    end(store, second, S.ENDED_ERROR)
    answer(inbox, answered)
    previous = store.list_messages(), in_memory(store)

    store.rebuild()

    assert (store.list_messages(), in_memory(store)) == previous
    assert inbox.open() == [waiting]


@pytest.mark.kernel
def test_it_waits_when_the_file_is_opened_again(tmp_path):
    with Store(tmp_path / "home.duckdb") as store:
        events = [*sent_and_ended(store), *sent_and_ended(store)]
        answered, waiting = events[2].payload, events[7].payload["message_id"]
        payload = {"message_id": answered["message_id"], "response": {}}
        id_ = events[2].execution_id
        store.append([make_event(id_, K.MESSAGE_ANSWERED, **payload)])
        messages = in_memory(store)

    with Store(tmp_path / "home.duckdb") as store:
        assert in_memory(store) == messages
        assert [m.message_id for m in store.open_messages()] == [waiting]


def sent_and_ended(store):
    """Record a run that sends a message and ends; return the events, the third one sends."""
    execution = an_execution(status=S.PENDING)
    id_, message_id = execution.execution_id, new_id()
    payload = {"message_id": message_id, "subject": "s", "message_type": "INFO"}
    return store.append(
        [
            make_event(id_, K.CREATED, **execution.to_json()),
            make_event(id_, K.QUEUED),
            make_event(id_, K.MESSAGE_SENT, body=FORM, outlives=True, **payload),
            make_event(id_, K.STARTED, worker="w"),
            make_event(id_, K.ENDED, status=S.ENDED_SUCCESS),
        ]
    )


# -- the deletion of its run -------------------------------------------------------------


@pytest.mark.parametrize("verb", ["prune", "delete"])
def test_it_goes_with_its_run(inbox, store, run, verb):
    sender, other = run(), run()
    message, kept = send(inbox, sender), send(inbox, other)
    end(store, sender)
    end(store, other)

    store.prune([sender]) if verb == "prune" else store.delete(sender, [sender])

    assert (inbox.open(), list(in_memory(store))) == ([kept], [other])
    with pytest.raises(MessageNotFound):
        answer(inbox, message)


def test_an_answer_just_after_the_deletion_is_refused(inbox, store, run):
    sender = run()
    message = send(inbox, sender)
    end(store, sender)
    payload = {"message_id": message.message_id, "response": {}}

    answered = make_event(sender, K.MESSAGE_ANSWERED, **payload)

    def delete_and_answer(batch: Batch):
        batch.prune({sender})
        return batch.append([answered], strict=False)

    assert store.decide(delete_and_answer) == []
    assert in_memory(store) == {}


# -- the same call again -----------------------------------------------------------------


def test_a_run_that_was_lost_and_a_cell_that_runs_again_find_it(inbox, store, run):
    sender = run()
    message = send(inbox, sender)

    assert send(inbox, sender) == message
    lose(store, sender)
    assert send(inbox, sender) == message
    answered = answer(inbox, message)
    assert send(inbox, sender) == answered
    assert send(inbox, sender, call_key="b").status is MS.OPEN


def test_a_retry_finds_what_an_earlier_try_sent_and_nobody_answered(inbox, store, run):
    first = run()
    message = send(inbox, first)
    end(store, first, S.ENDED_ERROR)
    second = run(retry_of=first)
    end(store, second, S.ENDED_ERROR)
    third = run(retry_of=second)

    assert send(inbox, third) == message
    assert send(inbox, third, call_key="b").execution_id == third
    assert send(inbox, third, outlives=False).execution_id == third


def test_a_retry_gets_the_answer_that_no_try_has_read(inbox, store, run):
    first = run()
    message = send(inbox, first)
    end(store, first, S.ENDED_ERROR)
    answered = answer(inbox, message)
    second = run(retry_of=first)

    assert send(inbox, second) == answered
    end(store, second, S.ENDED_ERROR)
    third = run(retry_of=second)
    assert send(inbox, third).status is MS.OPEN  # The second try had read the answer.


def test_a_cell_that_runs_again_makes_the_same_call():
    context = Context(client=None, execution_id="e")
    context.begin_cell()
    context.message_key("ask", is_repeated=True)
    context.begin_cell()
    keys = [
        context.message_key("ask", is_repeated=is_repeated) for is_repeated in (1, 0)
    ]

    context.rewind(1)

    assert keys == ["ask#2", "ask#3"]
    assert context.message_key("ask", is_repeated=True) == "ask#3"


# -- limits ------------------------------------------------------------------------------


def test_a_run_has_so_many_at_a_time(inbox, store, run):
    sender = run()
    messages = [send(inbox, sender, call_key=str(n)) for n in range(MAX_OF_RUN)]
    repeated = replace(REQUEST, message_id=messages[-1].message_id, call_key=None)

    with pytest.raises(BadArgument, match=r"100 messages of this run .* may be 100\."):
        send(inbox, sender)

    assert inbox.send(sender, repeated) == messages[-1]
    assert send(inbox, sender, outlives=False).status is MS.OPEN
    assert send(inbox, run()).status is MS.OPEN
    answer(inbox, messages[0])
    assert send(inbox, sender).status is MS.OPEN


def test_a_home_has_so_many_at_a_time(inbox, store, run):
    senders = [run() for _ in range(MAX_OF_HOME // MAX_OF_RUN)]
    payload = {"subject": "s", "message_type": "INFO", "body": FORM, "outlives": True}
    for sender in senders:
        ids = [new_id() for _ in range(MAX_OF_RUN)]
        sent = [
            make_event(sender, K.MESSAGE_SENT, message_id=id_, **payload) for id_ in ids
        ]
        store.append(sent)
        end(store, sender)

    with pytest.raises(BadArgument, match=r"1,000 messages of this home .* delete the"):
        send(inbox, run())

    store.prune(senders[:1])
    assert send(inbox, run()).status is MS.OPEN


def test_it_has_so_many_characters(inbox, run):
    sender = run()
    with pytest.raises(BadArgument, match=r"65,\d+ characters\. .* may have 65,536\."):
        send(inbox, sender, message="x" * MAX_SIZE)

    assert send(inbox, sender, message="x" * MAX_SIZE, outlives=False).message


# -- its time ----------------------------------------------------------------------------


@pytest.mark.kernel
def test_its_time_ends_in_the_next_engine(tmp_path, clock: Clock):
    home = Home(tmp_path)
    home.prepare()
    processes = NoProcesses(home)

    def in_engine(check):
        async def live(engine):
            engine.follow_store()
            return await check(engine)

        with Engine(home, Config(), ENGINE_FILE, processes=processes) as engine:
            return asyncio.run(live(engine))

    async def ask(engine):
        engine.service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        for seconds in (60, 600):
            id_ = engine.service.start(StartRequest(flow="f")).execution_id
            request = replace(REQUEST, message_id=new_id(), timeout=seconds)
            engine.inbox.send(id_, request)
            end(engine.store, id_, S.ENDED_CANCELLED)

    async def look(engine):
        [waiting] = engine.inbox.open()
        sender = engine.store.get_execution(waiting.execution_id)
        engine.store.prune([waiting.execution_id])
        await asyncio.sleep(0)  # It hears of what was recorded.
        await asyncio.sleep(0)
        statuses = {m.status for m in engine.store.list_messages()}
        return sender.status, statuses, engine.timers.seconds_to_next()

    in_engine(ask)
    clock.move(seconds=61)
    status, statuses, seconds = in_engine(look)

    assert (status, statuses) == (S.ENDED_CANCELLED, {MS.TIMED_OUT})
    assert seconds is None or seconds < 1  # Nothing waits for the end of what is gone.
