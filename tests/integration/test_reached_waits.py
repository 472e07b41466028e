"""Who waits for what has happened already hears it at once, and how it went."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkernel.core.errors import BadArgument, ExecutionNotFound, MessageNotFound
from flowkernel.flow_api import (
    DependencyFailedError,
    Execution,
    Message,
    MessageClosed,
    MessageResponseTimeoutError,
    ReturnWhen,
)

SOURCE = {"name": "asker", "kind": "SCRIPT", "source": "1"}


@pytest.fixture
def execution(client):
    """One that can send messages; no worker runs it."""
    record = client.start({"source": SOURCE, "run": False}).to_json()
    return Execution(client, record["execution_id"], record)


@pytest.fixture
def send(client, execution):
    def send(**fields):
        request = {"subject": "Well?", **fields}
        path = f"/execution/{execution.execution_id}/message"
        return Message(client, client.post(path, request))

    return send


@pytest.fixture(params=["as it was sent", "as it is now"])
def look(request, client):
    """A message as its sender has it, or as somebody else reads it later."""

    def look(message):
        if request.param == "as it is now":
            return Message(client, client.get(f"/message/{message.message_id}"))
        return message

    return look


def test_an_answered_message(send, look, client):
    message = send()
    client.answer(message.message_id, {"ok": True}, answered_from="test")

    assert look(message).wait().get("response") == {"ok": True}


def test_a_closed_message(send, look, execution):
    message = send()
    execution.cancel()

    with pytest.raises(MessageClosed, match=r"'Well\?' was closed\. Its run ended"):
        look(message).wait()


def test_a_message_whose_time_was_over(send, look):
    message = send(timeout=0)

    with pytest.raises(MessageResponseTimeoutError, match="Nobody answered"):
        look(message).wait()


def test_a_note(send, look):
    message = send(wait=False)

    assert look(message).wait().get("status") == "NOTE"


def test_an_open_message_for_no_time(send, look):
    message = send()

    with pytest.raises(MessageResponseTimeoutError):
        look(message).wait(timeout=0)


def test_a_message_that_was_deleted_with_its_run(send, execution):
    message = send()
    execution.cancel().delete()

    with pytest.raises(MessageNotFound, match=message.message_id):
        message.wait()
    assert not message.exists()
    assert not execution.exists()


def test_an_open_message_that_is_deleted_with_its_run(send, execution):
    message = send(outlives=True)
    execution.cancel()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(message.wait)

        execution.delete()

        with pytest.raises(MessageNotFound, match=message.message_id):
            waiting.result(timeout=10)


def test_an_execution_that_was_cancelled(execution):
    execution.cancel()

    with pytest.raises(DependencyFailedError, match="was cancelled"):
        execution.wait(timeout=0)
    assert execution.wait(ReturnWhen.ALL_ENDED, timeout=0).get("status").endswith("LED")


def test_an_execution_that_was_deleted(execution):
    assert execution.exists()
    execution.cancel().delete()

    with pytest.raises(ExecutionNotFound, match=execution.execution_id):
        execution.wait()


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_a_sleep_without_an_end_is_refused(execution, seconds):
    with pytest.raises(BadArgument, match="has no end"):
        execution.sleep(seconds)
