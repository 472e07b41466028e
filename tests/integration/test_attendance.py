"""Whether a person is there, as the start says it; and how many runs a prompt would cancel."""

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.flow_api.exceptions import ExecutionError
from tests.integration.test_interactive_clock import (
    LIMIT,
    SOURCE,
    USING,
    begin,
    client,
    person,
    worker,
)
from tests.stage import clock

__all__ = ["begin", "client", "clock", "person", "worker"]


def log_of(stage):
    """The lines of the log of the wrapper."""
    path = f"/execution/{stage.root.execution_id}/log"
    return " ".join(event["payload"]["text"] for event in stage.client.get(path))


def test_an_attended_run_asks_although_nobody_was_active(begin, worker):
    stage = begin(is_attended=True)

    worker.fail(stage.child)

    assert stage.prompt()["expires_at"] is not None
    assert "It waits for a person: it was started with --attended." in log_of(stage)


def test_an_unattended_run_asks_nobody_although_somebody_was_active(
    begin, worker, person
):
    stage = begin(is_attended=False)
    person()

    worker.fail(stage.child)

    assert stage.end() is ExecutionError
    assert "does not wait for a person: it was started with --unattended" in log_of(
        stage
    )


def test_the_log_says_who_was_active_and_how_not_to_wait(begin, worker, person, clock):
    stage = begin()
    person()
    clock.move(minutes=LIMIT - 1)

    worker.fail(stage.child)

    stage.prompt()
    sentence = (
        f"It waits for a person: ada was active {LIMIT - 1} minutes ago (notebook)."
    )
    assert sentence in log_of(stage)
    assert "--unattended" in log_of(stage)


def test_the_log_says_why_it_does_not_wait(begin, worker, person, clock):
    stage = begin()
    person()
    clock.move(hours=3)

    worker.fail(stage.child)

    assert stage.end() is ExecutionError
    assert (
        "nobody was active within the last 10 minutes; ada was active 3 hours ago"
        in log_of(stage)
    )
    assert "--attended" in log_of(stage)


@pytest.mark.parametrize("said", [{"is_attended": True}, {"is_attended": False}])
def test_children_and_retries_inherit_what_was_said(begin, worker, said, person):
    stage = begin(**said)
    assert stage.child.get("is_attended") is said["is_attended"]
    worker.succeed(stage.child)
    stage.end()

    retry = stage.client.act(stage.root.execution_id, "retry")

    assert retry.is_attended is said["is_attended"]


def test_a_retry_inherits_that_a_person_will_look_later(begin, worker):
    stage = begin(is_interactive=True)
    worker.succeed(stage.child)
    stage.end()

    retry = stage.client.act(stage.root.execution_id, "retry")

    assert retry.is_interactive


def test_a_start_that_says_two_things_is_refused(client):
    request = {"source": SOURCE, "using": [USING], "is_interactive": True}

    with pytest.raises(BadArgument, match="leave one out"):
        client.start({**request, "is_attended": False})


def buttons_of(message):
    return message["body"]["properties"]


def test_cancel_all_says_how_many_runs_it_ends(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)

    button = buttons_of(stage.prompt())["cancel_all"]

    assert button["label"] == "Cancel all 2 runs"
    assert button["confirm"] == "Cancel 2 runs?"


def test_the_runs_are_counted_again_when_the_message_is_read(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)
    prompt = stage.prompt()
    root_id = stage.root.execution_id
    request = {"source": SOURCE, "parent_id": root_id, "call_key": "more"}
    more = stage.client.start({**request, "run": False})

    read = stage.client.get(f"/message/{prompt['message_id']}")
    assert buttons_of(read)["cancel_all"]["confirm"] == "Cancel 3 runs?"

    stage.client.act(more.execution_id, "cancel")
    read = stage.client.get(f"/message/{prompt['message_id']}")
    assert buttons_of(read)["cancel_all"]["confirm"] == "Cancel 2 runs?"
