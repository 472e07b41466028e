"""What Cloudomation's documentation has: honoured, or refused by name, never a TypeError."""

import pytest

from flowkernel.core.errors import BadArgument, NotYetAvailable
from flowkernel.core.models import Flow, FlowKind
from flowkernel.flow_api import System, context

SOURCE = {"name": "asker", "kind": "SCRIPT", "source": "1"}


@pytest.fixture
def system(client):
    """The system, in the kernel of an execution that is recorded and not started."""
    execution_id = client.start({"source": SOURCE, "run": False}).execution_id
    context.enter(client, execution_id)
    return System(client)


@pytest.fixture
def this(system):
    return system.execution(context.current_context().execution_id)


@pytest.fixture
def _fetch(client):
    client.register(Flow(name="fetch", kind=FlowKind.SCRIPT, source="1"))


@pytest.mark.usefixtures("_fetch")
@pytest.mark.parametrize("by", ["name", "id"])
def test_a_flow_is_found_by_its_id_and_has_one(system, by):
    flow_id = system.flow("fetch", by=by).get("id")

    assert flow_id == "fetch"
    assert system.flow(flow_id, by=by).exists()
    assert [flow.load("name", "id") for flow in system.flows()] == [("fetch", "fetch")]


def test_an_execution_is_found_by_its_id_and_has_one(system, this):
    assert system.execution(this.get("id"), by="id").get("name") == "asker"
    assert this.get("created_by") == this.get("started_by")


def test_a_message_is_sent_with_a_subject_and_found_by_its_id(system, this):
    message = system.message(
        subject="Hello", message="text", message_type="WARN", wait=False
    )

    assert message.get("execution_id", "status") == (this.execution_id, "NOTE")
    found = system.message(message.get("id"), by="id")
    assert found.get("subject", "message_type") == ("Hello", "WARN")


def test_a_message_of_the_system_outlives_its_run_and_one_of_the_run_does_not(
    system, this, client
):
    messages = [
        system.message(subject="Which day?", request="A day", wait=False),
        this.message("Which day?", request="A day", wait=False),
    ]
    context.enter(client, client.start({"source": SOURCE, "run": False}).execution_id)
    this.cancel()

    assert [m.load("outlives", "status") for m in messages] == [
        (True, "OPEN"),
        (False, "CLOSED"),
    ]
    client.answer(messages[0].get("id"), {"string": "monday"}, answered_from="test")
    answer = system.message(messages[0].get("id")).wait().get("response")
    assert answer["string"] == "monday"


CALLS = {
    "system.flow": lambda system, **more: system.flow("fetch", **more),
    "system.flows": lambda system, **more: system.flows(**more),
    "system.execution": lambda system, **more: system.execution("a", **more),
    "system.messages": lambda system, **more: system.messages(**more),
    "system.message": lambda system, **more: system.message("a", **more),
    "message": lambda system, **more: system.message(subject="Hello", **more),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_argument_of_a_later_version_is_refused_by_name(system, call):
    with pytest.raises(NotYetAvailable, match=rf"{call}\(\.\.\., filter=\.\.\.\)"):
        CALLS[call](system, filter={"field": "name"})


@pytest.mark.parametrize("call", ["execution", "message"])
def test_a_record_without_a_name_is_not_found_by_it(system, call):
    with pytest.raises(NotYetAvailable, match=rf"system\.{call}\(\.\.\., by='name'\)"):
        getattr(system, call)("a", by="name")


def test_a_record_is_found_by_nothing_else(system):
    with pytest.raises(BadArgument, match="by='colour'"):
        system.flow("fetch", by="colour")


@pytest.mark.parametrize("arguments", [{}, {"message_id": "a", "subject": "b"}])
def test_a_message_is_a_new_one_or_an_old_one(system, arguments):
    with pytest.raises(BadArgument, match="the id of a message, or the subject"):
        system.message(**arguments)


@pytest.mark.parametrize("record", ["this", "message"])
def test_a_field_that_is_not_there_is_named_as_it_was_written(system, this, record):
    message = system.message(subject="Hello", wait=False)

    with pytest.raises(BadArgument, match="no field 'project_id'"):
        {"this": this, "message": message}[record].get("project_id")
