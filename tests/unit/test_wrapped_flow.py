"""`this.wrapped` in a wrapper: which tries are its own, and how it ends."""

from datetime import UTC, datetime

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Wrapped
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api.execution import Execution, WrappedFlow
from tests.records import an_execution

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class RecordedExecutions:
    """A client of an engine that has these executions."""

    def __init__(self, *records):
        self.records = {record.execution_id: record for record in records}

    def get_execution(self, execution_id):
        return self.records[execution_id]

    def get(self, path):
        return self.records[path.rpartition("/")[2]].to_json()


def record(execution_id, status=S.ENDED_ERROR, **fields):
    of_root = {"root_id": "root", "flow_name": "fetch"}
    return an_execution(execution_id, status, **of_root, **fields)


def wrapped_flow(*records):
    client = RecordedExecutions(*records)
    wrapped = Wrapped(flow_name="fetch", flow_version="v1", name="fetch")
    wrapper = Execution(client, "wrapper")
    executions = {item.execution_id: item.to_json() for item in records}
    children = {key: Execution(client, key, value) for key, value in executions.items()}
    return WrappedFlow(client, wrapper, wrapped), children


def test_a_try_that_was_taken_over_counts_and_those_before_it_do_not():
    flow, children = wrapped_flow(
        record("first", parent_id="lost"),
        record("second", parent_id="lost", retry_of="first", adopted_by="wrapper"),
        record("third", parent_id="wrapper", retry_of="second"),
    )

    assert [flow.tries(children[key]) for key in ("second", "third")] == [1, 2]


def test_a_wrapper_cannot_end_as_a_child_that_goes_on():
    flow, children = wrapped_flow(record("child", S.RUNNING, parent_id="wrapper"))

    with pytest.raises(BadArgument, match="'fetch' is running"):
        flow.end_as(children["child"])
