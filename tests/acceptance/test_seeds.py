"""The examples of the documentation whose flow API ours follows run as they stand."""

import pytest

from flowkernel.core.status import ExecutionStatus as S
from tests.conftest import until

pytestmark = pytest.mark.kernel

PARENT = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution):
    my_flow = this.flow('my_other_flow_name')
    return this.success('all done')
"""
CAREFUL_PARENT = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution{inputs}):
    try:
        my_flow = this.flow('my_other_flow_name')
    except flow_api.DependencyFailedError:
        this.log('my_other_flow_name failed')
    else:
        this.log('my_other_flow_name succeeded')
    return this.success('all done')
"""
CONNECTING = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution):
    my_connection = this.connect(
        connector_type='GIT',
        command='get',
        repository_url='https://example.com/path/to/repo.git',
    )
    this.log(my_connection.get('output_value'))
    return this.success('all done')
"""
INTERACTIVE = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution):
    this.using('interactive').flow('<name-of-a-flow>')
    return this.success('all done')
"""
MAIN = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    initial_value = 42
    new_value = this.flow(
        'Calculator',
        name='calculate new value',
        initial_value=initial_value,
    ).get('output_value')['result']
    this.flow(
        'Messenger',
        name='create message with result',
        message_value=new_value,
    )
    return this.success('all done')
"""
CALCULATOR = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    initial_value = inputs['initial_value']
    result = initial_value * 1
    this.set_output(result=result)
    return this.success('all done')
"""
MESSENGER = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    message_value = inputs['message_value']
    this.message(
        subject='Message',
        message=f' The value is: {message_value}',
    )
    return this.success('all done')
"""
SETTING = """
import flow_api

def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
    setting = system.setting('my-setting')
    return this.success('all done')
"""
WELL = "def handler(system, this):\n    return this.success('well')"
NOT_WELL = "def handler(system, this):\n    this.error('not well')"
NOT_AVAILABLE = "is not part of this version of flowkernel."


def test_a_child_is_started(register, run):
    register("my_other_flow_name", WELL)
    register("parent", PARENT)

    execution = run("parent")

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, "all done")
    assert [child.get("name", "message") for child in execution.children] == [
        ("my_other_flow_name", "well")
    ]


def test_a_failed_child_fails_its_parent(register, run):
    register("my_other_flow_name", NOT_WELL)
    register("parent", PARENT)

    status, message = run("parent").get("status", "message")

    assert status == S.ENDED_ERROR
    assert "'my_other_flow_name' failed: not well" in message


@pytest.mark.parametrize("inputs", ["", ", inputs: dict"])
@pytest.mark.parametrize(("child", "word"), [(WELL, "succeeded"), (NOT_WELL, "failed")])
def test_a_failed_child_is_caught(register, run, client, inputs, child, word):
    register("my_other_flow_name", child)
    register("parent", CAREFUL_PARENT.replace("{inputs}", inputs))

    execution = run("parent")

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, "all done")
    [line] = client.log(execution.execution_id)
    assert line.payload == {"stream": "log", "text": f"my_other_flow_name {word}\n"}


def test_a_flow_that_fails_can_be_restarted_interactively(register, start, client):
    register("<name-of-a-flow>", "assert this.get('retry_of')")
    register("interactive parent", INTERACTIVE)
    client.channel = "test"  # Somebody is there.

    execution = start("interactive parent")
    [message] = until(lambda: client.get("/message", is_open="true"), seconds=60)
    client.answer(message["message_id"], {"retry": True}, answered_from="test")
    execution.wait()

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, "all done")


def test_values_are_passed(register, start, client):
    register("main", MAIN)
    register("Calculator", CALCULATOR)
    register("Messenger", MESSENGER)

    execution = start("main")
    [message] = until(lambda: client.get("/message", is_open="true"))
    client.answer(message["message_id"], {"ok": True}, answered_from="test")
    execution.wait()

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, "all done")
    calculator, messenger = execution.children
    assert calculator.get("flow_name", "name", "input_value", "output_value") == (
        "Calculator",
        "calculate new value",
        {"initial_value": 42},
        {"result": 42},
    )
    assert messenger.get("name", "input_value") == (
        "create message with result",
        {"message_value": 42},
    )
    message = client.get("/message")[0]
    assert (message["subject"], message["message"]) == ("Message", " The value is: 42")
    assert message["execution_id"] == messenger.execution_id


@pytest.mark.parametrize(
    ("source", "name"), [(CONNECTING, "this.connect()"), (SETTING, "system.setting")]
)
def test_a_missing_part_raises_not_yet_available(register, run, source, name):
    register("later", source)

    status, message = run("later").get("status", "message")

    assert status == S.ENDED_ERROR
    assert f"NotYetAvailable: {name} {NOT_AVAILABLE}" in message
