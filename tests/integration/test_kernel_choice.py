"""A kernel for one run, in the record: retries and wrappers keep it, children do not get it."""

import sys

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Environment
from flowkernel.flow_api import Execution


@pytest.fixture
def here():
    """The environment that a start with this Python as its kernel records."""
    return {
        "interpreter": f"{sys.prefix}/bin/python",
        "kernel_name": sys.prefix,
        "prefix": sys.prefix,
        "is_chosen": True,
    }


@pytest.fixture
def flow(register, tmp_path):
    """A flow that was registered with another Python."""
    environment = Environment(interpreter="/opt/gone/bin/python", cwd=str(tmp_path))
    return register("elsewhere", "x = 1", environment=environment).name


def environment_of(record):
    return {key: value for key, value in record.items() if key != "cwd"}


def test_the_record_says_the_kernel_and_its_python_and_a_retry_keeps_them(
    client, flow, here
):
    record = client.start({"flow": flow, "kernel": sys.prefix, "run": False})
    client.act(record.execution_id, "cancel")

    retry = client.act(record.execution_id, "retry")
    client.act(retry.execution_id, "cancel")
    current = client.act(record.execution_id, "retry", source="current")
    client.act(current.execution_id, "cancel")

    for execution in (record, retry, current):
        environment = client.get_execution(execution.execution_id).environment
        assert environment_of(environment.to_json()) == here
    assert client.get_flow(flow).environment.interpreter == "/opt/gone/bin/python"


def test_a_wrapper_runs_the_flow_in_that_kernel_and_itself_in_its_own(
    client, flow, here
):
    using = [{"name": "retry", "inputs": {}}]
    request = {"flow": flow, "kernel": sys.prefix, "using": using, "run": False}
    wrapper = client.start(request)
    child = client.start(
        {
            "wrapped_of": wrapper.execution_id,
            "parent_id": wrapper.execution_id,
            "run": False,
        }
    )
    Execution(client, wrapper.execution_id).cancel()

    assert wrapper.environment.is_chosen is None
    assert environment_of(child.environment.to_json()) == here


@pytest.mark.parametrize(
    ("kernel", "sentence"),
    [
        ("pyhton3", "There is no kernel 'pyhton3'. Did you mean 'python3'"),
        ("/nowhere", "There is no folder '/nowhere'"),
    ],
)
def test_an_unknown_kernel_is_refused_and_nothing_is_started(
    client, flow, kernel, sentence
):
    before = len(client.list_executions(flow_name=flow))

    with pytest.raises(BadArgument, match=sentence):
        client.start({"flow": flow, "kernel": kernel})

    assert len(client.list_executions(flow_name=flow)) == before
