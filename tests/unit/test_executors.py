"""Each type of execution has one plan in the engine and one executor in the worker."""

from types import SimpleNamespace
from typing import get_args

import pytest

from flowkernel.config import Config
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Environment, FlowKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ExecutionType
from flowkernel.engine.start_plan import (
    StartPlan,
    StartRequest,
    plan_without_wrappers,
    type_of,
    version_of,
)
from flowkernel.worker.assignment import Assignment
from flowkernel.worker.executors import EXECUTORS, executor_of
from tests.records import an_execution

VERSION = version_of("report", FlowKind.CELL, "1", None, None)


def execution(type_name):
    version = VERSION.flow_version
    return an_execution("e", S.ENDED_SUCCESS, type=type_name, flow_version=version)


def store_of(model):
    return SimpleNamespace(
        get_execution=lambda _id: model, get_version=lambda _name: VERSION
    )


def retry_plan(type_name):
    request = StartRequest(retry_of="e")
    return plan_without_wrappers(store_of(execution(type_name)), request)


def test_every_type_has_one_executor():
    assert set(EXECUTORS) == set(ExecutionType)


def test_every_type_has_one_plan_and_every_plan_one_type():
    plans = [retry_plan(type_name) for type_name in ExecutionType]

    assert [type_of(plan) for plan in plans] == list(ExecutionType)
    assert {type(plan) for plan in plans} == set(get_args(StartPlan))


def test_a_type_of_a_later_version_is_refused_with_a_sentence():
    with pytest.raises(BadArgument, match="'report' is of type DREAM, which this vers"):
        retry_plan("DREAM")


def test_a_worker_ends_what_is_of_a_type_that_it_does_not_have():
    session = SimpleNamespace(is_cancelled=False)
    assignment = Assignment(
        execution=execution("DREAM"),
        version=VERSION,
        session=session,
        home=None,
        config=Config(),
    )
    executor = executor_of("DREAM")

    with pytest.raises(BadArgument, match="is of type DREAM") as raised:
        executor.run(assignment)

    assert executor.end_after(raised.value, assignment).status is S.ENDED_ERROR


@pytest.mark.parametrize("kernels", [0, 8])
def test_the_kernel_of_a_wrapper_is_never_kept(kernels):
    config = Config(parked_kernels=kernels)

    reasons = {t: executor_of(t).no_parking_reason(config) for t in ExecutionType}

    assert reasons.pop(ExecutionType.WRAPPER) == "The kernel of a wrapper is not kept."
    assert set(reasons.values()) == {
        None if kernels else "No kernel is kept (`parked_kernels = 0`)."
    }


def test_the_environment_of_a_plan_is_that_of_what_is_retried():
    assert retry_plan("FLOW").environment == Environment()
