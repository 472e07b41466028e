"""A worker that forgets a run is given it again only so often: each time counts as a loss."""

import pytest

from flowkernel.client.flow_source import start_request
from flowkernel.core.models import EventKind, Flow, FlowKind, OnLost
from flowkernel.core.status import ExecutionStatus as S
from tests.conftest import until
from tests.stage import PATIENT, PlayedWorker, engine_in_process


@pytest.fixture
def client(own_home):
    with engine_in_process(own_home) as client:
        yield client


@pytest.fixture
def worker(client):
    return PlayedWorker(client)


def started(client, **fields):
    client.register(Flow(name="report", kind=FlowKind.CELL, source="1", **fields))
    return client.start(start_request("report", {})).execution_id


def assign(worker, execution_id):
    until(lambda: worker.poll() and execution_id in worker.holding, seconds=10)
    worker.poll()


def drop(client, worker, execution_id):
    """Forget it without a word; the execution when the engine has seen that."""
    losses = client.get_execution(execution_id).losses
    del worker.holding[execution_id]
    worker.poll()
    return until(
        lambda: (
            (execution := client.get_execution(execution_id))
            and (execution.losses > losses or execution.status.is_ended)
            and execution
        )
    )


def test_a_run_that_its_worker_forgets_again_and_again_ends(client, worker):
    execution_id = started(client)

    for times in range(PATIENT.max_losses):
        assign(worker, execution_id)
        execution = drop(client, worker, execution_id)
        assert execution.losses == times + 1
    assign(worker, execution_id)
    execution = drop(client, worker, execution_id)

    assert execution.status is S.ENDED_ERROR
    assert "it is not run again" in execution.status_message


def test_a_run_that_must_not_run_twice_ends_at_once(client, worker):
    execution_id = started(client, on_lost=OnLost.FAIL)
    assign(worker, execution_id)

    assert drop(client, worker, execution_id).status is S.ENDED_ERROR


def test_an_assignment_whose_reply_was_lost_comes_again_and_is_no_loss(client, worker):
    execution_id = started(client)
    until(lambda: worker.poll() and execution_id in worker.holding, seconds=10)
    worker.holding.clear()  # As if the reply had never arrived.

    assign(worker, execution_id)

    assert client.get_execution(execution_id).losses == 0


def test_a_run_whose_end_is_recorded_is_no_loss(client, worker):
    execution_id = started(client)
    assign(worker, execution_id)
    execution = client.get_execution(execution_id)
    worker.report(execution, EventKind.ENDED, status="ENDED_SUCCESS")
    del worker.holding[execution_id]

    worker.poll()

    execution = client.get_execution(execution_id)
    assert (execution.status, execution.losses) == (S.ENDED_SUCCESS, 0)
